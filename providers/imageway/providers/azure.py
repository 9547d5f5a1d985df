"""Azure OpenAI: its two URL shapes, its two ways to log in, and what an api-version lacks."""

from typing import Any

from msgspec.structs import replace

from imageway.contract.request import Operation
from imageway.contract.secret_reference import SecretError, resolve_secret
from imageway.contract.spec import ModelSpec, OperationSpec
from imageway.providers._azure_config import AzureConfig, EntraLogin, entra_login, login_faults, resolved, version_date
from imageway.providers._hosts import is_below
from imageway.providers.protocol import ImageProvider, ProviderPlugin

__all__ = ("AzureConfig", "build", "is_vendor_host", "narrow", "plugin")

_VENDOR_DOMAINS = tuple(
    f"{service}.azure.{cloud}"
    for service in ("openai", "services.ai", "cognitiveservices")
    for cloud in ("com", "us", "cn")
)
"""Azure drew with this one only by submitting and polling, in api-versions of 2023, and has retired it."""

_NO_KEY = "brought-by-each-call"


def build(config: AzureConfig) -> ImageProvider:
    """Raises `ValueError` with a sentence for each thing that is missing, malformed or not used."""
    from imageway.providers._images_api import ImagesApiProvider

    faults = list(login_faults(config))
    endpoint = _endpoint(config, faults)
    login: str | EntraLogin
    if config.auth == "key":
        login = _key(config, faults)
    else:
        login, lacking = entra_login(config)
        faults.extend(lacking)
    if faults:
        raise ValueError("; ".join(faults))
    if isinstance(login, str):
        return ImagesApiProvider(_client(config, endpoint, login))

    from imageway.providers._entra import EntraProvider, EntraTokens, make_credential

    credential = make_credential(login)
    tokens = EntraTokens(credential, login.scope)
    return EntraProvider(_client(config, endpoint, None), credential, tokens)


def narrow(config: AzureConfig, spec: ModelSpec) -> ModelSpec:
    """*spec* without the operations that its model, or the configured api-version, doesn't have on Azure."""
    kept: dict[Operation, OperationSpec] = {}
    refused: dict[Operation, str] = {}
    for name, operation in spec.operations.items():
        reason = _reason_against(config.api_version, spec.model, operation)
        if reason is None:
            kept[name] = operation
        else:
            refused[name] = reason
    return replace(spec, operations=kept, unsupported={**spec.unsupported, **refused})


def is_vendor_host(config: AzureConfig) -> bool:
    """Whether `endpoint` is one of Microsoft's clouds, and not a proxy, a stand-in or a reference to nothing."""
    try:
        return is_below(resolved(config.endpoint), _VENDOR_DOMAINS)
    except SecretError:
        return False


def _endpoint(config: AzureConfig, faults: list[str]) -> str:
    from imageway.providers._vendor_client import checked_url

    try:
        return checked_url("endpoint", resolved(config.endpoint))
    except SecretError as error:
        faults.append(f"endpoint: {error}")
    except ValueError as error:
        faults.append(str(error))
    return ""


def _key(config: AzureConfig, faults: list[str]) -> str:
    try:
        return resolve_secret("env:AZURE_OPENAI_API_KEY" if config.api_key is None else config.api_key)
    except SecretError as error:
        faults.append(f"api_key: {error}")
    return ""


def _client(config: AzureConfig, endpoint: str, key: str | None) -> Any:  # noqa: ANN401
    """The client for *key*; without one each call brings its own token along."""
    import openai

    from imageway.providers._vendor_client import client_options, without_environment

    common = client_options(config.timeout_s)
    if config.api_version is None:
        # This path takes a key as a bearer token too, and that is how the plain client sends it.
        base_url = f"{endpoint.rstrip('/')}/openai/v1"
        return without_environment(openai.AsyncOpenAI(api_key=key or _NO_KEY, base_url=base_url, **common))
    given: dict[str, Any] = {"azure_ad_token": _NO_KEY} if key is None else {"api_key": key}
    return without_environment(
        openai.AsyncAzureOpenAI(azure_endpoint=endpoint, api_version=config.api_version, **given, **common)
    )


def _reason_against(api_version: str | None, model: str, operation: OperationSpec) -> str | None:
    if operation.asynchronous:
        return f"Azure has retired {model}, and it answered asynchronously only, which isn't spoken here"
    if api_version is None or not operation.min_api_version:
        return None
    configured, least = version_date(api_version), version_date(operation.min_api_version)
    if configured is None or least is None or configured >= least:
        return None
    return f"{model} needs api_version {operation.min_api_version} or later, and this provider has {api_version}"


plugin: ProviderPlugin[AzureConfig] = ProviderPlugin(
    config_type=AzureConfig, build=build, kind="azure", extra="azure", narrow=narrow, is_vendor_host=is_vendor_host
)
