"""What a refused caller reads of a parameter, each sentence in full; and the limits, on both sides."""

from typing import Any

import pytest

from case_pictures import picture
from fakes.checked import GRID, USER_ERROR, only, request, spec
from imageway.contract.check import violations
from imageway.contract.errors import Violation
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.spec import (
    Choice,
    Flag,
    Group,
    Integer,
    Param,
    Size,
    Text,
)


def test_a_request_within_the_spec_has_no_violations() -> None:
    assert violations(request(n=2), spec({"n": Integer(min=1, max=10)})) == ()


def test_an_operation_that_the_model_lacks() -> None:
    asked = ImageRequest(operation=Operation.EDIT, model="house-model", params={"nonsense": 1})

    assert only(asked, spec({})) == Violation(
        param="model",
        message="The model 'house-model' has no edit operation: it only draws. It does: generate.",
        code="invalid_value",
        type=USER_ERROR,
        value="house-model",
        allowed=["generate"],
    )


def test_an_operation_that_nobody_wrote_a_reason_for() -> None:
    asked = ImageRequest(operation=Operation.VARIATION, model="m", params={})

    assert only(asked, spec({})).message == (
        "The model 'm' has no variation operation: m has no variation operation. It does: generate."
    )


def test_an_unknown_parameter() -> None:
    assert only(request(seed=42), spec({"n": Integer(min=1, max=10)})) == Violation(
        param="seed",
        message="Unknown parameter: 'seed'. Parameters here: 'n' and 'prompt'.",
        code="unknown_parameter",
        value=42,
        allowed=["n", "prompt"],
    )


def test_an_unknown_file() -> None:
    assert only(request(images=(picture(),)), spec({})) == Violation(
        param="image",
        message="Unknown parameter: 'image'. This operation takes no such file.",
        code="unknown_parameter",
        allowed="nothing",
    )
    assert only(request(mask=picture()), spec({})).param == "mask"


def test_a_missing_prompt() -> None:
    asked = ImageRequest(operation=Operation.GENERATE, model="m", params={})

    assert only(asked, spec({})) == Violation(
        param="prompt",
        message="Missing required parameter: 'prompt'.",
        code="missing_required_parameter",
        allowed="text of 1 to 10 characters",
    )


def test_a_missing_text_without_a_limit() -> None:
    caption = Text(required=True, min_chars=2)

    assert only(request(), spec({"caption": caption})).allowed == "text of at least 2 characters"
    assert only(request(caption="x"), spec({"caption": caption})).allowed == "at least 2 characters"


def test_an_empty_prompt() -> None:
    assert only(request(prompt=""), spec({})) == Violation(
        param="prompt",
        message="Invalid 'prompt': empty string. Expected a string with minimum length 1.",
        code="empty_string",
        allowed="1 to 10 characters",
    )


def test_a_long_prompt_is_counted_and_never_repeated() -> None:
    assert only(request(prompt="x" * 11), spec({})) == Violation(
        param="prompt",
        message=(
            "Invalid 'prompt': string too long. Expected a string with maximum length 10,"
            " but got a string with length 11 instead."
        ),
        code="string_above_max_length",
        allowed="1 to 10 characters",
    )


@pytest.mark.parametrize("letter", ["x", "é", "狐", "🦊"])
def test_a_prompt_is_counted_in_code_points(letter: str) -> None:
    assert violations(request(prompt=letter * 10), spec({})) == ()
    assert only(request(prompt=letter * 11), spec({})).code == "string_above_max_length"


def test_white_space_is_a_prompt() -> None:
    assert violations(request(prompt=" "), spec({})) == ()


