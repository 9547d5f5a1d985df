"""What a client's calls give: bytes, links, files, notebooks' thumbnails, and types for editors."""

import asyncio
import base64
import dataclasses
import io
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

from fakes.gateway import FakeGateway
from fakes.upstream import Reply, drawn
from imageway.contract.errors import ErrorCode, ImageError
from imageway.sdk.client import AsyncClient
from imageway.sdk.results import Drawing, DrawnImage
from pictures import picture

ROOT = Path(__file__).resolve().parents[2]
PNG, JPEG = picture(), picture("JPEG", (48, 32), "RGB")


def _drawing(reply: Reply) -> Drawing:
    async def answer(_: object) -> Reply:
        return reply

    async def run() -> Drawing:
        async with AsyncClient(app=FakeGateway(answer)) as client:
            return await client.generate("a kite", model="dall-e-2", n=2)

    return asyncio.run(run())


def test_an_answer_holds_its_pictures_and_what_the_gateway_told_of_it() -> None:
    reply = dataclasses.replace(
        drawn(PNG, JPEG, size="1024x1024", quality="low"),
        headers={
            "x-request-id": "req-7",
            "imageway-cost-usd": "0.040",
            "imageway-target": "main/gpt-image-2",
            "imageway-translated": "style, size",
        },
    )

    drawing = _drawing(reply)

    assert [image.bytes for image in drawing] == [PNG, JPEG]
    assert (len(drawing), drawing[1].facts.width_px, drawing[-1].facts.height_px) == (2, 48, 32)
    assert (drawing.request_id, drawing.cost_usd, drawing.target) == ("req-7", Decimal("0.040"), "main/gpt-image-2")
    assert (drawing.translated, drawing.size, drawing.quality, drawing.usage) == (
        ("style", "size"),
        "1024x1024",
        "low",
        None,
    )


def test_a_picture_opens_in_pillow_and_as_a_data_url() -> None:
    image = DrawnImage(content=JPEG)

    assert (image.pil.format, image.pil.size) == ("JPEG", (48, 32))
    assert image.data_url.startswith("data:image/jpeg;base64,/9j/")


@pytest.mark.parametrize(
    ("asked", "written"), [("a", "a.jpg"), ("a.jpeg", "a.jpeg"), ("a.JPG", "a.JPG"), ("a.x", "a.x")]
)
def test_a_picture_is_saved_untouched_under_an_ending_that_is_true(tmp_path: Path, asked: str, written: str) -> None:
    assert DrawnImage(content=JPEG).save(tmp_path / "new" / asked) == tmp_path / "new" / written
    assert (tmp_path / "new" / written).read_bytes() == JPEG


def test_a_picture_is_not_saved_under_another_formats_ending(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ends in") as caught:
        DrawnImage(content=JPEG).save(tmp_path / "kite.png")

    assert str(caught.value) == (
        "the picture is JPEG, but 'kite.png' ends in .png; name it 'kite.jpg', or ask for another output_format"
    )
    assert [*tmp_path.iterdir()] == []


def test_a_link_that_leads_away_is_kept_for_its_holder() -> None:
    reply = Reply(body=b'{"created":1,"data":[{"url":"https://elsewhere.example/1.png"}]}')

    drawing = _drawing(reply)

    assert drawing.images == (DrawnImage(content=None, url="https://elsewhere.example/1.png"),)
    with pytest.raises(ImageError) as caught:
        drawing.save("never.png")
    assert caught.value.message == (
        "The picture came as a link, which leads away from the gateway or couldn't be followed. It is paid for, and is"
        " there for a while: https://elsewhere.example/1.png"
    )


def test_a_notebook_shows_thumbnails_and_prompts_as_text() -> None:
    content = picture(size=(1024, 512))
    image = DrawnImage(content=content, revised_prompt='<script>alert("x")</script>')

    shown = Drawing(images=(image, DrawnImage(content=None, url='https://a.example/?"><b>')), created=1)._repr_html_()

    (small,) = re.findall('<img src="data:image/webp;base64,([^"]+)"', shown)
    assert Image.open(io.BytesIO(base64.b64decode(small))).size == (320, 160)
    assert "png 1024x512" in shown
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in shown


def test_a_notebook_shows_the_whole_picture_where_there_is_no_thumbnail() -> None:
    broken = PNG[:40]

    shown = DrawnImage(content=broken)._repr_html_()

    assert f'<img src="data:image/png;base64,{base64.b64encode(broken).decode()}"' in shown


def test_a_stream_is_refused_before_it_is_sent() -> None:
    gateway = FakeGateway()

    async def run() -> None:
        async with AsyncClient(app=gateway) as client:
            await client.generate("a kite", model="gpt-image-1", stream=True)

    with pytest.raises(ImageError) as caught:
        asyncio.run(run())

    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, "stream")
    assert gateway.drawn_requests == []


def test_the_typed_calls_are_those_of_the_catalogue() -> None:
    assert (
        subprocess.run([sys.executable, "sdk/generate_model_calls.py", "--check"], cwd=ROOT, check=False).returncode
        == 0
    )


TYPED = """
from typing import reveal_type
from imageway.sdk import Client
client = Client("http://127.0.0.1:1")
reveal_type(client.generate("x", model="dall-e-3", size="1792x1024", quality="hd"))
client.generate("x", model="a-model-of-mine", size="3x3", whatever=[1])
client.edit([b"1", "2.png"], "x", model="gpt-image-1", input_fidelity="high", mask=None)
client.edit("1.png", "x")
"""


def test_type_checkers_read_the_calls(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(TYPED)

    # From the project's folder, where tests/run.sh has left what mypy knows of all that is imported.
    command = [sys.executable, "-m", "mypy", str(tmp_path / "use.py")]
    ran = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)

    assert 'Revealed type is "imageway.sdk.results.Drawing"' in ran.stdout
    assert "use.py:8: error: No overload variant" in ran.stdout
    assert "Found 1 error in 1 file" in ran.stdout
