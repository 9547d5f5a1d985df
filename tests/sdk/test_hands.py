"""Threads that work off what is handed to them."""

import logging
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial

import pytest

from imageway.sdk.pipeline.hands import Hands


def test_all_that_was_handed_in_is_done_before_it_closes() -> None:
    done: list[int] = []
    names: set[str] = set()

    def job(number: int) -> None:
        done.append(number)
        names.add(threading.current_thread().name)

    with Hands(1, "saver") as hands:
        for number in range(100):
            hands.hand(lambda number=number: job(number))

    assert (done, names) == ([*range(100)], {"saver_0"})


def test_jobs_run_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=20)
    with Hands(2, "saver") as hands:
        hands.hand(meeting.wait)
        hands.hand(meeting.wait)
        meeting.wait()


@pytest.mark.parametrize("fails", [lambda: 1 // 0, sys.exit], ids=["an error", "an exit"])
def test_a_job_that_fails_is_told_and_the_others_are_done(
    fails: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()
    with caplog.at_level(logging.ERROR), Hands(1, "saver") as hands:
        hands.hand(fails)
        hands.hand(done.set)

    assert done.is_set()
    assert "saver: a job failed without telling" in caplog.text


def test_nothing_is_taken_once_it_is_closed() -> None:
    for used in (False, True):
        with Hands(1, "saver") as hands:
            if used:
                hands.hand(int)
        with pytest.raises(RuntimeError, match="saver takes no more jobs"):
            hands.hand(int)


class Picture:
    """What a job holds."""


def test_what_a_job_held_is_let_go_before_the_next_one_comes() -> None:
    gone = threading.Event()
    picture = Picture()
    weakref.finalize(picture, gone.set)
    with Hands(1, "saver") as hands:
        hands.hand(partial(id, picture))
        del picture
        assert gone.wait(timeout=20)


def few_threads(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Have the system let *count* threads start, as one does that is at its limit."""
    start, begun = threading.Thread.start, iter(range(count))

    def limited(thread: threading.Thread) -> None:
        if next(begun, None) is None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)


def test_fewer_threads_do_where_the_system_has_no_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    few_threads(monkeypatch, 1)
    done: list[str] = []
    before = threading.active_count()
    with Hands(4, "saver") as hands:
        hands.hand(lambda: done.append("a"))
        hands.hand(lambda: done.append("b"))

    assert (done, threading.active_count()) == (["a", "b"], before)
    assert "saver: there are threads for 1 of 4" in caplog.text


def test_a_job_isnt_taken_where_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    few_threads(monkeypatch, 0)
    with Hands(4, "saver") as hands, pytest.raises(RuntimeError, match="can't start new thread"):
        hands.hand(int)


UNCLOSED = """
import threading
from imageway.sdk.pipeline.hands import Hands

first, second = Hands(1, "first"), Hands(1, "second")
begun = threading.Event()
first.hand(int)
second.hand(begun.wait)
second.hand(lambda: first.hand(lambda: print("done")))
print("end")
begun.set()
"""


def test_a_program_that_never_closes_it_ends_once_all_is_done() -> None:
    done = subprocess.run([sys.executable, "-c", UNCLOSED], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["end", "done"]
