"""What every `openai` client of ours has in common: it sends nothing itself, and takes nothing from the environment."""

from typing import Any
from urllib.parse import urlsplit

import openai

from imageway.contract.version import __version__
from imageway.providers._carrier import describing_client

__all__ = ("checked_url", "client_options", "without_environment")

_CONNECT_TIMEOUT_S = 10.0


def client_options(timeout_s: float, *, connect_timeout_s: float = _CONNECT_TIMEOUT_S) -> dict[str, Any]:
    """Arguments for the constructor of a client that an `ImagesApiProvider` is to have."""
    return {
        "max_retries": 0,
        "timeout": openai.Timeout(timeout_s, connect=connect_timeout_s),
        "http_client": describing_client(),
        "default_headers": {"User-Agent": f"imageway/{__version__}"},
    }


def without_environment(client: Any, organization: str | None = None, project: str | None = None) -> Any:  # noqa: ANN401
    """*client* with the organisation and project of the configuration, not those that lie in the environment."""
    client.organization, client.project = organization, project
    return client


def checked_url(key: str, url: str) -> str:
    """*url* again. Raises `ValueError` that names *key* where it is no http(s) address."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{key} must be an address like https://example.com/v1, but it is '{url}'")
    return url
