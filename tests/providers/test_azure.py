"""Azure's two URL shapes with a key, the keys of its configuration, and what is refused before a call."""

import asyncio
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest

from fakes.upstream import Upstream
from imageway.contract.check import violations
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.sniff import image_input
from imageway.contract.spec import ModelSpec
from imageway.contract.version import __version__
from imageway.providers import azure
from imageway.providers import openai as openai_provider
from imageway.providers.catalogue import load_catalogue
from loopback import serving
from pictures import picture

GENERATE = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite"})
EDIT = ImageRequest(operation=Operation.EDIT, model="m", params={"prompt": "a hat"}, images=(image_input(picture()),))


class RawPaths(Upstream):
    """Also keeps paths as they were sent, with their escapes."""

    def __init__(self) -> None:
        super().__init__()
        self.raw_paths: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.raw_paths.append(scope["raw_path"].decode())
        await super().__call__(scope, receive, send)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[RawPaths, str]]:
    upstream = RawPaths()
    with serving(upstream) as url:
        yield upstream, url


@pytest.fixture
def upstream(served: tuple[RawPaths, str]) -> RawPaths:
    served[0].requests.clear()
    served[0].raw_paths.clear()
    return served[0]


@pytest.fixture
def url(served: tuple[RawPaths, str]) -> str:
    return served[1]


@pytest.fixture
def key(tmp_path: Path) -> str:
    (tmp_path / "key").write_text("sesame\n")
    return f"file:{tmp_path / 'key'}"


@pytest.fixture(scope="module")
def catalogue() -> dict[str, ModelSpec]:
    return dict(load_catalogue())


def create(config: azure.AzureConfig, upstream_model: str, request: ImageRequest = GENERATE) -> None:
    async def once() -> None:
        provider = azure.build(config)
        try:
            await provider.create(upstream_model, request)
        finally:
            await provider.aclose()

    asyncio.run(once())


@pytest.mark.parametrize(("request_", "path"), [(GENERATE, "generations"), (EDIT, "edits")], ids=["generate", "edit"])
def test_a_deployment_s_name_is_escaped_in_the_path(
    upstream: RawPaths, url: str, key: str, request_: ImageRequest, path: str
) -> None:
    create(azure.AzureConfig(endpoint=f"{url}/", api_key=key, api_version="2024-02-01"), "my images/prod", request_)

    assert upstream.raw_paths == [f"/openai/deployments/my%20images%2Fprod/images/{path}"]
    assert upstream.requests[0].query == "api-version=2024-02-01"


@pytest.mark.parametrize(("request_", "path"), [(GENERATE, "generations"), (EDIT, "edits")], ids=["generate", "edit"])
def test_without_an_api_version_the_deployment_is_named_in_the_body(
    upstream: RawPaths, url: str, key: str, request_: ImageRequest, path: str
) -> None:
    create(azure.AzureConfig(endpoint=url, api_key=key), "my images/prod", request_)

    [sent] = upstream.requests
    assert (upstream.raw_paths, sent.query) == ([f"/openai/v1/images/{path}"], "")
    assert "my images/prod" in ((sent.json or {}).get("model"), dict(sent.texts).get("model"))


@pytest.mark.parametrize(
    ("api_version", "login"),
    [("2025-04-01-preview", {"api-key": "sesame"}), (None, {"authorization": "Bearer sesame"})],
    ids=["deployments", "v1"],
)
def test_these_headers_are_sent_and_no_others(
    upstream: RawPaths,
    url: str,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
    api_version: str | None,
    login: dict[str, str],
) -> None:
    for name in (
        "AZURE_OPENAI_API_KEY",
        "AZURE_OPENAI_AD_TOKEN",
        "OPENAI_API_KEY",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
    ):
        monkeypatch.setenv(name, "of-somebody-else")

    create(azure.AzureConfig(endpoint=url, api_key=key, api_version=api_version, timeout_s=120.5), "up")

    [sent] = upstream.requests
    assert {
        name: value for name, value in sent.headers.items() if name not in ("accept-encoding", "content-length")
    } == {
        "accept": "application/json",
        "connection": "keep-alive",
        "content-type": "application/json",
        "host": url.removeprefix("http://"),
        "user-agent": f"imageway/{__version__}",
        "x-stainless-arch": sent.headers["x-stainless-arch"],
        "x-stainless-async": "async:asyncio",
        "x-stainless-lang": "python",
        "x-stainless-os": sent.headers["x-stainless-os"],
        "x-stainless-package-version": openai.__version__,
        "x-stainless-read-timeout": "120.5",
        "x-stainless-retry-count": "0",
        "x-stainless-runtime": "CPython",
        "x-stainless-runtime-version": platform.python_version(),
        **login,
    }


