"""`imageway generate`, `edit`, `preview` and `doctor`, and a run's events as lines."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import PNG, REJECTED, FakeGateway, Recorded, Reply, drawn, refused
from fakes.task_files import write_task
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.app import create_app
from imageway.gateway.settings import sketch_only
from imageway.sdk.cli import main
from loopback import serving
from pictures import picture

JPEG = picture("JPEG", (32, 32), "RGB")
WOULD_SEND = {
    "would_send": True,
    "target": "main/x",
    "cost": {"low_usd": "0.02", "high_usd": "0.04", "approximate": True},
}


class Scripted(FakeGateway):
    """Foresees that everything would be sent; calls go by script."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.replies: list[Reply] = []

    async def _answer(self, asked: Recorded) -> Reply:
        if "dry_run=true" in asked.query:
            return Reply(body=WOULD_SEND)
        return self.replies.pop(0) if self.replies else drawn()

    @property
    def sent(self) -> list[Recorded]:
        return [asked for asked in self.drawn_requests if not asked.query]


@pytest.fixture
def gateway() -> Scripted:
    return Scripted()


@pytest.fixture
def command(
    gateway: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    with serving(gateway) as url:

        def run(*tokens: str) -> tuple[int, str, str]:
            exit_ = main([*tokens, "--gateway", url])
            said = capsys.readouterr()
            return exit_, said.out, said.err

        yield run


def test_a_picture_is_drawn_priced_and_named_by_its_real_format(
    command: Any, gateway: Scripted, tmp_path: Path
) -> None:
    gateway.replies.append(drawn(JPEG))

    exit_, out, err = command(
        "generate", "a kite", "-m", "dall-e-2", "-o", "kite.png", "-p", "size=512x512", "-p", "n=1"
    )

    assert (exit_, out) == (0, f"{tmp_path / 'kite.jpg'}\n")
    assert err.splitlines() == [
        "costs about $0.0200 to $0.0400; drawn by main/x",
        "the picture isn't what .png says; its ending is that of its real format",
    ]
    assert (tmp_path / "kite.jpg").read_bytes() == JPEG
    [sent] = gateway.sent
    expected = {"prompt": "a kite", "size": "512x512", "n": 1, "response_format": "b64_json", "model": "dall-e-2"}
    assert (sent.json, sent.headers["idempotency-key"][:9]) == (expected, "imageway-")


def test_several_pictures_are_counted_and_told_as_json(command: Any, gateway: Scripted, tmp_path: Path) -> None:
    reply = drawn(PNG, JPEG)
    reply.headers["imageway-cost-usd"] = "0.04"
    gateway.replies.append(reply)
    (tmp_path / "in.png").write_bytes(PNG)

    exit_, out, _ = command("edit", "in.png", "redder", "-m", "gpt-image-1", "-o", "out/red", "-p", "n=2", "--json")

    assert (exit_, json.loads(out)) == (
        0,
        {
            "files": [str(tmp_path / "out" / "red_0.png"), str(tmp_path / "out" / "red_1.jpg")],
            "cost_usd": 0.04,
            "request_id": "up-1",
            "target": None,
            "revised_prompts": [None, None],
        },
    )
    assert [file[3] for file in gateway.sent[0].files] == [PNG]


def test_what_the_model_cannot_do_is_told_with_what_it_can_and_nothing_is_sent(command: Any, gateway: Scripted) -> None:
    exit_, out, err = command("generate", "x", "-m", "dall-e-2", "-p", "size=300x300", "-p", "n=11")

    assert (exit_, out, gateway.drawn_requests) == (2, "", [])
    assert err.splitlines()[:2] == [
        "imageway: nothing was sent: Invalid 'n': integer above maximum value. Expected a value <= 10,"
        " but got 11 instead. Allowed: 1 to 10.",
        "Invalid size '300x300'. Supported sizes are: '256x256', '512x512', and '1024x1024'.",
    ]


@pytest.mark.parametrize("words", [(), ("cat.png",)], ids=["nothing", "a picture alone"])
def test_an_edit_without_a_prompt_says_what_it_takes(command: Any, gateway: Scripted, words: tuple[str, ...]) -> None:
    exit_, out, err = command("edit", *words, "-m", "dall-e-2")

    assert (exit_, out, gateway.drawn_requests) == (2, "", [])
    assert err == 'imageway: an edit takes pictures, and the prompt last: imageway edit cat.png "at night"\n'


def test_a_picture_that_is_there_is_not_overwritten(command: Any, gateway: Scripted, tmp_path: Path) -> None:
    (tmp_path / "kite.jpg").write_bytes(b"mine")

    exit_, _, err = command("generate", "x", "-m", "dall-e-2", "-o", "kite.png")

    assert (exit_, gateway.drawn_requests, (tmp_path / "kite.jpg").read_bytes()) == (2, [], b"mine")
    assert err == "imageway: kite.jpg is there already; nothing was sent. Name another with -o\n"


def test_a_place_below_a_file_is_told_before_anything_is_sent(command: Any, gateway: Scripted, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    exit_, _, err = command("generate", "a kite", "-m", "dall-e-3", "-o", str(tmp_path / "file" / "kite"))

    assert (exit_, gateway.sent) == (2, [])
    assert err == f"imageway: can't write to {tmp_path / 'file'}; nothing was sent. Name another place with -o\n"


def test_a_dry_run_sends_nothing(command: Any, gateway: Scripted) -> None:
    exit_, out, err = command("generate", "x", "-m", "dall-e-2", "--dry-run", "--json")

    assert (exit_, gateway.sent) == (0, [])
    assert err.splitlines()[-1] == "would cost about $0.0200 to $0.0400; would be drawn by main/x"
    assert json.loads(out) == {
        "would_send": True,
        "target": "main/x",
        "translated": [],
        "cost": {"low_usd": 0.02, "high_usd": 0.04},
    }


def test_a_call_in_doubt_is_asked_for_again_under_its_key(command: Any, gateway: Scripted) -> None:
    doubt = ImageError(ErrorCode.UPSTREAM_TIMEOUT, "Too slow.", may_have_billed=True)
    gateway.replies.append(refused(doubt))

    exit_, _, err = command("generate", "x", "-m", "dall-e-2")
    key = gateway.sent[0].headers["idempotency-key"]
    again = command("generate", "x", "-m", "dall-e-2", "--key", key)

    told = f"imageway: Too slow. It may be paid for: the same command with --key {key} asks for it again."
    assert (exit_, err.splitlines()[-1], again[0]) == (3, told, 0)
    assert [sent.headers["idempotency-key"] for sent in gateway.sent] == [key, key]
    assert [sent.headers.get("imageway-retry-unknown") for sent in gateway.sent] == [None, "true"]


@pytest.mark.parametrize(
    ("error", "exit_"),
    [
        (ImageError(ErrorCode.CONTENT_REJECTED, "No."), 3),
        (ImageError(ErrorCode.UNAUTHENTICATED, "No."), 4),
        (ImageError(ErrorCode.RATE_LIMITED, "No.", retry_after_s=1), 3),
    ],
)
def test_a_refusal_has_its_own_exit_code(command: Any, gateway: Scripted, error: ImageError, exit_: int) -> None:
    gateway.replies.append(refused(error))

    assert command("generate", "x", "-m", "dall-e-2")[0] == exit_


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (("generate", "x", "-m", "dall-e-9"), "The model 'dall-e-9' does not exist."),
        (
            ("generate", "x", "-m", "dall-e-2", "-p", "size"),
            "--param is NAME=VALUE, such as size=1024x1024, but it is 'size'",
        ),
        (("edit", "gone.png", "x", "-m", "gpt-image-1"), "There is no file 'gone.png'"),
    ],
)
def test_wrong_usage_is_a_sentence(command: Any, gateway: Scripted, tokens: tuple[str, ...], sentence: str) -> None:
    exit_, _, err = command(*tokens)

    assert (exit_, gateway.drawn_requests) == (2, [])
    assert sentence in err


