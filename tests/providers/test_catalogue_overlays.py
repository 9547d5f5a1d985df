"""Files that operators lay on top of the catalogue."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from imageway.contract.request import Operation
from imageway.contract.spec import Choice, Integer, ModelSpec
from imageway.providers.catalogue import CatalogueError, load_catalogue


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[[str], Path]:
    """Writes an operator's file; the second is called 2.yaml, and so on."""
    paths: list[Path] = []

    def write(text: str) -> Path:
        paths.append(tmp_path / f"{len(paths) + 1}.yaml")
        paths[-1].write_text(text, encoding="utf-8")
        return paths[-1]

    return write


def test_an_overlay_row_extends_a_built_in_one(catalogue: dict[str, ModelSpec], overlay: Callable[[str], Path]) -> None:
    path = overlay(
        "openai/house-model:\n"
        "  extends: gpt-image-2\n"
        "  family: house\n"
        "  params: {n: {max: 4}, user: null}\n"
        "  price: {tokens: {image_output: 12.5}}\n"
    )

    house = load_catalogue([path])["openai/house-model"]

    base = catalogue["openai/gpt-image-2"]
    generate = house.operations[Operation.GENERATE]
    assert (house.kind, house.model, house.family, house.snapshots) == ("openai", "house-model", "house", [])
    assert generate.params == {
        **{name: param for name, param in base.operations[Operation.GENERATE].params.items() if name != "user"},
        "n": Integer(min=1, max=4, default=1),
    }
    assert house.operations[Operation.EDIT].params["n"] == Integer(min=1, max=4, default=1)
    assert house.price.tokens is not None
    assert (house.price.tokens.image_output, house.price.tokens.text_input) == (Decimal("12.5"), Decimal(5))


def test_an_overlay_row_of_the_same_name_replaces_and_may_extend_what_it_replaces(
    catalogue: dict[str, ModelSpec], overlay: Callable[[str], Path]
) -> None:
    path = overlay(
        "openai/gpt-image-2:\n  extends: openai/gpt-image-2\n  notes: [ours]\nopenai/mine:\n  extends: gpt-image-2\n"
    )

    loaded = load_catalogue([path])

    assert loaded["openai/gpt-image-2"].notes == ["ours"]
    assert loaded["openai/gpt-image-2"].snapshots == ["gpt-image-2-2026-04-21"]
    assert loaded["openai/mine"].notes == ["ours"]
    assert loaded["openai/gpt-image-2.5-flare"] == catalogue["openai/gpt-image-2.5-flare"]
    assert list(loaded) == [*catalogue, "openai/mine"]


def test_later_overlays_see_earlier_ones(overlay: Callable[[str], Path]) -> None:
    first = overlay("house/a: {extends: openai/dall-e-3, notes: [first]}")
    second = overlay("house/b: {extends: a, family: second}")

    loaded = load_catalogue([first, second])

    assert (loaded["house/b"].notes, loaded["house/b"].family) == (["first"], "second")


def test_a_mapping_of_another_type_replaces_the_inherited_one(overlay: Callable[[str], Path]) -> None:
    path = overlay("openai/x: {extends: dall-e-2, params: {size: {type: choice, values: [small]}}}")

    size = load_catalogue([path])["openai/x"].operations[Operation.VARIATION].params["size"]

    assert size == Choice(values=["small"])


def test_a_model_name_may_have_slashes(overlay: Callable[[str], Path]) -> None:
    path = overlay("openai/labs/flux: {extends: gpt-image-2}\nopenai/labs/flux-2: {extends: labs/flux}\n")

    flux = load_catalogue([path])["openai/labs/flux-2"]

    assert (flux.kind, flux.model) == ("openai", "labs/flux-2")


def test_an_empty_overlay_changes_nothing(catalogue: dict[str, ModelSpec], overlay: Callable[[str], Path]) -> None:
    assert dict(load_catalogue([overlay("# nothing yet\n")])) == catalogue


