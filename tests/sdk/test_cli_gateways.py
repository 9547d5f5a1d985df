"""Which gateway a command speaks to, and what it says where there is none."""

import asyncio
import json
from importlib.metadata import EntryPoints
from pathlib import Path
from typing import Any

import pytest

from fakes.cli_runs import SKETCH_LINE, opener_of
from fakes.gateway import FakeGateway, specs
from fakes.task_files import write_task
from imageway.contract.cards import ModelCard, cards_body
from imageway.contract.issue import Issue
from imageway.sdk import embedded
from imageway.sdk.cli import main
from imageway.sdk.cli.gateway import open_client
from imageway.sdk.cli.run import run_task
from imageway.sdk.cli.talk import Exit, GiveUpError
from imageway.sdk.connecting import GatewayChoice
from imageway.sdk.pipeline.run import Bounds
from loopback import serving


@pytest.mark.parametrize(
    ("choice", "options", "line"),
    [
        (GatewayChoice(), {"config": None, "provider": None}, SKETCH_LINE),
        (
            GatewayChoice(config=Path("g.yaml")),
            {"config": Path("g.yaml"), "provider": None},
            "drawing with the gateway of g.yaml inside this process",
        ),
        (
            GatewayChoice(provider="azure"),
            {"config": None, "provider": "azure"},
            "drawing with azure through a gateway inside this process; the vendor charges for it",
        ),
    ],
)
def test_the_gateway_inside_the_process_is_announced_in_one_line(
    capsys: pytest.CaptureFixture[str], choice: GatewayChoice, options: dict[str, Any], line: str
) -> None:
    asked: list[dict[str, Any]] = []

    async def use() -> None:
        async with open_client(choice, opener=opener_of(FakeGateway(), asked)) as client:
            await client.models()

    asyncio.run(use())

    assert asked == [options]
    assert capsys.readouterr().err == f"{line}\n"


def _gives_up(choice: GatewayChoice, opener: Any = None) -> GiveUpError:
    async def use() -> None:
        async with open_client(choice, opener=opener):
            pass

    with pytest.raises(GiveUpError) as caught:
        asyncio.run(use())
    return caught.value


def test_gateways_exclude_each_other() -> None:
    error = _gives_up(GatewayChoice(url="http://h", config=Path("g.yaml"), provider="openai"))

    assert (error.exit, error.message) == (
        Exit.UNUSABLE,
        "--gateway and --gateway-config and --provider exclude each other; name one gateway",
    )
    assert _gives_up(GatewayChoice(url="")).message == ("no gateway named: give its URL, or set IMAGEWAY_GATEWAY_URL")


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEWAY_GATEWAY_URL", "nonsense")
    asked: list[dict[str, Any]] = []

    async def use() -> None:
        async with open_client(GatewayChoice(provider="openai"), opener=opener_of(FakeGateway(), asked)):
            pass

    asyncio.run(use())

    assert asked == [{"config": None, "provider": "openai"}]
    assert _gives_up(GatewayChoice()).message.startswith("the gateway's URL must look like")


def test_a_gateway_configuration_that_cannot_be_used_is_told_whole() -> None:
    class _SettingsError(ValueError):
        issues = (Issue(code="x", message="bad"),)

    def refuse(**_: object) -> Any:
        raise _SettingsError("g.yaml:1:1 error[x] bad")

    error = _gives_up(GatewayChoice(config=Path("g.yaml")), refuse)

    assert (error.exit, error.message) == (
        Exit.UNUSABLE,
        "the gateway's configuration can't be used:\ng.yaml:1:1 error[x] bad",
    )


def test_no_entry_point_is_no_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(embedded.installed_opener())
    monkeypatch.setattr(embedded, "entry_points", lambda **_: EntryPoints())

    assert "nothing is registered as an embedded gateway" in _gives_up(GatewayChoice()).message


def test_an_unreachable_gateway_is_exit_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    with serving(FakeGateway()) as url:
        pass

    assert main(["run", str(tmp_path), "--gateway", url, "--json"]) == 4

    said = capsys.readouterr()
    assert said.err == (
        f"imageway: the gateway doesn't tell its models: can't reach the gateway at {url}: Connection refused\n"
    )
    assert json.loads(said.out)["exit_code"] == 4
    assert main(["check", str(tmp_path), "--gateway", url]) == 0
    assert "not checked: what the models can do" in capsys.readouterr().err


def test_a_gateway_that_goes_away_is_exit_4_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    body = cards_body({name: ModelCard(spec=spec) for name, spec in specs().items()})

    async def run() -> tuple[Exit, str]:
        async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            server.close()
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer_once, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        exit_ = await run_task(
            tmp_path,
            models_file=None,
            choice=GatewayChoice(url=url),
            limit=None,
            bounds=Bounds(concurrency=1),
            as_json=False,
        )
        return exit_, url

    exit_, url = asyncio.run(run())

    assert exit_ is Exit.NO_GATEWAY
    assert capsys.readouterr().err.splitlines() == [
        f"stopped: can't reach the gateway at {url}: Connection refused",
        f"1 record: 0 drawn, 0 failed, 1 not done; 0 pictures; {tmp_path / 'output.json'}",
    ]
