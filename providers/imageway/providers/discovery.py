"""Finding providers: entry points in the group `imageway.providers`, loaded when a configuration names them."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from imageway.providers.protocol import ProviderPlugin

__all__ = ("MissingExtraError", "known_types", "load_plugin", "missing_extra")

GROUP = "imageway.providers"


class MissingExtraError(ImportError):
    """A provider's library isn't installed; the message says what to install."""


def known_types() -> Mapping[str, EntryPoint]:
    """Provider types by name, none of them imported yet."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def load_plugin(type_: str) -> ProviderPlugin[Any]:
    """The plugin behind *type_*. Raises `KeyError` for a name that no entry point has."""
    plugin = known_types()[type_].load()
    if not isinstance(plugin, ProviderPlugin):
        raise TypeError(f"the entry point '{type_}' in {GROUP} is not a ProviderPlugin")
    return plugin


def missing_extra(type_: str, plugin: ProviderPlugin[Any], cause: ImportError) -> MissingExtraError:
    """*cause* as a sentence that names the extra to install."""
    extra = f"pip install 'imageway[{plugin.extra}]'" if plugin.extra else "install what it needs"
    return MissingExtraError(f"provider type '{type_}' needs the module '{cause.name}': {extra}")
