"""The code of this task: which draft is the best, and whether it is good enough."""

from pathlib import Path
from typing import Any


def pick(node: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """Takes the draft with the most bytes: a stand-in for a judgement, and not a bad one for PNG files."""
    best = max(state["drafts"], key=lambda path: Path(path).stat().st_size)
    size = Path(best).stat().st_size
    return {"best": best, "best_bytes": size if size >= node["at_least_bytes"] else 0}


class RichEnough:
    """Where a record goes after its drafts were looked at."""

    @staticmethod
    def apply(state: dict[str, Any]) -> str:
        return "rich" if state["best_bytes"] else "plain"
