"""The real `openai` library against a fake vendor on loopback: what is sent, and how answers and faults are read."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.upstream import PNG, Reply, Upstream, failed
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.contract.secret_reference import SecretError, resolve_secret
from imageway.contract.sniff import image_input
from imageway.providers import azure, openai
from imageway.providers.protocol import ImageProvider
from loopback import serving
from pictures import picture

GENERATE = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite", "n": 2, "size": None})


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Upstream, str]]:
    upstream = Upstream()
    with serving(upstream) as url:
        yield upstream, url


@pytest.fixture
def upstream(served: tuple[Upstream, str]) -> Upstream:
    served[0].requests.clear()
    served[0].replies.clear()
    return served[0]


@pytest.fixture
def url(served: tuple[Upstream, str]) -> str:
    return served[1]


@pytest.fixture
def key(tmp_path: Path) -> str:
    (tmp_path / "key").write_text("secret\n")
    return f"file:{tmp_path / 'key'}"


def create(provider: ImageProvider, request: ImageRequest = GENERATE) -> ImageResult:
    async def once() -> ImageResult:
        try:
            return await provider.create("up", request)
        finally:
            await provider.aclose()

    return asyncio.run(once())


def fails(provider: ImageProvider, request: ImageRequest = GENERATE) -> ImageError:
    with pytest.raises(ImageError) as caught:
        create(provider, request)
    return caught.value


def test_openai_gets_the_parameters_as_they_came(upstream: Upstream, url: str, key: str) -> None:
    config = openai.OpenAIConfig(api_key=key, base_url=f"{url}/v1", organization="org", project="proj")

    result = create(openai.build(config))

    assert [image.content for image in result.images] == [PNG]
    assert result.upstream_request_id == "up-1"
    [sent] = upstream.requests
    assert (sent.path, sent.json) == (
        "/v1/images/generations",
        {"model": "up", "prompt": "a kite", "n": 2, "size": None},
    )
    assert sent.headers["openai-organization"] == "org"
    assert sent.headers["openai-project"] == "proj"
    assert sent.headers["x-stainless-retry-count"] == "0"


def test_nested_parameters_reach_an_edit_in_brackets(upstream: Upstream, url: str, key: str) -> None:
    photo, markup = picture("WEBP"), picture()
    request = ImageRequest(
        operation=Operation.EDIT,
        model="m",
        params={"prompt": "a hat", "svg": {"reasoning": {"effort": "low"}}},
        images=(image_input(photo), image_input(photo)),
        markup=image_input(markup),
    )

    create(openai.build(openai.OpenAIConfig(api_key=key, base_url=f"{url}/v1")), request)

    [sent] = upstream.requests
    assert sorted(sent.texts) == [("model", "up"), ("prompt", "a hat"), ("svg[reasoning][effort]", "low")]
    assert sorted(sent.files) == [
        ("image[]", "image.webp", "image/webp", photo),
        ("image[]", "image.webp", "image/webp", photo),
        ("markup", "image.png", "image/png", markup),
    ]


def test_azure_with_an_api_version_goes_to_the_deployment(upstream: Upstream, url: str, key: str) -> None:
    create(azure.build(azure.AzureConfig(endpoint=url, api_key=key, api_version="2025-04-01-preview")))

    [sent] = upstream.requests
    assert sent.path == "/openai/deployments/up/images/generations"
    assert sent.query == "api-version=2025-04-01-preview"
    assert sent.headers["api-key"] == "secret"


def test_azure_without_one_goes_to_v1(upstream: Upstream, url: str, key: str) -> None:
    create(azure.build(azure.AzureConfig(endpoint=f"{url}/", api_key=key)))

    [sent] = upstream.requests
    assert (sent.path, sent.json["model"]) == ("/openai/v1/images/generations", "up")
    assert sent.headers["authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("reply", "code", "billed", "retry_after_s"),
    [
        (failed(400, "moderation_blocked"), ErrorCode.CONTENT_REJECTED, False, None),
        (failed(400, "content_policy_violation"), ErrorCode.CONTENT_REJECTED, False, None),
        (failed(400, "contentFilter"), ErrorCode.CONTENT_REJECTED, False, None),
        (failed(400, "invalid_value"), ErrorCode.INVALID_REQUEST, False, None),
        (failed(401, "invalid_api_key"), ErrorCode.UPSTREAM_AUTH, False, None),
        (failed(403, "Forbidden"), ErrorCode.UPSTREAM_AUTH, False, None),
        (failed(404, "DeploymentNotFound"), ErrorCode.UPSTREAM_UNAVAILABLE, False, None),
        (Reply(status=202, body={}), ErrorCode.UPSTREAM_UNAVAILABLE, True, None),
        (failed(302, None), ErrorCode.UPSTREAM_UNAVAILABLE, False, None),
        (failed(408, None), ErrorCode.UPSTREAM_TIMEOUT, True, None),
        (failed(409, None), ErrorCode.UPSTREAM_UNAVAILABLE, True, None),
        (failed(413, None), ErrorCode.PAYLOAD_TOO_LARGE, False, None),
        (failed(429, "429", retry_after="3"), ErrorCode.RATE_LIMITED, False, 3.0),
        (failed(429, "rate_limit_exceeded", retry_after_ms="250"), ErrorCode.RATE_LIMITED, False, 0.25),
        (failed(429, "rate_limit_exceeded", retry_after="soon"), ErrorCode.RATE_LIMITED, False, None),
        (failed(429, "insufficient_quota"), ErrorCode.UPSTREAM_AUTH, False, None),
        (failed(500, None), ErrorCode.UPSTREAM_UNAVAILABLE, True, None),
        (failed(503, "server_is_overloaded"), ErrorCode.UPSTREAM_UNAVAILABLE, False, None),
        (failed(504, None), ErrorCode.UPSTREAM_TIMEOUT, True, None),
        (Reply(status=502, body=b"<html>bad gateway</html>"), ErrorCode.UPSTREAM_UNAVAILABLE, True, None),
    ],
)
def test_vendor_faults_become_ours(
    upstream: Upstream, url: str, key: str, reply: Any, code: ErrorCode, billed: bool, retry_after_s: float | None
) -> None:
    upstream.replies.append(reply)

    error = fails(openai.build(openai.OpenAIConfig(api_key=key, base_url=f"{url}/v1")))

    assert (error.code, error.may_have_billed, error.retry_after_s) == (code, billed, retry_after_s)
    assert len(upstream.requests) == 1


def test_the_details_of_a_refused_content_are_kept(upstream: Upstream, url: str, key: str) -> None:
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_results": {"hate": {"filtered": True}}}
    body = {"error": {"code": "content_policy_violation", "message": "no", "inner_error": inner}}
    upstream.replies.append(Reply(status=400, body=body, headers={"apim-request-id": "apim-1"}))

    error = fails(azure.build(azure.AzureConfig(endpoint=url, api_key=key)))

    assert (error.code, error.details) == (ErrorCode.CONTENT_REJECTED, {"inner_error": inner})
    assert error.upstream_request_id == "apim-1"


def test_a_refused_connection_is_known_to_have_cost_nothing(key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    error = fails(openai.build(openai.OpenAIConfig(api_key=key, base_url=f"http://127.0.0.1:{port}/v1")))

    assert (error.code, error.may_have_billed) == (ErrorCode.UPSTREAM_UNAVAILABLE, False)


def test_a_proxy_of_the_environment_is_used(
    upstream: Upstream, url: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", url)

    create(openai.build(openai.OpenAIConfig(api_key=key, base_url="http://vendor.example/v1")))

    assert [sent.headers["host"] for sent in upstream.requests] == ["vendor.example"]


def test_a_proxy_that_refuses_has_passed_nothing_on(
    upstream: Upstream, url: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", url)
    upstream.replies.append(failed(407, None))

    error = fails(openai.build(openai.OpenAIConfig(api_key=key, base_url="https://vendor.example/v1")))

    assert (error.code, error.may_have_billed) == (ErrorCode.UPSTREAM_UNAVAILABLE, False)
    assert error.message == "The upstream can't be reached."


@pytest.mark.parametrize(
    ("size", "message"),
    [(1 << 20, "no"), ((1 << 20) + 1, "The upstream refused the request with status 400 and gave no reason.")],
)
def test_a_refusal_is_read_up_to_a_megabyte(upstream: Upstream, url: str, key: str, size: int, message: str) -> None:
    body = b'{"error":{"message":"no"}}'
    upstream.replies.append(Reply(status=400, body=body + b" " * (size - len(body))))

    error = fails(openai.build(openai.OpenAIConfig(api_key=key, base_url=f"{url}/v1")))

    assert (error.code, error.message) == (ErrorCode.INVALID_REQUEST, message)


def test_silence_after_sending_may_have_cost_money(key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base_url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        error = fails(openai.build(openai.OpenAIConfig(api_key=key, base_url=base_url, timeout_s=0.2)))

    assert (error.code, error.may_have_billed) == (ErrorCode.UPSTREAM_TIMEOUT, True)


def test_a_variation_goes_out_as_a_form_to_servers_that_still_have_it(url: str, key: str, upstream: Upstream) -> None:
    content = picture(size=(64, 64))
    request = ImageRequest(
        operation=Operation.VARIATION, model="m", params={"n": 2, "size": "256x256"}, images=(image_input(content),)
    )

    result = create(openai.build(openai.OpenAIConfig(api_key=key, base_url=f"{url}/v1")), request)

    assert [image.content for image in result.images] == [PNG]
    [recorded] = upstream.requests
    assert (recorded.path, sorted(recorded.texts), recorded.files) == (
        "/v1/images/variations",
        [("model", "up"), ("n", "2"), ("size", "256x256")],
        (("image", "image.png", "image/png", content),),
    )


def test_an_edit_of_pictures_by_reference_goes_out_as_json(url: str, key: str, upstream: Upstream) -> None:
    params: dict[str, Any] = {"prompt": "x", "images": [{"file_id": "f-1"}], "mask": {"file_id": "f-2"}}
    request = ImageRequest(operation=Operation.EDIT, model="m", params=params)

    create(openai.build(openai.OpenAIConfig(api_key=key, base_url=f"{url}/v1")), request)

    assert [(sent.path, sent.json) for sent in upstream.requests] == [("/v1/images/edits", {"model": "up", **params})]


def test_secrets_are_references(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")

    assert resolve_secret("env:KEY", {"KEY": " value\n"}) == "value"
    for reference, message in {
        "env:NONE": "the environment variable NONE is not set",
        f"file:{tmp_path / 'none'}": f"the secret file {tmp_path / 'none'} can't be read (FileNotFoundError)",
        f"file:{tmp_path / 'empty'}": f"the secret file {tmp_path / 'empty'} is empty",
        "sk-1": "a secret must be a reference, 'env:NAME' or 'file:PATH', never the value itself",
    }.items():
        with pytest.raises(SecretError) as caught:
            resolve_secret(reference, {})
        assert str(caught.value) == message


@pytest.mark.parametrize("api_version", [None, "2025-04-01-preview"])
def test_without_an_entra_token_nothing_is_sent(
    upstream: Upstream, url: str, monkeypatch: pytest.MonkeyPatch, api_version: str | None
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)

    error = fails(azure.build(azure.AzureConfig(endpoint=url, auth="entra", api_version=api_version)))

    assert (error.code, error.may_have_billed) == (ErrorCode.UPSTREAM_AUTH, False)
    assert upstream.requests == []
