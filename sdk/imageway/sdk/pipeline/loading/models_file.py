"""What a node's `model` comes down to: the row of the models file that it names, and what is said over it.

That is, from the weakest to the strongest: the row, the environment's `SYGRA_<ALIAS>_*`, and the node's own words.
Parameters are laid over one another one by one, all else as a whole.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.document import Document, DocumentError, Issue, in_words, issue_at, read_document
from imageway.contract.request import JsonValue
from imageway.contract.strict import decode
from imageway.sdk.pipeline.loading.loaded import Place
from imageway.sdk.pipeline.loading.sygra import not_yet_in_model
from imageway.sdk.pipeline.plan import Endpoint
from imageway.sdk.pipeline.schema.models import HINTS, TEXT_HINTS, ModelRow, NodeModel

__all__ = ("ModelsFile", "ResolvedModel", "aliases", "hints", "read_models")

_FILE_NAME = "models.yaml"
_DRAWING = re.compile(r"dall[-_]?e|(chat)?gpt[-_]image", re.IGNORECASE)
_VARIABLE = "SYGRA_CUSTOM_MODELS_PATH"


class ResolvedModel(Struct, frozen=True, kw_only=True):
    """A model's name as it is written, its parameters, and where each stands; of a text model its `endpoint`."""

    name: str
    params: dict[str, JsonValue]
    name_place: Place
    param_places: Mapping[str, Place]
    endpoint: Endpoint | None = None


def read_models(
    folder: Path, explicit: Path | None, environment: Mapping[str, str]
) -> tuple[Document | None, list[Issue]]:
    """The models file *explicit*, else `models.yaml` in *folder*, else the one that SyGra's variable names."""
    path, notes = explicit or folder / _FILE_NAME, list[Issue]()
    if explicit is None and not path.is_file():
        named = environment.get(_VARIABLE, "").strip()
        if not named:
            return None, []
        path = Path(named)
        message = f"models are those of {path}, as {_VARIABLE} says"
        notes = [Issue(code="environment", message=message, severity="note")]
    try:
        document = read_document(path)
    except DocumentError as error:
        return None, list(error.issues)
    if not isinstance(document.data, dict | None):
        message = f"a models file is a mapping of aliases to models; this is {in_words(document.data)}"
        return None, [issue_at(document, (), "wrong-type", message)]
    return document, notes


def aliases(models: Document | None) -> tuple[str, ...]:
    return tuple(models.data) if models is not None and isinstance(models.data, dict) else ()


class ModelsFile:
    """The rows of *document*, with what *environment* says of them. `text_models` are those found to write."""

    def __init__(self, document: Document | None, environment: Mapping[str, str]) -> None:
        self.document = document
        self.aliases = aliases(document)
        self._environment = environment
        self._variables = _variables(environment, self.aliases)
        self.text_models: list[Place] = []
        self._told: set[str] = set()

    def resolved(self, model: NodeModel, at: Place) -> tuple[ResolvedModel | None, list[Issue]]:
        """*model*, which stands at *at*, with the row that it names. A name without a row is a model's own name."""
        if model.name is None and model.model is None:
            message = "a model needs a name: an alias of the models file, or a model's own name"
            return None, [at.issue("missing-key", message, of_key=True)]
        row, row_place, issues = ModelRow(), at, list[Issue]()
        if self.document is not None and model.name is not None and model.name in self.aliases:
            row_place = Place(document=self.document, path=(model.name,))
            found, issues = self._row(self.document, model.name)
            if found is None:
                return None, issues
            row = found
        variables = self._variables.get(model.name or "", {})
        row = _with_variables(row, variables, self._environment)
        kind, kind_issues = _kind(model, at, row, row_place)
        issues = [*issues, *kind_issues, *self._tell_variables(variables, is_text=kind == "text")]
        if kind_issues:
            return None, issues
        if kind == "text":
            self.text_models.append(at)
        params, places = dict[str, JsonValue](), dict[str, Place]()
        for layer, place in ((row, row_place), (model, at)):
            for name, value in layer.parameters.items():
                params[name] = value
                places[name] = Place(document=place.document, path=(*place.path, "parameters", name))
        name, name_place = _name(model, at, row, row_place)
        endpoint = None
        if kind == "text":
            endpoint, faults = self._endpoint(model, at, row, row_place)
            issues += faults
            if model.output_type is None and row.output_type is None:
                message = f"{model.name or name} answers with text here: it has a url and no output_type"
                issues.append(name_place.issue("taken-as", message, severity="note"))
            if endpoint is None:
                return None, issues
        found_model = ResolvedModel(
            name=name, params=params, name_place=name_place, param_places=places, endpoint=endpoint
        )
        return found_model, issues

    def _endpoint(
        self, model: NodeModel, at: Place, row: ModelRow, row_place: Place
    ) -> tuple[Endpoint | None, list[Issue]]:
        layer, place = (model, at) if model.url else (row, row_place)
        alias = model.name or "ALIAS"
        if not layer.url:
            message = (
                "a text node needs the base URL of a chat endpoint, such as http://localhost:8000/v1: url in the models"
                f" file, or {_variable(alias, 'url')}"
            )
            return None, [at.issue("missing-key", message, of_key=True)]
        urls = [layer.url] if isinstance(layer.url, str) else layer.url
        url = urls[0]
        issues = []
        if len(urls) > 1:
            where = Place(document=place.document, path=(*place.path, "url"))
            issues.append(where.issue("several-endpoints", "a text node has one endpoint, so url must be one URL"))
        if url.startswith("env:"):
            url = self._environment.get(url.removeprefix("env:"), "").strip()
            if not url:
                where = Place(document=place.document, path=(*place.path, "url"))
                issues.append(where.issue("environment", f"the environment has no {urls[0].removeprefix('env:')}"))
        layer, place = (model, at) if model.auth_token else (row, row_place)
        tokens = [layer.auth_token] if isinstance(layer.auth_token, str | None) else layer.auth_token
        key = tokens[0] if tokens else None
        if key is not None and not key.startswith(("env:", "file:")):
            where = Place(document=place.document, path=(*place.path, "auth_token"))
            message = (
                "auth_token must be a reference, env:NAME or file:PATH, never the key itself;"
                f" or set {_variable(alias, 'token')}"
            )
            issues.append(replace(where.issue("secret", message, of_key=True), source_line=None))
        timeout_s = model.timeout or row.timeout or 120.0
        return (None if issues else Endpoint(url=url, key=key, timeout_s=timeout_s)), issues

    def _row(self, models: Document, alias: str) -> tuple[ModelRow | None, list[Issue]]:
        told = not_yet_in_model(models, (alias,))
        row, issues = decode(models, ModelRow, (alias,), told=told)
        return row, [*told.values(), *issues]

    def _tell_variables(self, variables: Mapping[str, str], *, is_text: bool) -> list[Issue]:
        notes = []
        for key, name in variables.items():
            if name not in self._told:
                self._told.add(name)
                used = key == "model" or (is_text and key in ("url", "token"))
                message = f"{name} is taken from the environment" if used else f"{name} has no effect here"
                notes.append(Issue(code="environment", message=message, severity="note"))
        return notes


