"""What a gateway says would become of a request (`?dry_run=true`); nothing is sent to a model."""

import msgspec
from msgspec import Struct

from imageway.contract.cost import Estimate
from imageway.contract.errors import ErrorCode, ImageError, Violation

__all__ = ("Foresight", "read_foresight")


class Foresight(Struct, frozen=True, kw_only=True):
    """Whether a request would be sent, to whom, what was changed for it, and bounds of its cost where there are prices.

    Otherwise `message` and `violations` say why not.
    """

    would_send: bool
    message: str | None = None
    violations: tuple[Violation, ...] = ()
    target: str | None = None
    translated: tuple[str, ...] = ()
    cost: Estimate | None = None


def read_foresight(body: bytes) -> Foresight:
    """Raises `ImageError` where the answer is none of a dry run."""
    try:
        return msgspec.json.decode(body, type=Foresight)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ImageError(
            ErrorCode.UPSTREAM_UNAVAILABLE,
            "The gateway has answered a dry run with something else.",
            may_have_billed=True,
        ) from error
