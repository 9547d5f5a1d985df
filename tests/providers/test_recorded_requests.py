"""What goes out, field by field, against what the vendor's own client was recorded to send for the same call."""

import asyncio
import json
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

from fakes.images_api_rules import Part, parts_of
from fakes.upstream import PNG, Recorded, Upstream
from imageway.contract.request import ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.sniff import image_input
from imageway.providers import azure, openai
from imageway.providers.protocol import ImageProvider
from loopback import serving

RECORDED: dict[str, dict[str, Any]] = {
    entry["call"]: entry
    for entry in json.loads(
        (Path(__file__).parents[1] / "cases" / "recorded-requests.json").read_text(encoding="utf-8")
    )["requests"]
}
PICTURE = image_input(PNG, "a.png")


class Call(NamedTuple):
    """A recorded call, as the gateway would be asked for it. `mended` is what goes out otherwise, on purpose."""

    name: str
    model: str
    params: dict[str, JsonValue]
    operation: Operation = Operation.GENERATE
    images: tuple[ImageInput, ...] = ()
    mask: ImageInput | None = None
    api_version: str | None = None
    mended: tuple[str, str] = ("", "")


def _edit(name: str, params: dict[str, JsonValue], *, images: int = 1, **others: Any) -> Call:
    model = others.pop("model", "gpt-image-1")
    return Call(name, model, params, Operation.EDIT, (PICTURE,) * images, **others)


PREVIEW = "2025-04-01-preview"
DALL_E_3: dict[str, JsonValue] = {
    "prompt": 'héllo "q"',
    "n": 1,
    "quality": "hd",
    "response_format": "b64_json",
    "size": "1024x1024",
    "style": "vivid",
    "user": "u1",
}
MANY: dict[str, JsonValue] = {
    "prompt": "p",
    "background": "opaque",
    "input_fidelity": "high",
    "n": 2,
    "output_compression": 80,
    "output_format": "jpeg",
    "quality": "low",
    "size": "1024x1024",
    "user": "u",
}
NESTED: dict[str, JsonValue] = {
    "prompt": "p",
    "svg": {"model": "m", "reasoning": {"effort": "low"}},
    "foo": {"bar": [1, 2]},
    "flag": True,
}
CALLS = [
    Call("generate dall-e-3", "dall-e-3", DALL_E_3),
    Call("generate explicit None", "gpt-image-1", {"prompt": "x", "n": None, "size": None}),
    _edit("edit 1 image (open file)", {"prompt": "p"}),
    _edit("edit Path", {"prompt": "p"}),
    _edit("edit None values", {"prompt": "p", "n": None, "size": None}),
    _edit("edit list + mask + all params", MANY, images=2, mask=PICTURE),
    _edit("edit nested svg + extra_body", NESTED, model="gpt-image-2.5-flare"),
    # A list of one is one picture, and a picture is what its content says, whatever label it came with.
    _edit("edit list of one", {"prompt": "p"}, mended=("image[]", "image")),
    _edit("edit bytes", {"prompt": "p"}, mended=("application/octet-stream", "image/png")),
    _edit("edit tuple(name,bytes,ctype)", {"prompt": "p"}, mended=("image/webp", "image/png")),
    Call(
        "variation",
        "dall-e-2",
        {"n": 2, "response_format": "url", "size": "512x512"},
        Operation.VARIATION,
        (PICTURE,),
    ),
    Call("Azure generate, model=deployment name", "my-dalle3", {"prompt": "x"}, api_version=PREVIEW),
    Call("Azure static AD token + odd deployment name", "dep/with slash", {"prompt": "x"}, api_version=PREVIEW),
    _edit(
        "Azure edit, model=deployment name",
        {"prompt": "x"},
        model="my-gpt-image",
        api_version=PREVIEW,
        mended=("image[]", "image"),
    ),
    Call("Azure variation", "my-dep", {}, Operation.VARIATION, (PICTURE,), api_version=PREVIEW),
    Call("v1 path with OpenAI client", "dep", {"prompt": "x"}),
]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Upstream, str]]:
    upstream = Upstream()
    with serving(upstream) as url:
        yield upstream, url


def _provider(call: Call, url: str, key: Path) -> ImageProvider:
    key.write_text("secret\n")
    if RECORDED[call.name]["request_line"].split()[1].startswith("/openai/"):
        config = azure.AzureConfig(endpoint=url, api_key=f"file:{key}", api_version=call.api_version)
        return azure.build(config)
    return openai.build(openai.OpenAIConfig(api_key=f"file:{key}", base_url=f"{url}/v1"))


def _sent(call: Call, served: tuple[Upstream, str], key: Path) -> Recorded:
    upstream, url = served
    upstream.requests.clear()
    request = ImageRequest(
        operation=call.operation, model=call.model, params=call.params, images=call.images, mask=call.mask
    )

    async def once() -> None:
        provider = _provider(call, url, key)
        try:
            await provider.create(call.model, request)
        finally:
            await provider.aclose()

    asyncio.run(once())
    [sent] = upstream.requests
    return sent


def _content_type(entry: dict[str, Any]) -> str:
    headers = Message()
    for line in entry["headers"]:
        headers[line.partition(": ")[0]] = line.partition(": ")[2]
    return str(headers["content-type"])


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_a_call_goes_out_as_the_vendors_client_would_send_it(
    call: Call, served: tuple[Upstream, str], tmp_path: Path
) -> None:
    entry = RECORDED[call.name]
    target = urlsplit(entry["request_line"].split()[1])

    sent = _sent(call, served, tmp_path / "key")

    assert (sent.path, sent.query) == (unquote(target.path), target.query)
    content_type = _content_type(entry)
    if content_type == "application/json":
        assert sent.json == json.loads(entry["body"])
        return
    parts = parts_of(content_type, entry["body"].replace(*call.mended).encode().replace(b"<PNG>", PNG))
    assert sorted(sent.texts) == sorted((part.name, part.content.decode()) for part in parts if part.filename is None)
    assert [(name, media_type, content) for name, _, media_type, content in sent.files] == [
        _file(part) for part in parts if part.filename is not None
    ]


def _file(part: Part) -> tuple[str, str | None, bytes]:
    """A file without its name, which is the caller's business; ours are told by their format."""
    return part.name, part.media_type, part.content
