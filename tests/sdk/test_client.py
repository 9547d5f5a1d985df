import asyncio
import base64
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
import pytest

import imageway.sdk
from fakes.gateway import PNG, REJECTED, FakeGateway, Recorded, Reply, data_url, drawn, refused, specs
from imageway.contract.errors import ErrorCode, ImageError, UnknownModelError, UnsupportedError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import GeneratedImage
from imageway.contract.version import __version__
from imageway.sdk import _http, client
from imageway.sdk.client import AsyncClient, Client, picture_bytes
from imageway.sdk.errors import GatewayUnreachableError
from loopback import serving
from pictures import picture

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAGEWAY_GATEWAY_URL", "IMAGEWAY_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def _with(gateway: Any, use: Callable[[AsyncClient], Awaitable[T]], **options: Any) -> T:
    async def run() -> T:
        async with AsyncClient(app=gateway, **options) as opened:
            return await use(opened)

    return asyncio.run(run())


def _fault(gateway: Any, use: Callable[[AsyncClient], Awaitable[object]]) -> ImageError:
    with pytest.raises(ImageError) as caught:
        _with(gateway, use)
    return caught.value


def test_a_generation_goes_out_as_json_and_comes_back_as_pictures() -> None:
    gateway = FakeGateway()

    result = _with(gateway, lambda c: c.generate("a kite", model="dall-e-2", n=2, size="512x512"), api_key="k-1")

    assert [image.content for image in result.images] == [PNG, PNG]
    assert result.request_id == "up-1"
    (asked,) = gateway.drawn_requests
    assert (asked.path, asked.json) == (
        "/v1/images/generations",
        {"prompt": "a kite", "model": "dall-e-2", "n": 2, "size": "512x512"},
    )
    assert (asked.headers["user-agent"], asked.headers["authorization"]) == (f"imageway/{__version__}", "Bearer k-1")
    assert asked.headers["imageway-timeout-s"] == "600"


def test_an_edit_goes_out_as_a_form_with_files_labelled_by_content(tmp_path: Path) -> None:
    gateway = FakeGateway()
    jpeg, mask = picture("JPEG", mode="RGB"), picture()
    (tmp_path / "a.txt").write_bytes(jpeg)

    _with(gateway, lambda c: c.edit([PNG, tmp_path / "a.txt"], "redder", model="gpt-image-1", n=1, quality=None))
    _with(gateway, lambda c: c.edit(data_url(mask), "redder", model="dall-e-2", mask=mask))

    several, one = gateway.drawn_requests
    assert several.texts == (("model", "gpt-image-1"), ("prompt", "redder"), ("n", "1"))
    assert several.files == (
        ("image[]", "image_1.png", "image/png", PNG),
        ("image[]", "image_2.jpg", "image/jpeg", jpeg),
    )
    assert one.files == (("image", "image_1.png", "image/png", mask), ("mask", "mask.png", "image/png", mask))


def test_what_the_model_does_not_do_is_never_sent() -> None:
    gateway = FakeGateway()

    fault = _fault(gateway, lambda c: c.generate("a kite", model="dall-e-2", size="300x300"))

    assert isinstance(fault, UnsupportedError)
    assert [violation.param for violation in fault.violations] == ["size"]
    assert gateway.drawn_requests == []


def test_what_the_gateway_forgives_is_left_to_it() -> None:
    gateway = FakeGateway(validations={"gpt-image-1": "tolerant"})

    _with(gateway, lambda c: c.generate("a kite", model="gpt-image-1", response_format="b64_json"))
    fault = _fault(gateway, lambda c: c.generate("a kite", model="gpt-image-1", response_format="url"))

    assert [asked.json["response_format"] for asked in gateway.drawn_requests] == ["b64_json"]
    assert isinstance(fault, UnsupportedError)


def test_what_the_gateway_does_not_check_is_not_checked_here() -> None:
    gateway = FakeGateway(validations={"dall-e-2": "off"})

    _with(gateway, lambda c: c.generate("a kite", model="dall-e-2", size="300x300", seed=1))

    assert [(asked.json["size"], asked.json["seed"]) for asked in gateway.drawn_requests] == [("300x300", 1)]


def test_an_unknown_model_is_told_with_its_closest() -> None:
    fault = _fault(FakeGateway(), lambda c: c.generate("a kite", model="dalle-2"))

    assert isinstance(fault, UnknownModelError)
    assert fault.message.startswith("The model 'dalle-2' does not exist. Did you mean 'dall-e-2'?")


def test_a_gateway_without_specs_judges_for_itself() -> None:
    gateway = FakeGateway(models={})

    _with(gateway, lambda c: c.generate("a kite", model="whatever", size="300x300"))

    assert gateway.prompts == ["a kite"]


