"""Graphs within graphs: the nodes of another task in a subgraph node's place, with this task's words over theirs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from imageway.contract.document import Document, DocumentError, Issue, Position, YamlPath, read_document
from imageway.contract.request import JsonValue
from imageway.contract.strict import decode, did_you_mean
from imageway.sdk.pipeline.graph import END, START
from imageway.sdk.pipeline.loading.loaded import Place
from imageway.sdk.pipeline.loading.nodes import Written
from imageway.sdk.pipeline.loading.order import edge_issues
from imageway.sdk.pipeline.loading.sygra import not_yet
from imageway.sdk.pipeline.schema.nodes import Node, SubgraphNode
from imageway.sdk.pipeline.schema.task import Edge, Task
from imageway.sdk.pipeline.task_code import TaskCode
from imageway.sdk.pipeline.template import renamed

__all__ = ("FILE_NAME", "Flattened", "WrittenEdge", "flattened")

FILE_NAME = "graph_config.yaml"
_PLACEHOLDERS = "prompt_placeholder_map"
_DEEPEST = 8


class WrittenEdge(Struct, frozen=True, kw_only=True):
    """An edge with its ends as the flat graph calls them, where it stands, and where its code is."""

    source: str
    targets: dict[str, str]
    condition: str | None
    at: Place
    code: TaskCode


class Flattened(Struct, kw_only=True):
    """A graph without graphs in it. `passages` are where subgraphs begin and end."""

    nodes: list[Written]
    passages: list[str]
    edges: list[WrittenEdge]
    issues: list[Issue]


def flattened(document: Document, task: Task, code: TaskCode, *, working_directory: Path) -> Flattened:
    """The graph of *task* with its subgraphs in it, their nodes called `subgraph.node`."""
    flat = Flattened(nodes=[], passages=[], edges=[], issues=[])
    _Flattening(flat, working_directory).add(document, task, code, prefix="", overrides=None, within=())
    return flat


class _Overrides(Struct, frozen=True, kw_only=True):
    """What the task around a subgraph says over it."""

    document: Document
    path: YamlPath
    by_node: dict[str, dict[str, JsonValue]]


class _Flattening:
    def __init__(self, flat: Flattened, working_directory: Path) -> None:
        self._flat = flat
        self._working_directory = working_directory

    def add(
        self,
        document: Document,
        task: Task,
        code: TaskCode,
        *,
        prefix: str,
        overrides: _Overrides | None,
        within: tuple[Path, ...],
    ) -> None:
        graph = task.graph_config
        idle = [name for name, node in graph.nodes.items() if node.node_state == "idle"]
        self._flat.issues += edge_issues(document, list(graph.nodes), graph.edges, idle=idle)
        subgraphs = set()
        for name, node in graph.nodes.items():
            if overrides is not None and name in overrides.by_node and (name in idle or isinstance(node, SubgraphNode)):
                kind = "idle" if name in idle else "a subgraph itself"
                where = Place(document=overrides.document, path=(*overrides.path, name))
                message = f"nothing can be said over {name}, which is {kind}"
                self._flat.issues.append(where.issue("odd-override", message, of_key=True))
            if name in idle:
                continue
            if isinstance(node, SubgraphNode):
                subgraphs.add(name)
                self._subgraph(document, name, node, prefix=prefix, within=(*within, document.file.resolve()))
                continue
            found = self._written(document, name, node, code, overrides)
            if found is not None:
                self._flat.nodes.append(_named(found, prefix))
        for index, edge in enumerate(graph.edges):
            at = Place(document=document, path=("graph_config", "edges", index))
            self._flat.edges.append(_edge(edge, at, code, prefix, subgraphs))

    def _subgraph(
        self, document: Document, name: str, node: SubgraphNode, *, prefix: str, within: tuple[Path, ...]
    ) -> None:
        place = Place(document=document, path=("graph_config", "nodes", name, "subgraph"))
        self._flat.passages += [f"{prefix}{name}", f"{prefix}{name}.{END}"]
        path = _found(node.subgraph, document.file.parent, self._working_directory)
        if path is None:
            message = (
                f"there is no task {node.subgraph} with a {FILE_NAME}, seen from this file's folder, from those above,"
                " or from the working directory"
            )
            self._flat.issues.append(place.issue("missing-subgraph", message))
            return
        if path.resolve() in within or len(within) >= _DEEPEST:
            message = f"{node.subgraph} holds itself, or lies more than {_DEEPEST} graphs deep"
            self._flat.issues.append(place.issue("endless-subgraph", message))
            return
        try:
            inner = read_document(path)
        except DocumentError as error:
            self._flat.issues += error.issues
            return
        told = not_yet(inner)
        task, faults = decode(inner, Task, told=told)
        self._flat.issues += [*told.values(), *faults]
        if task is None:
            return
        self._flat.issues += _without_effect(inner)
        at: YamlPath = ("graph_config", "nodes", name, "node_config_map")
        for named in node.node_config_map:
            if named not in task.graph_config.nodes:
                known = list(task.graph_config.nodes)
                message = f"the subgraph has no node {named}; it has {', '.join(known)}"
                where = Place(document=document, path=(*at, named))
                hint = did_you_mean(named, known)
                self._flat.issues.append(where.issue("unknown-node", message, of_key=True, hint=hint))
        overrides = _Overrides(document=document, path=at, by_node=node.node_config_map)
        code = TaskCode(path.parent, self._working_directory)
        self.add(inner, task, code, prefix=f"{prefix}{name}.", overrides=overrides, within=within)

    def _written(
        self, document: Document, name: str, node: Node, code: TaskCode, overrides: _Overrides | None
    ) -> Written | None:
        assert not isinstance(node, SubgraphNode)  # noqa: S101  # told apart by the caller
        path: YamlPath = ("graph_config", "nodes", name)
        data = document.get(path)
        own = data if isinstance(data, dict) else {}
        over = overrides.by_node.get(name) if overrides is not None else None
        if over is None or overrides is None:

            def at(*further: str | int) -> Place:
                return Place(document=document, path=(*path, *further))

            return Written(name=name, node=node, data=own, at=at, code=code)
        merged = _merged(own, over)
        around = _around(overrides, name, merged)
        all_decoded, faults = decode(around, dict[str, Node], path[:-1])
        self._flat.issues += faults
        decoded = (all_decoded or {}).get(name)
        if decoded is None or isinstance(decoded, SubgraphNode):
            return None

        def place(*further: str | int) -> Place:
            told = overrides.document.get((*overrides.path, name, *further[:1]))
            deep = overrides.document.get((*overrides.path, name, *further))
            if told is not None and (deep is not None or further[:1] != ("model",)):
                return Place(document=overrides.document, path=(*overrides.path, name, *further))
            return Place(document=document, path=(*path, *further))

        return Written(name=name, node=decoded, data=merged, at=place, code=code)


def _without_effect(inner: Document) -> Iterator[Issue]:
    """What a graph within a graph says that only the task around it decides."""
    for path in (("data_config",), ("output_config",), ("schema_config",), ("graph_config", "graph_properties")):
        if inner.get(path) is not None:
            message = f"{path[-1]} has no effect in a subgraph: the task around it decides"
            yield Place(document=inner, path=path).issue("no-effect", message, severity="note", of_key=True)


def _merged(own: Mapping[str, JsonValue], over: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """*own* with the keys of *over*; models are merged key by key, and their parameters too."""
    merged = {**own, **{key: value for key, value in over.items() if key != _PLACEHOLDERS}}
    inner, outer = own.get("model"), over.get("model")
    if isinstance(inner, dict) and isinstance(outer, dict):
        params = [layer.get("parameters") for layer in (inner, outer)]
        both = {key: value for layer in params if isinstance(layer, dict) for key, value in layer.items()}
        merged["model"] = {**inner, **outer, **({"parameters": both} if both else {})}
    names = over.get(_PLACEHOLDERS)
    if isinstance(names, dict):
        ours = {key: str(value) for key, value in names.items()}
        merged |= {key: _with_names(merged[key], ours) for key in ("prompt", "mask") if key in merged}
    return merged


def _with_names(value: JsonValue, names: Mapping[str, str]) -> JsonValue:
    match value:
        case str():
            return renamed(value, names)
        case list():
            return [_with_names(item, names) for item in value]
        case dict():
            return {key: _with_names(item, names) for key, item in value.items()}
        case _:
            return value


def _around(overrides: _Overrides, name: str, merged: dict[str, JsonValue]) -> Document:
    """A document that holds *merged*, whose faults stand where the task around says what is over the subgraph."""
    outer = overrides.document
    own: YamlPath = (*overrides.path, name)
    path: YamlPath = ("graph_config", "nodes", name)

    def moved(positions: Mapping[YamlPath, Position]) -> Iterator[tuple[YamlPath, Position]]:
        for at, position in positions.items():
            if at[: len(own)] == own:
                yield (*path, *at[len(own) :]), position

    here = outer.position(own, of_key=True)
    values: dict[YamlPath, Position] = dict(moved(outer.values))
    if here is not None:
        values[()] = here
    data: JsonValue = {"graph_config": {"nodes": {name: merged}}}
    return Document(file=outer.file, data=data, lines=outer.lines, values=values, keys=dict(moved(outer.keys)))


def _named(found: Written, prefix: str) -> Written:
    return Written(name=f"{prefix}{found.name}", node=found.node, data=found.data, at=found.at, code=found.code)


def _edge(edge: Edge, at: Place, code: TaskCode, prefix: str, subgraphs: set[str]) -> WrittenEdge:
    def begin(name: str) -> str:
        if name == START:
            return prefix[:-1] or START
        return f"{prefix}{name}.{END}" if name in subgraphs else f"{prefix}{name}"

    def target(name: str) -> str:
        return f"{prefix}{name}" if name != END or prefix else END

    targets = {"": edge.to} if edge.to is not None else dict(edge.path_map or {})
    return WrittenEdge(
        source=begin(edge.from_),
        targets={label: target(name) for label, name in targets.items()},
        condition=edge.condition,
        at=at,
        code=code,
    )


def _found(name: str, folder: Path, working_directory: Path) -> Path | None:
    """The file of the task *name*, a path or a dotted path."""
    written = [Path(name), *([Path(*name.split("."))] if "/" not in name else [])]
    for base in (folder, *folder.resolve().parents, working_directory):
        for candidate in (base / path for path in written):
            if candidate.is_dir() and (candidate / FILE_NAME).is_file():
                return candidate / FILE_NAME
            if candidate.suffix in {".yaml", ".yml"} and candidate.is_file():
                return candidate
    return None
