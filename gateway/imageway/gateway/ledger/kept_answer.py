"""An answer as it went out, kept for repeats."""

import msgspec
from msgspec import Struct

__all__ = ("KeptAnswer", "head_of", "kept_answer")


class KeptAnswer(Struct, frozen=True, kw_only=True):
    """An HTTP answer. `headers` are those that a repeat gets too; the request id is not among them."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Head(Struct, frozen=True, array_like=True):
    status: int
    headers: dict[str, str]


def head_of(answer: KeptAnswer) -> bytes:
    """Everything of *answer* but its body, which stores keep apart."""
    return msgspec.json.encode(_Head(answer.status, answer.headers))


def kept_answer(head: bytes, body: bytes) -> KeptAnswer:
    """The answer that `head_of` was asked about. Raises `ValueError` where *head* is no such thing."""
    read = msgspec.json.decode(head, type=_Head)
    return KeptAnswer(status=read.status, headers=read.headers, body=body)
