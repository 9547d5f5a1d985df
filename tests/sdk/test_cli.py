import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoints
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn, specs
from fakes.task_files import write_task
from imageway.contract.cards import ModelCard, cards_body
from imageway.contract.issue import Issue
from imageway.contract.version import __version__
from imageway.sdk import embedded
from imageway.sdk.cli import main
from imageway.sdk.cli.check import check_task
from imageway.sdk.cli.gateway import open_client
from imageway.sdk.cli.place import Place
from imageway.sdk.cli.progress import PlainProgress, is_live, progress
from imageway.sdk.cli.run import Anew, run_task
from imageway.sdk.cli.talk import Exit, GiveUpError, say
from imageway.sdk.cli.words import told_once
from imageway.sdk.connecting import GatewayChoice
from imageway.sdk.pipeline.events import Noted, RecordFault, RecordFinished, RunStarted
from imageway.sdk.pipeline.files.lock import run_lock
from imageway.sdk.pipeline.run import Bounds
from loopback import serving
from pictures import picture

SKETCH_LINE = "no gateway named: drawing with sketch inside this process (offline, free; not a real model)"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAGEWAY_GATEWAY_URL", "IMAGEWAY_API_KEY", "CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def _opener(gateway: Any, asked: list[dict[str, Any]] | None = None) -> Any:
    @asynccontextmanager
    async def open_gateway(**options: Any) -> AsyncIterator[Any]:
        if asked is not None:
            asked.append(options)
        yield gateway

    return open_gateway


def _run(task: Path, gateway: Any, **options: Any) -> Exit:
    settings: dict[str, Any] = {
        "models_file": None,
        "choice": GatewayChoice(),
        "limit": None,
        "bounds": Bounds(concurrency=2),
        "as_json": False,
        "opener": _opener(gateway),
    }
    return asyncio.run(run_task(task, **{**settings, **options}))


def _titles(folder: Path, *titles: str) -> None:
    records = [{"id": str(number), "title": title} for number, title in enumerate(titles, start=1)]
    (folder / "data.json").write_text(json.dumps(records), encoding="utf-8")


async def _other(_: Recorded) -> Reply:
    return drawn(picture(colour=(9, 9, 9, 255)))


async def _reject_bad(asked: Recorded) -> Reply:
    return REJECTED if asked.json["prompt"] == "Draw bad" else drawn()


def test_a_run_puts_the_output_path_on_stdout_and_talks_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_task(tmp_path)

    assert _run(tmp_path, FakeGateway()) is Exit.FINE

    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'output.json'}\n"
    assert said.err == f"{SKETCH_LINE}\n1 record: 1 drawn, 0 failed; 1 picture; {tmp_path / 'output.json'}\n"
    assert json.loads((tmp_path / "output.json").read_text()) == [
        {"id": "1", "picture": str(tmp_path / "multimodal_output" / "image" / "1_picture_0.png")}
    ]


def test_failed_records_are_summed_up_by_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    _titles(tmp_path, "bad", "fine", "bad")

    assert (
        _run(tmp_path / "graph_config.yaml", FakeGateway(_reject_bad), place=Place(output=tmp_path / "out"))
        is Exit.SOME_FAILED
    )

    output = tmp_path / "out"
    assert capsys.readouterr().err.splitlines()[1:] == [
        f"3 records: 1 drawn, 2 failed; 1 picture; {output / 'output.json'}",
        "  content_rejected x2, first in '1': The vendor's safety system refused this request.",
        f"every failure is in {output / 'errors.jsonl'}",
    ]


