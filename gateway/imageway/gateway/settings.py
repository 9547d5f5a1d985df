"""The configuration file: strict, with every problem found at once and told with its place in the file."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from imageway.contract.document import Document, DocumentError, Issue, issue_at, read_document
from imageway.contract.strict import decode
from imageway.contract.validation import Validation
from imageway.gateway.access.keyring import KeySettings
from imageway.gateway.ledger.opening import LedgerSettings
from imageway.providers.discovery import PluginError, known_types, load_plugin
from imageway.providers.protocol import ProviderPlugin
from imageway.providers.registry import LifecycleMode

__all__ = (
    "BudgetSettings",
    "MediaSettings",
    "ModelSettings",
    "ProviderSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "TargetSettings",
    "load_settings",
    "sketch_only",
    "vendor_only",
)


_Name: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@+-]*$", max_length=128)]


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to listen, and the largest bodies taken: JSON up to `max_json_bytes`, files up to `max_upload_bytes`.

    Sixteen pictures of 50 MB each are 800 MB; the default takes less, because one process holds an upload in memory.
    A stream in which nothing happens for `keep_alive_s` carries a comment, so that no proxy takes it for dead.
    A few kilobytes can claim to be a picture that fills any memory once it is opened. `max_input_pixels` is for each
    picture; the default is where Pillow, which many servers behind this one open pictures with, sees such a bomb.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    allow_unauthenticated: bool = False
    max_json_bytes: Annotated[int, Meta(ge=1)] = 1_048_576
    max_upload_bytes: Annotated[int, Meta(ge=1)] = 268_435_456
    keep_alive_s: Annotated[float, Meta(gt=0)] = 15.0
    max_input_pixels: Annotated[int, Meta(ge=1)] = 178_956_970


class TargetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model on a provider. `spec` may be left out where the provider's kind and `model` name a catalogue row.

    With `translate` requests to the model's contract are mapped onto `spec` by named rules; without, they go unchanged.
    """

    provider: str
    model: str
    spec: str | None = None
    translate: bool = False


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What callers name. `contract` may be left out where `name`, or else the first target, names a catalogue row.

    `lifecycle` says what the shutdown dates of its targets' specs do: `warn` tells, `enforce` refuses from then on, on
    whatever host. Left out, they are told where the vendor itself is called.
    `validation` is how strictly callers are checked against it; false is how YAML reads a bare `off`.
    """

    name: _Name
    targets: list[TargetSettings]
    contract: str | None = None
    validation: Validation | bool = "strict"
    lifecycle: LifecycleMode | None = None


class MediaSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where pictures behind links are kept, and how callers reach them.

    `public_url` is this gateway's address as callers see it, `signing_key` a reference to 32 bytes or more, and `store`
    a directory: in the file relative to the file, in `Settings` a path as it is. Replicas that are to serve each
    other's links share all three.
    """

    public_url: str
    signing_key: str
    store: Annotated[str, Meta(pattern=r"^[^\x00]+$")]
    ttl_s: Annotated[int, Meta(ge=1, le=2_592_000)] = 3600
    max_bytes: Annotated[int, Meta(ge=1)] = 10_000_000_000


class BudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is kept what keys have spent: `file`, relative to the configuration, of this process alone."""

    file: str


class ProviderSettings(Struct, frozen=True, kw_only=True):
    """A configured connection: its name, its plugin and the plugin's own decoded configuration."""

    name: str
    type: str
    plugin: ProviderPlugin[Any]
    config: Struct


class _ProviderHead(Struct, frozen=True, kw_only=True):
    name: _Name
    type: str


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    providers: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    server: ServerSettings = ServerSettings()
    models: Annotated[list[ModelSettings], Meta(min_length=1)] | None = None
    default_model: str | None = None
    catalogue: list[str] = []
    media: MediaSettings | None = None
    keys: list[KeySettings] = []
    budgets: BudgetSettings | None = None
    ledger: LedgerSettings | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """A whole configuration. `models` is None for "every catalogue model of the providers, by its name"."""

    providers: tuple[ProviderSettings, ...]
    server: ServerSettings = ServerSettings()
    models: tuple[ModelSettings, ...] | None = None
    default_model: str | None = None
    catalogue_overlays: tuple[Path, ...] = ()
    media: MediaSettings | None = None
    keys: tuple[KeySettings, ...] = ()
    budgets_file: Path | None = None
    ledger: LedgerSettings | None = None
    base_dir: Path = Path()
    document: Document | None = None


class SettingsError(ValueError):
    """A configuration that can't be used; `issues` holds every problem, with its place where there is one."""

    def __init__(self, issues: tuple[Issue, ...]) -> None:
        super().__init__("\n".join(issue.render() for issue in issues))
        self.issues = issues


def sketch_only() -> Settings:
    """What runs without a file: the offline provider, every catalogue model by its name."""
    return Settings(providers=(_bare_provider("sketch"),))


def vendor_only(type_: str) -> Settings:
    """One real vendor with its usual environment variables; only ever on somebody's explicit word."""
    return Settings(providers=(_bare_provider(type_),))


def _bare_provider(type_: str) -> ProviderSettings:
    plugin = load_plugin(type_)
    return ProviderSettings(name=type_, type=type_, plugin=plugin, config=plugin.config_type())


def load_settings(path: Path) -> Settings:
    """The settings in the file at *path*. Raises `SettingsError` with every problem that the file alone shows."""
    try:
        document = read_document(path)
    except DocumentError as error:
        raise SettingsError(tuple(error.issues)) from error
    file, issues = decode(document, _File)
    providers: list[ProviderSettings] = []
    rows = document.data.get("providers") if isinstance(document.data, Mapping) else None
    if isinstance(rows, list):
        for position in range(len(rows)):
            provider, found = _provider(document, position)
            issues = [*issues, *found]
            if provider is not None:
                providers.append(provider)
    if file is None or any(issue.severity == "error" for issue in issues):
        raise SettingsError(tuple(issues))
    media = file.media
    return Settings(
        providers=tuple(providers),
        server=file.server,
        models=None if file.models is None else tuple(file.models),
        default_model=file.default_model,
        catalogue_overlays=tuple(path.parent / overlay for overlay in file.catalogue),
        media=None if media is None else replace(media, store=str(path.parent / media.store)),
        keys=tuple(file.keys),
        budgets_file=None if file.budgets is None else path.parent / file.budgets.file,
        ledger=file.ledger,
        base_dir=path.parent,
        document=document,
    )


def _provider(document: Document, position: int) -> tuple[ProviderSettings | None, list[Issue]]:
    place = ("providers", position)
    head, issues = decode(document, _ProviderHead, place)
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
    named = msgspec.defstruct(
        plugin.config_type.__name__,
        [("name", _Name), ("type", str)],
        bases=(plugin.config_type,),
        kw_only=True,
        frozen=True,
        forbid_unknown_fields=True,
    )
    config, issues = decode(document, named, place)
    if config is None:
        return None, issues
    return ProviderSettings(name=head.name, type=head.type, plugin=plugin, config=config), issues


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
