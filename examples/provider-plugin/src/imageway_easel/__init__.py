"""The provider type `easel`: what the entry point of this package names."""

from importlib.resources import files
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from imageway.contract.secret_reference import resolve_secret
from imageway.providers.protocol import ImageProvider, ProviderPlugin

__all__ = ("EaselConfig", "build", "plugin")

VENDOR_HOST = "api.easel.example"


class EaselConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`api_key` is a reference (`env:`, `file:`); `timeout_s` bounds the wait for each read."""

    api_key: str = "env:EASEL_API_KEY"
    base_url: str = f"https://{VENDOR_HOST}"
    timeout_s: Annotated[float, Meta(gt=0)] = 120.0


def build(config: EaselConfig) -> ImageProvider:
    """Raises `ValueError` where the key isn't there or `base_url` is no address: the gateway tells it with the line."""
    from imageway_easel.provider import EaselProvider  # imports httpx; done for a configured provider only

    return EaselProvider(
        key=resolve_secret(config.api_key), base_url=_checked(config.base_url), timeout_s=config.timeout_s
    )


def is_vendor_host(config: EaselConfig) -> bool:
    return urlsplit(config.base_url).hostname == VENDOR_HOST


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"base_url must be an address like https://{VENDOR_HOST}, but it is '{url}'")
    return url


plugin = ProviderPlugin(
    config_type=EaselConfig,
    build=build,
    kind="easel",
    is_vendor_host=is_vendor_host,
    catalogue=files("imageway_easel") / "catalogue.yaml",
)