def test_json_is_one_object_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    _titles(tmp_path, "bad")

    _run(tmp_path, FakeGateway(_reject_bad), as_json=True)

    found = json.loads(capsys.readouterr().out)
    assert found == {
        "exit_code": 3,
        "run": found["run"],
        "total": 1,
        "read_to_end": True,
        "succeeded": 0,
        "failed": 1,
        "skipped": 0,
        "unfinished": 0,
        "pictures": 0,
        "reused": 0,
        "remembered": 0,
        "cost_usd": None,
        "output": str(tmp_path / "output.json"),
        "errors": str(tmp_path / "errors.jsonl"),
        "stopped": None,
        "failures": [
            {
                "code": "content_rejected",
                "count": 1,
                "first_id": "1",
                "message": "The vendor's safety system refused this request.",
            }
        ],
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("size: 512x512", "size: 300x300"), "error[unsupported]"),
        (("node_type: llm", "node_type: llmm"), "error["),
        (("name: dall-e-2", "name: dall-e-9"), "error[unknown-model]"),
        (("file_path: data.json", "file_path: none.json"), "none.json"),
    ],
)
def test_a_faulty_task_is_refused_before_the_first_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], words: str
) -> None:
    write_task(tmp_path, change)
    gateway = FakeGateway()

    with pytest.raises(GiveUpError, match="nothing was drawn") as caught:
        _run(tmp_path, gateway)

    assert caught.value.exit is Exit.UNUSABLE
    assert words in capsys.readouterr().err
    assert gateway.drawn_requests == []
    assert (
        asyncio.run(
            check_task(tmp_path, models_file=None, choice=GatewayChoice(), as_json=False, opener=_opener(gateway))
        )
        is Exit.UNUSABLE
    )


def test_a_sound_task_is_told_to_be_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path, ("name: dall-e-2", "name: dalle_2"))

    exit_ = asyncio.run(
        check_task(tmp_path, models_file=None, choice=GatewayChoice(), as_json=True, opener=_opener(FakeGateway()))
    )

    said = capsys.readouterr()
    assert exit_ is Exit.FINE
    assert said.err.endswith(f"{tmp_path}: nothing stands against running it\n")
    found = json.loads(said.out)
    assert (found["exit_code"], found["capabilities_checked"]) == (0, True)
    assert ["note", "taken-as", "dalle_2 is taken as dall-e-2"] in [
        [issue["severity"], issue["code"], issue["message"]] for issue in found["issues"]
    ]


def test_without_a_gateway_a_check_does_what_it_can(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path, ("size: 512x512", "size: 300x300"))

    def missing(**_: object) -> Any:
        raise ModuleNotFoundError("No module named 'litestar'")

    exit_ = asyncio.run(check_task(tmp_path, models_file=None, choice=GatewayChoice(), as_json=False, opener=missing))

    assert exit_ is Exit.FINE
    assert capsys.readouterr().err.splitlines() == [
        "not checked: what the models can do (no gateway was named, and there is none to run inside this process:"
        " pip install 'imageway[gateway]', or name one with its URL (No module named 'litestar'))",
        f"{tmp_path}: nothing stands against running it",
    ]
    with pytest.raises(GiveUpError, match=r"pip install 'imageway\[gateway\]'") as caught:
        _run(tmp_path, None, opener=missing)
    assert caught.value.exit is Exit.NO_GATEWAY


def test_a_gateway_that_publishes_nothing_leaves_models_unchecked(tmp_path: Path) -> None:
    write_task(tmp_path, ("size: 512x512", "size: 300x300"))

    assert _run(tmp_path, FakeGateway(models={})) is Exit.FINE


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
        async with open_client(choice, opener=_opener(FakeGateway(), asked)) as client:
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
        async with open_client(GatewayChoice(provider="openai"), opener=_opener(FakeGateway(), asked)):
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


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (["run"], 'Command "run" parameter TASK requires an argument.'),
        (["run", "t", "--nope"], "Unknown option: --nope."),
        (["run", "t", "--limit", "0"], 'Invalid value "0" for --limit. Must be >= 1.'),
        (["run", "t", "--concurrency", "x"], "--concurrency is auto or a number from 1 to 1024, but it is 'x'"),
        (["run", "t", "--provider", "sketch"], 'Invalid value "sketch" for --provider'),
        (["rum"], "Unknown command"),
    ],
)
def test_a_usage_error_is_one_sentence(capsys: pytest.CaptureFixture[str], tokens: list[str], sentence: str) -> None:
    assert main(tokens) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"imageway: {sentence}")
    assert said.err.count("\n") == 1


def test_a_usage_error_is_an_object_too_where_one_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "t", "--limit", "0", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "exit_code": 2,
        "error": 'Invalid value "0" for --limit. Must be >= 1.',
    }

    assert main(["run", "t", "--json", "-o", ""]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["error"] == "an argument is empty: maybe of a variable that isn't set"
    assert said.err == (
        "imageway: an argument is empty: maybe of a variable that isn't set (imageway --help shows the usage)\n"
    )


def test_records_that_were_not_read_are_not_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path, ("data.json", "data.jsonl"))
    (tmp_path / "data.jsonl").write_text("".join(f'{{"id": {n}, "title": "t{n}"}}\n' for n in range(100)))

    async def answer(_: Recorded) -> Reply:
        os.kill(os.getpid(), signal.SIGINT)
        return drawn()

    _run(tmp_path, FakeGateway(answer), bounds=Bounds(concurrency=1))

    assert capsys.readouterr().err.splitlines()[-1] == (
        f"1 record so far: 1 drawn, 0 failed; 1 picture; {tmp_path / 'output.json'}"
    )


