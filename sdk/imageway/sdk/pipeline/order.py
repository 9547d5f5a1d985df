"""Edges into an order: which node runs after which, and what is wrong with the way from START to END."""

from collections.abc import Iterable, Mapping, Sequence

from imageway.contract.document import Document, Issue, YamlPath, issue_at
from imageway.contract.strict import did_you_mean
from imageway.sdk.pipeline.model import Edge

__all__ = ("END", "START", "ordered")

START, END = "START", "END"

_EDGES: YamlPath = ("graph_config", "edges")


def ordered(
    document: Document, nodes: Sequence[str], edges: Sequence[Edge]
) -> tuple[dict[str, tuple[str, ...]], list[Issue]]:
    """The nodes in an order to run them, each with its direct predecessors; both as the file has them where it is free.

    The order is of use only where there are no issues.
    """
    issues = [*_odd_names(document, nodes), *_odd_edges(document, nodes, edges)]
    if issues:
        return {}, issues
    before: dict[str, set[str]] = {node: set() for node in nodes}
    for edge in edges:
        if edge.from_ != START and edge.to != END:
            before[edge.to].add(edge.from_)
    reached = _reached(edges)
    for node in nodes:
        if node not in reached:
            message = f"no edges lead from START to the node {node}"
            issues.append(issue_at(document, ("graph_config", "nodes", node), "unreachable-node", message, of_key=True))
    if END not in {edge.to for edge in edges}:
        issues.append(issue_at(document, _EDGES, "no-end", "no edge leads to END", of_key=True))
    order, stuck = _sorted(nodes, before)
    if stuck:
        issues.append(_cycle(document, edges, stuck, before))
    return {node: tuple(other for other in nodes if other in before[node]) for node in order}, issues


def _odd_names(document: Document, nodes: Iterable[str]) -> list[Issue]:
    return [
        issue_at(
            document,
            ("graph_config", "nodes", node),
            "odd-node-name",
            f"a node can't be called {node}: that is where edges begin or end",
            of_key=True,
        )
        for node in nodes
        if node in {START, END}
    ]


def _odd_edges(document: Document, nodes: Sequence[str], edges: Sequence[Edge]) -> list[Issue]:
    if not edges:
        message = "there are no edges; they lead from START over the nodes to END"
        return [issue_at(document, _EDGES, "no-edges", message, of_key=True)]
    issues = []
    for index, edge in enumerate(edges):
        ends = (("from", edge.from_, START, END), ("to", edge.to, END, START))
        for key, name, allowed, forbidden in ends:
            path = (*_EDGES, index, key)
            if name == forbidden:
                message = f"no edge begins at {END}" if key == "from" else f"no edge leads to {START}"
                issues.append(issue_at(document, path, "odd-edge", message))
            elif name != allowed and name not in nodes:
                names = [allowed, *nodes]
                message = f"there is no node {name}; allowed are {', '.join(names)}"
                issues.append(issue_at(document, path, "unknown-node", message, hint=did_you_mean(name, names)))
    return issues


def _reached(edges: Sequence[Edge]) -> set[str]:
    reached = {START}
    while True:
        further = {edge.to for edge in edges if edge.from_ in reached} - reached
        if not further:
            return reached
        reached |= further


def _sorted(nodes: Sequence[str], before: Mapping[str, set[str]]) -> tuple[list[str], list[str]]:
    order: list[str] = []
    waiting = list(nodes)
    while (free := next((node for node in waiting if before[node] <= set(order)), None)) is not None:
        order.append(free)
        waiting.remove(free)
    return order, waiting


def _cycle(document: Document, edges: Sequence[Edge], stuck: Sequence[str], before: Mapping[str, set[str]]) -> Issue:
    walked = [stuck[0]]
    while len(set(walked)) == len(walked):
        walked.append(next(node for node in stuck if node in before[walked[-1]]))
    circle = walked[walked.index(walked[-1]) :][::-1]
    index = next(index for index, edge in enumerate(edges) if (edge.from_, edge.to) == (circle[-2], circle[-1]))
    message = f"these edges go round in a circle: {' -> '.join(circle)}"
    return issue_at(document, (*_EDGES, index), "cycle", message)
