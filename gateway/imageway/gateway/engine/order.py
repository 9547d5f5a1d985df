"""In which order targets are asked: by priority, and among equals by weight."""

from collections.abc import Callable, Sequence
from itertools import groupby

from imageway.providers.registry import Passage

__all__ = ("drawn_order", "usual_order")


def drawn_order(route: Sequence[Passage], random: Callable[[], float]) -> tuple[Passage, ...]:
    """*route* as one call goes it. *random* gives numbers from 0 up to 1.

    Of targets with equal priority each comes first as often as its weight is a share of theirs together; those behind
    it are drawn in the same way.
    """
    if len(route) == 1:
        return tuple(route)
    ordered: list[Passage] = []
    for _, equals in groupby(usual_order(route), key=_priority):
        # Efraimidis and Spirakis, 2006: sorting by random() ** (1 / weight) draws by weight without putting back.
        drawn = [(random() ** (1 / passage.target.weight), passage) for passage in equals]
        ordered += [passage for _, passage in sorted(drawn, key=lambda each: -each[0])]
    return tuple(ordered)


def usual_order(route: Sequence[Passage]) -> tuple[Passage, ...]:
    """*route* by priority, the heaviest of equals first."""
    return tuple(sorted(route, key=lambda passage: (_priority(passage), -passage.target.weight)))


def _priority(passage: Passage) -> int:
    return passage.target.priority