def test_a_folder_in_use_or_not_to_be_written_is_one_sentence(tmp_path: Path) -> None:
    write_task(tmp_path)
    (tmp_path / "file").touch()

    with run_lock(tmp_path), pytest.raises(GiveUpError, match="is in use: process") as locked:
        _run(tmp_path, FakeGateway())
    with pytest.raises(GiveUpError, match=r"can't write to .*: (Not a directory|File exists)") as blocked:
        _run(tmp_path, FakeGateway(), place=Place(output=tmp_path / "file"))

    assert (locked.value.exit, blocked.value.exit) == (Exit.UNUSABLE, Exit.UNUSABLE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_interrupt_finishes_what_is_in_flight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    write_task(tmp_path)
    _titles(tmp_path, "a", "b", "c")

    async def answer(_: Recorded) -> Reply:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0)
        return drawn()

    expected = Exit.INTERRUPTED if number is signal.SIGINT else Exit.TERMINATED
    assert _run(tmp_path, FakeGateway(answer), bounds=Bounds(concurrency=1)) is expected

    said = capsys.readouterr().err.splitlines()
    assert said[1] == "stopping: what is in flight is being finished; Ctrl+C again gives it up"
    assert said[2] == "stopped: Interrupted: what was in flight has been finished."
    assert [row["id"] for row in json.loads((tmp_path / "output.json").read_text())] == ["1"]


def test_the_second_interrupt_aborts(tmp_path: Path) -> None:
    write_task(tmp_path)

    async def answer(_: Recorded) -> Reply:
        while True:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0)

    with pytest.raises((asyncio.CancelledError, KeyboardInterrupt)):
        _run(tmp_path, FakeGateway(answer))

    assert (tmp_path / "output.json").read_text() == "[]\n"


