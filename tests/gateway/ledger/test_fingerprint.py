import asyncio
from hashlib import sha256

import pytest
from msgspec.structs import replace

from imageway.contract.content import BytesContent
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, JsonValue, Operation
from imageway.gateway.ledger.fingerprint import fingerprint


def picture(content: bytes, filename: str = "image") -> ImageInput:
    return ImageInput(source=BytesContent(content), facts=ImageFacts(format=ImageFormat.PNG), filename=filename)


REQUEST = ImageRequest(
    operation=Operation.EDIT,
    model="gpt-image-1",
    params={"prompt": "a kite", "n": 2, "svg": {"reasoning": {"effort": "low"}, "detail": None}},
    images=(picture(b"1"), picture(b"2")),
    mask=picture(b"3"),
)


def test_the_order_of_parameters_and_the_names_of_files_make_no_difference() -> None:
    same = replace(
        REQUEST,
        params={"svg": {"detail": None, "reasoning": {"effort": "low"}}, "n": 2, "prompt": "a kite"},
        images=(picture(b"1", "one.png"), picture(b"2", "two.png")),
    )

    assert asyncio.run(fingerprint(same)) == asyncio.run(fingerprint(REQUEST))


def with_params(**params: JsonValue) -> ImageRequest:
    return replace(REQUEST, params=params)


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, operation=Operation.VARIATION),
        replace(REQUEST, model="gpt-image-2"),
        replace(REQUEST, images=(picture(b"2"), picture(b"1"))),
        replace(REQUEST, images=(picture(b"1"), picture(b"2"), picture(b"3")), mask=None),
        replace(REQUEST, mask=None),
        replace(REQUEST, mask=None, markup=picture(b"3")),
        with_params(prompt="a kite"),
        with_params(prompt="a kite", n=None),
        with_params(prompt="a kite", n="2"),
        with_params(prompt="a kite", n=True),
        replace(REQUEST, params={}, images=(), mask=None),
    ],
    ids=range(11),
)
def test_whatever_changes_the_call_changes_the_fingerprint(request_: ImageRequest) -> None:
    others = [REQUEST, with_params(prompt="a kite", n=1)]

    assert asyncio.run(fingerprint(request_)) not in [asyncio.run(fingerprint(other)) for other in others]


def test_the_fingerprint_stays_what_it_was() -> None:
    plain = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite"})

    text = b'[1,"generate","m",{"prompt":"a kite"},[],null,null]'
    assert asyncio.run(fingerprint(plain)) == sha256(text).hexdigest()
