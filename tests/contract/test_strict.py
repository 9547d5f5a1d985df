"""Documents against types: each kind of type with what it takes, and each fault in its words."""

import datetime as dt
import uuid
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct, field

from imageway.contract.document import Document, read_document
from imageway.contract.strict import closest, decode, did_you_mean


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Plain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    from_: str = field(name="from")
    to: int | None = None


class Open(Struct, frozen=True, kw_only=True):
    a: int = 0


class Circle(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="circle"):
    radius: int


class Square(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="square"):
    edge: int


class Numbered(Struct, frozen=True, kw_only=True, tag=1, tag_field="version"):
    a: int = 0


class Tree(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    branches: list["Tree"] = []


class Judging(Struct, frozen=True, kw_only=True):
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


def document(folder: Path, text: str) -> Document:
    path = folder / "f.yaml"
    path.write_text(text, encoding="utf-8")
    return read_document(path)


def faults(folder: Path, text: str, type_: Any) -> list[str]:
    found, issues = decode(document(folder, text), type_)
    assert (found is None) == bool(issues)
    heads = [issue.render().splitlines()[0].removeprefix(f"{folder}/f.yaml:") for issue in issues]
    return [f"{head} {issue.hint}".rstrip() for head, issue in zip(heads, issues, strict=True)]


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (Plain, "from: a", Plain(from_="a")),
        (Plain, "{from: a, to: null}", Plain(from_="a")),
        (Open, "{a: 1, b: 2}", Open(a=1)),
        (Circle | Square, "{type: square, edge: 2}", Square(edge=2)),
        (Circle, "{type: circle, radius: 2}", Circle(radius=2)),
        (Circle | Square | None, "", None),
        (Circle | None, "{radius: 1}", Circle(radius=1)),
        (Numbered, "{version: 1}", Numbered()),
        (Tree, "{name: a, branches: [{name: b}]}", Tree(name="a", branches=[Tree(name="b")])),
        (dict[str, int], "{a: 1}", {"a": 1}),
        (dict[Literal["a"], int], "{a: 1}", {"a": 1}),
        (list[int], "[1]", [1]),
        (set[int], "[1]", {1}),
        (tuple[int, ...], "[1, 2]", (1, 2)),
        (tuple[int, str], "[1, a]", (1, "a")),
        (Literal["a", 1], "1", 1),
        (Literal["a"] | None, "", None),
        (Colour, "red", Colour.RED),
        (int | Colour, "blue", Colour.BLUE),
        (int | Literal["auto"], "auto", "auto"),
        (str | list[str], "[a]", ["a"]),
        (bool, "true", True),
        (float, "1", 1.0),
        (float, "1.5", 1.5),
        (Annotated[int, Meta(ge=1, le=3)], "3", 3),
        (Annotated[int, Meta(ge=1, description="a count")], "1", 1),
        (Annotated[str, Meta(min_length=1, max_length=2, pattern="^a")], "ab", "ab"),
        (dt.date, "2026-11-23", dt.date(2026, 11, 23)),
        (dt.datetime, "2026-11-23T10:00:00Z", dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)),
        (dt.time, "'10:00:00'", dt.time(10)),
        (Decimal, "0.04", Decimal("0.04")),
        (Decimal, "'0.040'", Decimal("0.040")),
        (uuid.UUID, "00000000-0000-0000-0000-000000000001", uuid.UUID(int=1)),
        (bytes, "YQ==", b"a"),
        (Any, "{a: [1]}", {"a": [1]}),
    ],
)
def test_what_fits_becomes_the_object(tmp_path: Path, type_: Any, text: str, value: object) -> None:
    assert decode(document(tmp_path, text), type_) == (value, [])


