"""The catalogue: every fact of tests/cases/capabilities.json is in it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from imageway.contract.request import ImageFormat, Operation
from imageway.contract.spec import Choice, Flag, Group, Integer, ModelSpec, OperationSpec, Param, Size, SizeGrid, Text
from imageway.providers.catalogue import find

TABLE = json.loads((Path(__file__).parents[1] / "cases" / "capabilities.json").read_text(encoding="utf-8"))


FACTS = {f"{fact['provider'].removesuffix('_openai')}/{fact['model']}": fact for fact in TABLE["models"]}


OPERATIONS = [(name, operation) for name, fact in FACTS.items() for operation in fact["operations"]]


STATUS = {"active": "active", "deprecated": "deprecated", "shut_down": "shut_down", "retired": "shut_down"}


# Facts that a row doesn't carry, each for its reason. A fact that is neither here nor compared fails the test.
NOT_IN_ROWS = {
    "model": {
        "requested_in_seed",  # of interest to the table only
        "notes",  # worded anew
    },
    "lifecycle": {
        "upstream_error_now",  # what the vendor answers to a name that is gone is the gateway's own wording
        "was",  # worded as a note
    },
    "operation": {
        *("path", "path_v1", "path_deployment", "method", "poll"),  # the providers' business
        "multipart_fields",  # the wire's
        "json_fields",
        "note",  # worded anew
        "notes",
        "ambiguous",
        "legacy_async",
        "reason",
        "fault_param",  # always `model`
    },
    "param": {
        "note",
        "restricted",  # needs access at the vendor; a note
        "popular",  # sizes to suggest, all of them on the grid
        "constraints",  # of svg: in words, the rule svg_draws_one
        "meaningful_only_with",  # not an error, see the note on partial_images
    },
    "response": {
        "formats",  # told by response_format, compared with it below
        "url",
        "echo_background",  # what may be echoed follows from the parameters' values
        "echo_output_format",
        "echo_quality",
        "extra_fields",
        "shape",
    },
    "images": {"max_count_source"},
    "mask": {"note", "applies_to"},
}


def test_the_catalogue_has_exactly_the_rows_of_the_table(catalogue: dict[str, ModelSpec]) -> None:
    assert sorted(catalogue) == sorted(FACTS)
    assert len(catalogue) == 19


def test_names_follow_from_kind_and_model(catalogue: dict[str, ModelSpec]) -> None:
    assert {name: spec.name for name, spec in catalogue.items()} == {name: name for name in catalogue}


@pytest.mark.parametrize("name", FACTS)
def test_a_model_is_as_in_the_table(catalogue: dict[str, ModelSpec], name: str) -> None:
    spec, fact = catalogue[name], dict(FACTS[name])
    for key in NOT_IN_ROWS["model"]:
        fact.pop(key, None)

    assert spec.model == fact.pop("model")
    assert spec.kind == fact.pop("provider").removesuffix("_openai")
    assert spec.family == fact.pop("family")
    assert spec.snapshots == fact.pop("snapshots", [])
    assert spec.checked == date.fromisoformat(TABLE["as_of"])
    _compare_lifecycle(spec, fact.pop("lifecycle"))
    _compare_price(spec, fact.pop("pricing"))
    assert {*spec.operations, *spec.unsupported} == set(fact.pop("operations"))
    assert fact == {}


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=lambda part: part)
def test_an_operation_is_as_in_the_table(catalogue: dict[str, ModelSpec], name: str, operation: str) -> None:
    spec, fact = catalogue[name], dict(FACTS[name]["operations"][operation])
    for key in NOT_IN_ROWS["operation"]:
        fact.pop(key, None)

    if not fact.pop("supported"):
        assert operation not in spec.operations
        assert spec.reason_without(Operation(operation))
        assert set(fact) == {"source"}
        return
    found = spec.operations[Operation(operation)]
    assert _sources(found.source) == _sources(fact.pop("source"))
    assert found.bodies == [{"application/json": "json"}.get(t, "multipart") for t in fact.pop("content_types")]
    assert bool(found.retired) == fact.pop("endpoint_retired", False)
    assert found.min_api_version == (fact.pop("min_api_version", "") or fact.pop("api_versions", [""])[0])
    _compare_params(found, fact)
    _compare_response(found, fact.pop("response"), fact.pop("streaming"))
    _compare_files(found, fact)
    assert fact == {}


def _compare_lifecycle(spec: ModelSpec, fact: dict[str, Any]) -> None:
    fact = {key: value for key, value in fact.items() if key not in NOT_IN_ROWS["lifecycle"]}
    notice = fact.pop("notice_date", None)
    assert notice is None or any(notice in note for note in spec.notes)
    assert spec.lifecycle.status == STATUS[fact.pop("status")]
    assert spec.lifecycle.shutdown_date == _day(fact.pop("shutdown_date"))
    assert spec.lifecycle.released == _day(fact.pop("released", None))
    assert spec.lifecycle.successors == fact.pop("replacement", [])
    assert _sources(spec.lifecycle.source) == _sources(fact.pop("source"))
    assert fact == {}


def _compare_price(spec: ModelSpec, fact: dict[str, Any]) -> None:
    fact = dict(fact)
    price, tokens = spec.price, fact.pop("tokens", None)
    if tokens is None:
        assert price.tokens is None
        assert fact.pop("unit") == "USD per image"
    else:
        assert price.tokens is not None
        assert tokens.pop("unit") == "USD per 1M tokens"
        assert {
            name: getattr(price.tokens, name)
            for name in price.tokens.__struct_fields__
            if getattr(price.tokens, name) is not None
        } == {name: Decimal(str(usd)) for name, usd in tokens.items()}
    assert price.images == {
        quality: {size: Decimal(str(usd)) for size, usd in sizes.items()}
        for quality, sizes in (fact.pop("per_image", None) or fact.pop("per_image_output", {})).items()
    }
    output_tokens = fact.pop("output_tokens", {})
    note = output_tokens.pop("note", None)
    assert price.output_tokens == output_tokens
    assert price.note == ("Output tokens depend on the exact size; 1024x1024 at low is 196." if note else price.note)
    assert price.partial_image_output_tokens == fact.pop("partial_image_output_tokens", 0)
    assert _sources(price.source) == _sources(fact.pop("source"))
    assert fact == {}


def _compare_params(found: OperationSpec, fact: dict[str, Any]) -> None:
    params = dict(fact.pop("params"))
    params.pop("model", None)
    markup = params.pop("markup", None)
    assert list(found.params) == list(found.params | params)
    assert {name: _facts_of(param) for name, param in found.params.items()} == {
        name: _plain(name, param) for name, param in params.items()
    }
    for refused in fact.pop("rejected_params"):
        assert refused not in found.params
        assert refused != "image" or found.images is None
        assert refused != "mask" or found.mask is None
    assert (found.markup is not None) == (markup is not None)
    if found.markup is not None:
        assert (found.markup.formats, found.markup.alpha_required) == ([ImageFormat.PNG], True)
        assert found.markup.excludes == ["mask"]
    assert found.rules == (["svg_draws_one"] if "svg" in params else [])


def _facts_of(param: Param) -> dict[str, Any]:
    match param:
        case Text():
            return {
                "type": "string",
                "required": param.required,
                "nullable": param.nullable,
                "min_chars": param.min_chars,
                "max_chars": param.max_chars,
            }
        case Integer():
            return {
                "type": "integer",
                "nullable": param.nullable,
                "min": param.min,
                "max": param.max,
                "default": param.default,
                "only_with": param.only_with,
            }
        case Choice():
            return {
                "type": "string",
                "nullable": param.nullable,
                "enum": param.values,
                "default": param.default,
                "only_with": param.only_with,
            }
        case Flag():
            return {"type": "boolean", "nullable": param.nullable, "default": param.default}
        case Size():
            return {
                "type": "string",
                "nullable": param.nullable,
                "enum": param.values,
                "default": param.default,
                "grid": param.grid,
            }
        case Group():
            return {
                "type": "object",
                "nullable": param.nullable,
                "fields": dict(_flat(param)),
                "only_with": param.only_with,
            }


def _flat(group: Group, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in group.fields.items():
        if isinstance(field, Group):
            yield from _flat(field, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.values if isinstance(field, Choice) else "string"


def _plain(name: str, fact: dict[str, Any]) -> dict[str, Any]:
    """The table's words for a parameter, with what it leaves out filled in."""
    skipped = NOT_IN_ROWS["param"] - ({"constraints", "popular"} if name == "size" else set())
    fact = {"nullable": False, **{key: value for key, value in fact.items() if key not in skipped}}
    if name == "size":
        fact["enum"] = fact.pop("enum_or_pattern", fact)["enum"]
        limits = fact.pop("constraints", None)
        fact.pop("popular", None)
        fact["grid"] = limits and SizeGrid(
            multiple_of_px=limits["multiple_of"],
            max_edge_px=limits["max_edge"],
            max_ratio=limits["max_aspect_ratio"],
            min_pixels=limits["min_pixels"],
            max_pixels=limits["max_pixels"],
            experimental_above_pixels=limits["experimental_above_pixels"],
        )
        return {"default": None, **fact}
    if fact["type"] == "integer" or "enum" in fact:
        return {"default": None, "only_with": {}, **fact}
    if fact["type"] == "string":
        return {"required": False, "min_chars": 0, "max_chars": None, **fact}
    return fact


