"""What a run has spent, by its journal."""

from decimal import Decimal

from imageway.sdk.pipeline.journal.file import JournalFile

__all__ = ("in_doubt", "spent_usd")


def spent_usd(file: JournalFile, run: int) -> Decimal:
    """The costs that are known, and the most that calls with an unknown end may have cost; but see `in_doubt`."""
    rows = file.stream(
        "SELECT coalesce(cost_usd, high_usd) FROM call WHERE run = ? AND (cost_usd IS NOT NULL"
        " OR (high_usd IS NOT NULL AND state NOT IN ('in flight', 'unsent') AND (state = 'answered' OR billed)))",
        run,
    )
    return sum((Decimal(amount) for (amount,) in rows), Decimal())


def in_doubt(file: JournalFile, run: int) -> dict[str, Decimal]:
    """By its key the most that each call may have cost that was in flight when a pass was killed.

    The run's next pass sends it again under the same key; until then it counts as spent.
    """
    rows = file.stream(
        "SELECT key, high_usd FROM call WHERE run = ? AND cost_usd IS NULL AND high_usd IS NOT NULL"
        " AND (state = 'in flight' OR (state = 'unsent' AND billed))",
        run,
    )
    return {key: Decimal(amount) for key, amount in rows}
