"""OpenAI, and every server that speaks its Images API (`base_url`): client construction and authentication."""

from msgspec import Struct

from imageway.contract.version import __version__
from imageway.providers.protocol import ImageProvider, ProviderPlugin
from imageway.providers.secret_reference import resolve_secret

__all__ = ("OpenAIConfig", "build", "plugin")


class OpenAIConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`api_key` is a reference (`env:`, `file:`); `timeout_s` bounds the wait for each read, connecting has 10 s."""

    api_key: str = "env:OPENAI_API_KEY"
    base_url: str | None = None
    organization: str | None = None
    project: str | None = None
    timeout_s: float = 600.0


def build(config: OpenAIConfig) -> ImageProvider:
    """Raises `SecretError` where the key isn't there."""
    import openai

    from imageway.providers._images_api import ImagesApiProvider

    client = openai.AsyncOpenAI(
        api_key=resolve_secret(config.api_key),
        base_url=config.base_url or "https://api.openai.com/v1",
        organization=config.organization,
        project=config.project,
        max_retries=0,
        timeout=openai.Timeout(config.timeout_s, connect=10.0),
        default_headers={"User-Agent": f"imageway/{__version__}"},
    )
    return ImagesApiProvider(client)


plugin = ProviderPlugin(config_type=OpenAIConfig, build=build, kind="openai", extra="openai")
