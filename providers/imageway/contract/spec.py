"""A model's facts as data: what each operation takes, what it answers with, how long the model lives, what it costs.

The catalogue's YAML rows are decoded into these Structs, `/v1/models` publishes them, and `check` reads them.
A parameter that an operation doesn't list is refused.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct, field

from imageway.contract.request import ImageFormat, JsonValue, Operation, Scalar

__all__ = (
    "Choice",
    "Flag",
    "Group",
    "ImageRules",
    "Integer",
    "Lifecycle",
    "MaskRules",
    "ModelSpec",
    "OperationSpec",
    "Output",
    "Param",
    "Price",
    "Size",
    "SizeGrid",
    "Text",
    "TokenPrices",
)

Condition: TypeAlias = dict[str, list[Scalar]]
"""Other parameters, each with the values that satisfy it; one left out counts with its default."""


class Text(Struct, frozen=True, kw_only=True, tag="text", omit_defaults=True):
    """Free text; limits count characters (code points)."""

    required: bool = False
    nullable: bool = True
    min_chars: int = 0
    max_chars: int | None = None
    note: str = ""


class Integer(Struct, frozen=True, kw_only=True, tag="integer", omit_defaults=True):
    """A whole number from `min` to `max`, both included.

    `only_with` names conditions for any value that isn't in `harmless`.
    """

    min: int
    max: int
    default: int | None = None
    nullable: bool = True
    only_with: Condition = field(default_factory=dict)
    harmless: list[int] = field(default_factory=list)
    note: str = ""


class Choice(Struct, frozen=True, kw_only=True, tag="choice", omit_defaults=True):
    """One of a closed list; `values_only_with` names conditions for some of its values."""

    values: list[str]
    default: str | None = None
    nullable: bool = True
    only_with: Condition = field(default_factory=dict)
    values_only_with: dict[str, Condition] = field(default_factory=dict)
    note: str = ""


class Flag(Struct, frozen=True, kw_only=True, tag="flag", omit_defaults=True):
    """True or false."""

    default: bool = False
    nullable: bool = True
    note: str = ""


class SizeGrid(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Free sizes: both edges a multiple of `multiple_of_px`, up to `max_edge_px`, no longer than `max_ratio` to 1."""

    multiple_of_px: int
    max_edge_px: int
    max_ratio: float
    min_pixels: int
    max_pixels: int
    experimental_above_pixels: int | None = None


class Size(Struct, frozen=True, kw_only=True, tag="size", omit_defaults=True):
    """`WIDTHxHEIGHT`: one of `values`, or any that fits `grid`."""

    values: list[str]
    default: str | None = None
    nullable: bool = True
    grid: SizeGrid | None = None
    note: str = ""


class Group(Struct, frozen=True, kw_only=True, tag="group", omit_defaults=True):
    """A JSON object of further parameters, as in `svg: {reasoning: {effort: low}}`."""

    fields: dict[str, "Param"]
    nullable: bool = True
    only_with: Condition = field(default_factory=dict)
    note: str = ""


Param: TypeAlias = Text | Integer | Choice | Flag | Size | Group


class ImageRules(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operation's input pictures must be. `max_bytes` is per picture and the last size that passes."""

    max_count: int
    formats: list[ImageFormat]
    max_bytes: int
    min_count: int = 1
    square_only: bool = False
    alpha_without_mask: bool = False


class MaskRules(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a mask or a markup must be; its width and height are always those of the first picture."""

    formats: list[ImageFormat]
    max_bytes: int
    alpha_required: bool = True
    excludes: list[Literal["mask", "markup"]] = field(default_factory=list)


class Output(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an answer carries. Links live for `url_ttl_s` seconds; `echoes` are the fields told back."""

    default: Literal["url", "b64_json"] = "b64_json"
    url_ttl_s: int | None = None
    usage: bool = False
    revised_prompt: bool = False
    echoes: list[str] = field(default_factory=list)


class OperationSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One operation of one model: parameters by wire name, files, body encodings and the answer.

    `rules` names the conditions that are code rather than data; see `check`. `always` are settings of other models that
    can't be set here, each with the value at which this model always works. An `asynchronous` operation is submitted
    and polled for.
    """

    params: dict[str, Param]
    output: Output
    source: str
    images: ImageRules | None = None
    mask: MaskRules | None = None
    markup: MaskRules | None = None
    bodies: list[Literal["json", "multipart"]] = field(default_factory=lambda: ["json"])
    rules: list[Literal["svg_draws_one"]] = field(default_factory=list)
    always: dict[str, str] = field(default_factory=dict)
    retired: str = ""
    asynchronous: bool = False
    min_api_version: str = ""
    note: str = ""


class Lifecycle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long the vendor serves the model. On `shutdown_date` it is gone; `successors` are the vendor's advice."""

    status: Literal["active", "deprecated", "shut_down"]
    source: str
    released: date | None = None
    shutdown_date: date | None = None
    successors: list[str] = field(default_factory=list)


class TokenPrices(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """USD for a million tokens of each kind."""

    text_input: Decimal
    image_input: Decimal
    image_output: Decimal
    text_input_cached: Decimal | None = None
    image_input_cached: Decimal | None = None
    text_output: Decimal | None = None


class Price(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """List prices in USD.

    `images` is by quality, then size: the whole price of a picture where there are no `tokens`, else its output part.
    `output_tokens` is laid out alike. `partial_image_output_tokens` is what each streamed preview adds.
    """

    source: str
    tokens: TokenPrices | None = None
    images: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    output_tokens: dict[str, dict[str, int]] = field(default_factory=dict)
    partial_image_output_tokens: int = 0
    note: str = ""


class ModelSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the catalogue.

    `kind` is the API flavour (`openai`, `azure`), `model` the vendor's name in it; `checked` is the day on which the
    sources were read. An operation is either in `operations` or in `unsupported`, there with the reason.
    """

    kind: str
    model: str
    family: str
    checked: date
    lifecycle: Lifecycle
    operations: dict[Operation, OperationSpec]
    price: Price
    unsupported: dict[Operation, str] = field(default_factory=dict)
    snapshots: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """`kind/model`, the row's name in configurations."""
        return f"{self.kind}/{self.model}"

    def reason_without(self, operation: Operation) -> str:
        """Why *operation* isn't among the operations, in the catalogue's words."""
        return self.unsupported.get(operation, f"{self.model} has no {operation} operation")


def default_of(params: Mapping[str, Param], name: str) -> JsonValue:
    """The value that *name* has when a caller leaves it out; None where the vendor doesn't say."""
    match params.get(name):
        case Integer(default=default) | Choice(default=default) | Flag(default=default) | Size(default=default):
            return default
        case _:
            return None
