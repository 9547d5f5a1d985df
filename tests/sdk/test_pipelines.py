"""Pipelines from Python: built in code or of YAML, run as the command runs them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn
from fakes.task_files import write_task
from imageway.sdk import ConfigError, Gateway, Pipeline, RunOptions
from imageway.sdk.cli import main
from imageway.sdk.pipeline.events import RecordFinished, RunEvent, RunStarted
from imageway.sdk.runs import Failure
from loopback import serving
from pictures import picture

BLUE = picture(colour=(0, 0, 255, 255))
SKU = (
    Pipeline.new(id_column="sku")
    .image("photo", "Photo of {name}", model="dall-e-2", size="512x512")
    .edit("scene", "photo", "On a table", model="gpt-image-1", n=2, size="1024x1024")
    .output("sku", "photo", "scene")
)
RECORDS: list[dict[str, Any]] = [{"sku": "a1", "name": "kettle"}, {"sku": "b2", "name": "bad"}]


async def _answer(asked: Recorded) -> Reply:
    prompt = asked.json["prompt"] if asked.json else dict(asked.texts)["prompt"]
    if prompt == "Photo of bad":
        return REJECTED
    return drawn(*[BLUE] * (1 if asked.json else 2))


@pytest.fixture
def fake() -> FakeGateway:
    return FakeGateway(_answer)


@pytest.fixture
def gateway(fake: FakeGateway) -> Iterator[Gateway]:
    with serving(fake) as url:
        yield Gateway(url=url)


def test_a_pipeline_built_in_code_draws_and_edits(gateway: Gateway, fake: FakeGateway, tmp_path: Path) -> None:
    events: list[RunEvent] = []

    run = SKU.run(RECORDS, output=tmp_path, gateway=gateway, on_event=events.append)

    folder = tmp_path / "multimodal_output" / "image"
    assert (run.ok, run.failed, run.unfinished, run.stopped) == (1, 1, 0, None)
    rows = [*run.rows()]
    assert rows[0] == {
        "sku": "a1",
        "photo": str(folder / "a1_photo_0.png"),
        "scene": [str(folder / "a1_scene_0.png"), str(folder / "a1_scene_1.png")],
    }
    assert rows[1]["photo"] is None
    assert [*run.failures()] == [
        Failure(
            record_id="b2",
            code="content_rejected",
            message="The vendor's safety system refused this request.",
            node="photo",
            attempts=1,
            request_id="req-1",
            cost_usd=None,
        )
    ]
    assert [image.bytes for image in run.images()] == [BLUE] * 3
    assert events[0] == RunStarted(total=None)
    edits = [asked for asked in fake.drawn_requests if asked.path.endswith("/edits")]
    assert [(dict(asked.texts)["n"], asked.files[0][3]) for asked in edits] == [("2", BLUE)]


def test_the_same_run_again_asks_for_nothing_that_was_answered(
    gateway: Gateway, fake: FakeGateway, tmp_path: Path
) -> None:
    SKU.run(RECORDS, output=tmp_path, gateway=gateway)
    asked = len(fake.drawn_requests)

    run = SKU.run(RECORDS, output=tmp_path, gateway=gateway)

    assert (run.ok, run.failed, len(fake.drawn_requests)) == (1, 1, asked)


def test_a_run_can_be_waited_for_while_an_event_loop_is_running(gateway: Gateway, tmp_path: Path) -> None:
    async def cell_of_a_notebook() -> int:
        return SKU.run(RECORDS[:1], output=tmp_path, gateway=gateway).ok

    assert asyncio.run(cell_of_a_notebook()) == 1


def test_records_come_out_of_a_stream_as_they_are_done(gateway: Gateway, tmp_path: Path) -> None:
    async def records() -> AsyncIterator[dict[str, Any]]:
        for record in RECORDS:
            yield record

    async def run() -> list[RecordFinished]:
        return [event async for event in SKU.stream(records(), output=tmp_path, gateway=gateway)]

    ended = asyncio.run(run())

    assert {event.record_id: event.fault is None for event in ended} == {"a1": True, "b2": False}


def test_leaving_a_stream_finishes_what_is_in_flight_and_begins_nothing(
    gateway: Gateway, fake: FakeGateway, tmp_path: Path
) -> None:
    many = [{"sku": str(n), "name": "kettle"} for n in range(9)]

    async def run() -> None:
        options = RunOptions(concurrency=1)
        stream = SKU.stream(many, output=tmp_path, gateway=gateway, options=options)
        await anext(stream)
        await stream.aclose()

    asyncio.run(run())

    assert 2 <= len(fake.drawn_requests) < 18
    assert len(json.loads((tmp_path / "output.json").read_text())) == len(fake.drawn_requests) // 2


def test_yaml_and_python_are_one_run(gateway: Gateway, fake: FakeGateway, tmp_path: Path) -> None:
    write_task(tmp_path)

    run = Pipeline.from_yaml(tmp_path).run(output=tmp_path, gateway=gateway)
    exit_ = main(["run", str(tmp_path), "--gateway", gateway.url or ""])

    assert (run.ok, run.output, exit_, len(fake.drawn_requests)) == (1, tmp_path / "output.json", 0, 1)


def test_every_fault_of_a_task_is_raised_with_its_place(tmp_path: Path) -> None:
    write_task(tmp_path, ("node_type: llm", "node_type: llmm"), ("output_keys", "output_kays"))

    with pytest.raises(ConfigError) as caught:
        Pipeline.from_yaml(tmp_path)

    assert {(issue.line, issue.severity) for issue in caught.value.issues} == {(8, "error")}
    assert str(tmp_path / "graph_config.yaml") in str(caught.value)


def test_what_the_model_cannot_do_is_raised_before_anything_is_sent(
    gateway: Gateway, fake: FakeGateway, tmp_path: Path
) -> None:
    write_task(tmp_path, ("size: 512x512", "size: 300x300"))

    with pytest.raises(ConfigError) as caught:
        Pipeline.from_yaml(tmp_path).run(output=tmp_path, gateway=gateway)

    assert [(issue.code, issue.line) for issue in caught.value.issues] == [("unsupported", 15)]
    assert fake.drawn_requests == []


def test_a_run_with_sketch_costs_nothing_and_its_plan_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGEWAY_GATEWAY_URL", raising=False)
    pipeline = Pipeline.new().image("kite", "A kite over {place}", model="gpt-image-2", size="1024x1024", quality="low")
    records: list[dict[str, Any]] = [{"id": 1, "place": "the sea"}]

    plan = pipeline.plan(records)
    run = pipeline.run(records, output=tmp_path, options=RunOptions(budget_usd=0.01))

    assert (plan.records, plan.refused, plan.high_usd) == (1, 0, Decimal(0))
    assert (run.ok, run.cost_usd) == (1, Decimal(0))
    [image] = run.images()
    assert image.pil.size == (1024, 1024)


def test_a_notebook_shows_pictures_cost_and_failures(gateway: Gateway, tmp_path: Path) -> None:
    shown = SKU.run(RECORDS, output=tmp_path, gateway=gateway)._repr_html_()

    assert shown.count("<img") == 3
    assert "1 drawn, 1 failed, 0 not done" in shown
    assert "<li>content_rejected x1: The vendor&#x27;s safety system refused this request.</li>" in shown


def test_a_run_becomes_a_dataset_with_image_columns(gateway: Gateway, tmp_path: Path) -> None:
    pytest.importorskip("datasets")

    dataset = SKU.run(RECORDS, output=tmp_path, gateway=gateway).to_dataset()

    assert dataset[0]["photo"].size == (64, 64)
    assert [image.size for image in dataset[0]["scene"]] == [(64, 64), (64, 64)]
    assert dataset[1]["photo"] is None


@pytest.mark.parametrize("name", ["1st", "a b", "a.b", ""])
def test_a_field_has_a_name_that_a_template_can_use(name: str) -> None:
    with pytest.raises(ValueError, match="can't be a field"):
        Pipeline.new().image(name, "x", model="m")
