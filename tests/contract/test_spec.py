"""Tests of imageway.contract.spec."""

from datetime import date

import msgspec
import pytest

from imageway.contract.request import JsonValue, Operation
from imageway.contract.spec import (
    Choice,
    Flag,
    Group,
    Integer,
    Lifecycle,
    ModelSpec,
    OperationSpec,
    Output,
    Param,
    Price,
    Size,
    Text,
    TokenPrices,
    default_of,
)

SPEC = ModelSpec(
    kind="openai",
    model="dall-e-3",
    family="dall-e",
    checked=date(2026, 11, 23),
    lifecycle=Lifecycle(status="shut_down", shutdown_date=date(2026, 5, 12), source="test"),
    operations={Operation.GENERATE: OperationSpec(params={"n": Integer(min=1, max=1)}, output=Output(), source="test")},
    price=Price(source="test"),
    unsupported={Operation.EDIT: "it never edited"},
)


def test_a_spec_is_named_by_kind_and_model() -> None:
    assert SPEC.name == "openai/dall-e-3"


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (Operation.EDIT, "it never edited"),
        (Operation.VARIATION, "dall-e-3 has no variation operation"),
    ],
)
def test_a_spec_says_why_it_lacks_an_operation(operation: Operation, reason: str) -> None:
    assert SPEC.reason_without(operation) == reason


def test_a_spec_survives_the_wire_and_stays_small() -> None:
    wire = msgspec.json.encode(SPEC)

    assert msgspec.json.decode(wire, type=ModelSpec) == SPEC
    assert msgspec.json.decode(wire)["operations"]["generate"] == {
        "params": {"n": {"type": "integer", "min": 1, "max": 1}},
        "output": {},
        "source": "test",
        "bodies": ["json"],
    }


def test_prices_stay_exact() -> None:
    prices = msgspec.convert({"text_input": 0.1, "image_input": 0.2, "image_output": 40}, TokenPrices)

    assert str(prices.text_input + prices.image_input) == "0.3"


@pytest.mark.parametrize(
    ("param", "default"),
    [
        (Integer(min=0, max=3, default=0), 0),
        (Choice(values=["png"], default="png"), "png"),
        (Choice(values=["png"]), None),
        (Flag(), False),
        (Size(values=["auto"], default="auto"), "auto"),
        (Text(), None),
        (Group(fields={}), None),
    ],
    ids=lambda part: type(part).__name__,
)
def test_a_parameter_left_out_has_its_default(param: Param, default: JsonValue) -> None:
    assert default_of({"p": param}, "p") == default
    assert default_of({"p": param}, "q") is None
