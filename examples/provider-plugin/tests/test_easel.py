"""The plugin against Easel on loopback: what it sends, what it makes of each answer."""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from easel_service import Answer, EaselService, painting
from imageway_easel import EaselConfig, build, plugin

from imageway.contract.check import violations
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageFormat, ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.contract.sniff import sniff
from imageway.contract.spec import ModelSpec
from imageway.providers.catalogue import load_catalogue

ID = {"x-easel-id": "pt_lost"}


@pytest.fixture
def service() -> Iterator[EaselService]:
    with painting() as service:
        yield service


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_API_KEY", "test-key")


@pytest.fixture(scope="module")
def specs() -> Mapping[str, ModelSpec]:
    assert plugin.catalogue is not None
    return load_catalogue(of_plugins=[plugin.catalogue])


def asking(**params: Any) -> ImageRequest:
    return ImageRequest(operation=Operation.GENERATE, model="easel-2", params=params)


def draw(url: str, request: ImageRequest, **settings: Any) -> ImageResult:
    async def drawn() -> ImageResult:
        provider = build(EaselConfig(base_url=url, **settings))
        try:
            return await provider.create("easel-2", request)
        finally:
            await provider.aclose()

    return asyncio.run(drawn())


def failure(url: str, request: ImageRequest, **settings: Any) -> dict[str, Any]:
    """What is told of the error, without the fields that say nothing."""
    with pytest.raises(ImageError) as caught:
        draw(url, request, **settings)
    return {name: value for name, value in vars(caught.value).items() if value not in (None, False)}


def test_a_request_is_translated_and_its_pictures_come_back(service: EaselService) -> None:
    result = draw(service.url, asking(prompt="a teal teapot", n=2, size="1152x768", seed=7))

    assert service.requests == [
        {"engine": "easel-2", "text": "a teal teapot", "count": 2, "width": 1152, "height": 768, "seed": 7}
    ]
    assert (result.size, result.output_format, result.upstream_request_id) == ("1152x768", "png", "pt_7")
    facts = [sniff(image.content) for image in result.images]
    assert [(fact.format, fact.width_px, fact.height_px) for fact in facts] == [(ImageFormat.PNG, 1152, 768)] * 2


def test_what_the_caller_left_out_or_nulled_is_left_to_easel(service: EaselService) -> None:
    result = draw(service.url, asking(prompt="a teapot", n=None, size=None))

    assert service.requests == [{"engine": "easel-2", "text": "a teapot"}]
    assert (len(result.images), result.size) == (1, "768x768")


def test_a_parameter_without_a_translation_is_refused_not_dropped(service: EaselService) -> None:
    assert failure(service.url, asking(prompt="a teapot", quality="high")) == {
        "code": ErrorCode.INVALID_REQUEST,
        "message": "Easel has no parameter 'quality'.",
        "param": "quality",
    }
    assert service.requests == []


