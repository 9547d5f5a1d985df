"""A task's files into a plan, or into every fault that they have, each with its place."""

import codecs
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import replace

from imageway.contract.document import Document, DocumentError, Issue, YamlPath, issue_at, read_document
from imageway.contract.strict import decode
from imageway.sdk.pipeline.loaded import LoadedTask, Origin, Place
from imageway.sdk.pipeline.model import Content, LlmNode, Message, OutputConfig, Source, Task, TextContent
from imageway.sdk.pipeline.models_file import ResolvedModel, aliases, hints, read_models, resolved
from imageway.sdk.pipeline.order import ordered
from imageway.sdk.pipeline.plan import DataFile, ImageNode, ImagePart, OutputColumn, Plan, TextPart
from imageway.sdk.pipeline.sygra import not_yet

__all__ = ("load_task",)

_FILE_NAME = "graph_config.yaml"

PlacedPart = tuple[TextPart | ImagePart, Place]


def load_task(
    task: Path, *, models_file: Path | None = None, working_directory: Path | None = None
) -> tuple[LoadedTask | None, list[Issue]]:
    """The task in the YAML file *task*, or in the `graph_config.yaml` of the folder *task*.

    Models are looked up in *models_file*, by default the `models.yaml` beside the task. The data file is sought from
    the task's folder first, then from *working_directory*, by default the process's. There is no task where an issue is
    an error; warnings and notes come beside one. Models' names are still as they were written; see `model_names`.
    """
    path = task / _FILE_NAME if task.is_dir() else task
    models, issues = read_models(path.parent, models_file)
    try:
        document = read_document(path)
    except DocumentError as error:
        return None, [*error.issues, *issues]
    told = not_yet(document)
    written, faults = decode(document, Task, told=told)
    issues = [*told.values(), *faults, *issues]
    if written is None:
        return None, _as_they_stand(issues)
    loader = _Loader(document, models, path.parent, working_directory or Path.cwd())
    plan, origins = loader.plan(path, written)
    issues = _as_they_stand([*issues, *loader.issues])
    if any(issue.severity == "error" for issue in issues):
        return None, issues
    return LoadedTask(plan=plan, document=document, origins=origins, aliases=aliases(models)), issues


def _as_they_stand(issues: Iterable[Issue]) -> list[Issue]:
    return sorted(issues, key=lambda issue: (str(issue.file), issue.line or 0, issue.column or 0))