def test_an_aborted_command_puts_its_object_on_stdout_too(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> Exit:
        raise KeyboardInterrupt

    assert told_once(interrupted, as_json=True) == 130

    assert json.loads(capsys.readouterr().out) == {
        "exit_code": 130,
        "error": "aborted; what was finished before is written",
    }


def test_version_and_help_come_without_the_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"imageway {__version__}\n"
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from imageway.sdk.cli import main; main(['run', '--help']);"
            "print({'httpx', 'yaml', 'imageway.gateway'} & set(sys.modules))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--concurrency" in loaded.stdout
    assert loaded.stdout.endswith("set()\n")


def test_the_command_runs_as_a_process(tmp_path: Path) -> None:
    write_task(tmp_path)

    with serving(FakeGateway()) as url:
        ended = subprocess.run(
            [sys.executable, "-m", "imageway.sdk.cli", "run", str(tmp_path), "-o", str(tmp_path / "out")],
            capture_output=True,
            text=True,
            env={**os.environ, "IMAGEWAY_GATEWAY_URL": url},
            check=False,
        )

    output = tmp_path / "out" / "output.json"
    assert (ended.returncode, ended.stdout) == (0, f"{output}\n")
    assert ended.stderr == f"1 record: 1 drawn, 0 failed; 1 picture; {output}\n"


def test_plain_progress_speaks_every_ten_seconds_at_most() -> None:
    told: list[str] = []
    now = iter([0.0, 0.0, 9.9, 10.0, 19.0, 20.0, 500.0])
    listen = PlainProgress(told.append, lambda: next(now))
    fault = RecordFault(position=1, record_id="1", code="x", message="y")

    listen(Noted(message="hear"))
    listen(RunStarted(total=41))
    for done in (1, 2, 3, 4, 41):
        listen(RecordFinished(record_id="1", done=done, total=41, pictures=1, fault=fault if done == 1 else None))

    assert told == [
        "hear",
        "2/41 records, 1 failed (x 1), 12.0 pictures a minute, about 3:15 left",
        "4/41 records, 1 failed (x 1), 12.0 pictures a minute, about 3:05 left",
    ]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_for_terminals_that_want_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_live(_Terminal(), {"TERM": "xterm"})
    assert not is_live(io.StringIO(), {})
    for unwelcome in ({"NO_COLOR": "1"}, {"CI": "true"}, {"TERM": "dumb"}):
        assert not is_live(_Terminal(), unwelcome)

    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress({"TERM": "xterm"}) as listen:
        listen(RunStarted(total=2))
        listen(Noted(message="[hear]"))
        listen(RecordFinished(record_id="1", done=2, total=2, pictures=1))

    assert "[hear]" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()


def test_what_a_terminal_would_obey_is_not_sent_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[31mb\nc")

    assert capsys.readouterr().err == "a\N{REPLACEMENT CHARACTER}[31mb\nc\n"


def test_a_second_run_takes_what_the_first_was_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    paid = GatewayChoice(provider="openai")
    first, second, anew = FakeGateway(), FakeGateway(), FakeGateway()

    assert _run(tmp_path, first, choice=paid) is Exit.FINE
    assert _run(tmp_path, second, choice=paid) is Exit.FINE
    assert _run(tmp_path, anew, choice=paid, anew=Anew(replace=True)) is Exit.FINE

    asked = [len(gateway.drawn_requests) for gateway in (first, second, anew)]
    assert asked == [1, 0, 1]
    assert "0 pictures, and 1 taken from an earlier run" in capsys.readouterr().err


def test_a_slash_at_the_end_of_a_url_names_no_other_gateway(tmp_path: Path) -> None:
    write_task(tmp_path)
    gateway = FakeGateway()

    with serving(gateway) as url:
        assert main(["run", str(tmp_path), "--gateway", url]) == 0
        assert main(["run", str(tmp_path), "--gateway", f"{url}/"]) == 0

    assert len(gateway.drawn_requests) == 1


def test_failures_of_an_earlier_run_are_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    _titles(tmp_path, "bad", "fine")
    _run(tmp_path, FakeGateway(_reject_bad))
    gateway = FakeGateway(_reject_bad)
    capsys.readouterr()

    assert _run(tmp_path, gateway) is Exit.SOME_FAILED

    assert gateway.drawn_requests == []
    assert capsys.readouterr().err.splitlines()[-1] == (
        "1 failure of an earlier run: not asked again without --retry-failed,"
        " or --retry-unknown where it may have been paid for"
    )
    assert _run(tmp_path, gateway, retry_failed=True) is Exit.SOME_FAILED
    assert gateway.prompts == ["Draw bad"]


def test_sketch_may_replace_what_sketch_drew(tmp_path: Path) -> None:
    write_task(tmp_path)
    _titles(tmp_path, "a")
    assert _run(tmp_path, FakeGateway()) is Exit.FINE
    _titles(tmp_path, "b")

    assert _run(tmp_path, FakeGateway()) is Exit.FINE


def test_sketch_draws_over_nothing_that_may_have_cost_money(tmp_path: Path) -> None:
    write_task(tmp_path)
    paid, again = FakeGateway(), FakeGateway()
    vendor = GatewayChoice(provider="openai")
    assert _run(tmp_path, paid, choice=vendor) is Exit.FINE
    kept = (tmp_path / "multimodal_output" / "image" / "1_picture_0.png").read_bytes()

    assert _run(tmp_path, FakeGateway(_other)) is Exit.SOME_FAILED

    assert (tmp_path / "multimodal_output" / "image" / "1_picture_0.png").read_bytes() == kept
    assert _run(tmp_path, again, choice=vendor) is Exit.FINE
    assert again.drawn_requests == []


def test_another_vendors_pictures_are_not_replaced_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    assert _run(tmp_path, FakeGateway()) is Exit.FINE
    assert _run(tmp_path, FakeGateway(), choice=GatewayChoice(provider="azure")) is Exit.FINE
    paid = FakeGateway()

    assert _run(tmp_path, paid, choice=GatewayChoice(provider="openai")) is Exit.SOME_FAILED

    assert paid.drawn_requests == []
    assert (
        "1_picture_0.png is there already, drawn by 'provider azure' for another request that may have cost money;"
        " write elsewhere with -o, draw anew beside it with --fresh, or in its place with --replace"
    ) in capsys.readouterr().err
