"""Azure OpenAI: its two URL shapes and its two ways to authenticate."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.providers.protocol import ImageProvider, ProviderPlugin
from imageway.providers.secret_reference import resolve_secret

if TYPE_CHECKING:
    from imageway.providers._images_api import ImagesApiProvider

__all__ = ("AzureConfig", "build", "plugin")


class AzureConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A resource, e.g. `https://NAME.openai.azure.com`, or a reference to it.

    With `api_version` calls go to `/openai/deployments/...`, without to `/openai/v1`. `auth: entra` takes the default
    credential chain (environment, workload identity, managed identity, developer tools) with tokens for `scope`.
    """

    endpoint: str = "env:AZURE_OPENAI_ENDPOINT"
    auth: Literal["key", "entra"] = "key"
    api_key: str = "env:AZURE_OPENAI_API_KEY"
    api_version: str | None = None
    scope: str = "https://cognitiveservices.azure.com/.default"
    timeout_s: Annotated[float, Meta(gt=0)] = 600.0


class _EntraProvider:
    """An `ImagesApiProvider` that also owns the credential behind its tokens."""

    def __init__(self, inner: "ImagesApiProvider", credential: Any) -> None:  # noqa: ANN401  # azure-identity's class
        self._inner = inner
        self._credential = credential

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        return await self._inner.create(upstream_model, request)

    async def aclose(self) -> None:
        await self._inner.aclose()
        await self._credential.close()


def build(config: AzureConfig) -> ImageProvider:
    """Raises `ValueError` where the endpoint or the key isn't there."""
    from imageway.providers._images_api import ImagesApiProvider
    from imageway.providers._vendor_client import checked_url

    endpoint = checked_url("endpoint", _endpoint(config))
    if config.auth == "key":
        return ImagesApiProvider(_client(config, endpoint, resolve_secret(config.api_key)))
    credential, token = _entra(config.scope)
    return _EntraProvider(ImagesApiProvider(_client(config, endpoint, token)), credential)


def _endpoint(config: AzureConfig) -> str:
    referred = config.endpoint.startswith(("env:", "file:"))
    return resolve_secret(config.endpoint) if referred else config.endpoint


def _client(config: AzureConfig, endpoint: str, key: str | Callable[[], Awaitable[str]]) -> Any:  # noqa: ANN401
    import openai

    from imageway.providers._vendor_client import common_options, without_environment

    common = common_options(config.timeout_s)
    if config.api_version is None:
        base_url = f"{endpoint.rstrip('/')}/openai/v1"
        return without_environment(openai.AsyncOpenAI(api_key=key, base_url=base_url, **common))
    login: dict[str, Any] = {"api_key": key} if isinstance(key, str) else {"azure_ad_token_provider": key}
    return without_environment(
        openai.AsyncAzureOpenAI(azure_endpoint=endpoint, api_version=config.api_version, **login, **common)
    )


def _entra(scope: str) -> tuple[Any, Callable[[], Awaitable[str]]]:
    from azure.core.exceptions import AzureError
    from azure.core.pipeline.transport import AsyncioRequestsTransport
    from azure.identity.aio import DefaultAzureCredential, get_bearer_token_provider

    credential = DefaultAzureCredential(transport=AsyncioRequestsTransport())
    cached = get_bearer_token_provider(credential, scope)

    async def token() -> str:
        try:
            return await cached()
        except AzureError as error:
            raise ImageError(
                ErrorCode.UPSTREAM_AUTH, "No Entra ID token was to be had; the gateway's operator must look into it."
            ) from error

    return credential, token


def is_vendor_host(config: AzureConfig) -> bool:
    """Whether a resource of Azure itself is called, in any of its clouds."""
    try:
        host = (urlsplit(_endpoint(config)).hostname or "").lower()
    except ValueError:
        return False
    return host.endswith(_VENDOR_DOMAINS)


_VENDOR_DOMAINS = tuple(
    f".{service}.{cloud}"
    for service in ("openai", "cognitiveservices", "services.ai")
    for cloud in ("azure.com", "azure.us", "azure.cn")
)

plugin = ProviderPlugin(
    config_type=AzureConfig, build=build, kind="azure", extra="azure", is_vendor_host=is_vendor_host
)