@pytest.mark.parametrize(
    ("param", "value", "expected", "allowed"),
    [
        (Text(), 5, "a string, but got an integer", "text"),
        (Text(nullable=False), None, "a string, but got null", "text"),
        (Integer(min=1, max=10), "2", "an integer, but got a string", "1 to 10"),
        (Integer(min=1, max=10), 1.5, "an integer, but got a decimal number", "1 to 10"),
        (Integer(min=1, max=10), True, "an integer, but got a boolean", "1 to 10"),
        (Choice(values=["a", "b"]), 1, "one of 'a' or 'b', but got an integer", ["a", "b"]),
        (Flag(), "true", "a boolean, but got a string", [True, False]),
        (Size(values=["auto"]), 1024, "a string, but got an integer", ["auto"]),
        (Group(fields={"model": Text()}), "x", "an object, but got a string", ["model"]),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_value_of_the_wrong_type(param: Param, value: Any, expected: str, allowed: object) -> None:
    assert only(request(p=value), spec({"p": param})) == Violation(
        param="p",
        message=f"Invalid type for 'p': expected {expected} instead.",
        code="invalid_type",
        value=value,
        allowed=allowed,  # type: ignore[arg-type]  # the table's column
    )


@pytest.mark.parametrize(("value", "word"), [([1], "an array"), ({"a": 1}, "an object")])
def test_a_nested_value_is_told_by_its_type_only(value: Any, word: str) -> None:
    found = only(request(n=value), spec({"n": Integer(min=1, max=10)}))

    assert found.message == f"Invalid type for 'n': expected an integer, but got {word} instead."
    assert found.value == word


@pytest.mark.parametrize(
    "param",
    [
        Text(),
        Integer(min=1, max=10),
        Choice(values=["a"]),
        Flag(),
        Size(values=["auto"]),
        Group(fields={"model": Text()}),
    ],
    ids=lambda param: type(param).__name__,
)
def test_null_counts_as_left_out_where_the_vendor_takes_it(param: Param) -> None:
    assert violations(request(p=None), spec({"p": param})) == ()


@pytest.mark.parametrize("n", [1, 10])
def test_n_within_its_range(n: int) -> None:
    assert violations(request(n=n), spec({"n": Integer(min=1, max=10)})) == ()


def test_n_below_its_range() -> None:
    assert only(request(n=0), spec({"n": Integer(min=1, max=10)})) == Violation(
        param="n",
        message="Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
        code="integer_below_min_value",
        value=0,
        allowed="1 to 10",
    )


def test_n_above_its_range() -> None:
    assert only(request(n=11), spec({"n": Integer(min=1, max=10)})) == Violation(
        param="n",
        message="Invalid 'n': integer above maximum value. Expected a value <= 10, but got 11 instead.",
        code="integer_above_max_value",
        value=11,
        allowed="1 to 10",
    )


def test_a_choice_that_is_not_listed() -> None:
    assert only(request(quality="ultra"), spec({"quality": Choice(values=["low", "high", "auto"])})) == Violation(
        param="quality",
        message="Invalid value: 'ultra'. Supported values are: 'low', 'high', and 'auto'.",
        code="invalid_value",
        value="ultra",
        allowed=["low", "high", "auto"],
    )


def test_a_choice_where_there_is_one_value_only() -> None:
    found = only(request(quality="hd"), spec({"quality": Choice(values=["standard"])}))

    assert found.message == "Invalid value: 'hd'. Value must be 'standard'."


def test_a_long_value_is_cut() -> None:
    found = only(request(quality="x" * 65), spec({"quality": Choice(values=["standard"])}))

    assert found.value == "x" * 64 + "…"
    assert found.message == f"Invalid value: '{'x' * 64}…'. Value must be 'standard'."


def test_a_size_that_is_not_listed() -> None:
    assert only(request(size="300x300"), spec({"size": Size(values=["256x256", "512x512"])})) == Violation(
        param="size",
        message="Invalid size '300x300'. Supported sizes are: '256x256' and '512x512'.",
        code="invalid_value",
        type=USER_ERROR,
        value="300x300",
        allowed=["256x256", "512x512"],
    )


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ("bogus", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("01024x1024", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("1024x1024\n", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("1024X1024", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("1024x1032", "Width and height must both be divisible by 16."),
        ("1032x1024", "Width and height must both be divisible by 16."),
        ("3856x2144", "The longest edge must be less than or equal to 3840."),
        ("1040x3856", "The longest edge must be less than or equal to 3840."),
        ("3088x1024", "The longer edge must not exceed 3 times the shorter one."),
        ("1024x3088", "The longer edge must not exceed 3 times the shorter one."),
        ("1024x624", "Requested resolution is below the current minimum pixel budget of 655360 pixels."),
        ("3840x2176", "Requested resolution is above the current maximum pixel budget of 8294400 pixels."),
    ],
)
def test_a_size_off_the_grid(size: str, reason: str) -> None:
    assert only(request(size=size), spec({"size": Size(values=["auto"], grid=GRID)})) == Violation(
        param="size",
        message=f"Invalid size '{size}'. {reason}",
        code="invalid_value",
        type=USER_ERROR,
        value=size,
        allowed=[
            "auto",
            "WIDTHxHEIGHT in steps of 16 px, edges up to 3840 px, at most 3:1, 655360 to 8294400 pixels",
        ],
    )


@pytest.mark.parametrize("size", ["auto", "1024x1024", "3072x1024", "1024x3072", "1024x640", "3840x2160", "2160x3840"])
def test_a_size_on_the_edge_of_the_grid(size: str) -> None:
    assert violations(request(size=size), spec({"size": Size(values=["auto"], grid=GRID)})) == ()