@pytest.mark.parametrize(
    ("type_", "text", "told"),
    [
        (Plain, "{from: a, too: 1}", [
            '1:11 error[unknown-key] too is not a key here; allowed are to did you mean "to"?'
        ]),
        (Plain, "{from: a, to: 1, x: 1}", ["1:18 error[unknown-key] x is not a key here; nothing more is allowed"]),
        (Plain, "{from: a, form: b}", ["1:11 error[unknown-key] form is not a key here; allowed are to"]),
        (Plain, "to: 1", ['1:1 error[missing-key] the file lacks the key "from", which must be text']),
        (Plain, "[1]", ["1:1 error[wrong-type] the file is a list; expected a mapping"]),
        (Plain, "{from: 1, to: x}", [
            "1:8 error[wrong-type] from is a whole number; expected text",
            "1:15 error[wrong-type] to is text; expected a whole number or empty",
        ]),
        (Tree, "{name: a, branches: [{name: b, branches: x}, {nam: c}]}", [
            "1:42 error[wrong-type] branches[0].branches is text; expected a list",
            '1:47 error[unknown-key] branches[1].nam is not a key here; allowed are name, branches'
            ' did you mean "name"?',
            '1:46 error[missing-key] branches[1] lacks the key "name", which must be text',
        ]),
        (Circle, "{type: cirle, radius: 1}", [
            '1:8 error[unknown-value] type is "cirle"; allowed is "circle" did you mean "circle"?'
        ]),
        (Circle, "{radius: 1, typ: circle}", [
            '1:13 error[unknown-key] typ is not a key here; allowed are type did you mean "type"?'
        ]),
        (Circle | Square, "{edge: 1}", [
            '1:1 error[missing-key] the file lacks the key "type", which must be one of "circle", "square"'
        ]),
        (Circle | Square, "{type: sqare, edge: 1}", [
            '1:8 error[unknown-value] type is "sqare"; allowed is "circle" or "square" did you mean "square"?'
        ]),
        (Circle | Square, "{type: [a]}", [
            '1:8 error[unknown-value] type is a list; allowed is "circle" or "square"'
        ]),
        (Circle | Square, "{type: square, edge: x}", ["1:22 error[wrong-type] edge is text; expected a whole number"]),
        (Circle | Square | None, "x", ["1:1 error[wrong-type] the file is text; expected a mapping or empty"]),
        (dict[str, int], "{a: x, b: 1, c: true}", [
            "1:5 error[wrong-type] a is text; expected a whole number",
            "1:17 error[wrong-type] c is true or false; expected a whole number",
        ]),
        (dict[str, int], "x", ["1:1 error[wrong-type] the file is text; expected a mapping"]),
        (dict[Literal["high", "low"], int], "{hig: 1}", [
            '1:2 error[unknown-key] hig is not a key here; allowed are high, low did you mean "high"?'
        ]),
        (Annotated[dict[str, int], Meta(min_length=1)], "{}", [
            "1:1 error[wrong-length] the file has 0 entries; allowed is at least 1"
        ]),
        (Annotated[list[int], Meta(min_length=1, max_length=2)], "[1, 2, 3]", [
            "1:1 error[wrong-length] the file has 3 items; allowed is 1 to 2"
        ]),
        (tuple[int, str], "[x]", [
            "1:1 error[wrong-length] the file has 1 items; expected 2",
            "1:2 error[wrong-type] [0] is text; expected a whole number",
        ]),
        (list[int], "", ["f.yaml error[wrong-type] the file is empty; expected a list"]),
        (Literal["low", "high"], "hihg", [
            '1:1 error[unknown-value] the file is "hihg"; allowed is "high" or "low" did you mean "high"?'
        ]),
        (Literal["1", 2], "1", ['1:1 error[unknown-value] the file is 1; allowed is 2 or "1"']),
        (Literal["a"], "true", ['1:1 error[unknown-value] the file is true; allowed is "a"']),
        (Literal["a"], "{}", ['1:1 error[unknown-value] the file is a mapping; allowed is "a"']),
        (Literal["a"] | None, "{}", ['1:1 error[wrong-type] the file is a mapping; expected "a" or empty']),
        (Colour, "blu", [
            '1:1 error[unknown-value] the file is "blu"; allowed is "red" or "blue" did you mean "blue"?'
        ]),
        (Literal["a"] | None, "b", ['1:1 error[unknown-value] the file is "b"; allowed is "a"']),
        (Colour | int, "[]", ['1:1 error[wrong-type] the file is a list; expected "red", "blue" or a whole number']),
        (str | list[str], "{a: 1}", ["1:1 error[wrong-type] the file is a mapping; expected text or a list"]),
        (str | list[int], "[x]", ["1:2 error[wrong-type] [0] is text; expected a whole number"]),
        (bool, "1", ["1:1 error[wrong-type] the file is a whole number; expected true or false"]),
        (int, "1.0", ["1:1 error[wrong-type] the file is a number; expected a whole number"]),
        (float, "x", ["1:1 error[wrong-type] the file is text; expected a number"]),
        (str, "", ["f.yaml error[wrong-type] the file is empty; expected text"]),
        (bytes, "x", ["1:1 error[wrong-value] the file: Invalid base64 encoded string"]),
        (Literal["a"] | bool, "1", ['1:1 error[wrong-type] the file is a whole number; expected "a" or true or false']),

        (Annotated[int, Meta(ge=1, le=3)], "4", [
            "1:1 error[out-of-range] the file is 4; allowed is a number from 1 up to 3"
        ]),
        (Annotated[float, Meta(gt=0, lt=1)], "0", [
            "1:1 error[out-of-range] the file is 0; allowed is a number above 0 below 1"
        ]),
        (Annotated[int, Meta(multiple_of=16)], "24", [
            "1:1 error[out-of-range] the file is 24; allowed is a number in steps of 16"
        ]),
        (Annotated[str, Meta(min_length=1)], "''", [
            "1:1 error[wrong-length] the file has 0 characters; allowed is at least 1"
        ]),
        (Annotated[str, Meta(pattern="^a")], "b", ['1:1 error[wrong-value] the file is "b"; it must match ^a']),
        (dt.date, "2026-13-01", [
            '1:1 error[wrong-value] the file is "2026-13-01"; expected a date such as 2026-11-23'
        ]),
        (dt.date, "1", ["1:1 error[wrong-type] the file is a whole number; expected a date such as 2026-11-23"]),
        (Decimal, "x", ['1:1 error[wrong-value] the file is "x"; expected a number']),
        (Decimal, "true", ["1:1 error[wrong-type] the file is true or false; expected a number"]),
        (dict[str, Judging], "{a: {low: 2, high: 1}}", ["1:1 error[wrong-value] the file: low is above high"]),
        (list[Judging], "[{low: 2, high: 1}]", ["1:2 error[wrong-value] [0]: low is above high"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_whole(tmp_path: Path, type_: Any, text: str, told: list[str]) -> None:
    assert [line.replace(f"{tmp_path}/", "") for line in faults(tmp_path, text, type_)] == told


class Every(Struct, frozen=True, kw_only=True):
    a: bool
    b: float
    c: dict[str, int]
    d: list[int] | None
    e: Literal["x", "y"]
    f: dt.date
    g: bytes


def test_missing_keys_say_what_they_must_be(tmp_path: Path) -> None:
    messages = [line.partition("which must be ")[2] for line in faults(tmp_path, "{}", Every)]

    assert messages == [
        "true or false",
        "a number",
        "a mapping",
        "a list or empty",
        '"x" or "y"',
        "a date such as 2026-11-23",
        "a value",
    ]


def test_a_missing_key_is_placed_at_the_key_of_the_mapping_that_lacks_it(tmp_path: Path) -> None:
    assert faults(tmp_path, "a:\n  to: 1\n", dict[str, Plain]) == [
        '1:1 error[missing-key] a lacks the key "from", which must be text'
    ]


def test_long_lists_of_choices_are_cut(tmp_path: Path) -> None:
    many = Literal[tuple(f"v{number:02}" for number in range(22))]  # type: ignore[valid-type]  # made at run time

    (told,) = faults(tmp_path, "nothing", many)

    assert told == (
        '1:1 error[unknown-value] the file is "nothing"; allowed is '
        + ", ".join(f'"v{number:02}"' for number in range(20))
        + " or 2 more"
    )


def test_a_part_of_a_document_can_be_decoded(tmp_path: Path) -> None:
    both = document(tmp_path, "good: {from: a}\nbad: {from: 1}\n")

    assert decode(both, Plain, ("good",)) == (Plain(from_="a"), [])
    assert [issue.message for issue in decode(both, Plain, ("bad",))[1]] == [
        "bad.from is a whole number; expected text"
    ]


def test_what_was_told_already_is_passed_over(tmp_path: Path) -> None:
    odd = document(tmp_path, "{from: [a], x: 1, to: 2}")

    assert decode(odd, Plain, told={("from",), ("x",)}) == (None, [])


def test_missing_keys_and_tags_that_were_told_are_passed_over(tmp_path: Path) -> None:
    assert decode(document(tmp_path, "{}"), Plain, told={("from",)}) == (None, [])
    assert decode(document(tmp_path, "{type: 1, edge: 1}"), Circle | Square, told={("type",)}) == (None, [])


@pytest.mark.parametrize(
    ("name", "found"),
    [("quailty", "quality"), ("SIZE", "size"), ("dall_e_3", "dall-e-3"), ("xyz", None)],
)
def test_the_closest_name_is_found_whatever_its_case(name: str, found: str | None) -> None:
    names = ["quality", "size", "dall-e-3"]

    assert closest(name, names) == found
    assert did_you_mean(name, names) == (f'did you mean "{found}"?' if found else "")
