"""Money and time of a run, and what ends it before its last record."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn
from fakes.paid import DALL_E_3, command_told, gateway_before, write_records
from fakes.task_files import write_task
from fakes.upstream import Upstream, failed
from imageway.sdk.cli import main
from imageway.sdk.client import AsyncClient
from imageway.sdk.pipeline.events import RunSummary
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.run import Bounds, run_plan


@pytest.fixture
def vendor() -> Upstream:
    return Upstream()


@pytest.fixture
def gateway(vendor: Upstream, tmp_path: Path) -> Iterator[str]:
    with gateway_before(vendor, tmp_path) as url:
        yield url


@pytest.fixture
def task(tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    folder.mkdir()
    write_task(folder, *DALL_E_3)
    write_records(folder, 10)
    return folder


def _ran(folder: Path, gateway: FakeGateway) -> RunSummary:
    """One call after the other."""

    async def run() -> RunSummary:
        loaded, _ = load_task(folder)
        assert loaded is not None
        async with AsyncClient(app=gateway) as client:
            bounds = Bounds(concurrency=1)
            return await run_plan(loaded.plan, client, output=folder, on_event=lambda _: None, bounds=bounds)

    return asyncio.run(run())


def test_a_budget_of_half_the_plan_stops_cleanly_and_a_higher_one_goes_on(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_, half = command_told(capsys, "run", str(task), "--gateway", gateway, "--budget", "0.40USD")

    assert (exit_, half["stopped"], half["failed"], half["unfinished"]) == (5, "budget", 0, 5)
    assert (half["cost_usd"], len(vendor.requests)) == (pytest.approx(0.40), 5)
    assert [len(json.loads((task / "output.json").read_text())), (task / "errors.jsonl").exists()] == [5, False]
    exit_, again = command_told(capsys, "run", str(task), "--gateway", gateway, "--budget", "0.40")
    assert (exit_, again["succeeded"], len(vendor.requests)) == (5, 5, 5)
    exit_, whole = command_told(capsys, "run", str(task), "--gateway", gateway, "--budget", "0.80")
    assert (exit_, whole["cost_usd"], len(vendor.requests)) == (0, pytest.approx(0.80), 10)
    assert len({request.json["prompt"] for request in vendor.requests}) == 10


def test_the_reason_of_a_stop_is_told(gateway: str, task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(task), "--gateway", gateway, "--budget", "0.1"]) == 5

    said = capsys.readouterr().err.splitlines()
    assert said[-2:] == [
        "stopped: The budget of 0.10 USD is reached: 0.0800 are spent, and the next call may cost 0.0800.",
        f"10 records: 1 drawn, 0 failed, 9 not done; 1 picture; {task / 'output.json'}",
    ]


def test_a_call_with_an_unknown_end_counts_as_spent_in_the_next_pass_too(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_records(task, 3)
    vendor.replies.append(failed(500, "boom"))

    run = ("run", str(task), "--gateway", gateway, "--concurrency", "1")
    _, first = command_told(capsys, *run, "--budget", "0.16")
    exit_, second = command_told(capsys, *run, "--budget", "0.16")

    assert (first["stopped"], first["failed"], first["succeeded"]) == ("budget", 1, 1)
    assert (exit_, second["stopped"], len(vendor.requests)) == (5, "budget", 2)


def test_a_call_in_flight_at_a_kill_counts_as_spent_until_it_is_answered(
    vendor: Upstream, task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_records(task, 3)
    config = task / "graph_config.yaml"
    written = config.read_text()
    killed: list[subprocess.Popen[bytes]] = []

    async def killing(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not killed:
            killed.append(process)
            process.kill()
        await vendor(scope, receive, send)

    with gateway_before(killing, tmp_path) as url:
        run = ("run", str(task), "--gateway", url, "--concurrency", "1", "--budget", "0.24")
        process = subprocess.Popen([sys.executable, "-m", "imageway.sdk.cli", *run], stderr=subprocess.DEVNULL)
        assert process.wait(timeout=60) == -signal.SIGKILL
        config.write_text(written.replace("Draw {title}", "Draw another {title}"))
        exit_, other = command_told(capsys, *run)
        config.write_text(written)
        again_exit, again = command_told(capsys, *run)

    assert (exit_, other["succeeded"], other["cost_usd"]) == (5, 2, pytest.approx(0.16))
    assert (again_exit, again["succeeded"], again["cost_usd"]) == (5, 1, pytest.approx(0.24))


def test_a_time_that_is_over_stops_the_run_when_the_calls_in_flight_are_done(tmp_path: Path) -> None:
    write_task(tmp_path)
    write_records(tmp_path, 3)

    async def run() -> RunSummary:
        over, begun = asyncio.Event(), asyncio.Event()

        async def answer(_: Recorded) -> Reply:
            begun.set()
            over.set()
            await asyncio.sleep(0)
            return drawn()

        async def sleep(seconds: float) -> None:
            assert seconds == 90.0
            await over.wait()

        loaded, _ = load_task(tmp_path)
        assert loaded is not None
        async with AsyncClient(app=FakeGateway(answer)) as client:
            return await run_plan(
                loaded.plan,
                client,
                output=tmp_path,
                on_event=lambda _: None,
                bounds=Bounds(concurrency=1, max_time_s=90.0),
                sleep=sleep,
            )

    summary = asyncio.run(run())

    assert (summary.stopped, summary.succeeded, summary.failed, summary.unfinished) == ("time", 1, 0, 2)
    assert summary.reason == "The time of 90 s is over: what was in flight has been finished."


@pytest.mark.parametrize(
    ("reply", "stopped", "asked"),
    [(failed(404, "DeploymentNotFound"), "failing", 20), (REJECTED, None, 30)],
)
def test_a_run_in_which_most_records_fail_of_one_cause_stops_unless_it_is_theirs(
    tmp_path: Path, reply: Reply, stopped: str | None, asked: int
) -> None:
    write_task(tmp_path)
    write_records(tmp_path, 30)

    async def answer(_: Recorded) -> Reply:
        return reply

    gateway = FakeGateway(answer)

    summary = _ran(tmp_path, gateway)
    asked_then = len(gateway.drawn_requests)
    again = _ran(tmp_path, gateway)

    assert (summary.stopped, summary.failed, asked_then) == (stopped, asked, asked)
    assert (again.stopped, again.failed, again.remembered) == (None, 30, asked)
    assert len(gateway.drawn_requests) == 30


@pytest.mark.parametrize(("failing", "stopped", "asked"), [(11, "failing", 20), (10, None, 30)])
def test_the_last_twenty_are_counted_as_soon_as_there_are_so_many_however_the_twentieth_ends(
    tmp_path: Path, failing: int, stopped: str | None, asked: int
) -> None:
    write_task(tmp_path)
    write_records(tmp_path, 30)

    async def answer(_: Recorded) -> Reply:
        return failed(404, "DeploymentNotFound") if len(gateway.drawn_requests) <= failing else drawn()

    gateway = FakeGateway(answer)

    summary = _ran(tmp_path, gateway)

    assert (summary.stopped, summary.failed, len(gateway.drawn_requests)) == (stopped, failing, asked)


def test_records_that_fail_before_a_call_stop_nobody(tmp_path: Path) -> None:
    write_task(tmp_path)
    (tmp_path / "data.json").write_text(
        json.dumps([{"id": str(n), "title": "t" * 1100} for n in range(40)] + [{"id": "last", "title": "fine"}])
    )
    gateway = FakeGateway()

    summary = _ran(tmp_path, gateway)

    assert (summary.stopped, summary.failed, summary.succeeded) == (None, 40, 1)


def test_what_waits_for_a_busy_gateway_is_given_up_when_the_run_is_stopped(tmp_path: Path) -> None:
    write_task(tmp_path)
    busy = failed(429, "rate_limit_exceeded", retry_after="600")

    async def run() -> tuple[RunSummary, int]:
        stop = asyncio.Event()

        async def answer(_: Recorded) -> Reply:
            stop.set()
            return busy

        gateway = FakeGateway(answer)
        loaded, _ = load_task(tmp_path)
        assert loaded is not None
        async with AsyncClient(app=gateway) as client:
            summary = await run_plan(loaded.plan, client, output=tmp_path, on_event=lambda _: None, stop=stop)
        return summary, len(gateway.drawn_requests)

    summary, asked = asyncio.run(run())

    assert (summary.stopped, summary.failed, summary.unfinished, asked) == ("interrupted", 0, 1, 1)


def test_a_budget_below_a_cent_is_told_as_it_was_written(
    gateway: str, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(task), "--gateway", gateway, "--budget", "0.00005USD"]) == 5

    assert capsys.readouterr().err.splitlines()[-2] == (
        "stopped: The budget of 0.00005 USD is reached: 0.0000 are spent, and the next call may cost 0.0800."
    )


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--budget", "many", "--budget is US dollars, such as 25USD or 0.50, but it is 'many'"),
        ("--budget", "-1", "--budget is US dollars, such as 25USD or 0.50, but it is '-1'"),
        ("--max-time", "0", "--max-time is a time such as 2h, 90m or 1h30m, but it is '0'"),
        ("--max-time", "soon", "--max-time is a time such as 2h, 90m or 1h30m, but it is 'soon'"),
        ("--concurrency", "0", "--concurrency is auto or a number from 1 to 1024, but it is '0'"),
    ],
)
def test_bounds_are_written_in_one_way(
    task: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, sentence: str
) -> None:
    assert main(["run", str(task), f"{option}={value}"]) == 2

    assert capsys.readouterr().err == f"imageway: {sentence}\n"


def test_a_key_whose_budget_is_spent_stops_the_run(tmp_path: Path) -> None:
    write_task(tmp_path)
    write_records(tmp_path, 3)
    error = {"message": "spent", "type": "insufficient_quota", "imageway": {"code": "budget_exhausted"}}
    gateway = FakeGateway(_always(Reply(status=429, body={"error": error})))

    summary = _ran(tmp_path, gateway)

    assert (summary.stopped, summary.reason, summary.failed, len(gateway.drawn_requests)) == ("budget", "spent", 0, 1)


def _always(reply: Reply) -> Any:
    async def answer(_: Recorded) -> Reply:
        return reply

    return answer
