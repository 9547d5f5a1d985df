"""What is found before the first record: parameters beyond a model, models near their end, fields that data lacks."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from fakes.task_files import heads, write_task
from imageway.contract.request import JsonValue, Operation
from imageway.contract.spec import Choice, Group, Lifecycle, ModelSpec
from imageway.contract.validation import Validation
from imageway.providers.catalogue import load_catalogue
from imageway.sdk.pipeline.checking.check import check_capabilities, check_data
from imageway.sdk.pipeline.loading.loaded import LoadedTask
from imageway.sdk.pipeline.loading.task import load_task

TODAY = date(2026, 11, 23)
ROW = {"id": "1", "title": "a cat"}
IMAGE = "{type: image_url, image_url: '{title}'}"


def specs(*names: str, lifecycle: Lifecycle | None = None) -> dict[str, ModelSpec]:
    lives_on = lifecycle or Lifecycle(status="active", source="here")
    catalogue = load_catalogue()
    return {name: replace(catalogue[f"openai/{name}"], lifecycle=lives_on) for name in names}


def loaded(folder: Path, *changes: tuple[str, str], models: str | None = None) -> LoadedTask:
    task, _ = load_task(write_task(folder, *changes, models=models))
    assert task is not None
    return task


def found(folder: Path, *changes: tuple[str, str], models: str | None = None) -> list[str]:
    task = loaded(folder, *changes, models=models)
    known = specs("dall-e-2", "dall-e-3", "gpt-image-1")
    return [
        head.removeprefix("graph_config.yaml:") for head in heads(check_capabilities(task, known, today=TODAY), folder)
    ]


def test_parameters_within_the_spec_are_fine(tmp_path: Path) -> None:
    assert found(tmp_path, ("size: 512x512", "n: 10")) == []


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("n: 11", [
            "15:14 error[unsupported] dall-e-2: Invalid 'n': integer above maximum value."
            " Expected a value <= 10, but got 11 instead"
        ]),
        ("size: 1792x1024", [
            "15:17 error[unsupported] dall-e-2: Invalid size '1792x1024'."
            " Supported sizes are: '256x256', '512x512', and '1024x1024'; models here that accept it: dall-e-3"
        ]),
        ("size: '{size}'", []),
        ("siez: '{size}'", [
            "15:11 error[unsupported] dall-e-2: Unknown parameter: 'siez'."
            " Parameters here: 'n', 'prompt', 'quality', 'response_format', 'size', and 'user'"
            ' | did you mean "size"?'
        ]),
        ("qualty: hd", [
            "15:11 error[unsupported] dall-e-2: Unknown parameter: 'qualty'."
            " Parameters here: 'n', 'prompt', 'quality', 'response_format', 'size', and 'user'"
            ' | did you mean "quality"?'
        ]),
        ("size: 1x1\n          n: 0", [
            "16:14 error[unsupported] dall-e-2: Invalid 'n': integer below minimum value."
            " Expected a value >= 1, but got 0 instead",
            "15:17 error[unsupported] dall-e-2: Invalid size '1x1'."
            " Supported sizes are: '256x256', '512x512', and '1024x1024'",
        ]),
    ],
)  # fmt: skip
def test_a_parameter_beyond_the_model_is_placed_at_its_value(tmp_path: Path, written: str, told: list[str]) -> None:
    assert found(tmp_path, ("size: 512x512", written)) == told


def test_a_parameter_of_the_models_file_is_told_there(tmp_path: Path) -> None:
    models = "a:\n  model: dall-e-2\n  parameters:\n    style: vivid\n"

    assert found(tmp_path, ("name: dall-e-2", "name: a"), models=models) == [
        "models.yaml:4:5 error[unsupported] dall-e-2: Unknown parameter: 'style'."
        " Parameters here: 'n', 'prompt', 'quality', 'response_format', 'size', and 'user';"
        " models here that accept it: dall-e-3"
    ]


@pytest.mark.parametrize(("validation", "faults"), [(None, ["response_format", "n"]), ("tolerant", ["n"]), ("off", [])])
def test_a_gateway_that_forgives_is_not_told_about(
    tmp_path: Path, validation: Validation | None, faults: list[str]
) -> None:
    task = loaded(
        tmp_path, ("name: dall-e-2", "name: gpt-image-1"), ("size: 512x512", "{response_format: null, n: 11}")
    )
    validations = {} if validation is None else {"gpt-image-1": validation}

    issues = check_capabilities(task, specs("gpt-image-1"), today=TODAY, validations=validations)

    assert [
        next(name for name in ("response_format", "n") if f"'{name}'" in issue.message) for issue in issues
    ] == faults


def test_a_parameter_within_a_group_is_placed_at_itself(tmp_path: Path) -> None:
    group = Group(fields={"effort": Choice(values=["low", "high"])})
    known = specs("gpt-image-1")
    operation = known["gpt-image-1"].operations[Operation.GENERATE]
    with_group = replace(operation, params={**operation.params, "svg": group})
    known["gpt-image-1"] = replace(known["gpt-image-1"], operations={Operation.GENERATE: with_group})
    svg = "svg: {effort: hgh, efort: low}"
    task = loaded(tmp_path, ("name: dall-e-2", "name: gpt-image-1"), ("size: 512x512", svg))

    issues = check_capabilities(task, known, today=TODAY)

    assert heads(issues, tmp_path) == [
        "graph_config.yaml:15:30 error[unsupported] gpt-image-1: Unknown parameter: 'svg.efort'."
        " Parameters here: 'effort' | did you mean \"effort\"?",
        "graph_config.yaml:15:25 error[unsupported] gpt-image-1: Invalid value: 'hgh'."
        " Supported values are: 'low' and 'high'",
    ]


def test_a_model_without_editing_is_told_at_its_name(tmp_path: Path) -> None:
    parts = f"[{IMAGE}, {{type: text, text: Edit}}]"

    assert found(
        tmp_path,
        ("name: dall-e-2", "name: dall-e-3"),
        ("size: 512x512", "size: 1024x1024"),
        ('"Draw {title}"', parts),
    ) == [
        "13:15 error[unsupported] The model 'dall-e-3' has no edit operation: OpenAI edited with dall-e-2 and the GPT"
        " image models only. It does: generate; models here that accept it: dall-e-2, gpt-image-1"
    ]


@pytest.mark.parametrize(
    ("model", "count", "told"),
    [
        ("dall-e-2", 1, []),
        ("dall-e-2", 2, [
            "11:73 error[unsupported] the prompt of draw has 2 image parts, dall-e-2 takes exactly one picture;"
            " models here that accept it: gpt-image-1"
        ]),
        ("gpt-image-1", 16, []),
        ("gpt-image-1", 17, [
            "11:73 error[unsupported] the prompt of draw has 17 image parts, gpt-image-1 takes 1 to 16 pictures"
        ]),
    ],
)  # fmt: skip
def test_image_parts_are_counted(tmp_path: Path, model: str, count: int, told: list[str]) -> None:
    parts = f"[{{type: text, text: Edit}}, {', '.join([IMAGE] * count)}]"

    assert (
        found(
            tmp_path,
            ("name: dall-e-2", f"name: {model}"),
            ("size: 512x512", "size: 1024x1024"),
            ('"Draw {title}"', parts),
        )
        == told
    )


@pytest.mark.parametrize("name", ["model", "prompt", "image", "stream", "partial_images"])
def test_what_the_pipeline_sets_is_nobody_elses(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, ("size: 512x512", f"{name}: 1")) == [
        f"15:11 error[set-by-pipeline] {name} isn't a parameter to give: the pipeline sets it"
    ]


def test_a_model_that_nobody_knows_is_passed_over(tmp_path: Path) -> None:
    assert found(tmp_path, ("name: dall-e-2", "name: other"), ("size: 512x512", "size: 1x1")) == []


@pytest.mark.parametrize(
    ("shutdown", "successors", "told"),
    [
        (None, [], []),
        (date(2026, 12, 24), [], []),
        (date(2026, 12, 23), [], ["dall-e-2 will be shut down at openai on 2026-12-23"]),
        (date(2026, 11, 24), ["a", "b"], ["dall-e-2 will be shut down at openai on 2026-11-24; successors: a, b"]),
        (date(2026, 11, 23), [], ["dall-e-2 was shut down at openai on 2026-11-23"]),
        (date(2026, 5, 12), ["a"], ["dall-e-2 was shut down at openai on 2026-05-12; successors: a"]),
    ],
)
def test_a_model_near_its_end_is_told_once(
    tmp_path: Path, shutdown: date | None, successors: list[str], told: list[str]
) -> None:
    lifecycle = Lifecycle(status="deprecated", source="here", shutdown_date=shutdown, successors=successors)
    task = loaded(
        tmp_path,
        ("  edges:", "    b: {node_type: llm, output_keys: b, prompt: [{user: x}], model: {name: dall-e-2}}\n  edges:"),
        ("to: END}", "to: b}\n    - {from: b, to: END}"),
    )

    issues = check_capabilities(task, specs("dall-e-2", lifecycle=lifecycle), today=TODAY)

    assert heads(issues, tmp_path) == [f"graph_config.yaml:13:15 warning[shutdown] {sentence}" for sentence in told]


def in_data(folder: Path, records: list[Mapping[str, JsonValue]], *changes: tuple[str, str]) -> list[str]:
    issues = check_data(loaded(folder, *changes), records)
    return [head.removeprefix("graph_config.yaml:") for head in heads(issues, folder)]


def test_records_that_have_everything_are_fine(tmp_path: Path) -> None:
    assert in_data(tmp_path, [ROW, {"id": 2, "title": ""}]) == []


def test_a_field_that_no_record_has_is_an_error(tmp_path: Path) -> None:
    assert in_data(tmp_path, [ROW, {"id": "2", "x": 1}], ("{title}", "{titel} and {titel}")) == [
        "11:17 error[missing-field] the prompt of draw needs {titel}, which no record has;"
        ' the columns are id, title, x | did you mean "title"?'
    ]


def test_a_field_that_some_records_lack_is_a_warning(tmp_path: Path) -> None:
    lacking: list[Mapping[str, JsonValue]] = [{"id": f"r{number}", "title": None} for number in range(4)]

    assert in_data(tmp_path, [ROW, *lacking[:2]]) == [
        "11:17 warning[missing-field] the prompt of draw needs {title}, which 2 of 3 records lack or have as null:"
        " 2 (id r0), 3 (id r1); the columns are id, title"
    ]
    assert in_data(tmp_path, [ROW, *lacking]) == [
        "11:17 warning[missing-field] the prompt of draw needs {title}, which 4 of 5 records lack or have as null:"
        " 2 (id r0), 3 (id r1), 4 (id r2), ...; the columns are id, title"
    ]


def test_a_column_that_no_template_can_name_is_told_where_it_stands_in_braces(tmp_path: Path) -> None:
    record: dict[str, JsonValue] = {**ROW, "a b": 1, "2nd": 2}
    prompt = ('"Draw {title}"', "'Draw { title } {a b} {{a b}} {2nd} {other words}'")
    why = (
        "is a column: fields have letters, digits, _ and - in their names; rename it (RenameFieldsTransform), or double"
        " the braces"
    )

    assert in_data(tmp_path, [record], prompt) == [
        "11:17 warning[not-a-field] { title } stays in the prompt as it stands: fields are bare names, such as {title}",
        f"11:17 error[not-a-field] {{a b}} would stay in the prompt as it stands, and yet a b {why}",
        f"11:17 error[not-a-field] {{2nd}} would stay in the prompt as it stands, and yet 2nd {why}",
    ]


def test_many_columns_are_not_all_listed(tmp_path: Path) -> None:
    record: dict[str, JsonValue] = {f"c{number:02}": 1 for number in range(21)}

    (told,) = in_data(tmp_path, [record], ("{from: id}", "{value: 1}"))

    assert told.endswith(f"no record has; the columns are {', '.join(sorted(record)[:20])}, 1 more")


def test_records_without_columns(tmp_path: Path) -> None:
    assert in_data(tmp_path, [{}]) == [
        "11:17 error[missing-field] the prompt of draw needs {title}, which no record has; the columns are none"
    ]


CHAIN = (
    (
        "  edges:",
        "    edit: {node_type: llm, output_keys: edited, model: {name: m}, prompt: [{user: [{type: image_url,"
        " image_url: '{picture}'}, {type: text, text: '{style}'}]}]}\n"
        "    last: {node_type: llm, output_keys: final, model: {name: m}, prompt: [{user: 'x {picture}'}]}\n  edges:",
    ),
)


def test_answers_of_earlier_nodes_are_fields(tmp_path: Path) -> None:
    edges = ("to: END}", "to: edit}\n    - {from: edit, to: last}\n    - {from: last, to: END}")

    assert in_data(tmp_path, [ROW], *CHAIN, edges) == [
        "16:146 error[missing-field] the prompt of edit needs {style}, which no record has;"
        " the columns are id, title, and before it nodes answer picture"
    ]


def test_answers_of_nodes_that_do_not_come_before_are_no_fields(tmp_path: Path) -> None:
    edges = (
        "to: draw}\n    - {from: draw, to: END}",
        "to: edit}\n    - {from: edit, to: draw}\n    - {from: draw, to: last}\n    - {from: last, to: END}",
    )

    assert in_data(tmp_path, [{**ROW, "style": "x"}], *CHAIN, edges) == [
        "16:113 error[missing-field] the prompt of edit needs {picture}, which no record has;"
        " the columns are id, title, style | draw answers it, but no edges lead from there to edit"
    ]


def test_a_diamond_is_walked_once(tmp_path: Path) -> None:
    edges = (
        "to: END}",
        "to: edit}\n    - {from: draw, to: last}\n    - {from: edit, to: last}\n    - {from: last, to: END}",
    )

    assert in_data(tmp_path, [{**ROW, "style": "x"}], *CHAIN, edges) == []


def test_a_column_that_nothing_fills_is_a_warning(tmp_path: Path) -> None:
    assert in_data(tmp_path, [ROW], ("picture: {from: picture}", "concept: {from: titel}\n    x: {from: zzz}")) == [
        "22:21 warning[empty-column] neither the records nor the nodes have titel; concept will be null"
        ' | did you mean "title"?',
        "23:15 warning[empty-column] neither the records nor the nodes have zzz; x will be null",
    ]


def test_the_id_is_there_even_where_no_record_has_one(tmp_path: Path) -> None:
    assert in_data(tmp_path, [{"title": "x"}]) == []


def test_equal_ids_are_a_warning(tmp_path: Path) -> None:
    assert in_data(tmp_path, [ROW] * 5) == [
        "4:16 warning[odd-id] 4 of 5 records can't be told apart by an id:"
        " record 2: id '1' is already used by record 1; record 3: id '1' is already used by record 1;"
        " record 4: id '1' is already used by record 1; ..."
    ]


def test_an_id_column_that_no_record_has_is_an_error(tmp_path: Path) -> None:
    assert in_data(tmp_path, [ROW], ("  source:", "  id_column: key\n  source:")) == [
        "2:14 error[odd-id] 1 of 1 records can't be told apart by an id:"
        " record 1: there is no 'key' in this record, which is its id"
    ]


def test_a_task_without_an_output_map_has_no_empty_columns(tmp_path: Path) -> None:
    output = "output_config:\n  output_map:\n    id: {from: id}\n    picture: {from: picture}\n"

    assert in_data(tmp_path, [ROW], (output, "")) == []
