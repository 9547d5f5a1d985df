"""Edges into ways, and what is wrong with the way from START to END."""

from collections.abc import Iterable, Mapping, Sequence

from imageway.contract.document import Document, Issue, YamlPath, issue_at
from imageway.contract.strict import did_you_mean
from imageway.sdk.pipeline.graph import END, START
from imageway.sdk.pipeline.schema.task import Edge

__all__ = ("edge_issues",)

_EDGES: YamlPath = ("graph_config", "edges")


def edge_issues(
    document: Document, nodes: Sequence[str], edges: Sequence[Edge], *, idle: Iterable[str] = ()
) -> list[Issue]:
    """What is wrong with the graph of *nodes* and *edges*; no edge may touch those that are *idle*."""
    issues = [*_odd_names(document, nodes), *_odd_edges(document, nodes, edges, set(idle))]
    if issues:
        return issues
    reached = _reached(edges)
    for node in nodes:
        if node not in reached and node not in idle:
            message = f"no edges lead from START to the node {node}"
            issues.append(issue_at(document, ("graph_config", "nodes", node), "unreachable-node", message, of_key=True))
    if not any(END in _targets(edge) for edge in edges):
        issues.append(issue_at(document, _EDGES, "no-end", "no edge leads to END", of_key=True))
    return [*issues, *_cycles(document, nodes, edges)]


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


def _odd_edges(document: Document, nodes: Sequence[str], edges: Sequence[Edge], idle: set[str]) -> list[Issue]:
    if not edges:
        message = "there are no edges; they lead from START over the nodes to END"
        return [issue_at(document, _EDGES, "no-edges", message, of_key=True)]
    issues = []
    for index, edge in enumerate(edges):
        path = (*_EDGES, index)
        issues += _odd_form(document, path, edge)
        ends = [("from", edge.from_)] if edge.from_ else []
        ends += [("to", edge.to)] if edge.to else []
        for key, name in ends:
            issues += _odd_end(document, (*path, key), name, nodes, idle, begins=key == "from")
        for label, name in (edge.path_map or {}).items():
            issues += _odd_end(document, (*path, "path_map", label), name, nodes, idle, begins=False)
    return issues


def _odd_form(document: Document, path: YamlPath, edge: Edge) -> list[Issue]:
    if edge.to is not None and edge.condition is None and edge.path_map is None:
        return []
    if edge.to is None and edge.condition is not None and edge.path_map is not None:
        return []
    written = {"to": edge.to, "condition": edge.condition, "path_map": edge.path_map}
    has = " and ".join(key for key, value in written.items() if value is not None) or "none of them"
    message = f"an edge has either to, or condition and path_map; this one has {has}"
    return [issue_at(document, path, "odd-edge", message)]


def _odd_end(
    document: Document, path: YamlPath, name: str, nodes: Sequence[str], idle: set[str], *, begins: bool
) -> list[Issue]:
    allowed, forbidden = (START, END) if begins else (END, START)
    if name == forbidden:
        message = f"no edge begins at {END}" if begins else f"no edge leads to {START}"
        return [issue_at(document, path, "odd-edge", message)]
    if name in idle:
        message = f"{name} is idle, so that no edge may touch it; take the edge away, or node_state: idle"
        return [issue_at(document, path, "idle-node", message)]
    if name != allowed and name not in nodes:
        names = [allowed, *nodes]
        message = f"there is no node {name}; allowed are {', '.join(names)}"
        return [issue_at(document, path, "unknown-node", message, hint=did_you_mean(name, names))]
    return []


def _targets(edge: Edge) -> list[str]:
    return [edge.to] if edge.to is not None else [*(edge.path_map or {}).values()]


def _reached(edges: Sequence[Edge]) -> set[str]:
    reached = {START}
    while True:
        further = {target for edge in edges if edge.from_ in reached for target in _targets(edge)} - reached
        if not further:
            return reached
        reached |= further


def _cycles(document: Document, nodes: Sequence[str], edges: Sequence[Edge]) -> list[Issue]:
    """Circles that no condition leads out of: they would go on until the bound of rounds."""
    before: dict[str, set[str]] = {node: set() for node in nodes}
    for edge in edges:
        if edge.from_ != START and edge.to not in (None, END):
            before[edge.to].add(edge.from_)
    done: set[str] = set()
    while free := {node for node in nodes if node not in done and before[node] <= done}:
        done |= free
    stuck = [node for node in nodes if node not in done]
    return [_cycle(document, edges, stuck, before)] if stuck else []


def _cycle(document: Document, edges: Sequence[Edge], stuck: Sequence[str], before: Mapping[str, set[str]]) -> Issue:
    walked = [stuck[0]]
    while len(set(walked)) == len(walked):
        walked.append(next(node for node in stuck if node in before[walked[-1]]))
    circle = walked[walked.index(walked[-1]) :][::-1]
    index = next(index for index, edge in enumerate(edges) if (edge.from_, edge.to) == (circle[-2], circle[-1]))
    message = f"these edges go round in a circle without a condition: {' -> '.join(circle)}"
    return issue_at(document, (*_EDGES, index), "cycle", message)
