"""How people write what a run keeps within: `--budget 25USD`, `--max-time 2h`, `--concurrency auto`."""

import re
from decimal import Decimal

from imageway.sdk.cli.talk import Exit, GiveUpError
from imageway.sdk.pipeline.run import Bounds

__all__ = ("read_bounds", "read_shard")

_MOST = 64
_USD = re.compile(r"\$?([0-9]+(?:\.[0-9]+)?)\s*(?:USD|usd)?")
_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
_TIME = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s?)?")


def read_bounds(*, budget: str | None, max_time: str | None, concurrency: str) -> Bounds:
    """What the options say. Raises `GiveUpError` that shows how they are written."""
    adaptive = concurrency == "auto"
    return Bounds(
        concurrency=_MOST if adaptive else _count(concurrency),
        adaptive=adaptive,
        budget_usd=None if budget is None else _usd(budget),
        max_time_s=None if max_time is None else _seconds(max_time),
    )


def read_shard(text: str) -> tuple[int, int]:
    """`I/N`: the part I, from 0, of N. Raises `GiveUpError`."""
    match = _SHARD.fullmatch(text.strip())
    if match is None or int(match[1]) >= int(match[2]):
        raise GiveUpError(Exit.UNUSABLE, f"--shard is I/N with I from 0 to N-1, such as 0/4, but it is '{text}'")
    return int(match[1]), int(match[2])


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 1024:
        raise GiveUpError(Exit.UNUSABLE, f"--concurrency is auto or a number from 1 to 1024, but it is '{text}'")
    return int(text)


def _usd(text: str) -> Decimal:
    match = _USD.fullmatch(text.strip())
    if match is None:
        raise GiveUpError(Exit.UNUSABLE, f"--budget is US dollars, such as 25USD or 0.50, but it is '{text}'")
    return Decimal(match[1])


def _seconds(text: str) -> float:
    match = _TIME.fullmatch(text.strip())
    seconds = 0
    if match is not None:
        hours, minutes, rest = (int(part or 0) for part in match.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    if seconds == 0:
        raise GiveUpError(Exit.UNUSABLE, f"--max-time is a time such as 2h, 90m or 1h30m, but it is '{text}'")
    return float(seconds)
