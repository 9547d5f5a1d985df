"""Streamed answers as events: read leniently, written as the official clients expect."""

import msgspec
import pytest
from msgspec import UNSET, Raw

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import Operation
from imageway.contract.result import GeneratedImage, ImageResult, TokenDetails, Usage
from imageway.contract.sse import ServerSentEvent
from imageway.contract.stream import (
    CompletedImage,
    PartialImage,
    completed_events,
    error_event_bytes,
    event_bytes,
    read_event,
)

USAGE = Usage(total_tokens=3, input_tokens=1, output_tokens=2, input_tokens_details=TokenDetails(text_tokens=1))


def received(type_: str, data: bytes) -> ServerSentEvent:
    return ServerSentEvent(type=type_, data=data)


def test_a_preview_keeps_every_field_as_it_came() -> None:
    data = b'{"type":"image_generation.partial_image","b64_json":"eA==","partial_image_index":2,"new": {"a": 1}}'

    event = read_event(received("image_generation.partial_image", data))

    assert event == PartialImage(
        index=2,
        fields={"b64_json": Raw(b'"eA=="'), "partial_image_index": Raw(b"2"), "new": Raw(b'{"a": 1}')},
    )
    assert event_bytes(event, Operation.EDIT) == (
        b'event: image_edit.partial_image\ndata: {"type":"image_edit.partial_image",'
        b'"b64_json":"eA==","partial_image_index":2,"new":{"a": 1}}\n\n'
    )


def test_a_finished_picture_tells_the_usage() -> None:
    data = b'{"b64_json":"eA==","usage":' + msgspec.json.encode(USAGE) + b"}"

    event = read_event(received("image_edit.completed", data))

    assert isinstance(event, CompletedImage)
    assert (event.usage, event.image.content) == (USAGE, b"x")


@pytest.mark.parametrize("usage", [b'"none"', b"{}", b"null"])
def test_a_usage_that_is_not_as_documented_costs_no_picture(usage: bytes) -> None:
    event = read_event(received("x.completed", b'{"b64_json":"eA==","usage":' + usage + b"}"))

    assert isinstance(event, CompletedImage)
    assert event.usage is UNSET


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("image_generation.completed", b"[DONE]"),
        ("image_generation.completed", b"[1]"),
        ("image_generation.completed", b'{"b64_json":""}'),
        ("image_generation.completed", b"{}"),
        ("image_generation.started", b'{"b64_json":"eA=="}'),
        ("", b'{"b64_json":"eA==","type":7}'),
    ],
)
def test_events_without_a_picture_show_nothing(type_: str, data: bytes) -> None:
    assert read_event(received(type_, data)) is None


def test_fields_that_are_no_utf8_are_left_out_and_others_kept() -> None:
    data = b'{"b64_json":"eA==","new":"\xff","newer":{"a":["\xff"]},"word":"\xc3\xa9"}'

    event = read_event(received("x.completed", data))

    assert event is not None
    assert event.fields == {"b64_json": Raw(b'"eA=="'), "word": Raw(b'"\xc3\xa9"')}
    assert read_event(received("x.completed", b'{"b64_json":"\xff\xff\xff"}')) is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_an_event_over_several_lines_goes_on_as_one(end: bytes) -> None:
    data = end.join((b'{"b64_json": "eA==",', b'"usage": {', b'"new": 1}', b"}"))

    event = read_event(received("x.completed", data))

    assert event is not None
    assert event_bytes(event, Operation.GENERATE) == (
        b"event: image_generation.completed\n"
        b'data: {"type":"image_generation.completed","b64_json":"eA==","usage":{"new":1}}\n\n'
    )


def test_the_type_in_the_data_does_where_the_event_has_none() -> None:
    assert isinstance(read_event(received("", b'{"type":"a.completed","b64_json":"eA=="}')), CompletedImage)


def test_a_whole_answer_becomes_its_last_events() -> None:
    result = ImageResult(
        created=7,
        images=(GeneratedImage.from_bytes(b"x"), GeneratedImage(url="https://x")),
        size="1x1",
        usage=USAGE,
    )

    event, _ = completed_events(result)

    written = event_bytes(event, Operation.GENERATE)
    assert written.startswith(b"event: image_generation.completed\ndata: ")
    assert msgspec.json.decode(written.partition(b"data: ")[2]) == {
        "type": "image_generation.completed",
        "b64_json": "eA==",
        "created_at": 7,
        "size": "1x1",
        "usage": msgspec.to_builtins(USAGE),
    }


def test_a_link_is_a_picture_too() -> None:
    [event] = completed_events(ImageResult(created=7, images=(GeneratedImage(url="https://x"),)))

    assert event.image == GeneratedImage(url="https://x")
    assert event_bytes(event, Operation.GENERATE) == (
        b'event: image_generation.completed\ndata: {"type":"image_generation.completed",'
        b'"url":"https://x","created_at":7}\n\n'
    )


def test_an_error_event_carries_the_whole_envelope() -> None:
    error = ImageError(ErrorCode.UPSTREAM_TIMEOUT, "late", may_have_billed=True)

    written = error_event_bytes(error, "req_1")

    assert written.startswith(b"event: error\ndata: ")
    assert written.endswith(b"}\n\n")
    assert msgspec.json.decode(written.partition(b"data: ")[2]) == {
        "type": "error",
        "error": {
            "message": "late",
            "type": "server_error",
            "param": None,
            "code": "upstream_timeout",
            "imageway": {"code": "upstream_timeout", "request_id": "req_1", "may_have_billed": True},
        },
    }
