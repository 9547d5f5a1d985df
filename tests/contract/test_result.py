"""Tests of imageway.contract.result."""

import msgspec
import pytest

from case_pictures import picture
from imageway.contract.result import GeneratedImage, ImageResult, TokenDetails, Usage


def test_a_pictures_bytes_come_back_as_they_were() -> None:
    image = GeneratedImage.from_bytes(picture())

    assert image.content == picture()
    assert image.content == picture()


def test_a_picture_goes_on_the_wire_without_being_decoded() -> None:
    image = GeneratedImage.from_bytes(b"\x00\xff", revised_prompt="a red fox")

    assert msgspec.json.encode(image) == b'{"b64_json":"AP8=","revised_prompt":"a red fox"}'


def test_a_link_has_no_bytes() -> None:
    with pytest.raises(ValueError, match=r"^this picture came as a link, not as bytes$"):
        _ = GeneratedImage(url="https://images.example/1.png").content


@pytest.mark.parametrize("literal", [b'"AP8"', b'"%%%%"', b"12"], ids=["no padding", "other letters", "a number"])
def test_broken_base64_is_told(literal: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the picture's base64 text is broken$"):
        _ = GeneratedImage(b64_json=msgspec.Raw(literal)).content


def test_a_result_leaves_out_what_the_model_does_not_tell() -> None:
    result = ImageResult(created=1, images=(GeneratedImage(url="https://images.example/1.png"),))

    assert msgspec.to_builtins(result) == {
        "created": 1,
        "images": ({"url": "https://images.example/1.png"},),
        "upstream_request_id": None,
        "upstream_headers": {},
        "as_it_came": None,
    }


def test_usage_always_has_the_input_details_and_never_empty_output_details() -> None:
    usage = Usage(total_tokens=3, input_tokens=1, output_tokens=2, input_tokens_details=TokenDetails(text_tokens=1))

    assert msgspec.to_builtins(usage) == {
        "total_tokens": 3,
        "input_tokens": 1,
        "output_tokens": 2,
        "input_tokens_details": {"text_tokens": 1, "image_tokens": 0},
    }


@pytest.mark.parametrize("size", range(1, 9))
def test_a_pictures_size_is_told_by_its_text(size: int) -> None:
    assert GeneratedImage.from_bytes(b"x" * size).size_bytes == size


def test_a_link_has_no_size() -> None:
    assert GeneratedImage(url="https://images.example/1").size_bytes == 0
