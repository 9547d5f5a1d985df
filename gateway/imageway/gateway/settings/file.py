"""The configuration file's keys; a provider's own ones are its plugin's business."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from imageway.gateway.access.keyring import KeySettings
from imageway.gateway.ledger.opening import LedgerSettings
from imageway.gateway.settings.models import ModelSettings, Name
from imageway.gateway.settings.oidc import OidcSettings
from imageway.gateway.settings.server import ServerSettings
from imageway.gateway.settings.stores import BudgetSettings, LimitSettings, MediaSettings
from imageway.gateway.settings.traces import TraceSettings

__all__ = ("File", "ProviderHead")


class ProviderHead(Struct, frozen=True, kw_only=True):
    name: Name
    type: str


class File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    providers: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    server: ServerSettings = ServerSettings()
    models: Annotated[list[ModelSettings], Meta(min_length=1)] | None = None
    default_model: str | None = None
    catalogue: list[str] = []
    media: MediaSettings | None = None
    keys: list[KeySettings] = []
    oidc: OidcSettings | None = None
    limits: LimitSettings = LimitSettings()
    budgets: BudgetSettings | None = None
    ledger: LedgerSettings | None = None
    traces: TraceSettings | None = None
