"""A node and a record's state into a request: templates filled, pictures read, generation or edit told apart."""

from collections.abc import Mapping

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.spec import Choice, ModelSpec, OperationSpec
from imageway.sdk.pipeline.nodes.parameters import filled
from imageway.sdk.pipeline.pictures.media import Places, read_picture, read_pictures
from imageway.sdk.pipeline.plan import ImageNode, ImagePart, MaskPart
from imageway.sdk.pipeline.template import MissingFieldError, only_field, render

__all__ = ("pictures_of", "request_of")

_ANYWHERE = Places()


def request_of(
    node: ImageNode,
    state: Mapping[str, JsonValue],
    *,
    places: Places = _ANYWHERE,
    spec: ModelSpec | None = None,
) -> ImageRequest:
    """The request that *node* makes of *state*: an edit where its parts yield a picture, else a generation.

    Texts, without blanks at their ends, are joined by a space; one that is a data URL of an image is a picture. Reads
    files: not for the event loop. Raises `MissingFieldError` and, for pictures, `ImageError`.
    """
    texts: list[str] = []
    images: list[ImageInput] = []
    mask: ImageInput | None = None
    for part in node.parts:
        if isinstance(part, ImagePart):
            images += pictures_of(part, state, places)
            continue
        if isinstance(part, MaskPart):
            mask = _mask(part, state, places)
            continue
        text = render(part.template, state).strip()
        if text[:11].lower() == "data:image/":
            images.append(read_picture(text))
        elif text:
            texts.append(text)
    operation = Operation.EDIT if images else Operation.GENERATE
    offered = spec.operations.get(operation) if spec else None
    params = filled(node.params, state, offered.params if offered else {})
    return ImageRequest(
        operation=operation,
        model=node.model,
        params={"prompt": " ".join(texts), **params, **_as_bytes(offered)},
        images=tuple(images),
        mask=mask,
    )


def pictures_of(part: ImagePart | MaskPart, state: Mapping[str, JsonValue], places: Places) -> tuple[ImageInput, ...]:
    """The pictures that *part* stands for, lists in their order; see `request_of`."""
    field = only_field(part.template)
    if field is None:
        return (read_picture(render(part.template, state).strip(), places=places),)
    value = state.get(field)
    if value is None:
        raise MissingFieldError(field, known=tuple(state), null=field in state)
    pictures = read_pictures(value, places=places)
    if not pictures:
        raise ImageError(ErrorCode.INVALID_REQUEST, f"The list {{{field}}} holds no picture.", param="image")
    return pictures


def _mask(part: MaskPart, state: Mapping[str, JsonValue], places: Places) -> ImageInput:
    mask, *others = pictures_of(part, state, places)
    if others:
        sentence = f"A mask is one picture, and {part.template} holds {len(others) + 1}."
        raise ImageError(ErrorCode.INVALID_REQUEST, sentence, param="mask")
    return mask


def _as_bytes(offered: OperationSpec | None) -> dict[str, JsonValue]:
    """Have the picture come in the answer where the model could send a link: links run out, and files are wanted."""
    match offered.params.get("response_format") if offered else None:
        case Choice(values=values) if "b64_json" in values:
            return {"response_format": "b64_json"}
        case _:
            return {}
