"""A model's end: when it has come, and how a caller is told."""

from datetime import date

from imageway.contract.errors import Violation
from imageway.contract.spec import Lifecycle, ModelSpec

__all__ = ("has_ended", "shutdown_violation")


def has_ended(lifecycle: Lifecycle, today: date) -> bool:
    """Whether the vendor has shut the model down; on the day itself it is gone."""
    return lifecycle.shutdown_date is not None and lifecycle.shutdown_date <= today


def shutdown_violation(name: str, spec: ModelSpec) -> Violation:
    """What a caller who says *name* is told where *spec*, which is behind it, has ended."""
    lifecycle = spec.lifecycle
    behind = "" if name == spec.model else f", which is behind '{name}' here,"
    advice = f"; successors: {', '.join(lifecycle.successors)}" if lifecycle.successors else ""
    return Violation(
        param="model",
        message=f"The model '{spec.model}'{behind} was shut down by its vendor on {lifecycle.shutdown_date}{advice}.",
        code="invalid_value",
        type="image_generation_user_error",
        value=name,
        allowed=list(lifecycle.successors) or None,
    )
