"""The check against the vendors' rules: each case of tests/cases/validation-cases.json that it decides."""

import json
from pathlib import Path
from typing import Any

import pytest

from case_pictures import picture
from imageway.contract.check import violations
from imageway.contract.request import ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.sniff import image_input
from imageway.contract.spec import ModelSpec
from imageway.contract.wire import typed_form
from imageway.providers.catalogue import load_catalogue

Case = dict[str, Any]

CASES: list[Case] = json.loads(
    (Path(__file__).parents[1] / "cases" / "validation-cases.json").read_text(encoding="utf-8")
)["cases"]

# What the check doesn't decide, by rule, with the reason and exactly these cases.
ELSEWHERE = {
    "R-JSON-EDIT": (
        "names and shapes of the fields that carry pictures: settled by the HTTP layer before there is a request",
        {"V070", "V240", "V241", "V243", "V244", "V245", "V248"},
    ),
    "R-MODEL-KNOWN": (
        "which names there are is the registry's business",
        {"V353"},
    ),
    "R-LIFECYCLE": (
        "a shutdown date is held against the gateway's clock by the engine",
        {"V354", "V355", "V356", "V358", "V360"},
    ),
}
# The sources disagree about these; the table itself says to keep them out.
AMBIGUOUS = {"V210"}

DECIDED = [case for case in CASES if case["rule"] not in ELSEWHERE and not case.get("ambiguous")]


@pytest.fixture(scope="module")
def catalogue() -> dict[str, ModelSpec]:
    return dict(load_catalogue())


def _spec_of(case: Case, catalogue: dict[str, ModelSpec]) -> ModelSpec:
    return catalogue[f"{case['provider'].removesuffix('_openai')}/{case['model']}"]


def _request_of(case: Case, spec: ModelSpec) -> ImageRequest:
    operation = Operation(case["operation"])
    params = {name: _value(value) for name, value in case["request"].items()}
    if case["transport"] == "multipart" and operation in spec.operations:
        params = typed_form(
            ((name, _as_text(value)) for name, value in params.items()), spec.operations[operation].params
        )
    files = [(file["field"].removesuffix("[]"), _file(file)) for file in case["files"]]
    return ImageRequest(
        operation=operation,
        model=case["model"],
        params=params,
        images=tuple(file for field, file in files if field == "image"),
        mask=next((file for field, file in files if field == "mask"), None),
    )


def _value(value: Any) -> JsonValue:
    if isinstance(value, dict) and "$repeat" in value:
        text, times = value["$repeat"]
        return str(text) * int(times)
    return value  # type: ignore[no-any-return]  # straight from JSON


def _as_text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _file(file: Case) -> ImageInput:
    return image_input(
        picture(
            file["format"],
            file["width"],
            file["height"],
            mode=file["mode"],
            transparent=file["alpha"] == "some",
            padded_to=file["bytes"],
        ),
        file["filename"],
    )


def _id(case: Case) -> str:
    return "-".join(case[key] for key in ("id", "provider", "model", "operation", "rule", "expect"))


@pytest.mark.parametrize("case", DECIDED, ids=_id)
def test_a_request_is_judged_as_the_vendor_would(case: Case, catalogue: dict[str, ModelSpec]) -> None:
    spec = _spec_of(case, catalogue)

    found = violations(_request_of(case, spec), spec)

    first = found[0].param if found else None
    assert ("reject" if found else "accept", first) == (case["expect"], case["fault_param"])


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in DECIDED
        # Azure has a code of its own for a prompt that is too long; it isn't imitated.
        if case["expect"] == "reject" and case.get("upstream", {}).get("code") not in (None, "invalidPayload")
    ],
    ids=_id,
)
def test_a_refusal_carries_the_type_and_code_of_the_vendor(case: Case, catalogue: dict[str, ModelSpec]) -> None:
    spec = _spec_of(case, catalogue)

    first = violations(_request_of(case, spec), spec)[0]

    upstream = {"type": first.type, **case["upstream"]}  # where the vendor's type isn't known, ours stands
    assert (first.type, first.code) == (upstream["type"], upstream["code"])


def test_no_case_is_left_out_without_a_reason() -> None:
    left_out = {
        rule: {case["id"] for case in CASES if case["rule"] == rule and not case.get("ambiguous")}
        for rule in {case["rule"] for case in CASES if case not in DECIDED and not case.get("ambiguous")}
    }

    assert left_out == {rule: ids for rule, (_, ids) in ELSEWHERE.items()}
    assert {case["id"] for case in CASES if case.get("ambiguous")} == AMBIGUOUS
    assert not [case["id"] for case in CASES if case.get("heavy")]
    assert len(DECIDED) == 201
