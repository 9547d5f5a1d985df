"""What became of a call under an `Idempotency-Key`, in one word for metrics and logs."""

__all__ = ("KEYED_OUTCOMES", "idempotency_outcome")

KEYED_OUTCOMES = ("drawn", "joined", "replayed", "conflict", "unknown", "failed", "cancelled")
_BY_CODE = {"ok": "drawn", "idempotency_conflict": "conflict", "outcome_unknown": "unknown", "cancelled": "cancelled"}


def idempotency_outcome(code: str) -> str:
    """The outcome of a keyed call that ended with *code* and wasn't answered by another one."""
    return _BY_CODE.get(code, "failed")