PROBLEMS = {
    "unknown base": (
        "openai/x: {extends: gpt-imag-2}",
        "1: openai/x: extends 'gpt-imag-2', which isn't there; did you mean 'openai/gpt-image-2'?",
    ),
    "unknown base that resembles nothing": (
        "openai/x: {extends: zzzz}",
        "1: openai/x: extends 'zzzz', which isn't there",
    ),
    "base without a row below": ("openai/zzz: {extends: zzz}", "1: openai/zzz: extends 'zzz', which isn't there"),
    "base that is no name": ("openai/x: {extends: [a]}", "1: openai/x: extends '['a']', which isn't there"),
    "circle": (
        "openai/a: {extends: b}\nopenai/b: {extends: a}\nopenai/c: {extends: a}",
        "2: openai/b: extends goes round in a circle: openai/a -> openai/b -> openai/a",
    ),
    "unknown key of a row": (
        "openai/x: {extends: dall-e-2, familly: f}",
        "1: openai/x: familly: unknown key; did you mean 'family'?",
    ),
    "unknown key of an operation": (
        "openai/x: {extends: dall-e-2, operations: {edit: {mask: {max_byte: 1}}}}",
        "1: openai/x: operations.edit.mask.max_byte: unknown key; did you mean 'max_bytes'?",
    ),
    "unknown key of a parameter": (
        "openai/x: {extends: dall-e-2, operations: {generate: {params: {n: {maximum_count: 3}}}}}",
        (
            "1: openai/x: operations.generate.params.n.maximum_count: unknown key;"
            " known here: min, max, default, nullable, only_with, harmless, note"
        ),
    ),
    "unknown operation": (
        "openai/x: {extends: dall-e-2, operations: {edits: {source: s}}}",
        "1: openai/x: operations.edits: unknown key; did you mean 'edit'?",
    ),
    "unknown type": (
        "openai/x: {extends: dall-e-2, operations: {edit: {params: {n: {type: number}}}}}",
        "1: openai/x: operations.edit.params.n.type: expected one of text, integer, choice, flag, size, group",
    ),
    "unknown rule": (
        "openai/x: {extends: dall-e-2, operations: {edit: {rules: [svg_draws_two]}}}",
        "1: openai/x: operations.edit.rules: Invalid enum value 'svg_draws_two'",
    ),
    "bad value": (
        "openai/x: {extends: dall-e-2, lifecycle: {shutdown_date: soon}}",
        "1: openai/x: lifecycle.shutdown_date: Invalid RFC3339 encoded date",
    ),
    "bad price": (
        "openai/x: {extends: dall-e-2, price: {tokens: {text_input: 1, image_input: free, image_output: 2}}}",
        "1: openai/x: price.tokens.image_input: Invalid decimal string",
    ),
    "missing key": (
        "openai/x: {extends: dall-e-2, family: null}",
        "1: openai/x: family: missing",
    ),
    "value for a mapping": (
        "openai/x: {extends: dall-e-2, operations: {edit: {images: many}}}",
        "1: openai/x: operations.edit.images: expected a mapping",
    ),
    "value for all operations": (
        "openai/x: {extends: dall-e-2, operations: all}",
        "1: openai/x: operations: expected a mapping",
    ),
    "row without a kind": ("x: {extends: dall-e-2}", "1: x: a row is named kind/model, such as 'openai/x'"),
    "row that is no mapping": ("openai/x: [1]", "1: openai/x: expected a mapping"),
    "key twice": (
        "openai/x:\n  extends: dall-e-2\n  notes: [{a: 1}]\n  notes: []",
        "4: the key 'notes' stands here twice",
    ),
    "no rows": (
        "[1]",
        " expected rows by name, such as 'openai/my-model: {extends: gpt-image-2}'",
    ),
}


@pytest.mark.parametrize(("text", "problem"), PROBLEMS.values(), ids=list(PROBLEMS))
def test_a_problem_is_told_once_with_its_file_and_row(overlay: Callable[[str], Path], text: str, problem: str) -> None:
    path = overlay(text)

    with pytest.raises(CatalogueError) as caught:
        load_catalogue([path])

    assert caught.value.problems == (f"{path}:{problem}",)


def test_text_that_is_no_yaml_is_told_with_its_line(overlay: Callable[[str], Path]) -> None:
    path = overlay("openai/x: {extends: dall-e-2\nopenai/y: 1")

    with pytest.raises(CatalogueError) as caught:
        load_catalogue([path])

    assert re.fullmatch(re.escape(f"{path}: ") + ".*line 2, column 9.*", caught.value.problems[0])


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue([tmp_path / "none.yaml"])

    assert caught.value.problems == (
        f"{tmp_path / 'none.yaml'}: cannot be read: [Errno 2] No such file or directory: '{tmp_path / 'none.yaml'}'",
    )


def test_every_problem_of_every_file_is_told_at_once(overlay: Callable[[str], Path]) -> None:
    first = overlay(
        "openai/a: {extends: nothing-like-it, family: f}\nopenai/b: {extends: dall-e-2, colour: red, kind: x}\n"
    )
    second = overlay("openai/c: {extends: dall-e-2, family: 1, zzz: s}\nopenai/d: {extends: b, family: 3}\n")

    with pytest.raises(CatalogueError) as caught:
        load_catalogue([first, second])

    known = "family, checked, lifecycle, operations, price, unsupported, snapshots, notes"
    assert caught.value.problems == (
        f"{first}:2: openai/b: kind: unknown key; the name of the row says it",
        f"{first}:1: openai/a: extends 'nothing-like-it', which isn't there",
        f"{first}:2: openai/b: colour: unknown key; known here: {known}",
        f"{second}:1: openai/c: family: Expected str, got int",
        f"{second}:1: openai/c: zzz: unknown key; known here: {known}",
    )
    assert str(caught.value) == "\n".join(caught.value.problems)
