"""How a run is shown while it goes on."""

import io
import sys

import pytest

from imageway.sdk.cli.progress import PlainProgress, is_live, progress
from imageway.sdk.cli.talk import say
from imageway.sdk.pipeline.events import Noted, RecordFault, RecordFinished, RunStarted


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
