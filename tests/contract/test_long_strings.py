"""Answers with pictures in them, parsed without the pictures: the same as with them."""

import json
import mmap
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from imageway.contract.content import BytesContent
from imageway.contract.errors import ImageError
from imageway.contract.long_strings import Shortened
from imageway.contract.wire import result_body
from imageway.contract.wire_result import read_result

LONG = "QUJD" * 2000
NASTY = ('\\"\\' * 1500) + "\\\\" + '"' + "é\n"
USAGE = {
    "total_tokens": 3,
    "input_tokens": 1,
    "output_tokens": 2,
    "input_tokens_details": {"text_tokens": 1, "image_tokens": 0},
}


def answer(**fields: Any) -> bytes:
    return json.dumps({"created": 1, "data": [{"b64_json": LONG}], **fields}).encode()


@pytest.mark.parametrize("order", [1, -1], ids=["usage last", "usage first"])
def test_what_is_read_is_the_same_wherever_it_stands(order: int) -> None:
    fields = [("created", 7), ("data", [{"b64_json": LONG, "revised_prompt": NASTY}] * 2), ("usage", USAGE)]
    body = json.dumps(dict(fields[::order]), indent=1).encode()

    result = read_result(body)

    assert json.loads(result_body(result)) == json.loads(body)
    assert [image.content for image in result.images] == [b"ABC" * 2000] * 2


def test_a_mapped_file_reads_like_bytes(tmp_path: Path) -> None:
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        file.write(answer(usage=USAGE))
        file.flush()
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

        assert read_result(mapped) == read_result(answer(usage=USAGE))


@pytest.mark.parametrize("length", [4094, 4095, 9000])
def test_long_strings_are_stepped_over_and_short_ones_kept(length: int) -> None:
    body = json.dumps({"a": "x" * length, "b": "y"}).encode()

    shortened = Shortened(body)
    value = msgspec.json.decode(shortened.text, type=dict[str, msgspec.Raw])["a"]

    assert (len(shortened.text) < 100) == (length > 4094)
    assert msgspec.json.decode(shortened.original(value)) == "x" * length


@pytest.mark.parametrize("body", [b"", b'"', b'{"a": "' + b"x" * 9000, b'{"' + b"\\" * 9000, b"{}" + b'"x' * 9])
def test_what_is_no_json_stays_none(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(Shortened(body).text)


def test_a_long_string_in_an_unexpected_place_is_kept() -> None:
    body = answer(svg_usage={"path": LONG, "nested": [NASTY]})

    assert json.loads(result_body(read_result(body))) == json.loads(body)


@pytest.mark.parametrize(
    ("fields", "whole"),
    [
        ({}, True),
        ({"usage": USAGE, "size": "1024x1024", "quality": "low", "output_format": "png", "new": {"a": 1}}, True),
        ({"created": "soon"}, False),
        ({"usage": {"total_tokens": 1}}, False),
        ({"usage": None}, False),
        ({"quality": "auto"}, False),
        ({"quality": "hd"}, False),
        ({"background": "auto"}, False),
        ({"output_format": "jpg"}, False),
        ({"size": 1024}, False),
        ({"data": [{"b64_json": LONG}, {"b64_json": None}]}, False),
    ],
)
def test_only_an_answer_that_clients_take_goes_on_as_it_came(fields: dict[str, Any], whole: bool) -> None:
    content = BytesContent(answer(**fields))

    assert (read_result(content.content, content=content).as_it_came is content) == whole
    assert read_result(content.content).as_it_came is None


BROKEN = {
    "a line end": LONG[:5000] + "\n" + LONG,
    "a NUL": LONG + "\0",
    "no escape": LONG + "\\q",
    "no UTF-8": LONG + "\udcff",
    "the last quarter of it": LONG * 50 + "\x1f",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_picture_that_is_no_json_is_none(text: str) -> None:
    body = b'{"created":1,"data":[{"b64_json":"%b"}]}' % text.encode(errors="surrogateescape")

    with pytest.raises(ImageError) as caught:
        read_result(body, content=BytesContent(body))

    assert (caught.value.message, caught.value.may_have_billed) == ("The answer carries no picture.", True)


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_picture_that_nobody_looks_over_is_found_broken_when_it_is_decoded(text: str) -> None:
    entry = b'{"b64_json":"%b"}' % text.encode(errors="surrogateescape")
    body = b'{"created":1,"data":[%b,{"b64_json":"QUJD"}]}' % entry

    images = read_result(body, looked_over=False).images

    with pytest.raises(ValueError, match="the picture's base64 text is broken"):
        assert images[0].content
    assert images[1].content == b"ABC"


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_picture_is_kept_whatever_is_broken_beside_it(text: str) -> None:
    broken = text.encode(errors="surrogateescape")
    entries = b'{"b64_json":"%b","revised_prompt":"%b"},{"b64_json":"%b"}' % (LONG.encode(), broken, broken)
    body = b'{"created":1,"data":[%b],"safety_identifier":"%b"}' % (entries, broken)

    result = read_result(body, content=BytesContent(body))

    assert result.as_it_came is None
    assert json.loads(result_body(result)) == {"created": 1, "data": [{"b64_json": LONG}]}


@pytest.mark.parametrize("field", [b'"revised_prompt"', b'"content_filter_results":{"a":1},"new"', b'"new"'])
def test_what_is_no_utf8_goes_no_further(field: bytes) -> None:
    body = b'{"created":1,"data":[{"b64_json":"%b",%b:"\xff"}],"svg_usage":{"\xff":1}}' % (LONG.encode(), field)

    told = json.loads(result_body(read_result(body, content=BytesContent(body))))

    assert told["data"][0].pop("content_filter_results", {"a": 1}) == {"a": 1}
    assert told == {"created": 1, "data": [{"b64_json": LONG}]}


@pytest.mark.parametrize("picture", [LONG.replace("Q", "\\/"), "\\u0041" * 2000, "not base64, but text: é" * 500])
def test_an_unusual_string_of_json_goes_on_as_it_came(picture: str) -> None:
    content = BytesContent(b'{"created":1,"data":[{"b64_json":"%b"}]}' % picture.encode())

    assert read_result(content.content, content=content).as_it_came is content


def test_words_that_strict_clients_fail_on_are_left_out() -> None:
    told = json.loads(result_body(read_result(answer(quality="standard", background="auto", output_format="jpg"))))

    assert list(told) == ["created", "data"]