class _Loader:
    """Makes the plan, gathering what is wrong."""

    def __init__(self, document: Document, models: Document | None, folder: Path, working_directory: Path) -> None:
        self.issues: list[Issue] = []
        self._document = document
        self._models = models
        self._folder = folder
        self._working_directory = working_directory

    def plan(self, path: Path, task: Task) -> tuple[Plan, dict[str, Origin]]:
        graph = task.graph_config
        after, issues = ordered(self._document, list(graph.nodes), graph.edges)
        self.issues += issues
        used = [
            (node.model, Place(document=self._document, path=_node(name, "model")))
            for name, node in graph.nodes.items()
        ]
        self.issues += hints(self._models, used)
        nodes: dict[str, ImageNode] = {}
        origins: dict[str, Origin] = {}
        for (name, node), (_, place) in zip(graph.nodes.items(), used, strict=True):
            model, issues = resolved(node.model, place, self._models)
            self.issues += issues
            parts = self._parts(name, node)
            if model is not None:
                nodes[name] = _image_node(name, node, model, parts)
                origins[name] = Origin(
                    model=model.name_place, params=model.param_places, parts=tuple(place for _, place in parts)
                )
        self._output_keys(graph.nodes)
        if task.data_config.resumable is not None:
            message = "resumable has no effect here: a rerun does what is missing, always"
            self._tell(("data_config", "resumable"), "no-effect", message)
        plan = Plan(
            name=path.parent.resolve().name if path.name == _FILE_NAME else path.stem,
            folder=self._folder,
            data=self._data(task.data_config.source),
            nodes=tuple(replace(nodes[name], after=before) for name, before in after.items() if name in nodes),
            id_column=task.data_config.id_column,
            columns=self._columns(task.output_config),
        )
        return plan, origins

    def _parts(self, name: str, node: LlmNode) -> list[PlacedPart]:
        parts: list[PlacedPart] = []
        for index, message in enumerate(node.prompt):
            at = _node(name, "prompt", index)
            said = {role: content for role, content in _contents(message) if content is not None}
            if len(said) != 1:
                found = f"has {', '.join(said)}" if said else "has nothing to say"
                sentence = f"a message has one of system, user and assistant; this one {found}"
                self._fault(at, "odd-message", sentence)
            for role, content in said.items():
                parts += self._content(content, (*at, role))
        if not any(isinstance(part, TextPart) for part, _ in parts):
            sentence = f"the prompt of {name} has no text; a model draws by what it is told"
            self._fault(_node(name, "prompt"), "no-text", sentence, of_key=True)
        return parts

    def _content(self, content: Content, at: YamlPath) -> Iterator[PlacedPart]:
        if isinstance(content, str):
            if content.strip():
                yield TextPart(template=content), Place(document=self._document, path=at)
            return
        for index, part in enumerate(content):
            if isinstance(part, TextContent):
                if part.text.strip():
                    yield TextPart(template=part.text), Place(document=self._document, path=(*at, index, "text"))
            else:
                link = part.image_url if isinstance(part.image_url, str) else part.image_url.url
                yield ImagePart(template=link), Place(document=self._document, path=(*at, index, "image_url"))

    def _output_keys(self, nodes: dict[str, LlmNode]) -> None:
        owners: dict[str, str] = {}
        for name, node in nodes.items():
            if _output_key(node) == "id":
                sentence = "output_keys is id, which is the record's own name; choose another"
                self._fault(_node(name, "output_keys"), "id-as-output", sentence)
            owner = owners.setdefault(_output_key(node), name)
            if owner != name:
                sentence = f"{name} and {owner} both answer {_output_key(node)}; each node needs a key of its own"
                self._fault(_node(name, "output_keys"), "same-output-key", sentence)

    def _columns(self, output: OutputConfig | None) -> tuple[OutputColumn, ...] | None:
        if output is None or output.output_map is None:
            return None
        columns: list[OutputColumn] = []
        for name, written in output.output_map.items():
            constant = written.value is not UNSET
            if constant == (written.from_ is not None):
                found = "both" if constant else "neither"
                sentence = f"a column has either from or value; {name} has {found}"
                self._fault(("output_config", "output_map", name), "odd-column", sentence, of_key=True)
            columns.append(OutputColumn(name=name, source=written.from_, value=written.value if constant else None))
        return tuple(columns)

    def _data(self, source: Source) -> DataFile:
        at: YamlPath = ("data_config", "source")
        try:
            codecs.lookup(source.encoding)
        except (LookupError, ValueError):
            self._fault((*at, "encoding"), "unknown-encoding", f"there is no encoding {source.encoding}")
        path = self._folder / source.file_path
        elsewhere = self._working_directory / source.file_path
        if not path.is_file() and elsewhere.is_file():
            sentence = f"{source.file_path} is not in the task's folder; the one in the working directory is taken"
            self._tell((*at, "file_path"), "working-directory", sentence)
            path = elsewhere
        elif not path.is_file():
            sentence = f"there is no file {source.file_path} in the task's folder, nor in the working directory"
            self._fault((*at, "file_path"), "missing-file", sentence)
        if source.file_format is not None and source.file_format.lower().lstrip(".") != path.suffix.lstrip(".").lower():
            sentence = f"file_format is {source.file_format}, but the file's ending says how it is read"
            self.issues.append(
                issue_at(self._document, (*at, "file_format"), "file-format", sentence, severity="warning")
            )
        return DataFile(path=path, encoding=source.encoding)

    def _fault(self, path: YamlPath, code: str, message: str, *, of_key: bool = False) -> None:
        self.issues.append(issue_at(self._document, path, code, message, of_key=of_key))

    def _tell(self, path: YamlPath, code: str, message: str) -> None:
        self.issues.append(issue_at(self._document, path, code, message, severity="note"))


def _node(name: str, *further: str | int) -> YamlPath:
    return ("graph_config", "nodes", name, *further)


def _contents(message: Message) -> tuple[tuple[str, Content | None], ...]:
    return ("system", message.system), ("user", message.user), ("assistant", message.assistant)


def _output_key(node: LlmNode) -> str:
    return node.output_keys if isinstance(node.output_keys, str) else node.output_keys[0]


def _image_node(name: str, node: LlmNode, model: ResolvedModel, parts: list[PlacedPart]) -> ImageNode:
    return ImageNode(
        name=name,
        model=model.name,
        params=model.params,
        parts=tuple(part for part, _ in parts),
        output_key=_output_key(node),
    )
