"""What a plan says a run would come to, through the real gateway before a vendor that takes what dall-e-3 costs."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fakes.paid import DALL_E_3, EACH_USD, command_told, gateway_before, write_records
from fakes.task_files import write_task
from fakes.upstream import Upstream, failed
from imageway.sdk.cli import main


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


def test_what_is_planned_is_what_is_then_spent(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_, plan = command_told(capsys, "plan", str(task), "--gateway", gateway)

    assert (exit_, plan["records"], plan["refused"], vendor.requests) == (0, 10, 0, [])
    assert plan["cost_usd"] == pytest.approx({"low": 10 * EACH_USD, "high": 10 * EACH_USD})
    exit_, ran = command_told(capsys, "run", str(task), "--gateway", gateway)
    assert (exit_, len(vendor.requests)) == (0, 10)
    assert ran["cost_usd"] == pytest.approx(plan["cost_usd"]["high"])
    _, after = command_told(capsys, "plan", str(task), "--gateway", gateway)
    assert (after["done"], after["calls"][0]["calls"], after["cost_usd"]["high"]) == (10, 0, 0.0)


def test_a_plan_counts_what_the_run_asks_again_and_nothing_else(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_records(task, 4)
    vendor.replies.append(failed(400, "moderation_blocked"))
    run = ("run", str(task), "--gateway", gateway, "--concurrency", "1")
    command_told(capsys, *run)
    capsys.readouterr()

    assert main(["plan", str(task), "--gateway", gateway]) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "records 4 (3 already done, 1 failed before, and not asked for again by themselves); calls 0; images 0"
    )

    _, other = command_told(capsys, "plan", str(task), "--gateway-config", str(tmp_path / "gateway.yaml"))
    assert (other["done"], other["calls"][0]["calls"]) == (0, 4)

    config = task / "graph_config.yaml"
    written = config.read_text()
    config.write_text(written.replace("Draw {title}", "Draw another {title}"))
    assert main([*run, "--limit", "1"]) == 0
    config.write_text(written)
    capsys.readouterr()
    _, back = command_told(capsys, "plan", str(task), "--gateway", gateway)
    assert (back["done"], back["failed_before"], back["calls"][0]["calls"]) == (3, 1, 0)

    (task / "data.json").write_text(json.dumps([{"id": str(n), "title": f"new {n}"} for n in (3, 4)]))
    _, edited = command_told(capsys, "plan", str(task), "--gateway", gateway)
    before = len(vendor.requests)
    command_told(capsys, *run)
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
    write_records(task, 3)

    command_told(capsys, "run", str(task), "--gateway", gateway)
    _, plan = command_told(capsys, "plan", str(task), "--gateway", gateway)

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
    write_records(task, 1)
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
    write_records(task, 2)
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
    write_records(task, 10)
    command = (str(task), "--gateway", gateway)

    plans = {seed: command_told(capsys, "plan", *command, "--seed", str(seed))[1] for seed in range(3)}
    _, unseeded = command_told(capsys, "plan", *command)
    _, ran = command_told(capsys, "run", *command, "--seed", "1")

    assert unseeded == plans[0]
    assert len({plan["cost_usd"]["high"] for plan in plans.values()}) == 3
    (call,) = plans[1]["calls"]
    assert (call["calls"], call["guessed"], call["unpriced"], call["approximate"]) == (10, 0, 0, False)
    assert ran["cost_usd"] == pytest.approx(plans[1]["cost_usd"]["low"])
    assert ran["cost_usd"] == pytest.approx(plans[1]["cost_usd"]["high"])
    _, after = command_told(capsys, "plan", *command, "--seed", "1")
    assert (after["done"], after["calls"][0]["calls"]) == (10, 0)
    _, other = command_told(capsys, "plan", *command, "--seed", "2")
    command_told(capsys, "run", *command, "--seed", "2")
    assert 0 < other["calls"][0]["calls"] == len(vendor.requests) - 10 < 10


def test_a_plan_refuses_what_a_lot_asks_beyond_the_model(
    gateway: str, vendor: Upstream, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_task(task, *LOTS, ("1792x1024", "512x512"))
    write_records(task, 10)
    command = (str(task), "--gateway", gateway, "--seed", "1")

    exit_, plan = command_told(capsys, "plan", *command)
    _, ran = command_told(capsys, "run", *command)

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

    _, plan = command_told(capsys, "plan", *command)
    _, ran = command_told(capsys, "run", *command)

    assert ran["cost_usd"] == pytest.approx(plan["cost_usd"]["high"])
    assert {request.json["size"] for request in vendor.requests} == (
        {"1024x1792"} if first == "draw" else {"1024x1024", "1792x1024"}
    )
    _, after = command_told(capsys, "plan", *command)
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

    found, plan = command_told(capsys, "plan", str(task), "--gateway", gateway)
    command_told(capsys, "run", str(task), "--gateway", gateway)

    assert (plan["refused"], plan["skipped"], plan["calls"][0]["calls"]) == told
    assert (found, len(vendor.requests)) == (exit_, told[2])
    _, after = command_told(capsys, "plan", str(task), "--gateway", gateway)
    assert after["calls"][0]["calls"] == 0


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


def test_a_plan_is_of_the_same_part_as_the_run(gateway: str, task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [
        command_told(capsys, "plan", str(task), "--gateway", gateway, "--shard", f"{part}/3")[1]["records"]
        for part in range(3)
    ]
    _, ran = command_told(capsys, "run", str(task), "--gateway", gateway, "--shard", "1/3")

    assert (sum(parts), parts[1]) == (10, ran["total"])


def test_a_plan_finds_the_run_whose_output_file_is_named(
    gateway: str, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(task.parent / "out" / "rows.csv")
    command_told(capsys, "run", str(task), "--gateway", gateway, "-o", output, "--limit", "4")

    _, planned = command_told(capsys, "plan", str(task), "--gateway", gateway, "-o", output)

    assert (planned["records"], planned["done"]) == (10, 4)
