"""Headers of the Images API that outlive the answer: ids, rate limits, waits."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ("kept_headers", "request_id", "retry_after_s")

_IDS = ("x-request-id", "apim-request-id")
_KEPT = frozenset((*_IDS, "openai-processing-ms"))
_RATE_LIMITS = "x-ratelimit-"
_MOST_KEPT = 24
_LONGEST_NAME = 64
_LONGEST_VALUE = 200
_LONGEST_RETRY_AFTER_S = 86_400


def request_id(headers: Mapping[str, str]) -> str | None:
    """The vendor's id of the call. *headers* know their names in any case, as HTTP libraries' do."""
    for name in _IDS:
        value = headers.get(name, "")
        if _is_plain(value):
            return value
    return None


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Request ids, rate limits and processing time, by lower-case name in the order in which they came.

    At most 24. A name over 64 characters, a value over 200, and one with control characters are left out whole.
    """
    kept: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()  # noqa: PLW2901  # libraries differ in the case that they show
        wanted = name in _KEPT or (name.startswith(_RATE_LIMITS) and len(name) <= _LONGEST_NAME)
        if wanted and _is_plain(value) and len(kept) < _MOST_KEPT:
            kept[name] = value
    return kept


def _is_plain(value: str) -> bool:
    return 0 < len(value) <= _LONGEST_VALUE and value.isprintable()


def retry_after_s(headers: Mapping[str, str], *, clock_s: Callable[[], float] = time.time) -> float | None:
    """How long the vendor wants to be left alone, from milliseconds, seconds or a date, in this order of trust.

    None where it doesn't say, or says something absurd: less than nothing, or more than a day. A date that has passed
    is a wait of 0. `clock_s` tells the Unix time.
    """
    waits = (
        _seconds(headers.get("retry-after-ms"), scale=1000),
        _seconds(headers.get("retry-after")),
        _seconds_until(headers.get("retry-after"), clock_s),
    )
    return next((wait for wait in waits if wait is not None and 0 <= wait <= _LONGEST_RETRY_AFTER_S), None)


def _seconds(text: str | None, *, scale: float = 1) -> float | None:
    try:
        return float(text or "") / scale
    except ValueError:
        return None


def _seconds_until(text: str | None, clock_s: Callable[[], float]) -> float | None:
    try:
        moment = parsedate_to_datetime(text or "")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - clock_s())
    except (ValueError, OverflowError):
        return None
