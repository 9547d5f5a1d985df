"""OpenAI's dialect: what leaves the gateway is what a client reads back."""

import json
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from msgspec import UNSET

from imageway.contract.cards import ModelCard, card_body, cards_body, read_cards
from imageway.contract.errors import ErrorCode, ImageError, UnknownModelError, UnsupportedError, Violation
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import GeneratedImage, ImageResult, TokenDetails, Usage
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
    Text,
)
from imageway.contract.wire import (
    error_body,
    form_fields,
    generation_request,
    read_error,
    result_body,
    typed_form,
)
from imageway.contract.wire_result import read_result

PARAMS: dict[str, Param] = {
    "prompt": Text(required=True),
    "n": Integer(min=1, max=10),
    "stream": Flag(),
    "svg": Group(
        fields={"model": Text(), "reasoning": Group(fields={"effort": Choice(values=["low", "high"])})},
    ),
}
SPEC = ModelSpec(
    kind="openai",
    model="m",
    family="f",
    checked=date(2026, 11, 23),
    lifecycle=Lifecycle(status="active", source="s", shutdown_date=date(2027, 1, 1)),
    operations={Operation.GENERATE: OperationSpec(params=PARAMS, output=Output(), source="s")},
    price=Price(source="s", images={"low": {"1024x1024": Decimal("0.011")}}),
)


def test_a_json_body_becomes_a_request_with_nulls_kept() -> None:
    request = generation_request(b'{"prompt": "a kite", "model": "m", "n": null, "new": {"a": [1]}}')

    assert request == ImageRequest(
        operation=Operation.GENERATE, model="m", params={"prompt": "a kite", "n": None, "new": {"a": [1]}}
    )


def test_a_body_without_a_model_leaves_it_to_the_gateway() -> None:
    assert generation_request(b"{}").model == ""
    assert generation_request(b'{"model": null}').model == ""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not valid JSON: Input data was truncated."),
        (b'"x"', "The body must be a JSON object, but it is a string."),
        (b'{"model": 7}', "Invalid type for 'model': expected a string, but got an integer instead."),
        (b"[" * 100_000, "The body is nested too deeply."),
        (b'{"prompt": "\xff"}', "The body is not valid JSON: it is not UTF-8."),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        generation_request(body)

    assert (caught.value.code, caught.value.message) == (ErrorCode.INVALID_REQUEST, message)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("-1", -1), ("abc", "abc"), ("2.5", "2.5"), ("", ""), ("--1", "--1"), ("²", "²"), ("9" * 19, "9" * 19)],
)
def test_digits_are_typed_for_integers_only(text: str, value: object) -> None:
    assert typed_form([("n", text), ("prompt", "7")], PARAMS) == {"n": value, "prompt": "7"}


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("True", "True"), ("1", "1")])
def test_flags_are_true_and_false_in_lower_case(text: str, value: object) -> None:
    assert typed_form([("stream", text)], PARAMS) == {"stream": value}


def test_brackets_nest_where_the_spec_has_a_group() -> None:
    fields = [("svg[reasoning][effort]", "low"), ("svg[model]", "x"), ("other[a]", "1")]

    assert typed_form(fields, PARAMS) == {"svg": {"reasoning": {"effort": "low"}, "model": "x"}, "other[a]": "1"}


def test_brackets_that_contradict_each_other_do_no_harm() -> None:
    assert typed_form([("svg[model]", "x"), ("svg[model][y]", "z")], PARAMS) == {"svg": {"model": "x"}}


def test_values_become_the_text_that_forms_carry() -> None:
    params = {"prompt": "a", "n": 2, "stream": True, "user": None, "f": 0.5, "svg": {"reasoning": {"effort": "low"}}}

    fields = form_fields(params)

    assert fields == [("prompt", "a"), ("n", "2"), ("stream", "true"), ("f", "0.5"), ("svg[reasoning][effort]", "low")]
    assert typed_form(fields, PARAMS)["svg"] == {"reasoning": {"effort": "low"}}


