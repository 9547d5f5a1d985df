"""`imageway models`: what a gateway serves, how long, and what comes after."""

import json
from datetime import date

import pytest
from msgspec.structs import replace

from fakes.gateway import FakeGateway, specs
from imageway.contract.spec import Lifecycle
from imageway.sdk.cli import main
from loopback import serving

ENDING = Lifecycle(
    status="deprecated", source="test", shutdown_date=date(2026, 12, 1), successors=["gpt-image-2.6-flare"]
)


@pytest.fixture
def gateway() -> FakeGateway:
    known = specs()
    return FakeGateway(
        models={"dall-e-3": known["dall-e-3"], "gpt-image-1": replace(known["gpt-image-1"], lifecycle=ENDING)},
        validations={"gpt-image-1": "off"},
        targets={"gpt-image-1": ("main/images-prod", "spare/gpt-image-1")},
    )


def test_dates_and_successors_stand_in_a_table(gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(gateway) as url:
        assert main(["models", "--gateway", url]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "MODEL        OPERATIONS      SHUT DOWN ON  SUCCESSORS           SERVED BY",
        "dall-e-3     generate        -             -                    -",
        "gpt-image-1  generate, edit  2026-12-01    gpt-image-2.6-flare  main/images-prod, spare/gpt-image-1",
    ]


def test_json_has_all_of_it(gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(gateway) as url:
        assert main(["models", "--gateway", url, "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["models"][1] == {
        "model": "gpt-image-1",
        "contract": "openai/gpt-image-1",
        "operations": ["generate", "edit"],
        "status": "deprecated",
        "shutdown_date": "2026-12-01",
        "successors": ["gpt-image-2.6-flare"],
        "validation": "off",
        "targets": ["main/images-prod", "spare/gpt-image-1"],
        "translations": {},
    }


def test_without_a_gateway_it_is_the_catalogue(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMAGEWAY_GATEWAY_URL", raising=False)

    assert main(["models"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 20
    assert lines[1].split()[:4] == ["dall-e-2", "generate,", "edit,", "variation"]


def test_a_gateway_that_is_not_there_is_exit_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--gateway", "http://127.0.0.1:1"]) == 4
    assert "can't reach the gateway" in capsys.readouterr().err