ENTRA: dict[str, Any] = {"auth": "entra"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"api_version": "latest"},
            "api_version must be a date like 2025-04-01-preview or 2024-02-01, or be left out for the /openai/v1 path,"
            " but it is 'latest'",
        ),
        (
            {"tenant_id": "t"},
            "tenant_id isn't used by auth: key, only by auth: entra with credential: workload_identity or"
            " client_secret",
        ),
        ({"credential": "default"}, "credential isn't used by auth: key, only by auth: entra"),
        ({"scope": "s"}, "scope isn't used by auth: key, only by auth: entra"),
        (
            {**ENTRA, "api_key": "env:KEY"},
            "api_key isn't used by auth: entra with credential: default, only by auth: key",
        ),
        (
            {**ENTRA, "client_id": "c"},
            "client_id isn't used by auth: entra with credential: default, only by auth: entra with credential:"
            " managed_identity or workload_identity or client_secret",
        ),
        (
            {**ENTRA, "credential": "managed_identity", "authority_host": "login.microsoftonline.com"},
            "authority_host isn't used by auth: entra with credential: managed_identity, only by auth: entra with"
            " credential: workload_identity or client_secret",
        ),
        (
            {**ENTRA, "scope": "two words"},
            "scope must be an address like https://cognitiveservices.azure.com/.default, but it is 'two words'",
        ),
        (
            {**ENTRA, "credential": "client_secret", "client_id": "c", "client_secret": "hush-hush"},
            "client_secret: a secret must be a reference, 'env:NAME' or 'file:PATH', never the value itself;"
            " tenant_id is missing, which credential: client_secret needs, here or in the environment variable"
            " AZURE_TENANT_ID",
        ),
        (
            {**ENTRA, "credential": "workload_identity", "tenant_id": "a b", "client_id": "env:NONE"},
            "client_id: the environment variable NONE is not set;"
            " tenant_id must be a GUID or a domain like example.onmicrosoft.com, but it is 'a b';"
            " token_file is missing, which credential: workload_identity needs, here or in the environment variable"
            " AZURE_FEDERATED_TOKEN_FILE",
        ),
        (
            {**ENTRA, "credential": "workload_identity", "tenant_id": "t", "client_id": "c", "token_file": "/no/file"},
            "token_file must be the path of a file with a token, but there is none at '/no/file'",
        ),
        *(
            (
                {
                    **ENTRA,
                    "credential": "client_secret",
                    "tenant_id": "t",
                    "client_id": "c",
                    "client_secret": "env:SECRET",
                    "authority_host": host,
                },
                "authority_host must be a host like login.microsoftonline.com or its https address, but it is"
                f" '{host}'",
            )
            for host in ("http://login.microsoftonline.com", "https://", "https://h:x")
        ),
    ],
)
def test_each_fault_of_a_login_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], message: str
) -> None:
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "sesame")
    monkeypatch.setenv("SECRET", "hush-hush")

    with pytest.raises(ValueError, match=r"^[a-z_]+") as caught:
        azure.build(azure.AzureConfig(endpoint="https://example.openai.azure.com", **given))

    assert str(caught.value) == message


