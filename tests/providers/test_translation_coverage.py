"""What a target can do for a contract, and the page that tells callers of the rules."""

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from imageway.contract.check import violations
from imageway.contract.request import Operation
from imageway.contract.spec import Choice, ModelSpec, Param, Size, SizeGrid
from imageway.providers.catalogue import load_catalogue
from imageway.providers.translation import RULES, Coverage, coverage, rules_between, translated
from imageway.providers.translation._coverage import minimal_request

CATALOGUE = load_catalogue()
PAGE = (Path(__file__).parents[2] / "docs" / "translation.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
TO_LAST_GENERATION = {
    "openai/dall-e-2": ["size", "quality", "response-format", "mask-from-alpha"],
    "openai/dall-e-3": ["size", "quality", "style", "response-format", "null"],
    "openai/gpt-image-1": ["input-fidelity", "null"],
    "azure/dall-e-2": ["size", "quality", "response-format"],
    "azure/dall-e-3": ["size", "quality", "style", "response-format"],
}


def generating(spec: ModelSpec, **params: Param) -> ModelSpec:
    """*spec* with generations only, some of their parameters replaced."""
    generate = spec.operations[Operation.GENERATE]
    return replace(spec, operations={Operation.GENERATE: replace(generate, params={**generate.params, **params})})


@pytest.mark.parametrize("name", CATALOGUE)
def test_minimal_requests_keep_to_their_spec(name: str) -> None:
    for operation in CATALOGUE[name].operations:
        assert violations(minimal_request(operation, CATALOGUE[name]), CATALOGUE[name]) == ()


@pytest.mark.parametrize("target", ["openai/gpt-image-2", "openai/gpt-image-2.6-flare", "azure/gpt-image-2"])
@pytest.mark.parametrize("contract", TO_LAST_GENERATION)
def test_the_rules_that_could_fire(contract: str, target: str) -> None:
    assert [rule.name for rule in rules_between(CATALOGUE[contract], CATALOGUE[target])] == TO_LAST_GENERATION[contract]


def test_free_sizes_on_a_target_that_lists_its_own_could_need_resizing() -> None:
    grid = SizeGrid(multiple_of_px=16, max_edge_px=3840, max_ratio=3, min_pixels=10000, max_pixels=8294400)
    small = generating(CATALOGUE["openai/gpt-image-2"], size=Size(values=["auto"], default="auto", grid=grid))

    assert [rule.name for rule in rules_between(small, CATALOGUE["openai/gpt-image-1"])] == ["size"]
    assert [rule.name for rule in rules_between(small, CATALOGUE["openai/gpt-image-2"])] == ["size"]
    assert rules_between(small, small) == ()


def test_rules_that_only_refuse_or_only_lead_to_a_refusal_are_not_told() -> None:
    low_only, no_auto = CATALOGUE["openai/gpt-image-1-mini"], CATALOGUE["openai/dall-e-3"]

    assert [rule.name for rule in rules_between(low_only, CATALOGUE["openai/gpt-image-2"])] == ["null"]
    assert [rule.name for rule in rules_between(CATALOGUE["openai/gpt-image-1"], no_auto)] == [
        "response-format",
        "null",
    ]


def test_a_target_serves_what_can_be_translated() -> None:
    found = coverage(CATALOGUE["openai/dall-e-2"], CATALOGUE["openai/gpt-image-2"], translate=True)

    assert found == Coverage(
        operations=(Operation.GENERATE, Operation.EDIT),
        reasons={
            Operation.VARIATION: (
                "A variation can't be translated: it is made from a picture without a prompt, and gpt-image-2 does"
                " nothing of the kind. It does: generate, edit."
            )
        },
    )
    assert found.serves_any


def test_without_translation_requests_are_judged_as_they_are() -> None:
    contract = generating(CATALOGUE["openai/dall-e-3"], size=Size(values=["256x256"], default="256x256"))
    target = CATALOGUE["openai/gpt-image-2"]

    assert coverage(contract, target, translate=False).operations == (Operation.GENERATE,)
    assert coverage(CATALOGUE["openai/dall-e-2"], CATALOGUE["openai/dall-e-3"], translate=False).reasons == {
        Operation.EDIT: (
            "The model 'dall-e-2' has no edit operation: OpenAI edited with dall-e-2 and the GPT image models only."
            " It does: generate."
        ),
        Operation.VARIATION: (
            "The model 'dall-e-2' has no variation operation: OpenAI made variations with dall-e-2 only, and that"
            " endpoint is retired. It does: generate."
        ),
    }


def test_a_target_that_can_serve_nothing_is_told_with_the_reasons() -> None:
    found = coverage(CATALOGUE["openai/gpt-image-1"], CATALOGUE["azure/dall-e-3"], translate=True)

    assert not found.serves_any
    assert list(found.reasons) == [Operation.GENERATE, Operation.EDIT]
    assert found.reasons[Operation.EDIT] == (
        "The model 'gpt-image-1' has no edit operation: Azure edits with GPT image deployments only. It does: generate."
    )
    assert found.reasons[Operation.GENERATE].startswith("Invalid value: 'auto'. Supported values are: 'standard' and")


def test_defaults_that_the_target_refuses_do_not_hide_values_that_it_takes() -> None:
    contract = generating(
        CATALOGUE["openai/gpt-image-1"],
        size=Size(values=["300x100", "400x400"], default="300x100"),
        quality=Choice(values=["superb", "low"], default="superb"),
    )
    target, nothing = CATALOGUE["openai/gpt-image-1.5"], Size(values=["500x100"], default="500x100")

    assert coverage(contract, target, translate=True).operations == (Operation.GENERATE,)
    assert not coverage(generating(contract, size=nothing), target, translate=True).serves_any


def test_the_page_has_every_rule_in_the_codes_own_words() -> None:
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|$", PAGE, re.MULTILINE)

    assert rows == [(rule.name, rule.sentence) for rule in RULES]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example['contract']}-{example['operation']}")
def test_the_pages_examples_hold(example: dict[str, object]) -> None:
    contract, target = CATALOGUE[str(example["contract"])], CATALOGUE[str(example["target"])]
    smallest = minimal_request(Operation(str(example["operation"])), contract)
    request = replace(smallest, params=example["request"])  # type: ignore[arg-type]  # JSON of the page

    assert violations(request, contract) == ()
    found = translated(request, contract, target)

    assert {
        "sent": found.request.params,
        "rules": [*found.rules],
        "resize_to": found.resize_to and [*found.resize_to],
        "links": found.links,
    } == {key: example[key] for key in ("sent", "rules", "resize_to", "links")}


def test_the_page_has_an_example_of_each_retired_model() -> None:
    assert {example["contract"] for example in EXAMPLES} == {
        "openai/dall-e-2",
        "openai/dall-e-3",
        "openai/gpt-image-1",
    }