def hints(models: Document | None, used: Sequence[tuple[NodeModel, Place, bool]]) -> list[Issue]:
    """A note for each key that changes nothing here, once however many nodes have it; with each, if it writes text."""
    notes: dict[tuple[str, bool], Issue] = {}
    for model, at, is_text in used:
        table = TEXT_HINTS if is_text else HINTS
        rows = [Place(document=models, path=(model.name,))] if models is not None and model.name is not None else []
        for place in (at, *rows):
            written = place.document.get(place.path)
            for key in written if isinstance(written, dict) else ():
                if key in table and (key, is_text) not in notes:
                    notes[key, is_text] = _note(place, key, table[key])
    return list(notes.values())


def _note(place: Place, key: str, reason: str) -> Issue:
    issue = issue_at(
        place.document,
        (*place.path, key),
        "no-effect",
        f"{key} has no effect here: {reason}",
        severity="note",
        of_key=True,
    )
    return replace(issue, source_line=None) if key == "auth_token" else issue


def _variable(alias: str, key: str) -> str:
    """The name of a variable that a shell can set, whatever signs the alias has."""
    return f"SYGRA_{re.sub(r'[^A-Za-z0-9_]+', '_', alias).upper()}_{key.upper()}"


def _variables(environment: Mapping[str, str], aliases: Sequence[str]) -> dict[str, dict[str, str]]:
    """The variables of each alias, their names by key. A variable is that of the longest alias that it begins with."""
    found: dict[str, dict[str, str]] = {}
    spelled = {f"SYGRA_{'_'.join(alias.split()).upper()}_": alias for alias in aliases}  # as SyGra does
    for alias in aliases:
        spelled.setdefault(_variable(alias, ""), alias)
    prefixes = sorted(spelled.items(), key=lambda pair: -len(pair[0]))
    for name, value in environment.items():
        owner = next(((prefix, alias) for prefix, alias in prefixes if name.startswith(prefix)), None)
        if owner is not None and len(name) > len(owner[0]) and value.strip():
            found.setdefault(owner[1], {})[name[len(owner[0]) :].lower()] = name
    return found


def _with_variables(row: ModelRow, variables: Mapping[str, str], environment: Mapping[str, str]) -> ModelRow:
    said = {key: environment[variables[key]].strip() for key in ("model", "url") if key in variables}
    token = {"auth_token": f"env:{variables['token']}"} if "token" in variables else {}
    return replace(row, **said, **token)


def _kind(model: NodeModel, at: Place, row: ModelRow, row_place: Place) -> tuple[str, list[Issue]]:
    """Whether a model draws or writes. SyGra takes text for granted; here what has a `url` writes, unless it is known
    to draw by its name.
    """
    layer, place = (model, at) if model.output_type is not None else (row, row_place)
    match layer.output_type:
        case "image" | "text" as told:
            return told, []
        case None:
            name = model.model or row.model or model.name or ""
            return ("text" if (model.url or row.url) and not _DRAWING.match(name) else "image"), []
        case other:
            message = f'output_type is "{other}", so this is not an image node; those that are supported: image, text'
            where = Place(document=place.document, path=(*place.path, "output_type"))
            return "", [where.issue("not-an-image-node", message)]


def _name(model: NodeModel, at: Place, row: ModelRow, row_place: Place) -> tuple[str, Place]:
    if model.model is not None:
        return model.model, Place(document=at.document, path=(*at.path, "model"))
    if row.model is not None:
        return row.model, Place(document=row_place.document, path=(*row_place.path, "model"))
    return model.name or "", Place(document=at.document, path=(*at.path, "name"))