def test_faults_are_told_all_at_once_and_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NONE", raising=False)
    config = azure.AzureConfig(endpoint="env:NONE", api_key="hush-hush", api_version="2025-13-01", client_secret="hush")

    with pytest.raises(ValueError, match=r"^api_version") as caught:
        azure.build(config)

    assert str(caught.value) == (
        "api_version must be a date like 2025-04-01-preview or 2024-02-01, or be left out for the /openai/v1 path,"
        " but it is '2025-13-01';"
        " client_secret isn't used by auth: key, only by auth: entra with credential: client_secret;"
        " endpoint: the environment variable NONE is not set;"
        " api_key: a secret must be a reference, 'env:NAME' or 'file:PATH', never the value itself"
    )
    assert "hush" not in repr(config)


@pytest.mark.parametrize(
    ("api_version", "accepted"),
    [
        ("2025-04-01-preview", True),
        ("2025-04-01", True),
        ("2025-05-15-preview", True),
        (None, True),
        ("2025-03-31", False),
        ("2025-03-01-preview", False),
    ],
)
def test_an_operation_needs_its_api_version(
    catalogue: dict[str, ModelSpec], api_version: str | None, accepted: bool
) -> None:
    spec = catalogue["azure/gpt-image-1"]
    narrowed = azure.narrow(azure.AzureConfig(api_version=api_version), spec)

    found = violations(GENERATE, narrowed)

    reason = f"gpt-image-1 needs api_version 2025-04-01-preview or later, and this provider has {api_version}"
    if accepted:
        assert (found, narrowed) == ((), spec)
    else:
        assert [violation.message for violation in found] == [f"The model 'm' has no generate operation: {reason}."]
        assert narrowed == msgspec.structs.replace(
            spec,
            operations={},
            unsupported={**spec.unsupported, Operation.GENERATE: reason, Operation.EDIT: reason},
        )


def test_dall_e_3_keeps_its_own_minimum(catalogue: dict[str, ModelSpec]) -> None:
    spec = catalogue["azure/dall-e-3"]

    assert azure.narrow(azure.AzureConfig(api_version="2024-02-01"), spec) == spec
    assert azure.narrow(azure.AzureConfig(api_version="2024-01-31"), spec).operations == {}


@pytest.mark.parametrize("api_version", [None, "2023-06-01-preview", "2025-04-01-preview"])
def test_dall_e_2_is_refused_with_the_reason(catalogue: dict[str, ModelSpec], api_version: str | None) -> None:
    narrowed = azure.narrow(azure.AzureConfig(api_version=api_version), catalogue["azure/dall-e-2"])

    assert [violation.message for violation in violations(GENERATE, narrowed)] == [
        "The model 'm' has no generate operation: Azure has retired dall-e-2, and it answered asynchronously only,"
        " which isn't spoken here."
    ]


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://name.openai.azure.com", True),
        ("https://NAME.OpenAI.Azure.Com./", True),
        ("https://name.services.ai.azure.com/path", True),
        ("https://name.cognitiveservices.azure.com", True),
        ("https://name.openai.azure.us", True),
        ("https://name.openai.azure.cn:443", True),
        ("env:RESOURCE", True),
        ("env:NONE", False),
        ("https://name.openai.azure.com.example.org", False),
        ("https://nameopenai.azure.com", False),
        ("https://example.org/name.openai.azure.com", False),
        ("http://127.0.0.1:8000", False),
        ("http://[", False),
    ],
)
def test_microsoft_s_own_hosts(monkeypatch: pytest.MonkeyPatch, endpoint: str, expected: bool) -> None:
    monkeypatch.setenv("RESOURCE", "https://name.openai.azure.com")
    monkeypatch.delenv("NONE", raising=False)

    assert azure.plugin.is_vendor_host(azure.AzureConfig(endpoint=endpoint)) is expected


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://openai.com", True),
        ("https://notopenai.com", False),
        ("https://openai.com.example.org", False),
        ("http://127.0.0.1:8000/v1", False),
    ],
)
def test_openai_s_own_hosts(base_url: str, expected: bool) -> None:
    assert openai_provider.plugin.is_vendor_host(openai_provider.OpenAIConfig(base_url=base_url)) is expected
