"""Pictures that claim to be too large to be opened, or are cut short: refused by name, and never sent."""

import base64
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fakes.upstream import Upstream
from imageway.gateway.app import create_app
from imageway.gateway.settings import ServerSettings, load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving
from pictures import picture

CONFIG = """
server: {{max_input_pixels: 10_000}}
providers: [{{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{key}"}}]
models:
  - {{name: gpt-image-2, targets: [{{provider: main, model: gpt-image-2}}]}}
  - {{name: unchecked, validation: off, contract: openai/gpt-image-2,
      targets: [{{provider: main, model: gpt-image-2}}]}}
"""


def claiming(width: int, height: int) -> bytes:
    """A PNG of some bytes that says it is *width* by *height*."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 5)) + chunk(b"IEND", b"")
    )


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def gateway(upstream: Upstream, tmp_path: Path) -> Iterator[httpx.Client]:
    (tmp_path / "key").write_text("sk-secret\n")
    with serving(upstream) as url:
        (tmp_path / "gateway.yaml").write_text(CONFIG.format(url=url, key=tmp_path / "key"))
        app = create_app(load_settings(tmp_path / "gateway.yaml"), log=logger(level=50))
        with serving(app, lifespan="on") as gateway_url, httpx.Client(base_url=gateway_url) as client:
            yield client


@pytest.mark.parametrize("model", ["gpt-image-2", "unchecked"])
@pytest.mark.parametrize(("width", "height", "status"), [(100, 100, 200), (73, 137, 400), (2**31 - 1, 2**31 - 1, 400)])
def test_a_picture_has_no_more_pixels_than_the_gateway_passes_on(
    gateway: httpx.Client, upstream: Upstream, model: str, width: int, height: int, status: int
) -> None:
    reply = gateway.post(
        "/v1/images/edits",
        data={"model": model, "prompt": "a hat"},
        files={"image": ("a.png", claiming(width, height))},
    )

    assert (reply.status_code, len(upstream.requests)) == (status, 1 if status == 200 else 0)
    if status == 400:
        error = reply.json()["error"]
        assert (error["param"], error["code"]) == ("image", "invalid_image_file")
        assert error["message"] == (
            f"Image 1 is {width}x{height}, which is more than 10000 pixels. This gateway passes on none so large."
        )


def test_every_picture_that_is_too_large_is_named(gateway: httpx.Client, upstream: Upstream) -> None:
    urls = [
        {"image_url": "data:image/png;base64," + base64.b64encode(claiming(size, 100)).decode()}
        for size in (100, 200, 300)
    ]

    reply = gateway.post(
        "/v1/images/edits", json={"model": "gpt-image-2", "prompt": "a hat", "images": urls, "mask": urls[1]}
    )

    assert reply.json()["error"]["message"] == (
        "Image 2 is 200x100, which is more than 10000 pixels. Image 3 is 300x100, which is more than 10000 pixels."
        " 'mask' is 200x100, which is more than 10000 pixels. This gateway passes on none so large."
    )
    assert upstream.requests == []


def test_pillow_would_open_what_the_default_lets_through() -> None:
    from PIL import Image

    assert ServerSettings().max_input_pixels == 2 * (Image.MAX_IMAGE_PIXELS or 0)


@pytest.mark.parametrize(("form", "mode"), [("PNG", "RGBA"), ("JPEG", "RGB"), ("WEBP", "RGB")])
def test_a_picture_that_is_cut_short_is_refused_and_one_with_a_tail_is_not(
    gateway: httpx.Client, upstream: Upstream, form: str, mode: str
) -> None:
    whole = picture(form, mode=mode)
    replies = [
        gateway.post(
            "/v1/images/edits",
            data={"model": "gpt-image-2", "prompt": "a hat"},
            files={"image": ("a", content)},
        )
        for content in (whole[:-1], whole + b"tail")
    ]

    assert [reply.status_code for reply in replies] == [400, 200]
    error = replies[0].json()["error"]
    assert (error["param"], error["code"]) == ("image", "invalid_image_file")
    assert error["message"].startswith(
        "Invalid image file or mode for image 1: the file is cut short, its end is missing."
    )
    assert [content for _, _, _, content in upstream.requests[0].files] == [whole + b"tail"]
