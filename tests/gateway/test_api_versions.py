"""What a provider can't do as it is configured: told at start where a target names it, else to callers."""

from pathlib import Path

import pytest

from imageway.contract.errors import UnsupportedError
from imageway.contract.request import ImageRequest, Operation
from imageway.gateway.assembly import assemble
from imageway.gateway.settings import SettingsError, load_settings

PROVIDERS = """
providers:
  - {name: x, type: azure, endpoint: "https://e.openai.azure.com", api_key: "env:KEY", api_version: 2025-03-01-preview}
  - {name: paper, type: sketch}
"""
GENERATE = Operation.GENERATE


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEY", "sesame")
    return tmp_path / "gateway.yaml"


def test_a_target_that_can_do_nothing_is_told_at_start(config: Path) -> None:
    config.write_text(
        PROVIDERS
        + """
models:
  - name: pictures
    contract: openai/gpt-image-1
    targets:
      - {provider: x, model: images, spec: azure/gpt-image-1}
      - {provider: x, model: old, spec: azure/dall-e-2}
      - {provider: x, model: dall-e-3}
"""
    )

    with pytest.raises(SettingsError) as caught:
        assemble(load_settings(config))

    assert [(issue.line, issue.code, issue.message) for issue in caught.value.issues] == [
        (
            10,
            "nothing-served",
            "provider 'x' can do nothing with azure/gpt-image-1: gpt-image-1 needs api_version 2025-04-01-preview or"
            " later, and this provider has 2025-03-01-preview",
        ),
        (
            11,
            "nothing-served",
            "provider 'x' can do nothing with azure/dall-e-2: Azure has retired dall-e-2, and it answered"
            " asynchronously only, which isn't spoken here",
        ),
    ]


def test_without_models_a_refused_name_goes_to_the_next_provider_that_serves_it(config: Path) -> None:
    config.write_text(PROVIDERS)

    registry = assemble(load_settings(config)).registry

    assert [target.provider_name for target in registry.model("dall-e-3").targets] == ["x"]
    assert [target.provider_name for target in registry.model("gpt-image-1").targets] == ["paper"]


def test_without_models_callers_read_why_nobody_serves_a_name(config: Path) -> None:
    config.write_text(PROVIDERS.replace("  - {name: paper, type: sketch}\n", ""))
    registry = assemble(load_settings(config)).registry

    with pytest.raises(UnsupportedError) as caught:
        registry.route(ImageRequest(operation=GENERATE, model="gpt-image-1", params={"prompt": "a kite"}))

    [violation] = caught.value.violations
    assert violation.message == (
        "The model 'gpt-image-1' has no generate operation: gpt-image-1 needs api_version 2025-04-01-preview or later,"
        " and this provider has 2025-03-01-preview."
    )
    assert caught.value.accepted_by == ("dall-e-3",)