def _compare_response(found: OperationSpec, fact: dict[str, Any], streaming: dict[str, Any]) -> None:
    response_format = found.params.get("response_format")
    given = response_format.values if isinstance(response_format, Choice) else [found.output.default]
    assert given == fact["formats"]
    assert fact.get("url", True) == ("url" in given)
    fact = {key: value for key, value in fact.items() if key not in NOT_IN_ROWS["response"]}
    minutes = fact.pop("url_ttl_minutes", None)
    assert found.output.default == fact.pop("default")
    assert found.output.url_ttl_s == (minutes and minutes * 60)
    assert found.output.usage == fact.pop("usage")
    assert found.output.revised_prompt == fact.pop("revised_prompt")
    assert found.output.echoes == fact.pop("echo_fields", [])
    assert fact == {}
    assert streaming["supported"] == ("stream" in found.params)


def _compare_files(found: OperationSpec, fact: dict[str, Any]) -> None:
    images, mask = fact.pop("input_images", None), fact.pop("mask", None)
    assert (found.images is None, found.mask is None) == (images is None, mask is None)
    if found.images is not None:
        images = {key: value for key, value in images.items() if key not in NOT_IN_ROWS["images"]}
        assert images == {
            "min_count": found.images.min_count,
            "max_count": found.images.max_count,
            "formats": found.images.formats,
            "max_bytes_exclusive": found.images.max_bytes + 1,
            "square_required": found.images.square_only,
        } | ({"alpha_required_when_no_mask": True} if found.images.alpha_without_mask else {})
    if found.mask is not None:
        mask = {key: value for key, value in mask.items() if key not in NOT_IN_ROWS["mask"]}
        assert mask.pop("same_dimensions_as") in {"image", "first image"}
        assert mask == {
            "supported": True,
            "formats": found.mask.formats,
            "max_bytes_exclusive": found.mask.max_bytes + 1,
            "alpha_channel_required": found.mask.alpha_required,
        }


