"""A whole configuration as the gateway is built from it, whether it came from a file or not."""

from pathlib import Path
from typing import Any

from msgspec import Struct

from imageway.contract.document import Document, Issue
from imageway.gateway.access.keyring import KeySettings
from imageway.gateway.ledger.opening import LedgerSettings
from imageway.gateway.settings.models import ModelSettings
from imageway.gateway.settings.oidc import OidcSettings
from imageway.gateway.settings.server import ServerSettings
from imageway.gateway.settings.stores import BudgetSettings, LimitSettings, MediaSettings
from imageway.gateway.settings.traces import TraceSettings
from imageway.providers.discovery import load_plugin
from imageway.providers.protocol import ProviderPlugin

__all__ = ("ProviderSettings", "Settings", "SettingsError", "sketch_only", "vendor_only")


class ProviderSettings(Struct, frozen=True, kw_only=True):
    """A configured connection: its name, place in the list, plugin and the plugin's own decoded configuration."""

    name: str
    type: str
    plugin: ProviderPlugin[Any]
    config: Struct
    position: int = 0


class Settings(Struct, frozen=True, kw_only=True):
    """A whole configuration. `models` is None for "every catalogue model of the providers, by its name"."""

    providers: tuple[ProviderSettings, ...]
    server: ServerSettings = ServerSettings()
    models: tuple[ModelSettings, ...] | None = None
    default_model: str | None = None
    catalogue_overlays: tuple[Path, ...] = ()
    media: MediaSettings | None = None
    keys: tuple[KeySettings, ...] = ()
    oidc: OidcSettings | None = None
    limits: LimitSettings = LimitSettings()
    budgets: BudgetSettings | None = None
    ledger: LedgerSettings | None = None
    traces: TraceSettings | None = None
    base_dir: Path = Path()
    document: Document | None = None


class SettingsError(ValueError):
    """A configuration that can't be used; `issues` holds every problem, with its place where there is one.

    `readable` is what there is besides in the file, for who would tell more of it; nothing is to be built of it.
    """

    def __init__(self, issues: tuple[Issue, ...], readable: Settings | None = None) -> None:
        super().__init__("\n".join(issue.render() for issue in issues))
        self.issues = issues
        self.readable = readable


def sketch_only() -> Settings:
    """What runs without a file: the offline provider, every catalogue model by its name."""
    return Settings(providers=(_bare_provider("sketch"),))


def vendor_only(type_: str) -> Settings:
    """One real vendor with its usual environment variables; only ever on somebody's explicit word."""
    return Settings(providers=(_bare_provider(type_),))


def _bare_provider(type_: str) -> ProviderSettings:
    plugin = load_plugin(type_)
    return ProviderSettings(name=type_, type=type_, plugin=plugin, config=plugin.config_type())
