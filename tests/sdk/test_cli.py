"""`imageway run` and `check`, and the command as a whole."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.cli_runs import SKETCH_LINE, opener_of, ran, reject_bad, write_titles
from fakes.gateway import FakeGateway, Recorded, Reply, drawn
from fakes.task_files import write_task
from imageway.contract.version import __version__
from imageway.sdk.cli import main
from imageway.sdk.cli.check import check_task
from imageway.sdk.cli.place import Place
from imageway.sdk.cli.talk import Exit, GiveUpError
from imageway.sdk.cli.words import told_once
from imageway.sdk.connecting import GatewayChoice
from imageway.sdk.pipeline.files.lock import run_lock
from imageway.sdk.pipeline.run import Bounds
from loopback import serving


def test_a_run_puts_the_output_path_on_stdout_and_talks_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_task(tmp_path)

    assert ran(tmp_path, FakeGateway()) is Exit.FINE

    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'output.json'}\n"
    assert said.err == f"{SKETCH_LINE}\n1 record: 1 drawn, 0 failed; 1 picture; {tmp_path / 'output.json'}\n"
    assert json.loads((tmp_path / "output.json").read_text()) == [
        {"id": "1", "picture": str(tmp_path / "multimodal_output" / "image" / "1_picture_0.png")}
    ]


def test_failed_records_are_summed_up_by_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    write_titles(tmp_path, "bad", "fine", "bad")

    assert (
        ran(tmp_path / "graph_config.yaml", FakeGateway(reject_bad), place=Place(output=tmp_path / "out"))
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
    write_titles(tmp_path, "bad")

    ran(tmp_path, FakeGateway(reject_bad), as_json=True)

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
        ran(tmp_path, gateway)

    assert caught.value.exit is Exit.UNUSABLE
    assert words in capsys.readouterr().err
    assert gateway.drawn_requests == []
    assert (
        asyncio.run(
            check_task(tmp_path, models_file=None, choice=GatewayChoice(), as_json=False, opener=opener_of(gateway))
        )
        is Exit.UNUSABLE
    )


def test_a_sound_task_is_told_to_be_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path, ("name: dall-e-2", "name: dalle_2"))

    exit_ = asyncio.run(
        check_task(tmp_path, models_file=None, choice=GatewayChoice(), as_json=True, opener=opener_of(FakeGateway()))
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
        ran(tmp_path, None, opener=missing)
    assert caught.value.exit is Exit.NO_GATEWAY


def test_a_gateway_that_publishes_nothing_leaves_models_unchecked(tmp_path: Path) -> None:
    write_task(tmp_path, ("size: 512x512", "size: 300x300"))

    assert ran(tmp_path, FakeGateway(models={})) is Exit.FINE


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

    ran(tmp_path, FakeGateway(answer), bounds=Bounds(concurrency=1))

    assert capsys.readouterr().err.splitlines()[-1] == (
        f"1 record so far: 1 drawn, 0 failed; 1 picture; {tmp_path / 'output.json'}"
    )


def test_a_folder_in_use_or_not_to_be_written_is_one_sentence(tmp_path: Path) -> None:
    write_task(tmp_path)
    (tmp_path / "file").touch()

    with run_lock(tmp_path), pytest.raises(GiveUpError, match="is in use: process") as locked:
        ran(tmp_path, FakeGateway())
    with pytest.raises(GiveUpError, match=r"can't write to .*: (Not a directory|File exists)") as blocked:
        ran(tmp_path, FakeGateway(), place=Place(output=tmp_path / "file"))

    assert (locked.value.exit, blocked.value.exit) == (Exit.UNUSABLE, Exit.UNUSABLE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_interrupt_finishes_what_is_in_flight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    write_task(tmp_path)
    write_titles(tmp_path, "a", "b", "c")

    async def answer(_: Recorded) -> Reply:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0)
        return drawn()

    expected = Exit.INTERRUPTED if number is signal.SIGINT else Exit.TERMINATED
    assert ran(tmp_path, FakeGateway(answer), bounds=Bounds(concurrency=1)) is expected

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
        ran(tmp_path, FakeGateway(answer))

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
