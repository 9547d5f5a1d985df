"""What is kept of a vendor's headers, and how long it wants to be left alone."""

import httpx
import pytest

from imageway.providers._api_headers import kept_headers, request_id, retry_after_s

NOW_S = 1_445_412_480.0
"""Wed, 21 Oct 2015 07:28:00 GMT"""


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "86400"}, 86_400.0),
        ({"retry-after": "86401"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"retry-after-ms": "-1", "retry-after": "3"}, 3.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 -0000"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 09:28:30 +0200"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:00:00 GMT"}, 0.0),
        ({"retry-after": "Thu, 22 Oct 2015 07:28:00 GMT"}, 86_400.0),
        ({"retry-after": "Thu, 22 Oct 2015 07:28:01 GMT"}, None),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:30 GMT"}, None),
    ],
)
def test_a_wait_is_read_in_every_notation_and_absurd_ones_are_none(
    headers: dict[str, str], wait_s: float | None
) -> None:
    assert retry_after_s(httpx.Headers(headers), clock_s=lambda: NOW_S) == wait_s


def test_ids_limits_and_processing_time_are_kept_and_nothing_else() -> None:
    headers = httpx.Headers(
        {
            "X-Request-Id": "r",
            "apim-request-id": "a",
            "OpenAI-Processing-MS": "5120",
            "x-ratelimit-limit-images": "5",
            "x-ratelimit-reset-requests": "12ms",
            "openai-organization": "org-private",
            "set-cookie": "session=1",
        }
    )

    assert kept_headers(headers) == {
        "x-request-id": "r",
        "apim-request-id": "a",
        "openai-processing-ms": "5120",
        "x-ratelimit-limit-images": "5",
        "x-ratelimit-reset-requests": "12ms",
    }


def test_what_is_kept_has_a_bound() -> None:
    assert len(kept_headers({f"x-ratelimit-{number}": "1" for number in range(24)})) == 24
    assert len(kept_headers({f"x-ratelimit-{number}": "1" for number in range(25)})) == 24
    assert kept_headers({"x-ratelimit-a": "x" * 200, "x-ratelimit-b": "x" * 201}) == {"x-ratelimit-a": "x" * 200}
    longest = "x-ratelimit-".ljust(64, "a")
    assert kept_headers({longest: "1", longest + "a": "1"}) == {longest: "1"}
    assert kept_headers({"x-request-id": "a\x1b[31m", "x-ratelimit-a": ""}) == {}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-request-id": "r", "apim-request-id": "a"}, "r"),
        ({"apim-request-id": "a"}, "a"),
        ({"x-request-id": "x" * 201, "apim-request-id": "a"}, "a"),
        ({"x-request-id": "\x00"}, None),
        ({}, None),
    ],
)
def test_the_vendors_id_is_found_under_either_name(headers: dict[str, str], expected: str | None) -> None:
    assert request_id(headers) == expected
