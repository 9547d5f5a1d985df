"""A call that a limit of its key refuses."""

from typing import Literal, TypeAlias

from imageway.contract.errors import ErrorCode, ImageError

__all__ = ("Limit", "LimitReachedError")

Limit: TypeAlias = Literal["requests_per_minute", "images_per_minute", "in_flight", "budget"]


class LimitReachedError(ImageError):
    """`limit` says which; the answer tells in words. Nothing was sent."""

    def __init__(
        self,
        limit: Limit,
        code: ErrorCode,
        message: str,
        *,
        param: str | None = None,
        upstream_type: str | None = None,
        upstream_code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(
            code,
            message,
            param=param,
            upstream_type=upstream_type,
            upstream_code=upstream_code,
            retry_after_s=retry_after_s,
        )
        self.limit: Limit = limit
