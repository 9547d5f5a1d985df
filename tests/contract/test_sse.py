"""Server-sent events out of bytes, however they are cut."""

import pytest

from imageway.contract.sse import EventTooLargeError, ServerSentEvent, SseDecoder

STREAM = b"event: a\ndata: 1\n\n: ping\n\ndata: 2\r\ndata:3\r\n\r\nid: 7\nevent: b\rdata: {}\r\rdata"
EVENTS = [
    ServerSentEvent(type="a", data=b"1"),
    ServerSentEvent(type="", data=b"2\n3"),
    ServerSentEvent(type="b", data=b"{}"),
]


def decoded(*chunks: bytes, max_bytes: int = 100) -> list[ServerSentEvent]:
    decoder = SseDecoder(max_bytes)
    return [*(event for chunk in chunks for event in decoder.feed(chunk)), *decoder.close()]


@pytest.mark.parametrize("width", [1, 2, 3, 5, 7, 1000])
def test_events_are_the_same_however_the_bytes_are_cut(width: int) -> None:
    chunks = [STREAM[start : start + width] for start in range(0, len(STREAM), width)]

    assert decoded(*chunks)[:3] == EVENTS


def test_a_last_event_without_its_blank_line_is_not_lost() -> None:
    assert decoded(b"event: x\ndata: paid for") == [ServerSentEvent(type="x", data=b"paid for")]
    assert decoded(b"data: paid for\r") == [ServerSentEvent(type="", data=b"paid for")]


@pytest.mark.parametrize("width", [1, 2, 3, 100])
def test_a_byte_order_mark_hides_nothing(width: int) -> None:
    stream = b"\xef\xbb\xbf\ndata: 1\n\n"

    assert decoded(*(stream[start : start + width] for start in range(0, len(stream), width))) == [
        ServerSentEvent(type="", data=b"1")
    ]


def test_an_end_without_data_is_no_event() -> None:
    assert decoded(b"event: x\n") == []
    assert decoded() == []


@pytest.mark.parametrize("chunk_bytes", [1, 30])
def test_an_event_is_bounded(chunk_bytes: int) -> None:
    fits, too_large = b"data: " + b"x" * 20 + b"\n\n", b"data: " + b"x" * 21 + b"\n\n"

    assert decoded(fits, fits, max_bytes=26) == [ServerSentEvent(type="", data=b"x" * 20)] * 2
    with pytest.raises(EventTooLargeError, match="an event has more than 20 bytes"):
        decoded(*(too_large[start : start + chunk_bytes] for start in range(0, 29, chunk_bytes)), max_bytes=20)


def test_many_lines_of_one_event_are_bounded_together() -> None:
    with pytest.raises(EventTooLargeError):
        decoded(*[b"data: 0123456789\n"] * 3, max_bytes=25)
