"""Edits over HTTP, as forms and as JSON: files and texts as they come, and what no form may hold."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.two_targets import before
from fakes.upstream import Upstream
from gateway_log import Log
from pictures import picture


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def gateway(upstream: Upstream, log: io.StringIO, tmp_path: Path) -> Iterator[httpx.Client]:
    with before(upstream, log, tmp_path) as client:
        yield client


def data_url(content: bytes) -> dict[str, str]:
    return {"image_url": "data:image/png;base64," + base64.b64encode(content).decode()}


@pytest.mark.parametrize("field", ["image", "image[]"])
def test_an_edit_goes_out_with_true_media_types(gateway: httpx.Client, upstream: Upstream, field: str) -> None:
    image, mask = picture("JPEG", mode="RGB"), picture()

    reply = gateway.post(
        "/v1/images/edits",
        data={"model": "gpt-image-1", "prompt": "add a hat", "n": "2", "stream": "false"},
        files=[(field, ("upload", image, "application/octet-stream")), ("mask", ("m", mask, "text/plain"))],
    )

    assert reply.status_code == 200
    [sent] = upstream.requests
    assert sent.path == "/v1/images/edits"
    assert sorted(sent.texts) == [("model", "img-1"), ("n", "2"), ("prompt", "add a hat"), ("stream", "false")]
    assert sent.files == (
        ("image", "image.jpg", "image/jpeg", image),
        ("mask", "image.png", "image/png", mask),
    )


def test_several_images_arrive_whole_and_in_order(gateway: httpx.Client, upstream: Upstream) -> None:
    images = [picture(colour=(position, 0, 0, 255)) for position in range(16)]

    reply = gateway.post(
        "/v1/images/edits",
        data={"model": "gpt-image-1", "prompt": "a collage"},
        files=[("image[]", (f"{position}.png", image)) for position, image in enumerate(images)],
    )

    assert reply.status_code == 200
    assert [(name, content) for name, _, _, content in upstream.requests[0].files] == [
        ("image[]", image) for image in images
    ]


@pytest.mark.parametrize(
    ("files", "param", "message"),
    [
        (
            [("images", ("a.png", picture()))],
            "images",
            "Unknown parameter: 'images'. For multipart/form-data use 'image' or 'image[]'.",
        ),
        (
            [("photo", ("a.png", picture()))],
            "photo",
            "Unknown parameter: 'photo'. Files here: 'image', 'image[]', 'mask' and 'markup'.",
        ),
        (
            [("image", ("a.png", picture())), ("mask", ("m", picture())), ("mask", ("m", picture()))],
            "mask",
            "'mask' was sent more than once.",
        ),
        (
            [("image", ("a.png", b"not a picture"))],
            "image",
            "Invalid image file or mode for image 1, please check your image file."
            " Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'.",
        ),
    ],
)
def test_files_that_no_edit_takes_are_refused_by_name(
    gateway: httpx.Client, upstream: Upstream, files: Any, param: str, message: str
) -> None:
    reply = gateway.post("/v1/images/edits", data={"model": "gpt-image-1", "prompt": "x"}, files=files)

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert reply.json()["error"]["message"] == message
    assert upstream.requests == []


def test_text_that_is_sent_twice_is_refused(gateway: httpx.Client, upstream: Upstream) -> None:
    reply = gateway.post(
        "/v1/images/edits",
        data={"model": "gpt-image-1", "prompt": ["x", "y"]},
        files=[("image", ("a.png", picture()))],
    )

    assert reply.json()["error"]["message"] == "'prompt' was sent more than once."
    assert upstream.requests == []


def test_an_image_sent_as_text_is_refused(gateway: httpx.Client) -> None:
    reply = gateway.post(
        "/v1/images/edits",
        data={"model": "gpt-image-1", "prompt": "x", "image": "a.png"},
        files=[("mask", ("m.png", picture()))],
    )

    assert reply.json()["error"]["message"] == "'image' must be a file, but it was sent as text."


def test_an_edit_as_json_reaches_the_vendor_as_files(gateway: httpx.Client, upstream: Upstream) -> None:
    photo, mask = picture("JPEG", mode="RGB"), picture()

    reply = gateway.post(
        "/v1/images/edits",
        json={"model": "gpt-image-1", "prompt": "x", "images": [data_url(photo)], "mask": data_url(mask)},
    )

    assert reply.status_code == 200
    assert upstream.requests[0].files == (
        ("image", "image.jpg", "image/jpeg", photo),
        ("mask", "image.png", "image/png", mask),
    )


def test_an_edit_as_json_is_refused_for_models_that_take_files_only(gateway: httpx.Client, upstream: Upstream) -> None:
    reply = gateway.post("/v1/images/edits", json={"model": "dall-e-2", "prompt": "x", "images": [data_url(picture())]})

    error = reply.json()["error"]
    assert (reply.status_code, error["param"]) == (400, "images")
    assert error["message"] == "The model 'dall-e-2' takes edits as multipart/form-data only."
    assert upstream.requests == []


def test_an_edit_in_another_encoding_is_told_how_to_send_it(gateway: httpx.Client) -> None:
    reply = gateway.post("/v1/images/edits", data={"model": "gpt-image-1", "prompt": "x"})

    assert reply.status_code == 400
    assert reply.json()["error"]["message"] == (
        "Edits are sent as multipart/form-data, with files named 'image' or 'image[]' and 'mask', or as"
        " application/json, with data URLs in 'images' and 'mask'."
    )


@pytest.mark.parametrize(
    "part",
    [
        b'content-disposition: form-data; name="prompt"\r\n\r\n\xff\xfe',
        b'content-disposition: form-data; name="prompt"\r\ncontent-type: text/plain; charset=nope\r\n\r\nx',
        b'content-disposition: form-data; name="prompt"\r\ncontent-type: text/plain; charset=punycode\r\n\r\na..b',
        b'content-disposition: form-data; name="prompt"\r\ncontent-type: text/plain; charset=undefined\r\n\r\nx',
        b'content-disposition: form-data; name="image"; filename=""\r\n\r\n\x89PNG\xff',
    ],
)
def test_forms_that_are_no_text_are_the_callers_fault(gateway: httpx.Client, upstream: Upstream, part: bytes) -> None:
    reply = gateway.post(
        "/v1/images/edits",
        content=b"--x\r\n" + part + b"\r\n--x--\r\n",
        headers={"content-type": "multipart/form-data; boundary=x"},
    )

    assert reply.status_code == 400
    assert reply.json()["error"]["message"] == (
        "The form can't be read: texts must be UTF-8, and files need a file name."
    )
    assert upstream.requests == []


def text_part(name: str, text: bytes, charset: str = "utf-8") -> bytes:
    head = (
        f'--x\r\ncontent-disposition: form-data; name="{name}"\r\ncontent-type: text/plain; charset={charset}\r\n\r\n'
    )
    return head.encode() + text + b"\r\n"


@pytest.mark.parametrize(("charset", "text"), [("UTF-8", "é".encode()), ("US-ASCII", b"e"), ("ISO-8859-1", b"\xe9")])
def test_texts_come_in_the_charsets_that_clients_name(
    gateway: httpx.Client, upstream: Upstream, charset: str, text: bytes
) -> None:
    head = b'--x\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    form = [text_part("model", b"gpt-image-1"), text_part("prompt", text, charset), head, picture(), b"\r\n--x--\r\n"]

    reply = gateway.post(
        "/v1/images/edits", content=b"".join(form), headers={"content-type": "multipart/form-data; boundary=x"}
    )

    assert reply.status_code == 200
    assert dict(upstream.requests[0].texts)["prompt"] == text.decode("latin-1" if charset == "ISO-8859-1" else "utf-8")


@pytest.mark.parametrize(("count", "status"), [(4, 400), (5, 413)])
def test_texts_of_a_form_are_bounded_together(
    gateway: httpx.Client, upstream: Upstream, count: int, status: int
) -> None:
    form = b"".join(text_part(f"a{number}", b"x" * 1_000_000) for number in range(count)) + b"--x--\r\n"

    reply = gateway.post("/v1/images/edits", content=form, headers={"content-type": "multipart/form-data; boundary=x"})

    assert reply.status_code == status
    if status == 413:
        assert reply.json()["error"]["message"] == "The texts of a form are longer than 4000000 bytes together."
    assert upstream.requests == []


def test_a_broken_form_is_a_clear_400(gateway: httpx.Client) -> None:
    reply = gateway.post(
        "/v1/images/edits", content=b"--x\r\nnonsense", headers={"content-type": "multipart/form-data; boundary=x"}
    )

    assert reply.status_code == 400
    assert reply.json()["error"]["imageway"]["code"] in ("invalid_request", "unsupported")
