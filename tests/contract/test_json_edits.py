"""Edits as JSON: pictures come as data URLs, whatever else is refused by name."""

import base64
import json
from typing import Any

import pytest

from imageway.contract.errors import ImageError
from imageway.contract.json_edits import MAX_DATA_URL_CHARS, json_edit_request, model_named
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.sniff import image_input
from pictures import picture

PNG = picture()
URL = "data:image/png;base64," + base64.b64encode(PNG).decode()


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "prompt": "a hat", **fields}).encode()


def test_data_urls_become_the_pictures_of_an_edit() -> None:
    request = json_edit_request(body(images=[{"image_url": URL}, {"image_url": URL, "file_id": None}], n=2))

    assert request == ImageRequest(
        operation=Operation.EDIT,
        model="m",
        params={"prompt": "a hat", "n": 2},
        images=(image_input(PNG, "images[0]"), image_input(PNG, "images[1]")),
    )


def test_a_mask_is_a_data_url_too() -> None:
    assert json_edit_request(body(images=[{"image_url": URL}], mask={"image_url": URL})).mask == image_input(
        PNG, "mask"
    )


def test_a_null_mask_and_no_images_are_left_to_the_check() -> None:
    request = json_edit_request(body(mask=None))

    assert (request.images, request.mask) == ((), None)


@pytest.mark.parametrize(
    ("fields", "param", "code", "message"),
    [
        (
            {"image": URL},
            "image",
            "invalid_value",
            "Unknown parameter: 'image'. For application/json on /v1/images/edits, use 'images' (array).",
        ),
        (
            {"images": URL},
            "images",
            "invalid_type",
            "Invalid type for 'images': expected an array, but got a string instead.",
        ),
        (
            {"images": []},
            "images",
            "empty_array",
            "Invalid 'images': empty array. Expected an array with minimum length 1.",
        ),
        (
            {"images": [URL]},
            "images",
            "invalid_type",
            "Invalid type for 'images[0]': expected an object, but got a string instead.",
        ),
        (
            {"images": [{}]},
            "images",
            "invalid_value",
            "'images[0]' must have exactly one of 'image_url' and 'file_id', and nothing else.",
        ),
        (
            {"images": [{"image_url": URL, "file_id": "f"}]},
            "images",
            "invalid_value",
            "'images[0]' must have exactly one of 'image_url' and 'file_id', and nothing else.",
        ),
        (
            {"images": [{"image_url": URL}, {"file_id": "file-1"}]},
            "images",
            "invalid_value",
            "'images[1].file_id' can't be checked here: send the picture as a data URL in 'image_url'.",
        ),
        (
            {"images": [{"image_url": 5}]},
            "images",
            "invalid_type",
            "Invalid type for 'images[0].image_url': expected a string, but got an integer instead.",
        ),
        (
            {"images": [{"image_url": "https://example.com/a.png"}]},
            "images",
            "invalid_value",
            "'images[0].image_url' is not fetched and can't be checked here: send the picture as a data URL.",
        ),
        (
            {"images": [{"image_url": "data:image/png,x"}]},
            "images",
            "invalid_value",
            "'images[0].image_url' must look like data:image/png;base64,...",
        ),
        (
            {"images": [{"image_url": "data:image/png;base64,x"}]},
            "images",
            "invalid_value",
            "The base64 text of 'images[0].image_url' is broken.",
        ),
        (
            {"images": [{"image_url": "data:image/png;base64,é"}]},
            "images",
            "invalid_value",
            "The base64 text of 'images[0].image_url' is broken.",
        ),
        (
            {"images": [{"image_url": URL}], "mask": URL},
            "mask",
            "invalid_type",
            "Invalid type for 'mask': expected an object, but got a string instead.",
        ),
    ],
)
def test_whatever_else_is_refused_by_name(fields: dict[str, Any], param: str, code: str, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        json_edit_request(body(**fields))

    assert (caught.value.param, caught.value.upstream_code, caught.value.message) == (param, code, message)


@pytest.mark.parametrize(
    ("chars", "code"), [(MAX_DATA_URL_CHARS, "invalid_value"), (MAX_DATA_URL_CHARS + 1, "string_above_max_length")]
)
def test_data_urls_have_a_longest_length(chars: int, code: str) -> None:
    url = "data:image/png;base64,".ljust(chars, "é")

    with pytest.raises(ImageError) as caught:
        json_edit_request(body(images=[{"image_url": url}]))

    assert caught.value.upstream_code == code


def test_an_unchecked_edit_keeps_its_fields_as_they_came() -> None:
    fields = {"images": [{"file_id": "f-1"}, {"image_url": "https://example.com/a.png"}], "mask": {"file_id": "f-2"}}

    assert json_edit_request(body(**fields, image="x"), unchecked=True) == ImageRequest(
        operation=Operation.EDIT, model="m", params={"prompt": "a hat", **fields, "image": "x"}
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b'{"images": [{"image_url": "data:"}], "model": "m"}', "m"),
        (b'{"model": null}', ""),
        (b'{"model": {"a": 1}}', ""),
        (b"[]", ""),
        (b'{"model": "m"', ""),
        (b'{"model": "\xff"}', ""),
        (b"[" * 100_000, ""),
    ],
)
def test_a_model_is_read_without_the_rest(text: bytes, name: str) -> None:
    assert model_named(text) == name