def _sources(text: str) -> set[str]:
    known = [*TABLE["sources"], "legacy reference"]
    return set(re.findall("|".join(re.escape(source) for source in known), text)) - {"recorded"}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@pytest.mark.parametrize(
    ("kind", "refusing"),
    [("openai", ["jpeg", "gif", "svg"]), ("azure", ["jpeg", "webp"])],
    ids=["openai", "azure"],
)
def test_a_transparent_background_has_the_formats_of_its_cloud(
    catalogue: dict[str, ModelSpec], kind: str, refusing: list[str]
) -> None:
    conditions = [
        params["background"].values_only_with
        for spec in catalogue.values()
        if spec.kind == kind
        for params in (operation.params for operation in spec.operations.values())
        if "background" in params
    ]

    assert conditions
    assert {form for condition in conditions for form in condition["transparent"]["output_format"]}.isdisjoint(refusing)


def test_full_quality_compression_goes_with_every_format(catalogue: dict[str, ModelSpec]) -> None:
    compressions = [
        operation.params["output_compression"]
        for spec in catalogue.values()
        for operation in spec.operations.values()
        if "output_compression" in operation.params
    ]

    assert {tuple(compression.harmless) for compression in compressions} == {(100,)}


def test_every_condition_names_a_parameter_and_values_that_it_has(catalogue: dict[str, ModelSpec]) -> None:
    for spec in catalogue.values():
        for operation in spec.operations.values():
            for param in operation.params.values():
                for conditions in (
                    getattr(param, "only_with", {}),
                    *getattr(param, "values_only_with", {}).values(),
                ):
                    for other, allowed in conditions.items():
                        assert set(allowed) <= set(operation.params[other].values)


def test_find_takes_a_model_or_one_of_its_snapshots(catalogue: dict[str, ModelSpec]) -> None:
    assert find(catalogue, "openai", "gpt-image-2") is catalogue["openai/gpt-image-2"]
    assert find(catalogue, "openai", "gpt-image-2-2026-04-21") is catalogue["openai/gpt-image-2"]
    assert find(catalogue, "openai", "gpt-image-2.5-flare-2026-09-08") is catalogue["openai/gpt-image-2.5-flare"]


@pytest.mark.parametrize(
    ("kind", "model"),
    [("azure", "gpt-image-2-2026-04-21"), ("openai", "gpt-image-9"), ("nobody", "gpt-image-2")],
)
def test_find_has_nothing_for_what_no_row_is_about(catalogue: dict[str, ModelSpec], kind: str, model: str) -> None:
    assert find(catalogue, kind, model) is None


def test_nothing_is_read_at_import() -> None:
    opened = (
        "import sys; opened = []; sys.addaudithook(lambda event, args: opened.append(str(args[0]))"
        " if event == 'open' else None); import imageway.providers.catalogue as c;"
        " before = [path for path in opened if path.endswith('.yaml')]; c.load_catalogue();"
        " print(len(before), len([path for path in opened if path.endswith('.yaml')]))"
    )

    output = subprocess.run([sys.executable, "-c", opened], capture_output=True, text=True, check=True).stdout

    assert output == "0 2\n"
