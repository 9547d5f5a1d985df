"""Money and time of a run, through the real gateway in front of a vendor that takes what dall-e-3 costs."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn
from fakes.task_files import write_task
from fakes.upstream import Upstream, failed
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.sdk.cli import main
from imageway.sdk.client import AsyncClient
from imageway.sdk.pipeline.events import RunSummary
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.run import Bounds, run_plan
from loopback import serving

GATEWAY = """
providers: [{{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{key}"}}]
models: [{{name: dall-e-3, targets: [{{provider: main, model: dall-e-3}}]}}]
"""
DALL_E_3 = (("dall-e-2", "dall-e-3"), ("size: 512x512", "size: 1024x1024\n          quality: hd"))
EACH_USD = 0.08
"""Of a dall-e-3 picture of 1024x1024 in hd."""


@pytest.fixture
def vendor() -> Upstream:
    return Upstream()


@pytest.fixture
def gateway(vendor: Upstream, tmp_path: Path) -> Iterator[str]:
    with _gateway(vendor, tmp_path) as url:
        yield url


@contextmanager
def _gateway(vendor: Any, tmp_path: Path) -> Iterator[str]:
    """The real gateway in front of *vendor*, an ASGI app."""
    (tmp_path / "key").write_text("sk-x")
    config = tmp_path / "gateway.yaml"
    with serving(vendor) as url:
        config.write_text(GATEWAY.format(url=url, key=tmp_path / "key"))
        with serving(create_app(load_settings(config)), lifespan="on") as served:
            yield served


@pytest.fixture
def task(tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    folder.mkdir()
    write_task(folder, *DALL_E_3)
    _records(folder, 10)
    return folder


def _records(folder: Path, count: int) -> None:
    (folder / "data.json").write_text(json.dumps([{"id": str(n), "title": f"t{n}"} for n in range(1, count + 1)]))


def _command(capsys: pytest.CaptureFixture[str], *tokens: str) -> tuple[int, dict[str, Any]]:
    exit_ = main([*tokens, "--json"])
    return exit_, json.loads(capsys.readouterr().out)


def _ran(folder: Path, gateway: FakeGateway) -> RunSummary:
    """One call after the other."""

    async def run() -> RunSummary:
        loaded, _ = load_task(folder)
        assert loaded is not None
        async with AsyncClient(app=gateway) as client:
            bounds = Bounds(concurrency=1)
            return await run_plan(loaded.plan, client, output=folder, on_event=lambda _: None, bounds=bounds)

    return asyncio.run(run())


def test_what_is_planned_is_what_is_then_spent(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_, plan = _command(capsys, "plan", str(task), "--gateway", gateway)

    assert (exit_, plan["records"], plan["refused"], vendor.requests) == (0, 10, 0, [])
    assert plan["cost_usd"] == pytest.approx({"low": 10 * EACH_USD, "high": 10 * EACH_USD})
    exit_, ran = _command(capsys, "run", str(task), "--gateway", gateway)
    assert (exit_, len(vendor.requests)) == (0, 10)
    assert ran["cost_usd"] == pytest.approx(plan["cost_usd"]["high"])
    _, after = _command(capsys, "plan", str(task), "--gateway", gateway)
    assert (after["done"], after["calls"][0]["calls"], after["cost_usd"]["high"]) == (10, 0, 0.0)


def test_a_plan_counts_what_the_run_asks_again_and_nothing_else(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _records(task, 4)
    vendor.replies.append(failed(400, "moderation_blocked"))
    run = ("run", str(task), "--gateway", gateway, "--concurrency", "1")
    _command(capsys, *run)
    capsys.readouterr()

    assert main(["plan", str(task), "--gateway", gateway]) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "records 4 (3 already done, 1 failed before, and not asked for again by themselves); calls 0; images 0"
    )

    _, other = _command(capsys, "plan", str(task), "--gateway-config", str(tmp_path / "gateway.yaml"))
    assert (other["done"], other["calls"][0]["calls"]) == (0, 4)

    config = task / "graph_config.yaml"
    written = config.read_text()
    config.write_text(written.replace("Draw {title}", "Draw another {title}"))
    assert main([*run, "--limit", "1"]) == 0
    config.write_text(written)
    capsys.readouterr()
    _, back = _command(capsys, "plan", str(task), "--gateway", gateway)
    assert (back["done"], back["failed_before"], back["calls"][0]["calls"]) == (3, 1, 0)

    (task / "data.json").write_text(json.dumps([{"id": str(n), "title": f"new {n}"} for n in (3, 4)]))
    _, edited = _command(capsys, "plan", str(task), "--gateway", gateway)
    before = len(vendor.requests)
    _command(capsys, *run)
    assert (edited["done"], edited["calls"][0]["calls"], len(vendor.requests) - before) == (0, 2, 2)


def test_a_plan_counts_no_call_that_a_finished_record_did_not_come_to(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = """\
    more:
      node_type: llm
      output_keys: further
      prompt: [{user: "More of {title}"}]
      model: {name: dall-e-3}
  edges:
    - {from: START, to: draw}
    - {from: draw, condition: task_executor.judged, path_map: {"good": END, "poor": more}}
    - {from: more, to: END}
"""
    config = task / "graph_config.yaml"
    head, _, tail = config.read_text().partition("  edges:\n")
    config.write_text(head + more + tail[tail.index("output_config") :])
    (task / "task_executor.py").write_text("def judged(state):\n    return 'poor' if state['id'] == '1' else 'good'\n")
    _records(task, 3)

    _command(capsys, "run", str(task), "--gateway", gateway)
    _, plan = _command(capsys, "plan", str(task), "--gateway", gateway)

    assert (len(vendor.requests), plan["done"], [call["calls"] for call in plan["calls"]]) == (4, 3, [0, 0])


@pytest.mark.parametrize(
    ("spoil", "told", "run"),
    [
        (
            "PRAGMA user_version = 7",
            "is of schema 7, and this imageway reads schema 2: update imageway; a run would refuse it, too",
            2,
        ),
        (None, "can't be read: file is not a database; a run would refuse it, too", 2),
        ("DROP TABLE record", "can't be used: no such table: record; a run would stop at it, too", 3),
    ],
)
def test_a_journal_that_cannot_be_read_is_told_by_the_plan_as_by_the_run(
    gateway: str,
    vendor: Upstream,
    task: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: str | None,
    told: str,
    run: int,
) -> None:
    _records(task, 1)
    command = (str(task), "--gateway", gateway)
    assert main(["run", *command]) == 0
    journal = task / ".imageway" / "state.sqlite3"
    if spoil is None:
        journal.write_bytes(b"no database at all" * 100)
    else:
        with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
            connection.execute(spoil)
    capsys.readouterr()

    assert main(["plan", *command]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1] == f"imageway: the journal {journal} {told}"
    assert main(["run", *command]) == run
    assert len(vendor.requests) == 1


def test_a_plan_says_that_it_cannot_look_into_an_older_journal(
    gateway: str, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _records(task, 2)
    journal = task / ".imageway" / "state.sqlite3"
    journal.parent.mkdir()
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE run (id TEXT NOT NULL, replacing INTEGER NOT NULL)")
        connection.execute(
            "CREATE TABLE call (key TEXT PRIMARY KEY, record TEXT NOT NULL, node TEXT NOT NULL, pictures TEXT)"
        )
        connection.execute("INSERT INTO run VALUES ('00000000', 0)")
        connection.execute("PRAGMA user_version = 1")

    assert main(["plan", str(task), "--gateway", gateway]) == 0

    said = capsys.readouterr()
    assert said.err.splitlines()[-1] == (
        f"the journal {journal} is of schema 1, and this imageway reads schema 2: run the task again, which brings it"
        " up to date; until then all records are planned, also those that are done"
    )
    assert said.out.startswith("records 2; calls 2; images 2\n")
    assert main(["run", str(task), "--gateway", gateway]) == 0


def test_a_plan_knows_that_a_journal_without_a_run_is_none(
    gateway: str, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (task / ".imageway").mkdir()
    (task / ".imageway" / "state.sqlite3").touch()

    assert main(["plan", str(task), "--gateway", gateway]) == 0

    assert "journal" not in capsys.readouterr().err
    assert main(["status", str(task)]) == 2
    journal = task / ".imageway" / "state.sqlite3"
    assert capsys.readouterr().err == f"imageway: {task} holds no run: there is none in {journal} yet\n"


LOTS = (
    *DALL_E_3,
    ("size: 1024x1024", 'size: "{size}"'),
    (
        "  nodes:\n",
        "  nodes:\n    lot:\n      node_type: weighted_sampler\n      attributes:\n"
        "        size: {values: [1024x1024, 1792x1024]}\n        style: {values: [ink, chalk]}\n",
    ),
    ("Draw {title}", "Draw {title} in {style}"),
    ("{from: START, to: draw}", "{from: START, to: lot}\n    - {from: lot, to: draw}"),
)


def test_a_plan_draws_the_lots_of_the_run(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_task(task, *LOTS)
    _records(task, 10)
    command = (str(task), "--gateway", gateway)

    plans = {seed: _command(capsys, "plan", *command, "--seed", str(seed))[1] for seed in range(3)}
    _, unseeded = _command(capsys, "plan", *command)
    _, ran = _command(capsys, "run", *command, "--seed", "1")

    assert unseeded == plans[0]
    assert len({plan["cost_usd"]["high"] for plan in plans.values()}) == 3
    (call,) = plans[1]["calls"]
    assert (call["calls"], call["guessed"], call["unpriced"], call["approximate"]) == (10, 0, 0, False)
    assert ran["cost_usd"] == pytest.approx(plans[1]["cost_usd"]["low"])
    assert ran["cost_usd"] == pytest.approx(plans[1]["cost_usd"]["high"])
    _, after = _command(capsys, "plan", *command, "--seed", "1")
    assert (after["done"], after["calls"][0]["calls"]) == (10, 0)
    _, other = _command(capsys, "plan", *command, "--seed", "2")
    _command(capsys, "run", *command, "--seed", "2")
    assert 0 < other["calls"][0]["calls"] == len(vendor.requests) - 10 < 10


def test_a_plan_refuses_what_a_lot_asks_beyond_the_model(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_task(task, *LOTS, ("1792x1024", "512x512"))
    _records(task, 10)
    command = (str(task), "--gateway", gateway, "--seed", "1")

    exit_, plan = _command(capsys, "plan", *command)
    _, ran = _command(capsys, "run", *command)

    assert (exit_, plan["calls"][0]["calls"]) == (3, len(vendor.requests))
    assert 0 < plan["refused"] == ran["failed"] < 10


@pytest.mark.parametrize("first", ["lot", "draw"])
def test_a_plan_has_a_column_where_the_lot_that_fills_it_comes_later(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str], first: str
) -> None:
    write_task(task, *LOTS)
    if first == "draw":
        path = task / "graph_config.yaml"
        edges = "    - {from: START, to: draw}\n    - {from: draw, to: lot}\n    - {from: lot, to: END}\n"
        head, rest = path.read_text().split("  edges:\n")
        path.write_text(f"{head}  edges:\n{edges}{rest[rest.index('output_config') :]}")
    records = [{"id": str(n), "title": f"t{n}", "size": "1024x1792", "style": "oil"} for n in range(1, 7)]
    (task / "data.json").write_text(json.dumps(records))
    command = (str(task), "--gateway", gateway)

    _, plan = _command(capsys, "plan", *command)
    _, ran = _command(capsys, "run", *command)

    assert ran["cost_usd"] == pytest.approx(plan["cost_usd"]["high"])
    assert {request.json["size"] for request in vendor.requests} == (
        {"1024x1792"} if first == "draw" else {"1024x1024", "1792x1024"}
    )
    _, after = _command(capsys, "plan", *command)
    assert (after["done"], after["calls"][0]["calls"]) == (6, 0)


@pytest.mark.parametrize(("choice", "told", "exit_"), [("fix", (0, 0, 2), 0), ("skip", (0, 1, 1), 0)])
def test_a_plan_knows_what_the_task_does_with_requests_beyond_the_model(
    gateway: str,
    vendor: Upstream,
    task: Path,
    capsys: pytest.CaptureFixture[str],
    choice: str,
    told: tuple[int, int, int],
    exit_: int,
) -> None:
    config = task / "graph_config.yaml"
    config.write_text(
        config.read_text().replace("      node_type: llm", f"      on_violation: {choice}\n      node_type: llm")
    )
    (task / "data.json").write_text(json.dumps([{"id": "1", "title": "word " * 2000}, {"id": "2", "title": "fine"}]))

    found, plan = _command(capsys, "plan", str(task), "--gateway", gateway)
    _command(capsys, "run", str(task), "--gateway", gateway)

    assert (plan["refused"], plan["skipped"], plan["calls"][0]["calls"]) == told
    assert (found, len(vendor.requests)) == (exit_, told[2])
    _, after = _command(capsys, "plan", str(task), "--gateway", gateway)
    assert after["calls"][0]["calls"] == 0


def test_a_budget_of_half_the_plan_stops_cleanly_and_a_higher_one_goes_on(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_, half = _command(capsys, "run", str(task), "--gateway", gateway, "--budget", "0.40USD")

    assert (exit_, half["stopped"], half["failed"], half["unfinished"]) == (5, "budget", 0, 5)
    assert (half["cost_usd"], len(vendor.requests)) == (pytest.approx(0.40), 5)
    assert [len(json.loads((task / "output.json").read_text())), (task / "errors.jsonl").exists()] == [5, False]
    exit_, again = _command(capsys, "run", str(task), "--gateway", gateway, "--budget", "0.40")
    assert (exit_, again["succeeded"], len(vendor.requests)) == (5, 5, 5)
    exit_, whole = _command(capsys, "run", str(task), "--gateway", gateway, "--budget", "0.80")
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
    _records(task, 3)
    vendor.replies.append(failed(500, "boom"))

    run = ("run", str(task), "--gateway", gateway, "--concurrency", "1")
    _, first = _command(capsys, *run, "--budget", "0.16")
    exit_, second = _command(capsys, *run, "--budget", "0.16")

    assert (first["stopped"], first["failed"], first["succeeded"]) == ("budget", 1, 1)
    assert (exit_, second["stopped"], len(vendor.requests)) == (5, "budget", 2)


def test_a_call_in_flight_at_a_kill_counts_as_spent_until_it_is_answered(
    vendor: Upstream, task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _records(task, 3)
    config = task / "graph_config.yaml"
    written = config.read_text()
    killed: list[subprocess.Popen[bytes]] = []

    async def killing(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not killed:
            killed.append(process)
            process.kill()
        await vendor(scope, receive, send)

    with _gateway(killing, tmp_path) as url:
        run = ("run", str(task), "--gateway", url, "--concurrency", "1", "--budget", "0.24")
        process = subprocess.Popen([sys.executable, "-m", "imageway.sdk.cli", *run], stderr=subprocess.DEVNULL)
        assert process.wait(timeout=60) == -signal.SIGKILL
        config.write_text(written.replace("Draw {title}", "Draw another {title}"))
        exit_, other = _command(capsys, *run)
        config.write_text(written)
        again_exit, again = _command(capsys, *run)

    assert (exit_, other["succeeded"], other["cost_usd"]) == (5, 2, pytest.approx(0.16))
    assert (again_exit, again["succeeded"], again["cost_usd"]) == (5, 1, pytest.approx(0.24))


def test_records_that_would_be_refused_are_told_by_the_plan(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (task / "data.json").write_text(json.dumps([{"id": "long", "title": "x" * 5000}, {"id": "2", "title": "fine"}]))

    assert main(["plan", str(task), "--gateway", gateway]) == 3

    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "records 2, 1 would be refused; calls 1; images 1",
        "draw with dall-e-3: 1 call, 1 image, $0.0800 ($0.0800 a call)",
        "cost    $0.0800",
        "time    unknown: no call has been made here yet",
    ]
    assert "record 1 'long', node draw: Invalid 'prompt': string too long." in said.err
    assert vendor.requests == []


def test_a_time_that_is_over_stops_the_run_when_the_calls_in_flight_are_done(tmp_path: Path) -> None:
    write_task(tmp_path)
    _records(tmp_path, 3)

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
    _records(tmp_path, 30)

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
    _records(tmp_path, 30)

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


def test_a_plan_is_of_the_same_part_as_the_run(gateway: str, task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [
        _command(capsys, "plan", str(task), "--gateway", gateway, "--shard", f"{part}/3")[1]["records"]
        for part in range(3)
    ]
    _, ran = _command(capsys, "run", str(task), "--gateway", gateway, "--shard", "1/3")

    assert (sum(parts), parts[1]) == (10, ran["total"])


def test_a_plan_finds_the_run_whose_output_file_is_named(
    gateway: str, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(task.parent / "out" / "rows.csv")
    _command(capsys, "run", str(task), "--gateway", gateway, "-o", output, "--limit", "4")

    _, planned = _command(capsys, "plan", str(task), "--gateway", gateway, "-o", output)

    assert (planned["records"], planned["done"]) == (10, 4)


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
    _records(tmp_path, 3)
    error = {"message": "spent", "type": "insufficient_quota", "imageway": {"code": "budget_exhausted"}}
    gateway = FakeGateway(_always(Reply(status=429, body={"error": error})))

    summary = _ran(tmp_path, gateway)

    assert (summary.stopped, summary.reason, summary.failed, len(gateway.drawn_requests)) == ("budget", "spent", 0, 1)


def _always(reply: Reply) -> Any:
    async def answer(_: Recorded) -> Reply:
        return reply

    return answer
