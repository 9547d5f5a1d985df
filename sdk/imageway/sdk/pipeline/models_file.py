"""What a node's `model` comes down to: the row of the models file that it names, and what the node says over it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.document import Document, DocumentError, Issue, in_words, issue_at, read_document
from imageway.contract.request import JsonValue
from imageway.contract.strict import decode
from imageway.sdk.pipeline.loaded import Place
from imageway.sdk.pipeline.model import HINTS, ModelRow, NodeModel
from imageway.sdk.pipeline.sygra import not_yet_in_model

__all__ = ("ResolvedModel", "aliases", "hints", "read_models", "resolved")

_FILE_NAME = "models.yaml"


class ResolvedModel(Struct, frozen=True, kw_only=True):
    """A model's name as it is written, its parameters, and where each stands."""

    name: str
    params: dict[str, JsonValue]
    name_place: Place
    param_places: Mapping[str, Place]


def read_models(folder: Path, explicit: Path | None) -> tuple[Document | None, list[Issue]]:
    """The models file *explicit*, else `models.yaml` in *folder*, None where there is none."""
    path = explicit or folder / _FILE_NAME
    if explicit is None and not path.is_file():
        return None, []
    try:
        document = read_document(path)
    except DocumentError as error:
        return None, list(error.issues)
    if not isinstance(document.data, dict | None):
        message = f"a models file is a mapping of aliases to models; this is {in_words(document.data)}"
        return None, [issue_at(document, (), "wrong-type", message)]
    return document, []


def aliases(models: Document | None) -> tuple[str, ...]:
    return tuple(models.data) if models is not None and isinstance(models.data, dict) else ()


def resolved(model: NodeModel, at: Place, models: Document | None) -> tuple[ResolvedModel | None, list[Issue]]:
    """*model*, which stands at *at*, with the row of *models* that it names.

    A name without a row is a model's own name. The node's parameters replace those of the row one by one.
    """
    if model.name is None and model.model is None:
        message = "a model needs a name: an alias of the models file, or a model's own name"
        return None, [at.issue("missing-key", message, of_key=True)]
    row, row_place, issues = ModelRow(), at, list[Issue]()
    if models is not None and model.name is not None and model.name in aliases(models):
        row_place = Place(document=models, path=(model.name,))
        found, issues = _row(models, model.name)
        if found is None:
            return None, issues
        row = found
    issues += _output_type(model, at, row, row_place)
    params, places = dict[str, JsonValue](), dict[str, Place]()
    for layer, place in ((row, row_place), (model, at)):
        for name, value in layer.parameters.items():
            params[name] = value
            places[name] = Place(document=place.document, path=(*place.path, "parameters", name))
    name, name_place = _name(model, at, row, row_place)
    return ResolvedModel(name=name, params=params, name_place=name_place, param_places=places), issues


def hints(models: Document | None, used: Sequence[tuple[NodeModel, Place]]) -> list[Issue]:
    """A note for each key that changes nothing here, once however many nodes have it."""
    notes: dict[str, Issue] = {}
    for model, at in used:
        rows = [Place(document=models, path=(model.name,))] if models is not None and model.name is not None else []
        for place in (at, *rows):
            written = place.document.get(place.path)
            for key in written if isinstance(written, dict) else ():
                if key in HINTS and key not in notes:
                    notes[key] = _note(place, key)
    return list(notes.values())


def _note(place: Place, key: str) -> Issue:
    issue = issue_at(
        place.document,
        (*place.path, key),
        "no-effect",
        f"{key} has no effect here: {HINTS[key]}",
        severity="note",
        of_key=True,
    )
    return replace(issue, source_line=None) if key == "auth_token" else issue


def _row(models: Document, alias: str) -> tuple[ModelRow | None, list[Issue]]:
    told = not_yet_in_model(models, (alias,))
    row, issues = decode(models, ModelRow, (alias,), told=told)
    return row, [*told.values(), *issues]


def _output_type(model: NodeModel, at: Place, row: ModelRow, row_place: Place) -> list[Issue]:
    layer, place = (model, at) if model.output_type is not None else (row, row_place)
    if layer.output_type in {None, "image"}:
        return []
    message = f'output_type is "{layer.output_type}", so this is not an image node; image is the one that is supported'
    return [Place(document=place.document, path=(*place.path, "output_type")).issue("not-an-image-node", message)]


def _name(model: NodeModel, at: Place, row: ModelRow, row_place: Place) -> tuple[str, Place]:
    if model.model is not None:
        return model.model, Place(document=at.document, path=(*at.path, "model"))
    if row.model is not None:
        return row.model, Place(document=row_place.document, path=(*row_place.path, "model"))
    return model.name or "", Place(document=at.document, path=(*at.path, "name"))
