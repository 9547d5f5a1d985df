"""What a refused caller reads of parameters that depend on each other, each sentence in full."""

from typing import Any

import pytest

from fakes.checked import COMPRESSION, FORMATS, USER_ERROR, only, request, spec
from imageway.contract.check import violations
from imageway.contract.errors import Violation
from imageway.contract.spec import (
    Choice,
    Flag,
    Group,
    Integer,
    Param,
    Text,
)

SVG = Group(
    fields={"model": Text(), "reasoning": Group(fields={"effort": Choice(values=["low", "high"])})},
    only_with={"output_format": ["svg"]},
)


def test_an_unknown_field_of_an_object() -> None:
    asked = request(output_format="svg", svg={"colour": "red", "reasoning": {"depth": 3}})

    assert violations(asked, spec({"output_format": FORMATS, "svg": SVG})) == (
        Violation(
            param="svg.colour",
            message="Unknown parameter: 'svg.colour'. Parameters here: 'model' and 'reasoning'.",
            code="unknown_parameter",
            allowed=["model", "reasoning"],
        ),
        Violation(
            param="svg.reasoning.depth",
            message="Unknown parameter: 'svg.reasoning.depth'. Parameters here: 'effort'.",
            code="unknown_parameter",
            allowed=["effort"],
        ),
    )


def test_a_bad_field_of_an_object() -> None:
    found = only(
        request(output_format="svg", svg={"model": "m", "reasoning": {"effort": "huge"}}),
        spec({"output_format": FORMATS, "svg": SVG}),
    )

    assert (found.param, found.message) == (
        "svg.reasoning.effort",
        "Invalid value: 'huge'. Supported values are: 'low' and 'high'.",
    )


def test_an_object_for_another_format() -> None:
    found = only(request(svg={"model": "m"}), spec({"output_format": FORMATS, "svg": SVG}))

    assert found == Violation(
        param="svg",
        message="'svg' is an object, which needs output_format 'svg'; output_format is 'png'.",
        code="invalid_value",
        value="an object",
        allowed="only with output_format 'svg'",
    )


def test_compression_of_a_format_without_any() -> None:
    found = only(request(output_compression=99), spec({"output_format": FORMATS, "output_compression": COMPRESSION}))

    assert found == Violation(
        param="output_compression",
        message=(
            "Compression less than 100 is not supported for PNG output format; it needs output_format 'jpeg' or 'webp'."
        ),
        code="invalid_png_output_compression",
        type=USER_ERROR,
        value=99,
        allowed="100, or output_format 'jpeg' or 'webp'",
    )


def test_compression_of_a_format_other_than_png() -> None:
    found = only(
        request(output_compression=99, output_format="svg"),
        spec({"output_format": FORMATS, "output_compression": COMPRESSION}),
    )

    assert (found.code, found.message) == (
        "invalid_value",
        "'output_compression' is 99, which needs output_format 'jpeg' or 'webp'; output_format is 'svg'.",
    )


@pytest.mark.parametrize(
    "params",
    [
        {"output_compression": 100},
        {"output_compression": None},
        {"output_compression": 99, "output_format": "jpeg"},
        {"output_compression": 0, "output_format": "webp"},
    ],
    ids=str,
)
def test_compression_that_is_harmless_or_met(params: dict[str, Any]) -> None:
    assert violations(request(**params), spec({"output_format": FORMATS, "output_compression": COMPRESSION})) == ()


def test_a_condition_takes_null_for_the_default() -> None:
    found = only(
        request(output_compression=50, output_format=None),
        spec({"output_format": FORMATS, "output_compression": COMPRESSION}),
    )

    assert found.code == "invalid_png_output_compression"


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"output_compression": "50"}, "output_compression"),
        ({"output_compression": 101}, "output_compression"),
        ({"output_compression": 50, "output_format": "jpg"}, "output_format"),
    ],
    ids=str,
)
def test_a_faulty_value_is_told_once_and_meets_no_conditions(params: dict[str, Any], param: str) -> None:
    found = only(request(**params), spec({"output_format": FORMATS, "output_compression": COMPRESSION}))

    assert found.param == param


BACKGROUND = Choice(
    values=["transparent", "opaque"], values_only_with={"transparent": {"output_format": ["png", "webp"]}}
)


def test_a_transparent_background_of_a_format_without_alpha() -> None:
    assert only(
        request(background="transparent", output_format="jpeg"),
        spec({"output_format": FORMATS, "background": BACKGROUND}),
    ) == Violation(
        param="background",
        message=(
            "Transparent background is not supported for JPEG output format; it needs output_format 'png' or 'webp'."
        ),
        code="invalid_value",
        value="transparent",
        allowed="only with output_format 'png' or 'webp'",
    )


@pytest.mark.parametrize(
    "params",
    [
        {"background": "opaque", "output_format": "jpeg"},
        {"background": "transparent"},
        {"background": "transparent", "output_format": "webp"},
    ],
    ids=str,
)
def test_a_background_that_its_format_can_show(params: dict[str, Any]) -> None:
    assert violations(request(**params), spec({"output_format": FORMATS, "background": BACKGROUND})) == ()


def test_a_choice_that_needs_another_parameter() -> None:
    pace = Choice(values=["slow"], only_with={"stream": [True]})

    assert only(request(pace="slow"), spec({"stream": Flag(), "pace": pace})).message == (
        "'pace' is 'slow', which needs stream 'true'; stream is 'false'."
    )
    assert violations(request(pace="slow", stream=True), spec({"stream": Flag(), "pace": pace})) == ()


@pytest.mark.parametrize(
    ("name", "value", "told", "allowed"),
    [("n", 2, "2", 1), ("stream", True, "true", False), ("partial_images", 1, "1", 0)],
)
def test_an_svg_is_drawn_alone_and_at_once(name: str, value: Any, told: str, allowed: Any) -> None:
    params: dict[str, Param] = {
        "output_format": FORMATS,
        "n": Integer(min=1, max=10),
        "stream": Flag(),
        "partial_images": Integer(min=0, max=3),
    }
    model = spec(params, rules=["svg_draws_one"])

    assert only(request(output_format="svg", **{name: value}), model) == Violation(
        param=name,
        message=f"'{name}' is {told}; with output_format 'svg' it must be {str(allowed).lower()}.",
        code="invalid_value",
        value=value,
        allowed=[allowed],
    )
    assert violations(request(output_format="svg", **{name: allowed}), model) == ()
    assert violations(request(output_format="svg", **{name: None}), model) == ()
    assert violations(request(output_format="png", **{name: value}), model) == ()
