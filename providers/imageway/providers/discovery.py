"""Finding providers: entry points in the group `imageway.providers`, loaded when a configuration names them."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from imageway.providers.protocol import ProviderPlugin

__all__ = ("MissingExtraError", "PluginError", "known_types", "load_plugin", "missing_extra")

GROUP = "imageway.providers"


class PluginError(Exception):
    """A provider type that can't be used as it is installed; the message says what to do."""


class MissingExtraError(PluginError):
    """A provider's library isn't installed; the message says what to install."""


def known_types() -> Mapping[str, EntryPoint]:
    """Provider types by name, none of them imported yet."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def load_plugin(type_: str) -> ProviderPlugin[Any]:
    """The plugin behind *type_*. Raises `KeyError` for a name that no entry point has, `PluginError` for a bad one."""
    entry = known_types()[type_]
    try:
        plugin = entry.load()
    except ImportError as error:
        raise missing_extra(type_, None, error) from error
    except AttributeError as error:
        raise PluginError(f"the entry point '{type_}' in {GROUP} names '{entry.value}', which isn't there") from error
    if not isinstance(plugin, ProviderPlugin):
        raise PluginError(f"the entry point '{type_}' in {GROUP} names '{entry.value}', which is no ProviderPlugin")
    return plugin


def missing_extra(type_: str, plugin: ProviderPlugin[Any] | None, cause: ImportError) -> MissingExtraError:
    """*cause* as a sentence that says what to install: the distribution of *type_*, with the extra of *plugin*."""
    entry = known_types().get(type_)
    distribution = entry.dist.name if entry is not None and entry.dist is not None else None
    if distribution is None:
        remedy = "install what it needs"
    elif plugin is not None and plugin.extra:
        remedy = f"pip install '{distribution}[{plugin.extra}]'"
    else:
        remedy = f"pip install '{distribution}'"  # brings missing dependencies where the rest is there
    if isinstance(cause, ModuleNotFoundError) and cause.name:
        return MissingExtraError(f"provider type '{type_}' needs the module '{cause.name}': {remedy}")
    return MissingExtraError(f"provider type '{type_}' can't import what it needs ({cause}): {remedy}")
