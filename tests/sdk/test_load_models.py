"""How a node's model comes together: alias, row, the node's own words, and the gateway's names at the end."""

from datetime import date
from pathlib import Path

import pytest

from fakes.task_files import heads, write_task
from imageway.contract.spec import Lifecycle, ModelSpec, Price
from imageway.sdk.pipeline.checking.model_names import normalised, with_known_models
from imageway.sdk.pipeline.loading.task import load_task

OWN = "name: dall-e-2\n        parameters:\n          size: 512x512\n"


SECOND = "    b: {node_type: llm, output_keys: b, prompt: [{user: x}], model: {name: a, url: y}}\n  edges:"


def spec(model: str) -> ModelSpec:
    return ModelSpec(
        kind="openai",
        model=model,
        family="dall-e",
        checked=date(2026, 11, 23),
        lifecycle=Lifecycle(status="active", source="here"),
        operations={},
        price=Price(source="here"),
    )


@pytest.mark.parametrize(
    ("own", "models", "name", "params"),
    [
        ("name: a", "a: {model: m, parameters: {n: 1}}", "m", {"n": 1}),
        ("name: a", "a: {parameters: {n: 1}}", "a", {"n": 1}),
        ("name: a", "b: {model: m}", "a", {}),
        ("name: a", "", "a", {}),
        ("name: a", None, "a", {}),
        ("model: m", "m: {model: other, parameters: {n: 1}}", "m", {}),
        ("{name: a, model: x}", "a: {model: m, parameters: {n: 1}}", "x", {"n": 1}),
        (
            "{name: a, parameters: {n: 2, svg: {b: 1}}}",
            "a: {model: m, parameters: {n: 1, size: auto, svg: {a: 1}}}",
            "m",
            {"n": 2, "size": "auto", "svg": {"b": 1}},
        ),
        ("{name: a, output_type: image}", "a: {output_type: audio}", "a", {}),
    ],
)
def test_a_row_gives_way_to_the_node(
    tmp_path: Path, own: str, models: str | None, name: str, params: dict[str, object]
) -> None:
    text = own if own.startswith("{") else f"{{{own}}}"

    task, issues = load_task(write_task(tmp_path, (f"\n        {OWN}", f" {text}\n"), models=models))

    assert task is not None
    assert (task.plan.nodes[0].model, task.plan.nodes[0].params, issues) == (name, params, [])


def test_parameters_are_placed_in_the_file_that_gave_them(tmp_path: Path) -> None:
    path = write_task(
        tmp_path, ("name: dall-e-2", "name: a"), models="a:\n  model: m\n  parameters: {n: 1, size: auto}\n"
    )

    task, _ = load_task(path)

    assert task is not None
    origin = task.origins["draw"]
    places = {"model": origin.model, **origin.params}
    assert {name: (place.document.file.name, place.path) for name, place in places.items()} == {
        "model": ("models.yaml", ("a", "model")),
        "n": ("models.yaml", ("a", "parameters", "n")),
        "size": ("graph_config.yaml", ("graph_config", "nodes", "draw", "model", "parameters", "size")),
    }


def test_a_models_file_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("dall-e-2: {model: theirs}\n", encoding="utf-8")
    path = write_task(tmp_path, models="dall-e-2: {model: ours}\n")

    default, _ = load_task(path)
    named, _ = load_task(path, models_file=tmp_path / "mine.yaml")

    assert default is not None
    assert named is not None
    assert (default.plan.nodes[0].model, named.plan.nodes[0].model) == ("ours", "theirs")
    assert default.aliases == ("dall-e-2",)


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ("- a\n", [
            "models.yaml:1:1 error[wrong-type] a models file is a mapping of aliases to models; this is a list"
        ]),
        ("dall-e-2: x\n", ["models.yaml:1:11 error[wrong-type] dall-e-2 is text; expected a mapping"]),
        ("dall-e-2: {model: m, mdel: n}\n", [
            "models.yaml:1:22 error[unknown-key] dall-e-2.mdel is not a key here; allowed are output_type, parameters,"
            " url, auth_token, timeout, input_type, model_type, api_version, backend, delay, retry_attempts,"
            " load_balancing, stats_interval, max_retries, ssl_verify, ssl_cert, image_capabilities"
        ]),
        ("dall-e-2: {vertex_project: x}\n", [
            "models.yaml:1:12 error[not-supported-yet] dall-e-2.vertex_project isn't supported yet"
        ]),
        ("dall-e-2: {output_type: audio}\n", [
            'models.yaml:1:25 error[not-an-image-node] output_type is "audio", so this is not an image node;'
            " those that are supported: image, text"
        ]),
    ],
)  # fmt: skip
def test_a_faulty_models_file_is_told(tmp_path: Path, models: str, told: list[str]) -> None:
    task, issues = load_task(write_task(tmp_path, models=models))

    assert (task, heads(issues, tmp_path)) == (None, told)


