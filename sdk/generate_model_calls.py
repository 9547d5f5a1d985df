"""Write `imageway/sdk/_model_calls.py`: the clients' calls, typed for each model of the catalogue.

usage: python sdk/generate_model_calls.py [--check]
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from imageway.contract.request import Operation
from imageway.contract.spec import Choice, Flag, Group, Integer, Param, Size, Text
from imageway.providers.catalogue import load_catalogue

TARGET = Path(__file__).parent / "imageway" / "sdk" / "_model_calls.py"
OPERATIONS = {Operation.GENERATE: "generate", Operation.EDIT: "edit"}
COMMON_SIZES = ("1024x1024", "1536x1024", "1024x1536", "2048x2048", "2048x1152", "1152x2048", "3840x2160", "2160x3840")
"""Of free sizes an editor can offer a few; any other that fits the grid is as good."""
NOT_HERE = ("prompt", "stream", "partial_images")
"""The prompt is an argument of its own; streams are another call."""

HEAD = '''"""The clients' calls with the parameters of each catalogue model, for editors and type checkers.

Written by sdk/generate_model_calls.py from the catalogue; don't edit. A gateway may have other models and names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, overload

if TYPE_CHECKING:
    from typing import Unpack

    from imageway.contract.request import JsonValue
    from imageway.sdk.pictures import Picture
    from imageway.sdk.results import Drawing

'''


def main() -> int:
    text = formatted("".join(module()))
    if "--check" in sys.argv:
        return 0 if TARGET.read_text(encoding="utf-8") == text else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


def formatted(text: str) -> str:
    """*text* as ruff formats it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(TARGET), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603  # our own tool


class Shape(NamedTuple):
    """The parameters that several models have in common, in one operation."""

    name: str
    models: list[str]
    fields: Mapping[str, str]


def module() -> Iterator[str]:
    yield HEAD
    yield f"FreeSize: TypeAlias = {literal(['auto', *COMMON_SIZES])} | str\n"
    yield '"""Any size that fits the model\'s grid; some usual ones."""\n'
    shapes = {operation: [*shapes_of(operation)] for operation in OPERATIONS}
    for operation, listed in shapes.items():
        for shape in listed:
            base = next(
                (
                    other
                    for other in shapes[Operation.GENERATE]
                    if operation is Operation.EDIT and extends(shape, other)
                ),
                None,
            )
            yield f"\n\nclass {shape.name}({base.name if base else 'TypedDict'}, total=False):\n"
            yield f'    """{", ".join(shape.models)}"""\n\n'
            own = {name: type_ for name, type_ in shape.fields.items() if base is None or name not in base.fields}
            yield from (f"    {name}: {type_}\n" for name, type_ in own.items())
    for asynchronous in (True, False):
        yield from calls(shapes, asynchronous=asynchronous)


def extends(shape: Shape, base: Shape) -> bool:
    return base.fields.items() <= shape.fields.items()


def shapes_of(operation: Operation) -> Iterator[Shape]:
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for row in load_catalogue().values():
        if row.kind == "openai" and operation in row.operations:
            params = row.operations[operation].params
            fields = tuple((name, type_of(param)) for name, param in params.items() if name not in NOT_HERE)
            found.setdefault(fields, []).append(row.model)
    for fields, models in found.items():
        yield Shape(class_name(models[0], operation), models, dict(fields))


def class_name(model: str, operation: Operation) -> str:
    words = model.replace(".", "").split("-")
    return "".join(word[:1].upper() + word[1:] for word in words) + OPERATIONS[operation].title()


def type_of(param: Param) -> str:
    match param:
        case Text():
            plain = "str"
        case Integer():
            plain = "int"
        case Flag():
            plain = "bool"
        case Choice(values=values):
            plain = literal(values)
        case Size(values=values, grid=None):
            plain = literal(values)
        case Size():
            plain = "FreeSize"
        case Group():
            plain = "dict[str, JsonValue]"
    return f"{plain} | None" if param.nullable else plain


def literal(values: list[str]) -> str:
    return f"Literal[{', '.join(repr(value) for value in values)}]"


def calls(shapes: Mapping[Operation, list[Shape]], *, asynchronous: bool) -> Iterator[str]:
    name = "AsyncModelCalls" if asynchronous else "ModelCalls"
    head, wait = ("async def", "await ") if asynchronous else ("def", "")
    yield f'\n\nclass {name}:\n    """`generate` and `edit`, of which a client has the insides."""\n\n'
    for operation, method in OPERATIONS.items():
        first = ARGUMENTS[operation]
        for shape in shapes[operation]:
            typed = f"model: {literal(shape.models)}, {MASK[operation]}**params: Unpack[{shape.name}]"
            yield f"    @overload\n    {head} {method}(self, {first}, *, {typed}) -> Drawing: ...\n"
        rest = f"model: str, {MASK[operation]}**params: JsonValue"
        yield f"    @overload\n    {head} {method}(self, {first}, *, {rest}) -> Drawing: ...\n"
        passed = "images, prompt, model, mask, params" if operation is Operation.EDIT else "prompt, model, params"
        yield f'    {head} {method}(self, {first}, *, {rest}) -> Drawing:\n        """{DOCSTRINGS[operation]}"""\n'
        yield f"        return {wait}self._{method}({passed})\n\n"
    yield f"    {head} _generate(self, prompt: str, model: str, params: dict[str, JsonValue]) -> Drawing:\n"
    yield "        raise NotImplementedError\n\n"
    yield f"    {head} _edit(self, images: Picture | Sequence[Picture], prompt: str, model: str, mask: Picture | None,"
    yield " params: dict[str, JsonValue]) -> Drawing:\n        raise NotImplementedError\n"


ARGUMENTS = {
    Operation.GENERATE: "prompt: str",
    Operation.EDIT: "images: Picture | Sequence[Picture], prompt: str",
}
MASK = {Operation.GENERATE: "", Operation.EDIT: "mask: Picture | None = None, "}
DOCSTRINGS = {
    Operation.GENERATE: "Have *model* draw *prompt*; *params* are those of the Images API. Raises `ImageError`.",
    Operation.EDIT: "Have *model* change *images*, one or several, as *prompt* says. Raises `ImageError`.",
}


if __name__ == "__main__":
    sys.exit(main())