def test_the_examination_tells_libraries_gateway_and_models(command: Any) -> None:
    exit_, out, _ = command("doctor")

    lines = out.splitlines()
    assert exit_ == 0
    assert lines[0].startswith("ok    imageway: ")
    assert "ok    models: 3 that this key may use" in lines


def test_a_gateway_that_is_not_there_is_bad_news(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--gateway", "http://127.0.0.1:9", "--json"]) == 4

    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [finding for finding in findings if finding["about"] == "gateway"] == [
        {
            "about": "gateway",
            "state": "bad",
            "told": "can't reach the gateway at http://127.0.0.1:9: Connection refused",
        }
    ]


def _task(folder: Path, count: int = 5) -> Path:
    write_task(folder)
    records = [{"id": str(n), "title": f"t{n}"} for n in range(1, count + 1)]
    (folder / "data.json").write_text(json.dumps(records))
    return folder


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "drawn_in_all"), [("y\n", 5), ("\n", 2)])
def test_a_preview_asks_whether_to_go_on_and_draws_nothing_twice(
    command: Any, gateway: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, drawn_in_all: int
) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(answer))
    monkeypatch.setattr("sys.stderr", _Terminal())

    exit_, out, _ = command("preview", str(_task(tmp_path)), "-n", "2")

    assert (exit_, len(gateway.sent)) == (0, drawn_in_all)
    assert str(tmp_path / "report.html") in out.splitlines()


def test_a_preview_in_a_pipe_asks_nobody(command: Any, gateway: Scripted, tmp_path: Path) -> None:
    exit_, _, err = command("preview", str(_task(tmp_path)), "-n", "2")

    assert (exit_, len(gateway.sent)) == (0, 2)
    assert err.splitlines()[-1] == "the others are drawn by: imageway run, with the same task and output"


def test_a_preview_of_all_records_knows_that_nothing_is_left(
    command: Any, gateway: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal("y\n"))
    monkeypatch.setattr("sys.stderr", _Terminal())

    exit_, out, _ = command("preview", str(_task(tmp_path, 2)), "-n", "2", "-o", str(tmp_path / "out" / "rows.csv"))

    assert (exit_, len(gateway.sent)) == (0, 2)
    assert sys.stderr.getvalue().splitlines()[-1] == "these are all the records there are"  # type: ignore[attr-defined]  # a `_Terminal`
    assert str(tmp_path / "out" / "report.html") in out.splitlines()


