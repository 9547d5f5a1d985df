"""Threads that work off what is handed to them."""

import logging
import threading

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


def test_a_job_that_fails_is_told_and_the_others_are_done(caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()
    with caplog.at_level(logging.ERROR), Hands(1, "saver") as hands:
        hands.hand(lambda: 1 // 0)
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
