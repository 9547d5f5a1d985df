"""The headers that tell how an answer came about."""

from datetime import UTC, datetime, time
from email.utils import format_datetime

from imageway.gateway.engine.engine import Outcome, Streamed

__all__ = ("outcome_headers",)


def outcome_headers(outcome: Outcome | Streamed) -> dict[str, str]:
    """Who drew, at which attempt, how long it took, what was changed or is missing, and when that model ends.

    `Sunset` is RFC 8594's. `Deprecation` (RFC 9745) isn't sent: it needs the day of the announcement, which the
    catalogue doesn't know.
    """
    headers = {
        "imageway-target": outcome.target.label,
        "imageway-attempts": str(outcome.attempts),
        "openai-processing-ms": str(round(outcome.seconds * 1000)),
    }
    if outcome.missing_images:
        headers["imageway-missing-images"] = str(outcome.missing_images)
    if outcome.translated:
        headers["imageway-translated"] = ", ".join(outcome.translated)
    last = outcome.target.spec.lifecycle.shutdown_date
    if last is not None and outcome.target.dated:
        headers["sunset"] = format_datetime(datetime.combine(last, time(), UTC), usegmt=True)
    if outcome.cost_usd is not None:
        headers["imageway-cost-usd"] = f"{outcome.cost_usd:f}"
    return {**headers, **outcome.limits}
