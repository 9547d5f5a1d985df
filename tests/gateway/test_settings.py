"""Configurations: every problem at once, each with its place; nothing open by accident."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from imageway.gateway.assembly import assemble
from imageway.gateway.settings import SettingsError, load_settings, sketch_only, vendor_only


def problems(path: Path, text: str) -> list[str]:
    path = path / "gateway.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        assemble(load_settings(path))
    return [f"{issue.line}:{issue.column} {issue.message}" for issue in caught.value.issues]


def test_without_a_file_every_catalogue_model_is_served_by_its_name() -> None:
    contracts = assemble(sketch_only()).registry.contracts

    assert len(contracts) == 19
    assert contracts["gpt-image-2"].name == "openai/gpt-image-2"
    assert contracts["azure/gpt-image-2"].name == "azure/gpt-image-2"


def test_a_vendor_on_somebodys_word_serves_its_own_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://example.openai.azure.com")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "secret")

    contracts = assemble(vendor_only("azure")).registry.contracts

    assert {spec.kind for spec in contracts.values()} == {"azure"}
    assert "gpt-image-2" in contracts


def test_a_vendor_without_its_key_is_told_which_variable_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(SettingsError, match="provider 'openai': the environment variable OPENAI_API_KEY is not set"):
        assemble(vendor_only("openai"))


def test_an_open_server_must_be_asked_for_in_words() -> None:
    settings = sketch_only()
    reachable = replace(settings, server=replace(settings.server, host="0.0.0.0"))
    open_ = replace(reachable, server=replace(reachable.server, allow_unauthenticated=True))

    with pytest.raises(SettingsError) as caught:
        assemble(reachable)

    assert [issue.message for issue in caught.value.issues] == [
        "'0.0.0.0' can be reached from other machines and there are no keys: whoever reaches it spends your money."
        " Configure keys, listen on 127.0.0.1, or say server.allow_unauthenticated: true"
    ]
    assert assemble(open_).registry.contracts


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_needs_no_such_word(host: str) -> None:
    settings = sketch_only()

    assert assemble(replace(settings, server=replace(settings.server, host=host))).registry.contracts


def test_every_problem_of_a_configuration_is_told_with_its_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
providers:
  - {name: a, type: sketch}
  - {name: a, type: sketch}
  - {name: b, type: openai, api_key: "sk-1234"}
default_model: nothing
models:
  - {name: m, targets: [{provider: c, model: gpt-image-2}]}
  - {name: m, targets: []}
  - {name: strange, targets: [{provider: a, model: stranger}]}
  - {name: x, contract: openai/gpt-image-9, targets: [{provider: a, model: gpt-image-2}]}
server: {host: 10.0.0.1}
""",
    )

    assert [message.split(";")[0] for message in found] == [
        "11:16 '10.0.0.1' can be reached from other machines and there are no keys: whoever reaches it spends your"
        " money. Configure keys, listen on 127.0.0.1, or say server.allow_unauthenticated: true",
        "3:12 there are two providers called 'a'",
        "4:5 provider 'b': a secret must be a reference, 'env:NAME' or 'file:PATH', never the value itself",
        "7:36 there is no provider 'c'",
        "8:12 there are two models called 'm'",
        "8:24 model 'm' has no targets",
        "9:12 neither 'strange' nor 'stranger' is a catalogue model of kind 'openai'",
        "10:25 there is no catalogue row 'openai/gpt-image-9'",
        "5:16 default_model is 'nothing', which is no model here",
    ]


def test_unknown_keys_and_types_are_told_together(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
providers:
  - {name: a, type: sketchy}
  - {name: b, type: openai, api_keys: "env:X"}
servers: {}
""",
    )

    assert [place.split(" ", 1)[0] for place in found] == ["4:1", "2:21", "3:29"]
    assert found[1] == "2:21 there is no provider type 'sketchy'; there are: azure, openai, sketch"


def test_a_file_that_is_not_there_is_a_clear_problem(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        load_settings(tmp_path / "nowhere.yaml")


def test_overlays_add_models_of_the_operators_own(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("openai/house-model: {extends: openai/gpt-image-2}\n")
    (tmp_path / "gateway.yaml").write_text("catalogue: [own.yaml]\nproviders: [{name: s, type: sketch}]\n")

    contracts = assemble(load_settings(tmp_path / "gateway.yaml")).registry.contracts

    assert contracts["house-model"].family == "gpt-image"


def test_a_deployment_is_matched_with_the_spec_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "secret")
    (tmp_path / "gateway.yaml").write_text(
        """\
providers:
  - {name: eu, type: azure, endpoint: "https://example.openai.azure.com", api_key: "env:KEY"}
models:
  - name: pictures
    targets: [{provider: eu, model: images-prod, spec: azure/gpt-image-2}]
"""
    )

    [target] = assemble(load_settings(tmp_path / "gateway.yaml")).registry.model("pictures").targets

    assert (target.upstream_model, target.spec.name) == ("images-prod", "azure/gpt-image-2")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("providers: []", "providers"),
        ("providers: [{name: s, type: sketch}]\nmodels: []", "models"),
        ("providers: [{name: s, type: sketch}]\nserver: {port: 70000}", "server.port"),
        ("providers: [{name: s, type: sketch}]\nserver: {max_json_bytes: -1}", "server.max_json_bytes"),
        ('providers: [{name: "a\\r\\nb", type: sketch}]', "providers[0].name"),
        ("providers: [{name: s, type: openai, timeout_s: -5}]", "providers[0].timeout_s"),
        (
            "providers: [{name: s, type: openai, api_key: 'env:KEY', base_url: 'localhost:9'}]",
            "provider 's': base_url must be an address like https://example.com/v1, but it is 'localhost:9'",
        ),
        (
            "providers: [{name: s, type: openai, api_key: 'env:KEY', base_url: 'http://[::1'}]",
            "provider 's': base_url must be an address",
        ),
        (
            "providers: [{name: s, type: azure, api_key: 'env:KEY', endpoint: example.openai.azure.com}]",
            "provider 's': endpoint must be an address",
        ),
    ],
)
def test_values_that_make_no_sense_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    monkeypatch.setenv("KEY", "secret")

    assert any(problem in message for message in problems(tmp_path, text))


@pytest.mark.parametrize("written", ["true", "on", "lenient", "3"])
def test_a_validation_that_there_is_not_is_told(tmp_path: Path, written: str) -> None:
    [told] = problems(
        tmp_path,
        f"""\
providers: [{{name: a, type: sketch}}]
models: [{{name: gpt-image-2, validation: {written}, targets: [{{provider: a, model: gpt-image-2}}]}}]
""",
    )

    assert told.startswith("2:42 ")
    assert "strict" in told
    assert "tolerant" in told
