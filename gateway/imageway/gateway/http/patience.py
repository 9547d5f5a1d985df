"""How long a caller waits, from the headers of its request."""

import math
from collections.abc import Mapping

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.engine.patience import UNHURRIED, Patience

__all__ = ("patience_of",)

_OWN = "imageway-timeout-s"
_CLIENTS = ("x-stainless-read-timeout", "x-stainless-timeout")
"""Of the official clients: Python's tells the seconds between two reads, Node's those until the answer begins."""

_MOST_EARLY_S = 1.0
_EARLY_SHARE = 0.1


def patience_of(headers: Mapping[str, str]) -> Patience:
    """The patience that *headers* (lower-case names) tell of, less a little: a caller must hear of its end in time.

    `imageway-timeout-s` bounds the whole answer; raises `ImageError` where it is no number of seconds above 0. What the
    official clients tell bounds the silence before it, and is left aside where it can't be understood.
    """
    own = headers.get(_OWN)
    whole_s = None if own is None else _seconds(own)
    if own is not None and whole_s is None:
        raise ImageError(
            ErrorCode.INVALID_REQUEST,
            f"The header {_OWN} is '{own[:64]}'; it is a number of seconds, more than 0.",
            upstream_code="invalid_value",
        )
    silent_s = None
    for name in _CLIENTS:
        if silent_s is None and name in headers:
            silent_s = _seconds(headers[name])
    if silent_s is whole_s is None:
        return UNHURRIED
    return Patience(silent_s=_told_in_time(silent_s), whole_s=_told_in_time(whole_s))


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _told_in_time(seconds: float | None) -> float | None:
    return None if seconds is None else seconds - min(_MOST_EARLY_S, _EARLY_SHARE * seconds)
