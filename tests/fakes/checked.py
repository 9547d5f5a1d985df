"""Specs and requests made by hand, to be checked."""

from datetime import date
from typing import Any

from imageway.contract.check import violations
from imageway.contract.errors import Violation
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.sniff import image_input
from imageway.contract.spec import (
    Choice,
    Integer,
    Lifecycle,
    ModelSpec,
    OperationSpec,
    Output,
    Param,
    Price,
    SizeGrid,
    Text,
)

PROMPT = Text(required=True, nullable=False, min_chars=1, max_chars=10)


FORMATS = Choice(values=["png", "jpeg", "webp", "svg"], default="png")


GRID = SizeGrid(multiple_of_px=16, max_edge_px=3840, max_ratio=3.0, min_pixels=655360, max_pixels=8294400)


USER_ERROR = "image_generation_user_error"


def spec(params: dict[str, Param], **operation: Any) -> ModelSpec:
    """A model whose generation takes a prompt and *params*; *operation* sets more of it."""
    generate = OperationSpec(params={"prompt": PROMPT, **params}, output=Output(), source="test", **operation)
    return ModelSpec(
        kind="test",
        model="m",
        family="test",
        checked=date(2026, 11, 23),
        lifecycle=Lifecycle(status="active", source="test"),
        operations={Operation.GENERATE: generate},
        price=Price(source="test"),
        unsupported={Operation.EDIT: "it only draws"},
    )


def request(images: tuple[bytes, ...] = (), mask: bytes | None = None, **params: Any) -> ImageRequest:
    return ImageRequest(
        operation=Operation.GENERATE,
        model="m",
        params={"prompt": "a fox", **params},
        images=tuple(image_input(image) for image in images),
        mask=None if mask is None else image_input(mask),
    )


def only(request: ImageRequest, model: ModelSpec) -> Violation:
    """The one thing that is wrong with *request*."""
    (violation,) = violations(request, model)
    return violation


COMPRESSION = Integer(min=0, max=100, only_with={"output_format": ["jpeg", "webp"]}, harmless=[100])
