"""Entra ID through azure-identity's own code: each credential against an authority and a fake Azure on loopback."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from azure.core.credentials import AccessToken
from azure.identity._credentials import workload_identity
from openai import AsyncOpenAI

from fakes.authority import Authority, Refusal, authority
from fakes.upstream import Upstream
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.providers import azure
from imageway.providers._azure_config import entra_login
from imageway.providers._entra import EntraProvider, EntraTokens, make_credential
from imageway.providers.protocol import ImageProvider
from loopback import serving

GENERATE = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite"})
SCOPE = "https://cognitiveservices.azure.com/.default"
VARIABLES = (
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_TENANT_ID",
    "AZURE_TOKEN_CREDENTIALS",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "MSI_ENDPOINT",
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Authority, Upstream, str]]:
    upstream = Upstream()
    with authority(tmp_path_factory.mktemp("authority")) as entra, serving(upstream) as url:
        yield entra, upstream, url


@pytest.fixture
def entra(running: tuple[Authority, Upstream, str], monkeypatch: pytest.MonkeyPatch) -> Authority:
    running[0].forget()
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running[0].ca_file))
    return running[0]


@pytest.fixture
def upstream(running: tuple[Authority, Upstream, str]) -> Upstream:
    running[1].requests.clear()
    return running[1]


@pytest.fixture
def url(running: tuple[Authority, Upstream, str]) -> str:
    return running[2]


@pytest.fixture
def secret(tmp_path: Path) -> str:
    (tmp_path / "secret").write_text("hush\n")
    return f"file:{tmp_path / 'secret'}"


@pytest.fixture
def by_secret(entra: Authority, url: str, secret: str) -> azure.AzureConfig:
    return azure.AzureConfig(
        endpoint=url,
        auth="entra",
        credential="client_secret",
        tenant_id="tenant",
        client_id="client",
        client_secret=secret,
        authority_host=entra.url,
    )


async def draws(provider: ImageProvider, times: int = 1) -> None:
    try:
        for _ in range(times):
            await provider.create("up", GENERATE)
    finally:
        await provider.aclose()


def bearers(upstream: Upstream) -> list[str]:
    return [request.headers["authorization"] for request in upstream.requests]


@pytest.mark.parametrize("api_version", [None, "2025-04-01-preview"])
def test_a_client_secret_becomes_a_token_that_calls_share(
    entra: Authority, upstream: Upstream, url: str, secret: str, api_version: str | None
) -> None:
    config = azure.AzureConfig(
        endpoint=url,
        api_version=api_version,
        auth="entra",
        credential="client_secret",
        tenant_id="tenant",
        client_id="client",
        client_secret=secret,
        authority_host=entra.url,
        scope="https://ai.azure.com/.default",
    )

    asyncio.run(draws(azure.build(config), times=2))

    [asked] = entra.requests
    assert (asked.method, asked.path) == ("POST", "/tenant/oauth2/v2.0/token")
    assert asked.fields == {
        "grant_type": "client_credentials",
        "client_id": "client",
        "client_secret": "hush",
        "scope": "https://ai.azure.com/.default",
    }
    assert bearers(upstream) == ["Bearer token-1", "Bearer token-1"]
    assert all("api-key" not in request.headers for request in upstream.requests)


def test_a_client_secret_may_come_from_the_usual_variables(
    entra: Authority, upstream: Upstream, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "TENANT_ID": "other",
        "CLIENT_ID": "app",
        "CLIENT_SECRET": "s3",
        "AUTHORITY_HOST": entra.url,
    }.items():
        monkeypatch.setenv(f"AZURE_{name}", value)

    asyncio.run(draws(azure.build(azure.AzureConfig(endpoint=url, auth="entra", credential="client_secret"))))

    [asked] = entra.requests
    assert (asked.path, asked.fields["client_id"], asked.fields["client_secret"], asked.fields["scope"]) == (
        "/other/oauth2/v2.0/token",
        "app",
        "s3",
        SCOPE,
    )
    assert bearers(upstream) == ["Bearer token-1"]


def test_a_workload_identity_reads_its_token_file_again_when_it_was_rotated(
    entra: Authority, upstream: Upstream, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_file, clock = tmp_path / "federated", SimpleNamespace(time=lambda: 10_000)
    token_file.write_text("assertion-1")
    monkeypatch.setattr(workload_identity, "time", clock)
    for name, value in {"TENANT_ID": "tenant", "CLIENT_ID": "pod", "FEDERATED_TOKEN_FILE": str(token_file)}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    entra.lifetimes_s.append(0)
    config = azure.AzureConfig(endpoint=url, auth="entra", credential="workload_identity", authority_host=entra.url)

    async def around_a_rotation() -> None:
        provider = azure.build(config)
        await provider.create("up", GENERATE)
        token_file.write_text("assertion-2")
        clock.time = lambda: 10_601
        await draws(provider)

    asyncio.run(around_a_rotation())

    assert [asked.fields for asked in entra.requests] == [
        {
            "grant_type": "client_credentials",
            "client_id": "pod",
            "client_assertion": assertion,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "scope": SCOPE,
        }
        for assertion in ("assertion-1", "assertion-2")
    ]
    assert bearers(upstream) == ["Bearer token-1", "Bearer token-2"]


def test_a_workload_identity_may_be_configured_whole(
    entra: Authority, upstream: Upstream, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHICH_CLIENT", "named")
    (tmp_path / "federated").write_text("assertion")
    config = azure.AzureConfig(
        endpoint=url,
        auth="entra",
        credential="workload_identity",
        tenant_id="tenant",
        client_id="env:WHICH_CLIENT",
        token_file=str(tmp_path / "federated"),
        authority_host=entra.url.removeprefix("https://"),
    )

    asyncio.run(draws(azure.build(config)))

    [asked] = entra.requests
    assert (asked.path, asked.fields["client_id"]) == ("/tenant/oauth2/v2.0/token", "named")
    assert bearers(upstream) == ["Bearer token-1"]


@pytest.mark.parametrize("credential", ["managed_identity", "default"])
def test_a_managed_identity_of_app_service(
    entra: Authority, upstream: Upstream, url: str, monkeypatch: pytest.MonkeyPatch, credential: Any
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{entra.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "proof")

    asyncio.run(draws(azure.build(azure.AzureConfig(endpoint=url, auth="entra", credential=credential))))

    [asked] = entra.requests
    assert (asked.method, asked.path, asked.headers["x-identity-header"]) == ("GET", "/msi/token", "proof")
    assert asked.fields == {"api-version": "2019-08-01", "resource": "https://cognitiveservices.azure.com"}
    assert bearers(upstream) == ["Bearer token-1"]


@pytest.mark.parametrize(
    ("client_id", "named"), [(None, {}), ("chosen", {"client_id": "chosen"})], ids=["the-system's", "a-user's"]
)
def test_a_managed_identity_of_a_machine(
    entra: Authority,
    upstream: Upstream,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    client_id: str | None,
    named: dict[str, str],
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", entra.url)
    monkeypatch.setenv("AZURE_CLIENT_ID", "of-the-environment")
    config = azure.AzureConfig(endpoint=url, auth="entra", credential="managed_identity", client_id=client_id)

    asyncio.run(draws(azure.build(config)))

    [asked] = entra.requests
    assert (asked.method, asked.path, asked.headers["metadata"]) == ("GET", "/metadata/identity/oauth2/token", "true")
    assert asked.fields == {"api-version": "2018-02-01", "resource": "https://cognitiveservices.azure.com", **named}
    assert bearers(upstream) == ["Bearer token-1"]


@pytest.mark.parametrize("kind", ["client_secret", "client_assertion"])
def test_the_default_chain_takes_what_the_environment_has(
    entra: Authority, upstream: Upstream, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "federated").write_text("assertion")
    found = {
        "client_secret": {"CLIENT_SECRET": "s3"},
        "client_assertion": {"FEDERATED_TOKEN_FILE": str(tmp_path / "federated")},
    }[kind]
    for name, value in {"TENANT_ID": "tenant", "CLIENT_ID": "app", "AUTHORITY_HOST": entra.url, **found}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)

    asyncio.run(draws(azure.build(azure.AzureConfig(endpoint=url, auth="entra"))))

    [asked] = entra.requests
    assert (asked.path, asked.fields["client_id"], kind in asked.fields) == ("/tenant/oauth2/v2.0/token", "app", True)
    assert bearers(upstream) == ["Bearer token-1"]


def test_a_long_lived_provider_renews_an_expired_token_once_for_all_calls(
    entra: Authority, upstream: Upstream, by_secret: azure.AzureConfig
) -> None:
    entra.lifetimes_s.append(0)

    async def before_and_after() -> None:
        provider = azure.build(by_secret)
        await provider.create("up", GENERATE)
        async with asyncio.TaskGroup() as calls:
            for _ in range(20):
                calls.create_task(provider.create("up", GENERATE))
        await provider.aclose()

    asyncio.run(before_and_after())

    assert len(entra.requests) == 2
    assert bearers(upstream) == ["Bearer token-1", *["Bearer token-2"] * 20]


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(401, b'{"error": "invalid_client", "error_description": "AADSTS7000215: hush"}'),
        Refusal(200, b"not JSON"),
        Refusal(200, b"{}"),
        Refusal(200, b"[]"),
        Refusal(200, b'["hush"]'),
        Refusal(200, b'"hush"'),
        Refusal(200, b'{"expires_in": 3600}'),
        Refusal(200, b'{"expires_in": null, "access_token": "x"}'),
        Refusal(200, b'{"expires_in": "soon", "access_token": "x"}'),
    ],
)
@pytest.mark.parametrize("api_version", [None, "2025-04-01-preview"])
def test_where_no_token_is_given_nothing_is_sent_and_nothing_told(
    entra: Authority, upstream: Upstream, by_secret: azure.AzureConfig, refusal: Refusal, api_version: str | None
) -> None:
    entra.refusal = refusal

    with pytest.raises(ImageError) as caught:
        asyncio.run(draws(azure.build(by_secret)))

    assert caught.value.code == ErrorCode.UPSTREAM_AUTH
    assert caught.value.message == "No Entra ID token was to be had; the gateway's operator must look into it."
    assert (caught.value.details, caught.value.may_have_billed) == (None, False)
    assert upstream.requests == []


def test_calls_that_wait_for_a_token_fail_together(entra: Authority, by_secret: azure.AzureConfig) -> None:
    entra.refusal = Refusal(401, b'{"error": "invalid_client"}')
    login, _ = entra_login(by_secret)

    async def twenty_then_one() -> list[str | BaseException]:
        credential = make_credential(login)
        tokens = EntraTokens(credential, login.scope)
        failed = await asyncio.gather(*(tokens.token() for _ in range(20)), return_exceptions=True)
        entra.refusal = None
        return [*failed, await tokens.token(), await credential.close() or "closed"]

    *failed, token, _ = asyncio.run(twenty_then_one())

    assert [type(error) for error in failed] == [ImageError] * 20
    assert (len(entra.requests), token) == (2, "token-2")


class SilentCredential:
    """Never has a token, and notes that it was closed."""

    def __init__(self) -> None:
        self.closed = False

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        self.closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *fault: object) -> None:
        await self.close()


def test_a_token_is_waited_for_only_so_long() -> None:
    with pytest.raises(ImageError) as caught:
        asyncio.run(EntraTokens(SilentCredential(), SCOPE, longest_wait_s=0.01).token())

    assert caught.value.code == ErrorCode.UPSTREAM_AUTH


def test_a_provider_closes_its_credential() -> None:
    credential = SilentCredential()

    asyncio.run(EntraProvider(AsyncOpenAI(api_key="x"), credential, EntraTokens(credential, SCOPE)).aclose())

    assert credential.closed


def test_a_token_file_that_has_gone_is_a_failed_login(
    entra: Authority, upstream: Upstream, url: str, tmp_path: Path
) -> None:
    (tmp_path / "federated").write_text("assertion")
    config = azure.AzureConfig(
        endpoint=url,
        auth="entra",
        credential="workload_identity",
        tenant_id="tenant",
        client_id="pod",
        token_file=str(tmp_path / "federated"),
        authority_host=entra.url,
    )
    provider = azure.build(config)
    (tmp_path / "federated").unlink()

    with pytest.raises(ImageError) as caught:
        asyncio.run(draws(provider))

    assert (caught.value.code, entra.requests, upstream.requests) == (ErrorCode.UPSTREAM_AUTH, [], [])
