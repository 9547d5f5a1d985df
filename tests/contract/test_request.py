"""Tests of imageway.contract.request."""

import pytest

from imageway.contract.request import ImageFormat, ImageRequest, JsonValue, Operation

LABELS = {
    ImageFormat.PNG: ("image/png", "png"),
    ImageFormat.JPEG: ("image/jpeg", "jpg"),
    ImageFormat.WEBP: ("image/webp", "webp"),
    ImageFormat.GIF: ("image/gif", "gif"),
    ImageFormat.MPO: ("image/jpeg", "jpg"),
    ImageFormat.BMP: ("image/bmp", "bmp"),
    ImageFormat.TIFF: ("image/tiff", "tiff"),
    ImageFormat.AVIF: ("image/avif", "avif"),
    ImageFormat.HEIC: ("image/heic", "heic"),
    ImageFormat.SVG: ("image/svg+xml", "svg"),
    ImageFormat.UNKNOWN: ("application/octet-stream", "bin"),
}


def test_every_format_has_its_media_type_and_file_name_ending() -> None:
    assert {format_: (format_.media_type, format_.extension) for format_ in ImageFormat} == LABELS


@pytest.mark.parametrize(("params", "n"), [({}, 1), ({"n": None}, 1), ({"n": 4}, 4), ({"n": -4}, 1), ({"n": "4"}, 1)])
def test_a_request_draws_one_picture_unless_told_otherwise(params: dict[str, JsonValue], n: int) -> None:
    assert ImageRequest(operation=Operation.GENERATE, model="m", params=params).n == n