def test_a_result_survives_the_wire_byte_for_byte() -> None:
    result = ImageResult(
        created=5,
        images=(GeneratedImage.from_bytes(b"\x00picture"), GeneratedImage(url="https://x/1", revised_prompt="more")),
        size="1x1",
        usage=Usage(total_tokens=3, input_tokens=1, output_tokens=2, input_tokens_details=TokenDetails(text_tokens=1)),
    )

    read = read_result(result_body(result), upstream_request_id="r")

    assert read.images[0].content == b"\x00picture"
    assert (read.images[1].url, read.images[1].revised_prompt) == ("https://x/1", "more")
    assert (read.size, read.usage, read.upstream_request_id) == ("1x1", result.usage, "r")
    assert result_body(read) == result_body(result)


def test_nulls_of_vendors_count_as_absent() -> None:
    body = b'{"created": 1, "data": [{"b64_json": null, "url": "https://x", "revised_prompt": null}], "usage": null}'

    assert json.loads(result_body(read_result(body))) == {"created": 1, "data": [{"url": "https://x"}]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "The answer is not what the Images API sends."),
        (b"[" * 100_000, "The answer is not what the Images API sends."),
        (b"{}", "The answer carries no picture."),
        (b'{"created": 1, "data": []}', "The answer carries no picture."),
        (b'{"created": 1, "data": {"b64_json": "eA=="}}', "The answer carries no picture."),
        (
            b'{"created": 1, "data": [{"b64_json": ""}, {"b64_json": 5}, {"url": ""}, {}]}',
            "The answer carries no picture.",
        ),
    ],
)
def test_an_answer_without_pictures_is_a_failure_that_may_have_cost_money(body: bytes, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_result(body)

    assert (caught.value.message, caught.value.may_have_billed) == (message, True)


def test_an_unsupported_request_is_told_whole_and_read_back_whole() -> None:
    error = UnsupportedError(
        model="m",
        violations=(
            Violation(param="n", message="too many", code="c", value=11, allowed="1 to 10", accepted_by=("o",)),
            Violation(param="size", message="too large.", code="d", type="t", allowed=["1x1"]),
        ),
        accepted_by=("o",),
    )

    body = error_body(error, "req_1")
    read = read_error(400, {}, body, model="m")

    assert json.loads(body) == {
        "error": {
            "message": "too many Also at fault: size: too large. Models here that accept this request: o.",
            "type": "invalid_request_error",
            "param": "n",
            "code": "c",
            "imageway": {
                "code": "unsupported",
                "request_id": "req_1",
                "violations": [
                    {
                        "param": "n",
                        "message": "too many",
                        "code": "c",
                        "value": 11,
                        "allowed": "1 to 10",
                        "accepted_by": ["o"],
                    },
                    {"param": "size", "message": "too large.", "code": "d", "type": "t", "allowed": ["1x1"]},
                ],
                "accepted_by": ["o"],
            },
        }
    }
    assert isinstance(read, UnsupportedError)
    assert read.violations == error.violations
    assert read.accepted_by == ("o",)


def test_an_unknown_model_is_told_with_the_known_ones() -> None:
    body = json.loads(error_body(UnknownModelError(model="x", known=["a", "b"])))

    assert body["error"]["type"] == "image_generation_user_error"
    assert body["error"]["imageway"] == {"code": "unknown_model", "known_models": ["a", "b"]}


def test_an_errors_facts_survive_the_wire() -> None:
    error = ImageError(
        ErrorCode.UPSTREAM_TIMEOUT, "late", may_have_billed=True, upstream_request_id="up", details={"a": 1}
    )

    read = read_error(504, {"retry-after": "3", "x-request-id": "h"}, error_body(error, "req_2"))

    assert (read.code, read.message, read.may_have_billed) == (ErrorCode.UPSTREAM_TIMEOUT, "late", True)
    assert (read.retry_after_s, read.upstream_request_id, read.details) == (3.0, "req_2", {"a": 1})


@pytest.mark.parametrize(
    ("code", "type_"),
    [
        (ErrorCode.RATE_LIMITED, "rate_limit_error"),
        (ErrorCode.BUDGET_EXHAUSTED, "insufficient_quota"),
        (ErrorCode.INTERNAL, "server_error"),
        (ErrorCode.FORBIDDEN, "invalid_request_error"),
    ],
)
def test_errors_of_our_own_have_types_that_clients_know(code: ErrorCode, type_: str) -> None:
    assert json.loads(error_body(ImageError(code, "x")))["error"]["type"] == type_


@pytest.mark.parametrize(
    ("status", "code", "billed"),
    [
        (400, ErrorCode.INVALID_REQUEST, False),
        (401, ErrorCode.UNAUTHENTICATED, False),
        (403, ErrorCode.FORBIDDEN, False),
        (404, ErrorCode.NOT_FOUND, False),
        (413, ErrorCode.PAYLOAD_TOO_LARGE, False),
        (429, ErrorCode.RATE_LIMITED, False),
        (502, ErrorCode.UPSTREAM_UNAVAILABLE, True),
        (504, ErrorCode.UPSTREAM_TIMEOUT, True),
    ],
)
def test_other_servers_errors_are_read_by_status(status: int, code: ErrorCode, billed: bool) -> None:
    read = read_error(status, {"retry-after": "soon"}, b"<html>")

    assert (read.code, read.may_have_billed, read.retry_after_s) == (code, billed, None)
    assert read.message == f"The gateway answered with status {status}."


def test_a_code_of_a_newer_gateway_falls_back_to_the_status() -> None:
    body = b'{"error": {"message": null, "code": 7, "imageway": {"code": "brand_new"}}}'

    read = read_error(429, {"retry-after": "-1"}, body)

    assert (read.code, read.upstream_code, read.retry_after_s) == (ErrorCode.RATE_LIMITED, "7", None)


def test_specs_survive_the_wire() -> None:
    assert read_cards(
        cards_body({"m": ModelCard(spec=SPEC), "other": ModelCard(spec=SPEC, validation="tolerant")})
    ) == {
        "m": ModelCard(spec=SPEC),
        "other": ModelCard(spec=SPEC, validation="tolerant"),
    }
    assert json.loads(card_body("m", ModelCard(spec=SPEC)))["imageway"]["spec"]["price"]["images"] == {
        "low": {"1024x1024": "0.011"}
    }


@pytest.mark.parametrize("told", ["", ', "validation": null', ', "validation": "lenient"', ', "validation": {"as": 1}'])
def test_a_validation_that_is_not_known_counts_as_strict(told: str) -> None:
    spec = msgspec.json.encode(SPEC).decode()
    body = f'{{"data": [{{"id": "m", "imageway": {{"schema": 1, "spec": {spec}{told}}}}}]}}'

    assert read_cards(body.encode()) == {"m": ModelCard(spec=SPEC, validation="strict")}


def test_models_of_other_servers_have_no_spec() -> None:
    assert read_cards(b'{"object": "list", "data": [{"id": "x", "object": "model"}]}') == {}


def test_a_list_that_is_none_is_told() -> None:
    with pytest.raises(ImageError, match="is this a gateway"):
        read_cards(b"[]")


@pytest.mark.parametrize(
    "beside",
    [
        b'"usage": {}',
        b'"usage": {"total_tokens": null, "input_tokens": 1, "output_tokens": 1, "input_tokens_details": null}',
        b'"size": 5, "quality": null, "background": {}',
        b'"created": 1.5',
        b'"created": null, "new": [1, 2]',
    ],
)
def test_a_picture_is_kept_whatever_stands_beside_it(beside: bytes) -> None:
    read = read_result(b'{"data": [{"b64_json": null}, {"b64_json": "eA=="}], ' + beside + b"}")

    assert [image.content for image in read.images] == [b"x"]
    assert read.created > 1_700_000_000
    assert (read.usage, read.size, read.background) == (UNSET, UNSET, UNSET)
