"""The official `openai` clients against the real server: they must notice nothing but better errors."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import openai
import pytest
from PIL import Image

from pictures import picture


@pytest.fixture(scope="module")
def gateway_url() -> Iterator[str]:
    """`imageway-gateway` as a process of its own, with no file."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imageway.gateway", "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("imageway-gateway listens on http://127.0.0.1:"), line
        yield line.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 0


@pytest.fixture
def client(gateway_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway_url}/v1", api_key="anything", max_retries=0) as client:
        yield client


def decoded(b64_json: str | None) -> Image.Image:
    import base64

    assert b64_json is not None
    image = Image.open(io.BytesIO(base64.b64decode(b64_json)))
    image.load()
    return image


def test_it_generates(client: openai.OpenAI) -> None:
    reply = client.images.generate(
        model="gpt-image-2", prompt="a teal teapot", n=2, size="1280x720", quality="low", output_format="jpeg"
    )

    assert reply.data is not None
    assert [(decoded(image.b64_json).format, decoded(image.b64_json).size) for image in reply.data] == [
        ("JPEG", (1280, 720))
    ] * 2
    assert (reply.size, reply.quality, reply.output_format) == ("1280x720", "low", "jpeg")
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens


def test_an_answer_can_be_read_as_it_comes(client: openai.OpenAI) -> None:
    call = {"model": "gpt-image-2", "prompt": "a teal teapot", "quality": "low"}
    with client.images.with_streaming_response.generate(**call) as reply:
        came = b"".join(reply.iter_bytes())
        told = reply.headers

    assert len(came) == int(told["content-length"])
    assert decoded(json.loads(came)["data"][0]["b64_json"]).format == "PNG"
    assert told["imageway-target"] == "sketch/gpt-image-2"


def test_it_edits_one_picture_with_a_mask_and_several(client: openai.OpenAI) -> None:
    photo = picture("PNG", (96, 96), "RGB", (200, 30, 30))

    masked = client.images.edit(model="gpt-image-1", image=photo, mask=picture(size=(96, 96)), prompt="a blue hat")
    several = client.images.edit(model="gpt-image-1", image=[photo, photo, photo], prompt="a collage")

    assert masked.data is not None
    assert several.data is not None
    assert decoded(masked.data[0].b64_json).size == (1024, 1024)
    assert decoded(several.data[0].b64_json).format == "PNG"


def test_a_refusal_is_the_exception_that_the_client_has_for_it(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="dall-e-3", prompt="a teapot", n=2)

    assert (caught.value.param, caught.value.code) == ("n", "integer_above_max_value")
    assert caught.value.request_id


def test_old_clients_that_expect_a_link_get_one(client: openai.OpenAI) -> None:
    reply = client.images.generate(model="dall-e-3", prompt="a teapot")

    assert reply.data is not None
    assert reply.data[0].url is not None
    assert Image.open(io.BytesIO(httpx.get(reply.data[0].url).content)).size == (1024, 1024)
    assert reply.data[0].revised_prompt


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]

    assert len(names) == 19
    assert client.models.retrieve("azure/gpt-image-2").id == "azure/gpt-image-2"


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"host": "evil.example"}])
def test_the_real_server_refuses_other_sites_pages(gateway_url: str, headers: dict[str, str]) -> None:
    reply = httpx.post(
        f"{gateway_url}/v1/images/generations", json={"model": "gpt-image-2", "prompt": "x"}, headers=headers
    )

    assert (reply.status_code, reply.json()["error"]["imageway"]["code"]) == (403, "forbidden")
