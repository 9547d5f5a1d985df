"""The configuration file, read strictly: every problem is found at once and told with its place in the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.document import Document, DocumentError, Issue, issue_at, read_document
from imageway.contract.strict import decode
from imageway.gateway.ledger.opening import LedgerSettings
from imageway.gateway.settings.file import File, ProviderHead
from imageway.gateway.settings.models import Name
from imageway.gateway.settings.stores import BudgetSettings, LimitSettings, MediaSettings
from imageway.gateway.settings.whole import ProviderSettings, Settings, SettingsError
from imageway.providers.discovery import PluginError, known_types, load_plugin
from imageway.providers.protocol import ProviderPlugin

__all__ = ("load_settings", "provider_keys")


def load_settings(path: Path) -> Settings:
    """The settings in the file at *path*. Raises `SettingsError` with every problem that the file alone shows."""
    try:
        document = read_document(path)
    except DocumentError as error:
        raise SettingsError(tuple(error.issues)) from error
    file, issues = decode(document, File)
    providers: list[ProviderSettings] = []
    rows = document.data.get("providers") if isinstance(document.data, Mapping) else None
    if isinstance(rows, list):
        for position in range(len(rows)):
            provider, found = _provider(document, position)
            issues = [*issues, *found]
            if provider is not None:
                providers.append(provider)
    if file is None or any(issue.severity == "error" for issue in issues):
        raise SettingsError(tuple(issues), _readable(document, providers, path.parent))
    media = file.media
    return Settings(
        providers=tuple(providers),
        server=file.server,
        models=None if file.models is None else tuple(file.models),
        default_model=file.default_model,
        catalogue_overlays=tuple(path.parent / overlay for overlay in file.catalogue),
        media=None if media is None else replace(media, store=str(path.parent / media.store)),
        keys=tuple(file.keys),
        oidc=file.oidc,
        limits=file.limits,
        budgets=file.budgets,
        ledger=file.ledger,
        traces=file.traces,
        base_dir=path.parent,
        document=document,
    )


def _readable(document: Document, providers: list[ProviderSettings], base_dir: Path) -> Settings:
    """The parts that name something outside the file, as far as they can be read."""
    types: Mapping[str, type[Struct]] = {
        "limits": LimitSettings,
        "budgets": BudgetSettings,
        "ledger": LedgerSettings,
        "media": MediaSettings,
    }
    found: dict[str, Any] = {}
    for name, type_ in types.items():
        section, _ = decode(document, type_, (name,))
        if section is not None:
            found[name] = section
    return Settings(providers=tuple(providers), base_dir=base_dir, document=document, **found)


def _provider(document: Document, position: int) -> tuple[ProviderSettings | None, list[Issue]]:
    place = ("providers", position)
    head, issues = decode(document, ProviderHead, place)
    if head is None:
        return None, issues
    types = known_types()
    if head.type not in types:
        issue = issue_at(
            document,
            (*place, "type"),
            "unknown-provider",
            f"there is no provider type '{head.type}'; there are: {', '.join(sorted(types))}",
        )
        return None, [issue]
    try:
        plugin = load_plugin(head.type)
    except PluginError as error:
        return None, [issue_at(document, (*place, "type"), "plugin", str(error))]
    config, issues = decode(document, provider_keys(head.type, plugin), place)
    if config is None:
        return None, issues
    return ProviderSettings(name=head.name, type=head.type, plugin=plugin, config=config, position=position), issues


def provider_keys(type_: str, plugin: ProviderPlugin[Any]) -> type[Struct]:
    """What a provider of *type_* looks like in the file: the plugin's own keys, and those that all have."""
    return msgspec.defstruct(
        plugin.config_type.__name__,
        [("name", Name), ("type", Literal[type_])],
        bases=(plugin.config_type,),
        kw_only=True,
        frozen=True,
        forbid_unknown_fields=True,
    )