def test_rows_that_no_node_uses_may_say_anything(tmp_path: Path) -> None:
    task, issues = load_task(write_task(tmp_path, models="chat: {model_type: vllm, completions_api: true, wild: 1}\n"))

    assert task is not None
    assert issues == []


def test_what_the_gateway_owns_is_noted_once(tmp_path: Path) -> None:
    path = write_task(
        tmp_path,
        ("name: dall-e-2", "name: a\n        url: x\n        image_capabilities: {}"),
        ("  edges:", SECOND),
        ("to: END}", "to: b}\n    - {from: b, to: END}"),
        ("  source:", "  resumable: true\n  source:"),
        models="a: {model_type: azure_openai, auth_token: secret, backend: custom, delay: 5, output_type: image}\n",
    )  # fmt: skip

    task, issues = load_task(path)

    assert task is not None
    assert heads(issues, tmp_path) == [
        "graph_config.yaml:2:14 note[no-effect] resumable has no effect here: a rerun does what is missing, always",
        "graph_config.yaml:15:9 note[no-effect] url has no effect here: the gateway owns connections",
        "graph_config.yaml:16:9 note[no-effect] image_capabilities has no effect here:"
        " the gateway knows the models' limits",
        "models.yaml:1:5 note[no-effect] model_type has no effect here: the gateway owns connections",
        "models.yaml:1:31 note[no-effect] auth_token has no effect here: the gateway owns connections",
        "models.yaml:1:51 note[no-effect] backend has no effect here: the gateway owns connections",
        "models.yaml:1:68 note[no-effect] delay has no effect here: the gateway sets the pace",
    ]


def test_a_token_is_never_shown(tmp_path: Path) -> None:
    _, issues = load_task(write_task(tmp_path, models="dall-e-2:\n  auth_token: secret\n"))

    assert [issue.render() for issue in issues] == [
        f"{tmp_path}/models.yaml:2:3 note[no-effect] auth_token has no effect here: the gateway owns connections"
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("dall-e-3", "dall-e-3"),
        ("dalle_3", "dall-e-3"),
        ("dall_e_3", "dall-e-3"),
        ("dalle-3", "dall-e-3"),
        ("gpt_image_1", "gpt-image-1"),
        ("my_own", "my_own"),
        ("my-own", None),
        ("DALL-E-3", None),
        ("dalle_4", None),
    ],
)
def test_names_are_normalised_only_where_they_are_unknown(name: str, found: str | None) -> None:
    assert normalised(name, ["dall-e-3", "gpt-image-1", "my_own"]) == found


def test_what_a_name_is_taken_as_is_told_once(tmp_path: Path) -> None:
    path = write_task(
        tmp_path,
        ("name: dall-e-2", "name: dalle_2"),
        ("  edges:", "    b: {node_type: llm, output_keys: b, prompt: [{user: x}], model: {model: dalle_2}}\n  edges:"),
        ("to: END}", "to: b}\n    - {from: b, to: END}"),
    )
    written, _ = load_task(path)
    assert written is not None

    task, issues = with_known_models(written, {"dall-e-2": spec("dall-e-2")})

    assert task is not None
    assert [node.model for node in task.plan.nodes] == ["dall-e-2", "dall-e-2"]
    assert heads(issues, tmp_path) == ["graph_config.yaml:13:15 note[taken-as] dalle_2 is taken as dall-e-2"]


def test_a_name_that_the_gateway_has_stays(tmp_path: Path) -> None:
    written, _ = load_task(write_task(tmp_path))
    assert written is not None

    assert with_known_models(written, {"dall-e-2": spec("dall-e-2")}) == (written, [])


@pytest.mark.parametrize(
    ("models", "known", "told"),
    [
        (None, ["dall-e-3", "gpt-image-1"], [
            "graph_config.yaml:13:15 error[unknown-model] the gateway knows no model dalle9_model;"
            " it has dall-e-3, gpt-image-1"
        ]),
        (None, [], [
            "graph_config.yaml:13:15 error[unknown-model] the gateway knows no model dalle9_model; it has none"
        ]),
        ("dalle3_model: {}\n", ["x"], [
            "graph_config.yaml:13:15 error[unknown-model] the gateway knows no model dalle9_model; it has x;"
            ' aliases of the models file are dalle3_model | did you mean "dalle3_model"?'
        ]),
        ("dalle9_model: {model: y}\n", ["x"], [
            "models.yaml:1:23 error[unknown-model] the gateway knows no model y; it has x;"
            " aliases of the models file are dalle9_model"
        ]),
    ],
)  # fmt: skip
def test_a_model_that_nobody_knows_is_an_error(
    tmp_path: Path, models: str | None, known: list[str], told: list[str]
) -> None:
    written, _ = load_task(write_task(tmp_path, ("name: dall-e-2", "name: dalle9_model"), models=models))
    assert written is not None

    task, issues = with_known_models(written, {name: spec(name) for name in known})

    assert (task, heads(issues, tmp_path)) == (None, told)
