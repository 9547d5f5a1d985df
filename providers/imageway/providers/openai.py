"""OpenAI, and every server that speaks its Images API (`base_url`): client construction and authentication."""

from typing import Annotated

from msgspec import Meta, Struct

from imageway.contract.secret_reference import resolve_secret
from imageway.providers._hosts import is_below
from imageway.providers.protocol import ImageProvider, ProviderPlugin

__all__ = ("OpenAIConfig", "build", "is_vendor_host", "plugin")


class OpenAIConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`api_key` is a reference (`env:`, `file:`); `timeout_s` bounds the wait for each read, connecting has 10 s."""

    api_key: str = "env:OPENAI_API_KEY"
    base_url: str = "https://api.openai.com/v1"
    organization: str | None = None
    project: str | None = None
    timeout_s: Annotated[float, Meta(gt=0)] = 600.0


def build(config: OpenAIConfig) -> ImageProvider:
    """Raises `ValueError` where the key isn't there or `base_url` is no address."""
    import openai

    from imageway.providers._images_api import ImagesApiProvider
    from imageway.providers._vendor_client import checked_url, client_options, without_environment

    client = openai.AsyncOpenAI(
        api_key=resolve_secret(config.api_key),
        base_url=checked_url("base_url", config.base_url),
        **client_options(config.timeout_s),
    )
    return ImagesApiProvider(without_environment(client, config.organization, config.project))


def is_vendor_host(config: OpenAIConfig) -> bool:
    """Whether `base_url` is OpenAI's own, and not a compatible server's."""
    return is_below(config.base_url, ("openai.com",))


plugin = ProviderPlugin(
    config_type=OpenAIConfig, build=build, kind="openai", extra="openai", is_vendor_host=is_vendor_host
)
