"""A node and a record's state into a request: templates filled, pictures read, generation or edit told apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.spec import Choice, ModelSpec
from imageway.sdk.pipeline.media import read_picture, read_pictures
from imageway.sdk.pipeline.plan import ImageNode, ImagePart
from imageway.sdk.pipeline.template import MissingFieldError, only_field, render

__all__ = ("request_of",)


def request_of(
    node: ImageNode,
    state: Mapping[str, JsonValue],
    *,
    folders: Sequence[Path] = (),
    spec: ModelSpec | None = None,
) -> ImageRequest:
    """The request that *node* makes of *state*: an edit where its parts yield a picture, else a generation.

    Texts, without blanks at their ends, are joined by a space; one that is a data URL of an image is a picture. Reads
    files: not for the event loop. Raises `MissingFieldError` and, for pictures, `ImageError`.
    """
    texts: list[str] = []
    images: list[ImageInput] = []
    for part in node.parts:
        if isinstance(part, ImagePart):
            images += _pictures(part.template, state, folders)
            continue
        text = render(part.template, state).strip()
        if text[:11].lower() == "data:image/":
            images.append(read_picture(text))
        elif text:
            texts.append(text)
    operation = Operation.EDIT if images else Operation.GENERATE
    return ImageRequest(
        operation=operation,
        model=node.model,
        params={"prompt": " ".join(texts), **node.params, **_as_bytes(spec, operation)},
        images=tuple(images),
    )


def _pictures(template: str, state: Mapping[str, JsonValue], folders: Sequence[Path]) -> tuple[ImageInput, ...]:
    field = only_field(template)
    if field is None:
        return (read_picture(render(template, state).strip(), folders=folders),)
    value = state.get(field)
    if value is None:
        raise MissingFieldError(field, known=tuple(state), null=field in state)
    pictures = read_pictures(value, folders=folders)
    if not pictures:
        raise ImageError(ErrorCode.INVALID_REQUEST, f"The list {{{field}}} holds no picture.", param="image")
    return pictures


def _as_bytes(spec: ModelSpec | None, operation: Operation) -> dict[str, JsonValue]:
    """Have the picture come in the answer where the model could send a link: links run out, and files are wanted."""
    offered = spec.operations.get(operation) if spec else None
    match offered.params.get("response_format") if offered else None:
        case Choice(values=values) if "b64_json" in values:
            return {"response_format": "b64_json"}
        case _:
            return {}
