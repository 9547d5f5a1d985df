"""The keys of `type: azure`: what they mean, which belong together, and what they come to."""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from imageway.contract.secret_reference import SecretError, resolve_secret

__all__ = ("AzureConfig", "Credential", "EntraLogin", "entra_login", "login_faults", "resolved", "version_date")

Credential: TypeAlias = Literal["default", "workload_identity", "managed_identity", "client_secret"]

_SCOPE = "https://cognitiveservices.azure.com/.default"
_USED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "key": frozenset(("api_key",)),
        "default": frozenset(("credential", "scope")),
        "managed_identity": frozenset(("credential", "scope", "client_id")),
        "workload_identity": frozenset(
            ("credential", "scope", "tenant_id", "client_id", "token_file", "authority_host")
        ),
        "client_secret": frozenset(
            ("credential", "scope", "tenant_id", "client_id", "client_secret", "authority_host")
        ),
    }
)
"""By credential, or `key`: the keys that it reads."""

_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "tenant_id": "AZURE_TENANT_ID",
        "client_id": "AZURE_CLIENT_ID",
        "client_secret": "AZURE_CLIENT_SECRET",
        "token_file": "AZURE_FEDERATED_TOKEN_FILE",
    }
)
"""Where azure-identity itself, and the webhook on Kubernetes, look for what isn't in the configuration."""


class AzureConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A resource, e.g. `https://NAME.openai.azure.com`, or a reference to it, and how to log in there.

    With `api_version` calls go to `/openai/deployments/...`, without to `/openai/v1`. `auth: key` reads `api_key`
    (`env:AZURE_OPENAI_API_KEY`). `auth: entra` takes a `credential` (`default`: azure-identity's chain, configured by
    the environment alone) and tokens for `scope`; the other keys are those of the credentials, see `docs/gateway.md`.
    None is a key that wasn't given.
    """

    endpoint: str = "env:AZURE_OPENAI_ENDPOINT"
    auth: Literal["key", "entra"] = "key"
    api_key: str | None = None
    api_version: str | None = None
    credential: Credential | None = None
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    token_file: str | None = None
    authority_host: str | None = None
    scope: str | None = None
    timeout_s: Annotated[float, Meta(gt=0)] = 600.0

    def __repr__(self) -> str:  # type: ignore[explicit-override]  # typing.override is Python 3.12's
        """Short, because somebody may have put a secret where a reference belongs."""
        return f"AzureConfig(endpoint={self.endpoint!r}, auth={self.auth!r})"


class EntraLogin(Struct, frozen=True, kw_only=True):
    """What a credential is made of; empty where the credential doesn't need it, or finds it by itself."""

    credential: Credential
    scope: str
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    token_file: str = ""
    authority_host: str = ""

    def __repr__(self) -> str:  # type: ignore[explicit-override]  # typing.override is Python 3.12's
        return f"EntraLogin(credential={self.credential!r})"


def resolved(value: str) -> str:
    """*value*, or what it refers to where it is a reference. Raises `SecretError`."""
    return resolve_secret(value) if value.startswith(("env:", "file:")) else value


def version_date(api_version: str) -> date | None:
    """The day of `YYYY-MM-DD` or `YYYY-MM-DD-preview`, by which versions are ordered; None for anything else."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?", api_version):
        return None
    try:
        return date.fromisoformat(api_version.removesuffix("-preview"))
    except ValueError:
        return None


def login_faults(config: AzureConfig) -> Iterator[str]:
    """A sentence for each key that is malformed, or that the chosen login doesn't read."""
    if config.api_version is not None and version_date(config.api_version) is None:
        yield (
            "api_version must be a date like 2025-04-01-preview or 2024-02-01, or be left out for the /openai/v1 path,"
            f" but it is '{config.api_version}'"
        )
    login = _login(config)
    chosen = "auth: key" if login == "key" else f"auth: entra with credential: {login}"
    for key in ("api_key", "credential", "scope", *_VARIABLES, "authority_host"):
        if getattr(config, key) is not None and key not in _USED[login]:
            yield f"{key} isn't used by {chosen}, only by {_users(key)}"
    if config.scope is not None and not re.fullmatch(r"[A-Za-z0-9_.:/-]+", config.scope):
        yield f"scope must be an address like {_SCOPE}, but it is '{config.scope}'"
    if config.authority_host is not None and not _is_authority(config.authority_host):
        yield (
            "authority_host must be a host like login.microsoftonline.com or its https address,"
            f" but it is '{config.authority_host}'"
        )


def entra_login(config: AzureConfig) -> tuple[EntraLogin, list[str]]:
    """What *config* and the environment come to, and a sentence for each thing that the credential lacks."""
    found: dict[str, str] = {}
    faults: list[str] = []
    login: Credential = config.credential or "default"
    for key in _USED[login] & _VARIABLES.keys():
        try:
            found[key] = _found(config, key)
        except SecretError as error:
            faults.append(f"{key}: {error}")
            continue
        if not found[key] and login != "managed_identity":
            faults.append(
                f"{key} is missing, which credential: {login} needs, here or in the environment variable"
                f" {_VARIABLES[key]}"
            )
    tenant_id, token_file = found.get("tenant_id"), found.get("token_file")
    if tenant_id and not re.fullmatch(r"[A-Za-z0-9.-]+", tenant_id):
        faults.append(f"tenant_id must be a GUID or a domain like example.onmicrosoft.com, but it is '{tenant_id}'")
    if token_file and not Path(token_file).is_file():
        faults.append(f"token_file must be the path of a file with a token, but there is none at '{token_file}'")
    made = EntraLogin(
        credential=login, scope=config.scope or _SCOPE, authority_host=config.authority_host or "", **found
    )
    return made, sorted(faults)


def _found(config: AzureConfig, key: str) -> str:
    """The value of *key*, from the configuration or the environment; empty where there is none."""
    given: str | None = getattr(config, key)
    match key:
        case _ if given is None:
            # A managed identity is the system's own unless the configuration names another.
            return "" if config.credential == "managed_identity" else os.environ.get(_VARIABLES[key], "").strip()
        case "client_secret":
            return resolve_secret(given)
        case "token_file":
            return given
        case _:
            return resolved(given)


def _login(config: AzureConfig) -> str:
    return "key" if config.auth == "key" else config.credential or "default"


def _users(key: str) -> str:
    users = [login for login, keys in _USED.items() if key in keys]
    if users == ["key"]:
        return "auth: key"
    if "default" in users:
        return "auth: entra"
    return f"auth: entra with credential: {' or '.join(users)}"


def _is_authority(value: str) -> bool:
    try:
        parts = urlsplit(value if "://" in value else f"https://{value}")
        port_fits = parts.port != 0
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and port_fits and not (parts.query or parts.fragment)