def test_models_are_fetched_once() -> None:
    gateway = FakeGateway()

    async def twice(opened: AsyncClient) -> object:
        first, second = await asyncio.gather(opened.models(), opened.models())
        return first, second

    assert _with(gateway, twice) == (specs(), specs())
    assert gateway.model_lists == 1


def test_the_gateways_refusals_arrive_as_what_they_were() -> None:
    async def answer(_: Recorded) -> Reply:
        return refused(
            ImageError(ErrorCode.RATE_LIMITED, "Slow down.", retry_after_s=7), "req-9", **{"retry-after": "7"}
        )

    fault = _fault(FakeGateway(answer), lambda c: c.generate("a kite", model="dall-e-2"))

    assert (fault.code, fault.message, fault.upstream_request_id) == (ErrorCode.RATE_LIMITED, "Slow down.", "req-9")
    assert (fault.retry_after_s, fault.may_have_billed) == (7.0, False)


def test_text_that_is_no_text_is_refused_before_it_is_sent() -> None:
    for call in (
        lambda c: c.generate("\ud800", model="dall-e-2"),
        lambda c: c.edit(PNG, "\ud800", model="gpt-image-1"),
    ):
        assert _fault(FakeGateway(), call).code is ErrorCode.INVALID_REQUEST


def test_more_calls_than_a_pool_holds_are_in_flight_at_once() -> None:
    arrived = 0
    everyone = asyncio.Event()

    async def answer(_: Recorded) -> Reply:
        nonlocal arrived
        arrived += 1
        if arrived == 20:
            everyone.set()
        await everyone.wait()
        return drawn()

    async def many(opened: AsyncClient) -> int:
        calls = [opened.generate("a kite", model="dall-e-2") for _ in range(20)]
        return len(await asyncio.gather(*calls))

    assert _with(FakeGateway(answer), many) == 20


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_the_base_url_may_end_in_v1(suffix: str) -> None:
    gateway = FakeGateway()

    with serving(gateway) as url, Client(url + suffix) as opened:
        result = opened.generate("a kite", model="dall-e-2")

    assert [image.content for image in result.images] == [PNG]
    assert [asked.path for asked in gateway.drawn_requests] == ["/v1/images/generations"]


def test_url_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = FakeGateway()

    with serving(gateway) as url:
        monkeypatch.setenv("IMAGEWAY_GATEWAY_URL", url)
        monkeypatch.setenv("IMAGEWAY_API_KEY", " k-2\n")
        with Client() as opened:
            request = ImageRequest(operation=Operation.GENERATE, model="dall-e-2", params={"prompt": "a kite"})
            image = opened.create(request).images[0]
            assert opened.picture_bytes(image) == PNG
            assert opened.models() == specs()
            assert set(opened.validations().values()) == {"strict"}
            opened.edit(PNG, "redder", model="gpt-image-1")

    assert gateway.drawn_requests[0].headers["authorization"] == "Bearer k-2"


@pytest.mark.parametrize(
    "url", ["", "  ", "host:80", "ftp://host", "http://", "http://h/?a=1", "http://u:p@h", "http://h:x"]
)
def test_what_cannot_be_a_gateway_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="gateway"):
        AsyncClient(url)


@pytest.mark.parametrize("key", ["a b", "a\nb", "ü"])
def test_a_key_that_cannot_be_one_is_refused_without_being_told(key: str) -> None:
    with pytest.raises(ValueError, match="IMAGEWAY_API_KEY") as caught:
        AsyncClient("http://host", api_key=key)

    assert key not in str(caught.value)


def test_a_gateway_that_is_not_there_is_unreachable() -> None:
    with serving(FakeGateway()) as url:
        pass
    with Client(url) as opened, pytest.raises(GatewayUnreachableError) as caught:
        opened.generate("a kite", model="dall-e-2")

    assert caught.value.message == f"can't reach the gateway at {url}: Connection refused"
    assert not caught.value.may_have_billed


def test_a_silent_gateway_may_have_billed() -> None:
    release = threading.Event()

    async def answer(_: Recorded) -> Reply:
        await asyncio.to_thread(release.wait, 20)
        return drawn()

    with serving(FakeGateway(answer)) as url, Client(url, timeout_s=0.2) as opened:
        opened.models()
        with pytest.raises(ImageError) as caught:
            opened.generate("a kite", model="dall-e-2")
        release.set()

    assert (caught.value.code, caught.value.may_have_billed) == (ErrorCode.UPSTREAM_TIMEOUT, True)
    assert caught.value.message == f"The gateway at {url} didn't answer within 0.2 seconds."


