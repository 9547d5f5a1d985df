"""A plan's graph: what comes after what, what may run side by side, and what must be waited for."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import combinations, pairwise

from imageway.sdk.pipeline.plan import Plan, Way

__all__ = ("END", "START", "Graph")

START, END = "START", "END"


class Graph:
    """The graph of *names* and *ways*; where there are no ways, the nodes come one after the other.

    Ways that lead back to a node on the way there, seen from START in the order in which they are written, close loops;
    all others lead forward.
    """

    def __init__(self, names: Iterable[str], ways: Sequence[Way]) -> None:
        self.names = tuple(names)
        self._leaving = _leaving(ways or _chain(self.names))
        self._forward = self._without_loops()
        self._ahead = {name: self._reached(self._forward[name]) for name in (START, *self.names)}
        self._before = {
            name: frozenset(other for other in self.names if name in self._ahead[other]) for name in self.names
        }

    @classmethod
    def of(cls, plan: Plan) -> "Graph":
        return cls((node.name for node in plan.nodes), plan.ways)

    def leaving(self, name: str) -> tuple[Way, ...]:
        """The ways that begin at *name*."""
        return self._leaving.get(name, ())

    def before(self, name: str) -> frozenset[str]:
        """The nodes from which forward ways lead to *name*: those that it waits for while they run or may yet."""
        return self._before[name]

    def beside(self, name: str) -> frozenset[str]:
        """The nodes that may run while *name* does: on another of the ways that leave one node, and not led to."""
        return self._beside.get(name, frozenset())

    @cached_property
    def _beside(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for fork in (START, *self.names):
            for one, other in combinations(self.leaving(fork), 2):
                for left in self._covered(one):
                    for right in self._covered(other):
                        apart = left != right and left not in self._ahead[right] and right not in self._ahead[left]
                        if apart:
                            found.setdefault(left, set()).add(right)
                            found.setdefault(right, set()).add(left)
        return {name: frozenset(others) for name, others in found.items()}

    def _covered(self, way: Way) -> frozenset[str]:
        forward = {target for target in way.targets.values() if target in self._forward[way.source]}
        return frozenset(forward) | self._reached(forward)

    def _without_loops(self) -> dict[str, set[str]]:
        """The ways forward, from each node: a walk in depth that leaves out what leads back to its own path."""
        forward: dict[str, set[str]] = {name: set() for name in (START, *self.names)}
        done: set[str] = set()
        path: list[str] = [START]
        waiting = [self._targets(START)]
        while path:
            if not waiting[-1]:
                done.add(path.pop())
                waiting.pop()
                continue
            target = waiting[-1].pop(0)
            if target in path:
                continue
            forward[path[-1]].add(target)
            if target not in done:
                path.append(target)
                waiting.append(self._targets(target))
        return forward

    def _targets(self, name: str) -> list[str]:
        return [target for way in self.leaving(name) for target in way.targets.values() if target != END]

    def _reached(self, first: Iterable[str]) -> frozenset[str]:
        reached: set[str] = set()
        waiting = list(first)
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += self._forward[name]
        return frozenset(reached)


def _chain(names: Sequence[str]) -> list[Way]:
    stops = [START, *names, END]
    return [Way(source=source, targets={"": target}) for source, target in pairwise(stops)]


def _leaving(ways: Sequence[Way]) -> dict[str, tuple[Way, ...]]:
    leaving: dict[str, tuple[Way, ...]] = {}
    for way in ways:
        leaving[way.source] = (*leaving.get(way.source, ()), way)
    return leaving
