"""A task's files into a plan, or into every fault that they have, each with its place."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from imageway.contract.document import Document, DocumentError, Issue, YamlPath, issue_at, read_document
from imageway.contract.strict import decode
from imageway.sdk.pipeline.data.config import described
from imageway.sdk.pipeline.data.kinds import Data
from imageway.sdk.pipeline.data.sinks import sink_files
from imageway.sdk.pipeline.graph import Graph
from imageway.sdk.pipeline.loading.loaded import LoadedTask, Place
from imageway.sdk.pipeline.loading.models_file import ModelsFile, hints, read_models
from imageway.sdk.pipeline.loading.nodes import NodeLoader
from imageway.sdk.pipeline.loading.output import OutputLoader
from imageway.sdk.pipeline.loading.subgraph import FILE_NAME, Flattened, flattened
from imageway.sdk.pipeline.loading.sygra import not_yet
from imageway.sdk.pipeline.nodes.parameters import fields_of_params
from imageway.sdk.pipeline.plan import Node, Passage, Plan, Way, calls_of, writes_of
from imageway.sdk.pipeline.schema.data import DataConfig
from imageway.sdk.pipeline.schema.models import NodeModel
from imageway.sdk.pipeline.schema.nodes import LlmNode, MultiLlmNode
from imageway.sdk.pipeline.schema.task import Task
from imageway.sdk.pipeline.task_code import TaskCode
from imageway.sdk.pipeline.template import fields

__all__ = ("load_task",)


def load_task(
    task: Path,
    *,
    models_file: Path | None = None,
    working_directory: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> tuple[LoadedTask | None, list[Issue]]:
    """The task in the YAML file *task*, or in the `graph_config.yaml` of the folder *task*.

    Models are looked up in *models_file*, by default the `models.yaml` beside the task. The data file is sought from
    the task's folder first, then from *working_directory*, by default the process's. There is no task where an issue is
    an error; warnings and notes come beside one. Models' names are still as they were written; see `model_names`.

    Python that the task refers to is imported, and so run.
    """
    path = task / FILE_NAME if task.is_dir() else task
    models, issues = read_models(path.parent, models_file, environment)
    try:
        document = read_document(path)
    except DocumentError as error:
        return None, [*error.issues, *issues]
    told = not_yet(document)
    written, faults = decode(document, Task, told=told)
    issues = [*told.values(), *faults, *issues]
    if written is None:
        return None, _as_they_stand(issues)
    loader = _Loader(document, ModelsFile(models, environment), path.parent, working_directory or Path.cwd())
    loaded = loader.load(path, written)
    issues = _as_they_stand([*issues, *loader.issues])
    if any(issue.severity == "error" for issue in issues):
        return None, issues
    return loaded, issues


def _as_they_stand(issues: Iterable[Issue]) -> list[Issue]:
    return sorted(issues, key=lambda issue: (str(issue.file or ""), issue.line or 0, issue.column or 0))


class _Loader:
    """Makes the plan, gathering what is wrong."""

    def __init__(self, document: Document, models: ModelsFile, folder: Path, working_directory: Path) -> None:
        self.issues: list[Issue] = []
        self._document = document
        self._models = models
        self._folder = folder
        self._working_directory = working_directory

    def load(self, path: Path, task: Task) -> LoadedTask:
        code = TaskCode(self._folder, self._working_directory)
        with code.importing():
            flat = flattened(self._document, task, code, working_directory=self._working_directory)
            self.issues += flat.issues
            nodes = NodeLoader(self._models, self._working_directory)
            found = [node for written in flat.nodes if (node := nodes.node(written)) is not None]
            ways = [
                Way(
                    source=edge.source,
                    targets=edge.targets,
                    condition=nodes.hook(edge.condition, _within(edge.at, "condition"), edge.code, arguments=1),
                )
                for edge in flat.edges
            ]
            output = OutputLoader(self._document, code)
            columns = output.columns(task.output_config)
            generate = output.generate(task.output_config)
            schema = output.schema(task.schema_config)
        used = [used for written in flat.nodes for used in _models_of(written.node, written.at)]
        self.issues += [*nodes.issues, *output.issues]
        self.issues += hints(self._models.document, [(model, at, at in self._models.text_models) for model, at in used])
        self._told_of_hints()
        if all(issue.severity != "error" for issue in self.issues):
            self.issues += _side_by_side(found, flat, ways)
        documents = (self._document, self._models.document, *(written.at().document for written in flat.nodes))
        sinks, sink_issues = sink_files(task.data_config.sink, self._document)
        self.issues += sink_issues
        plan = Plan(
            name=path.parent.resolve().name if path.name == FILE_NAME else path.stem,
            folder=self._folder,
            data=self._data(task.data_config),
            nodes=(*found, *(Passage(name=name) for name in flat.passages)),
            ways=tuple(ways),
            max_rounds=task.graph_config.graph_properties.max_rounds,
            on_violation=task.graph_config.graph_properties.on_violation,
            id_column=task.data_config.id_column,
            allowed_hosts=tuple(task.data_config.allow_hosts),
            columns=columns,
            generate=generate,
            schema=schema,
            sinks=sinks,
            files=tuple(dict.fromkeys(document.file.absolute() for document in documents if document is not None)),
        )
        return LoadedTask(plan=plan, document=self._document, origins=nodes.origins, aliases=self._models.aliases)

    def _told_of_hints(self) -> None:
        conversations = "nodes have no conversations"
        for path, reason in (
            (("data_config", "resumable"), "a rerun does what is missing, always"),
            (("graph_config", "graph_properties", "chat_conversation"), conversations),
            (("graph_config", "graph_properties", "chat_history_window_size"), conversations),
            (("output_config", "oasst_mapper"), "it isn't required"),
        ):
            if self._document.get(path) is not None:
                self._tell(path, "no-effect", f"{path[-1]} has no effect here: {reason}")

    def _data(self, config: DataConfig) -> Data:
        data, issues = described(
            config.source, self._document, folder=self._folder, working_directory=self._working_directory
        )
        self.issues += issues
        return data

    def _tell(self, path: YamlPath, code: str, message: str) -> None:
        self.issues.append(issue_at(self._document, path, code, message, severity="note"))


def _within(place: Place, key: str) -> Place:
    return replace(place, path=(*place.path, key))


def _models_of(node: object, at: Callable[..., Place]) -> Iterator[tuple[NodeModel, Place]]:
    if isinstance(node, LlmNode):
        yield node.model, at("model")
    elif isinstance(node, MultiLlmNode):
        for label, model in node.models.items():
            yield model, at("models", label)


def _side_by_side(nodes: Sequence[Node], flat: Flattened, ways: Sequence[Way]) -> Iterator[Issue]:
    """Nodes that may run at the same time, where one writes what the other writes or reads: chance would decide."""
    graph = Graph((*(node.name for node in nodes), *flat.passages), ways)
    places = {written.name: written.at for written in flat.nodes}
    by_name = {node.name: node for node in nodes}
    for position, node in enumerate(nodes):
        for other in [by_name[name] for name in graph.names if name in graph.beside(node.name) and name in by_name]:
            both = [key for key in writes_of(node) if key in writes_of(other)]
            if both and other in nodes[:position]:
                message = (
                    f"{node.name} and {other.name} may run side by side and both fill {both[0]};"
                    " each needs a key of its own"
                )
                yield places[node.name]("output_keys").issue("same-output-key", message)
            read = {name for call in calls_of(node) for part in call.parts for name in fields(part.template)}
            read |= {name for call in calls_of(node) for _, name in fields_of_params(call.params)}
            chance = [key for key in writes_of(other) if key in read and key not in both]
            if chance:
                message = (
                    f"{node.name} needs {{{chance[0]}}}, which {other.name} fills, and the two may run side by side;"
                    f" lead an edge from {other.name} to {node.name}"
                )
                yield places[node.name]("prompt").issue("side-by-side", message)