NOT_AS_DOCUMENTED = {
    "code": ErrorCode.UPSTREAM_UNAVAILABLE,
    "message": "Easel's answer is not as documented.",
    "may_have_billed": True,
}
ERRORS: dict[str, tuple[Answer, dict[str, Any]]] = {
    "text refused": (
        Answer(status=422, body={"fault": "text_refused", "explanation": "Easel doesn't paint that.", "field": "text"}),
        {
            "code": ErrorCode.CONTENT_REJECTED,
            "message": "Easel doesn't paint that.",
            "param": "prompt",
            "upstream_code": "text_refused",
        },
    ),
    "bad value": (
        Answer(status=400, body={"fault": "bad_size", "explanation": "No such size.", "field": "height"}),
        {
            "code": ErrorCode.INVALID_REQUEST,
            "message": "No such size.",
            "param": "size",
            "upstream_code": "bad_size",
        },
    ),
    "bad key": (
        Answer(status=401, body={"fault": "bad_key", "explanation": "Key sk-123 is not known."}),
        {
            "code": ErrorCode.UPSTREAM_AUTH,
            "message": "Easel refused the gateway's key or credit; the gateway's operator must look into it.",
        },
    ),
    "no credit": (
        Answer(status=402, body={"fault": "no_credit"}),
        {
            "code": ErrorCode.UPSTREAM_AUTH,
            "message": "Easel refused the gateway's key or credit; the gateway's operator must look into it.",
        },
    ),
    "no such engine": (
        Answer(status=404, body={"fault": "no_such_engine"}),
        {"code": ErrorCode.UPSTREAM_UNAVAILABLE, "message": "Easel failed with status 404."},
    ),
    "too large": (
        Answer(status=413, body=b"<html>"),
        {"code": ErrorCode.PAYLOAD_TOO_LARGE, "message": "Easel failed with status 413."},
    ),
    "rate limit": (
        Answer(status=429, body={"fault": "slow_down"}, headers={"retry-after": "12"}),
        {
            "code": ErrorCode.RATE_LIMITED,
            "message": "Easel's rate limit is reached; try again later.",
            "retry_after_s": 12.0,
        },
    ),
    "rate limit with a date": (
        Answer(status=429, body={"fault": "slow_down"}, headers={"retry-after": "Tue, 24 Nov 2026 00:00:00 GMT"}),
        {"code": ErrorCode.RATE_LIMITED, "message": "Easel's rate limit is reached; try again later."},
    ),
    "not started": (
        Answer(status=503, body={"fault": "not_started"}),
        {"code": ErrorCode.UPSTREAM_UNAVAILABLE, "message": "Easel failed with status 503."},
    ),
    "another 503": (
        Answer(status=503, body=b"<html>a proxy's page</html>", headers=ID),
        {
            "code": ErrorCode.UPSTREAM_UNAVAILABLE,
            "message": "Easel failed with status 503.",
            "may_have_billed": True,
            "upstream_request_id": "pt_lost",
        },
    ),
    "timeout of a proxy": (
        Answer(status=504, body=b""),
        {
            "code": ErrorCode.UPSTREAM_TIMEOUT,
            "message": "Easel failed with status 504.",
            "may_have_billed": True,
        },
    ),
    "redirect": (
        Answer(status=307, body=b"", headers={"location": "http://127.0.0.1:9/"}),
        {"code": ErrorCode.UPSTREAM_UNAVAILABLE, "message": "Easel failed with status 307."},
    ),
    "hung up": (
        Answer(),
        {
            "code": ErrorCode.UPSTREAM_UNAVAILABLE,
            "message": "The connection to Easel broke after the request was sent.",
            "may_have_billed": True,
        },
    ),
    "no JSON": (Answer(body=b"{"), NOT_AS_DOCUMENTED),
    "another shape": (Answer(body={"pictures": []}), NOT_AS_DOCUMENTED),
    "no picture": (
        Answer(body={"id": "pt_1", "made_at": 1, "width": 8, "height": 8, "paintings": [{"base64": ""}]}),
        {
            "code": ErrorCode.UPSTREAM_UNAVAILABLE,
            "message": "Easel's answer carries no picture.",
            "may_have_billed": True,
            "upstream_request_id": "pt_1",
        },
    ),
}


@pytest.mark.parametrize(("answer", "error"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_told_in_our_words_with_whether_it_may_have_cost(
    service: EaselService, answer: Answer, error: dict[str, Any]
) -> None:
    service.script.append(answer)

    assert failure(service.url, asking(prompt="a teapot")) == error
    assert len(service.requests) == 1


def test_a_service_that_nobody_reaches_has_billed_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert failure(f"http://127.0.0.1:{port}", asking(prompt="a teapot")) == {
        "code": ErrorCode.UPSTREAM_UNAVAILABLE,
        "message": "Easel can't be reached.",
    }


def test_a_service_that_stays_silent_may_have_billed(service: EaselService) -> None:
    service.silent = True

    assert failure(service.url, asking(prompt="a teapot"), timeout_s=0.2) == {
        "code": ErrorCode.UPSTREAM_TIMEOUT,
        "message": "Easel did not answer in time.",
        "may_have_billed": True,
    }


@pytest.mark.parametrize("url", ["api.easel.example", "ftp://api.easel.example", "http://", "http://easel:0"])
def test_an_address_that_is_none_is_told_at_start(url: str) -> None:
    with pytest.raises(ValueError, match=r"base_url must be an address like https://api\.easel\.example, but it is"):
        build(EaselConfig(base_url=url))


@pytest.mark.parametrize(
    ("model", "passes", "fails", "param"),
    [
        ("easel-2", {"prompt": "x" * 600}, {"prompt": "x" * 601}, "prompt"),
        ("easel-2", {"prompt": "x", "n": 4}, {"prompt": "x", "n": 5}, "n"),
        ("easel-2-draft", {"prompt": "x", "n": 8}, {"prompt": "x", "n": 9}, "n"),
        ("easel-2", {"prompt": "x", "size": "768x1152"}, {"prompt": "x", "size": "384x384"}, "size"),
        ("easel-2-draft", {"prompt": "x", "size": "384x384"}, {"prompt": "x", "size": "768x768"}, "size"),
        ("easel-2", {"prompt": "x", "seed": 4294967295}, {"prompt": "x", "seed": 4294967296}, "seed"),
        ("easel-2", {"prompt": "x"}, {"prompt": "x", "quality": "high"}, "quality"),
    ],
)
def test_the_rows_refuse_what_easel_would(
    specs: Mapping[str, ModelSpec], model: str, passes: dict[str, Any], fails: dict[str, Any], param: str
) -> None:
    spec = specs[f"easel/{model}"]

    assert violations(asking(**passes), spec) == ()
    assert [violation.param for violation in violations(asking(**fails), spec)] == [param]


def test_the_dates_of_the_rows_hold_at_the_vendors_own_host_only() -> None:
    assert plugin.is_vendor_host(EaselConfig())
    assert not plugin.is_vendor_host(EaselConfig(base_url="http://127.0.0.1:9300"))
