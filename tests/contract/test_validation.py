"""How strictly a model's callers are checked, and what a tolerant model forgives."""

import pytest

from imageway.contract.request import ImageRequest, JsonValue, Operation
from imageway.contract.validation import DROP_RESPONSE_FORMAT, Validation, forgiven, violations_under
from imageway.providers.catalogue import load_catalogue

CATALOGUE = load_catalogue()
GPT_IMAGE = CATALOGUE["openai/gpt-image-1"]


def asks(**params: JsonValue) -> ImageRequest:
    return ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite", **params})


@pytest.mark.parametrize("value", ["b64_json", None])
def test_base64_is_forgiven_where_nothing_else_is_answered(value: JsonValue) -> None:
    assert forgiven(asks(n=2, response_format=value), GPT_IMAGE) == (asks(n=2), (DROP_RESPONSE_FORMAT,))


@pytest.mark.parametrize(
    "request_",
    [asks(), asks(response_format="url"), asks(response_format=True), asks(response_format=["b64_json"]), asks(seed=1)],
    ids=lambda request: str(request.params),
)
def test_whatever_would_be_missed_is_left_as_it_is(request_: ImageRequest) -> None:
    assert forgiven(request_, GPT_IMAGE) == (request_, ())


def test_a_parameter_that_the_model_has_stays() -> None:
    request = asks(response_format="b64_json")

    assert forgiven(request, CATALOGUE["openai/dall-e-3"]) == (request, ())


def test_an_operation_that_the_model_has_not_is_left_to_the_check() -> None:
    edit = ImageRequest(operation=Operation.EDIT, model="m", params={"response_format": "b64_json"})

    assert forgiven(edit, CATALOGUE["openai/dall-e-3"]) == (edit, ())


@pytest.mark.parametrize(
    ("validation", "faults"), [("strict", ["response_format", "n"]), ("tolerant", ["n"]), ("off", [])]
)
def test_the_modes_differ_in_what_they_find(validation: Validation, faults: list[str]) -> None:
    found = violations_under(validation, asks(n=11, response_format="b64_json"), GPT_IMAGE)

    assert [violation.param for violation in found] == faults