def test_a_connection_that_breaks_off_may_have_billed() -> None:
    async def use() -> ImageError:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server, AsyncClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as opened:
            with pytest.raises(ImageError) as listed:
                await opened.models()
            assert not listed.value.may_have_billed
            with pytest.raises(ImageError) as caught:
                await opened.send(ImageRequest(operation=Operation.GENERATE, model="m", params={}))
        return caught.value

    fault = asyncio.run(use())

    assert (fault.code, fault.may_have_billed) == (ErrorCode.UPSTREAM_UNAVAILABLE, True)
    assert not isinstance(fault, GatewayUnreachableError)


def test_redirects_are_not_followed() -> None:
    async def answer(_: Recorded) -> Reply:
        return Reply(status=307, body=b"", headers={"location": "https://elsewhere.example/"})

    fault = _fault(FakeGateway(answer), lambda c: c.generate("a kite", model="dall-e-2"))

    assert fault.message == "The gateway answered with status 307."


def test_a_crash_inside_the_process_is_an_answer_like_any_other() -> None:
    async def answer(_: Recorded) -> Reply:
        raise RuntimeError("bug")

    fault = _fault(FakeGateway(answer), lambda c: c.generate("a kite", model="dall-e-2"))

    assert (fault.code, fault.may_have_billed) == (ErrorCode.UPSTREAM_UNAVAILABLE, True)


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_MAX_ANSWER_BYTES", 10)

    fault = _fault(FakeGateway(), lambda c: c.generate("a kite", model="dall-e-2"))

    assert (fault.code, fault.may_have_billed) == (ErrorCode.PAYLOAD_TOO_LARGE, True)


def test_links_are_fetched_from_the_gateway_only() -> None:
    gateway = FakeGateway(files={"/v1/files/a.png": PNG})

    def fetch(url: str) -> Callable[[AsyncClient], Awaitable[bytes]]:
        return lambda c: c.picture_bytes(GeneratedImage(url=url))

    assert _with(gateway, fetch("http://imageway.embedded/v1/files/a.png")) == PNG
    assert _with(gateway, fetch(data_url(PNG))) == PNG
    for url in ("http://imageway.embedded:81/a", "https://imageway.embedded/a", "http://h/a", "http://[", "file:///a"):
        fault = _fault(gateway, fetch(url))
        assert fault.may_have_billed
        assert "leads away from the gateway" in fault.message
    assert gateway.drawn_requests == []


def test_a_broken_picture_is_the_answers_fault() -> None:
    broken = msgspec.Raw(b'"' + base64.b64encode(PNG)[:-3] + b'"')

    for image in (GeneratedImage(b64_json=broken), GeneratedImage(url="data:image/png;base64,@")):
        with pytest.raises(ImageError) as caught:
            picture_bytes(image)
        assert caught.value.message == "The picture in the answer is broken: it can't be decoded."
    with pytest.raises(ImageError, match="leads away"):
        picture_bytes(GeneratedImage(url="https://host/a.png"))


def test_a_closed_client_says_so() -> None:
    opened = Client("http://host")
    opened.close()
    opened.close()

    with pytest.raises(RuntimeError, match="closed"):
        opened.models()


@pytest.mark.parametrize(
    ("error", "unreachable"),
    [
        (httpx.ConnectTimeout(""), True),
        (httpx.PoolTimeout("x"), True),
        (httpx.ProxyError("x"), True),
        (httpx.InvalidURL("x"), True),
        (httpx.ReadTimeout("x"), False),
        (httpx.WriteError("x"), False),
        (httpx.RemoteProtocolError("x"), False),
    ],
)
def test_only_what_was_never_sent_counts_as_unreachable(error: Exception, *, unreachable: bool) -> None:
    http = _http.Http("http://h", headers={}, read_timeout_s=1)

    found = http._translated(error, paid=True)  # type: ignore[arg-type]  # the cases choose

    assert (isinstance(found, GatewayUnreachableError), found.may_have_billed) == (unreachable, not unreachable)


def test_the_package_exports_lazily() -> None:
    assert {name: getattr(imageway.sdk, name) for name in imageway.sdk.__all__}["Client"] is Client
    assert set(imageway.sdk.__all__) == set(imageway.sdk._HOMES)
    assert dir(imageway.sdk) == sorted(imageway.sdk.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        imageway.sdk.nothing  # noqa: B018
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, imageway.sdk; print({'httpx', 'msgspec', 'asyncio'} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout == "set()\n"


def test_a_refusal_by_content_is_kept() -> None:
    async def answer(_: Recorded) -> Reply:
        return REJECTED

    fault = _fault(FakeGateway(answer), lambda c: c.generate("a kite", model="dall-e-2"))

    assert fault.code is ErrorCode.CONTENT_REJECTED
