"""A request's id: the caller's own where it is a plain word, else a new one; told back in `x-request-id`."""

import os
import re
from typing import Any

from litestar.connection import Request

__all__ = ("request_id_of",)

_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def request_id_of(request: Request[Any, Any, Any]) -> str:
    """The id of *request*, the same at every call."""
    known = request.scope.get("state", {}).get("imageway_request_id")
    if isinstance(known, str):
        return known
    given = request.headers.get("x-request-id", "")
    request_id = given if _PLAIN.fullmatch(given) else f"req_{os.urandom(16).hex()}"
    request.scope.setdefault("state", {})["imageway_request_id"] = request_id
    return request_id