@pytest.mark.parametrize("count", ["1.5", "1e3", "0x10"])
def test_a_count_that_is_no_whole_number_is_not_rounded(command: Any, tmp_path: Path, count: str) -> None:
    exit_, _, err = command("run", str(_task(tmp_path)), "--limit", count)

    assert exit_ == 2
    assert (
        err == f"imageway: Invalid value for --limit: '{count}' is no whole number (imageway --help shows the usage)\n"
    )


def test_events_are_lines_of_json_on_standard_output(command: Any, gateway: Scripted, tmp_path: Path) -> None:
    gateway.replies += [drawn(), REJECTED]

    exit_, out, _ = command("run", str(_task(tmp_path, 2)), "--events", "-", "--concurrency", "1", "--fail-on", "none")

    *events, summary = [json.loads(line) for line in out.splitlines()]
    assert exit_ == 0
    assert [(event["type"], event.get("record_id")) for event in events] == [
        ("started", None),
        ("record", "1"),
        ("record", "2"),
    ]
    assert [event["fault"] and event["fault"]["code"] for event in events[1:]] == [None, "content_rejected"]
    assert (summary["succeeded"], summary["failed"]) == (1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /dev/full")
@pytest.mark.parametrize(
    ("shell", "exit_", "told"),
    [
        ("--events - | head -n 1", 0, "events can't be written any more (Broken pipe); the run goes on"),
        ("--events /dev/full", 0, "events can't be written any more (No space left on device); the run goes on"),
        ("> /dev/full", 3, "imageway: standard output can't be written: No space left on device"),
        ("2>&1 | head -n 0", 0, None),
        ("2> /dev/full", 0, None),
    ],
)
def test_a_run_does_not_end_because_nobody_can_be_told(
    gateway: Scripted, tmp_path: Path, shell: str, exit_: int, told: str | None
) -> None:
    task = _task(tmp_path, 8)
    with serving(gateway) as url:
        command = f'set -o pipefail; "$0" -m imageway.sdk.cli run "$1" --gateway "$2" --concurrency 1 {shell}'
        ended = subprocess.run(
            ["bash", "-c", command, sys.executable, str(task), url], capture_output=True, text=True, check=False
        )

    assert (ended.returncode, len(gateway.sent)) == (exit_, 8)
    assert "Traceback" not in ended.stderr
    assert told is None or told in ended.stderr.splitlines()
    assert [row["picture"] is not None for row in json.loads((task / "output.json").read_text())] == [True] * 8


def test_output_that_a_terminal_cannot_show_is_told_oddly(gateway: Scripted, tmp_path: Path) -> None:
    write_task(tmp_path)
    (tmp_path / "data.json").write_text('[{"id": "ü", "title": "t"}]')
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with serving(gateway) as url:
        command = [sys.executable, "-m", "imageway.sdk.cli"]
        ran = subprocess.run(
            [*command, "run", str(tmp_path), "--gateway", url, "--events", "-"],
            capture_output=True, env=environment, check=False,
        )  # fmt: skip
        shown = subprocess.run(
            [*command, "show", str(tmp_path), "ü"], capture_output=True, env=environment, check=False
        )

    assert [json.loads(line).get("record_id") for line in ran.stdout.splitlines()] == [None, "ü", None]
    assert (shown.returncode, shown.stdout.splitlines()[0]) == (0, rb"record 1 '\xfc': done")


def test_events_go_to_a_file_that_other_runs_add_to(command: Any, tmp_path: Path) -> None:
    for _ in range(2):
        command("run", str(_task(tmp_path, 1)), "--events", str(tmp_path / "events.jsonl"))

    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["started", "record"] * 2


def test_a_file_for_events_that_cannot_be_written_is_told_before_anything_is_sent(
    command: Any, gateway: Scripted, tmp_path: Path
) -> None:
    target = tmp_path / "no" / "events.jsonl"

    exit_, _, err = command("run", str(_task(tmp_path, 1)), "--events", str(target))

    assert (exit_, gateway.drawn_requests) == (2, [])
    assert err.splitlines()[-1] == f"imageway: can't write events to {target}: No such file or directory"


def test_a_real_gateway_draws_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(create_app(sketch_only()), lifespan="on") as url:
        exit_ = main(
            ["generate", "tulips", "-m", "gpt-image-2", "-p", "size=1024x1024", "-p", "quality=low", "--gateway", url]
        )

    assert (exit_, capsys.readouterr().out) == (0, f"{tmp_path / 'picture.png'}\n")


def test_bash_completes_options_by_what_the_command_prints(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["completion", "bash"]) == 0
    (tmp_path / "completion").write_text(capsys.readouterr().out)

    words = 'source completion; COMP_WORDS=(imageway run --bud); COMP_CWORD=2; _imageway; echo "${COMPREPLY[@]}"'
    completed = subprocess.run(["bash", "-c", words], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert completed.stdout == "--budget\n"
