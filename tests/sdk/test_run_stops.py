"""What ends a run before its last record, and what is there then."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import FakeGateway, Recorded, Reply, drawn, refused
from fakes.plan_runs import DRAW, EDIT, by_title, columns_of, errors_of, plan_of, ran, rows_of, titled
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.sdk.client import AsyncClient
from imageway.sdk.errors import GatewayUnreachableError
from imageway.sdk.pipeline.events import RunSummary
from imageway.sdk.pipeline.plan import Plan
from imageway.sdk.pipeline.run import Bounds, run_plan


class _FailingClient(AsyncClient):
    """Raises for the prompts that *faults* name, before anything is sent."""

    def __init__(self, gateway: FakeGateway, faults: dict[str, Exception]) -> None:
        super().__init__(app=gateway)
        self._faults = faults

    async def send(self, request: ImageRequest, *, idempotency_key: str | None = None) -> ImageResult:
        if (fault := self._faults.get(str(request.params["prompt"]))) is not None:
            raise fault
        return await super().send(request, idempotency_key=idempotency_key)


def _run_with(client: AsyncClient, plan: Plan, output: Path, **options: Any) -> RunSummary:
    async def run() -> RunSummary:
        async with client:
            return await run_plan(plan, client, output=output, on_event=lambda _: None, **options)

    return asyncio.run(run())


def test_an_unreachable_gateway_stops_the_run_and_what_is_done_is_written(tmp_path: Path) -> None:
    gateway = FakeGateway()
    client = _FailingClient(gateway, {"Draw t2": GatewayUnreachableError("can't reach it")})

    summary = _run_with(
        client, plan_of(tmp_path, titled(4), columns=columns_of("id")), tmp_path, bounds=Bounds(concurrency=1)
    )

    assert rows_of(tmp_path) == [{"id": "1"}]
    assert gateway.prompts == ["Draw t1"]
    assert not (tmp_path / "errors.jsonl").exists()
    assert (summary.succeeded, summary.failed, summary.unfinished) == (1, 0, 3)
    assert (summary.stopped, summary.reason) == ("unreachable", "can't reach it")


def test_a_picture_drawn_before_the_gateway_went_away_keeps_its_row(tmp_path: Path) -> None:
    client = _FailingClient(FakeGateway(), {"redder": GatewayUnreachableError("can't reach it")})

    summary = _run_with(client, plan_of(tmp_path, titled(2), DRAW, EDIT), tmp_path, bounds=Bounds(concurrency=1))

    (row,) = rows_of(tmp_path)
    assert row["pic"] == str(tmp_path / "multimodal_output" / "image" / "1_pic_0.png")
    assert row["_error"] == {
        "code": "upstream_unavailable",
        "message": "can't reach it",
        "request_id": None,
        "attempts": 0,
    }
    assert (summary.failed, summary.unfinished, summary.stopped) == (1, 1, "unreachable")


def test_a_bug_hits_one_record_and_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    client = _FailingClient(FakeGateway(), {"Draw t1": ZeroDivisionError("secret")})

    with caplog.at_level(logging.ERROR):
        summary = _run_with(client, plan_of(tmp_path, titled(2)), tmp_path)

    (line,) = errors_of(tmp_path)
    assert (line["code"], line["message"]) == (
        "internal",
        "Something unexpected went wrong (ZeroDivisionError); the log has its traceback.",
    )
    assert (summary.succeeded, summary.failed) == (1, 1)
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_disk_that_takes_no_pictures_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "multimodal_output").write_text("in the way")
    gateway = FakeGateway()

    summary, _ = ran(plan_of(tmp_path, titled(3)), gateway, tmp_path, bounds=Bounds(concurrency=1))

    assert len(gateway.drawn_requests) == 1
    assert (summary.failed, summary.unfinished, summary.stopped) == (1, 2, "storage")
    assert summary.reason.startswith(f"Can't write pictures to {tmp_path / 'multimodal_output' / 'image'}: ")
    assert errors_of(tmp_path)[0]["code"] == "storage"


def test_stopping_finishes_what_is_in_flight(tmp_path: Path) -> None:
    async def run() -> RunSummary:
        stop = asyncio.Event()

        async def answer(_: Recorded) -> Reply:
            stop.set()
            return drawn()

        async with AsyncClient(app=FakeGateway(answer)) as client:
            plan = plan_of(tmp_path, titled(3), columns=columns_of("id"))
            return await run_plan(
                plan, client, output=tmp_path, on_event=lambda _: None, bounds=Bounds(concurrency=1), stop=stop
            )

    summary = asyncio.run(run())

    assert rows_of(tmp_path) == [{"id": "1"}]
    assert (summary.succeeded, summary.unfinished, summary.stopped) == (1, 2, "interrupted")


def test_cancelling_gives_up_what_is_in_flight_and_writes_what_is_done(tmp_path: Path) -> None:
    async def run() -> None:
        hanging = asyncio.Event()

        async def answer(asked: Recorded) -> Reply:
            if asked.json["prompt"] == "Draw t2":
                hanging.set()
                await asyncio.Event().wait()
            return drawn()

        async with AsyncClient(app=FakeGateway(answer)) as client:
            plan = plan_of(tmp_path, titled(3), columns=columns_of("id"))
            running = asyncio.create_task(
                run_plan(plan, client, output=tmp_path, on_event=lambda _: None, bounds=Bounds(concurrency=1))
            )
            await hanging.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(run())

    assert rows_of(tmp_path) == [{"id": "1"}]


def test_an_unreachable_gateway_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, titled(1), columns=columns_of("id"))
    _run_with(_FailingClient(FakeGateway(), {"Draw t1": GatewayUnreachableError("can't reach it")}), plan, tmp_path)
    gateway = FakeGateway()

    summary, _ = ran(plan, gateway, tmp_path)

    assert gateway.prompts == ["Draw t1"]
    assert summary.succeeded == 1


def test_a_key_that_is_no_longer_valid_stops_the_run(tmp_path: Path) -> None:
    revoked = refused(ImageError(ErrorCode.UNAUTHENTICATED, "The key isn't valid."))
    gateway = FakeGateway(by_title({"t2": revoked}))

    plan = plan_of(tmp_path, titled(4), columns=columns_of("id"))

    summary, _ = ran(plan, gateway, tmp_path, bounds=Bounds(concurrency=1))
    with_another_key, _ = ran(plan, FakeGateway(), tmp_path)

    assert gateway.prompts == ["Draw t1", "Draw t2"]
    assert (with_another_key.succeeded, with_another_key.reused) == (4, 1)
    assert (summary.succeeded, summary.failed, summary.unfinished) == (1, 1, 2)
    assert (summary.stopped, summary.reason) == ("unauthorised", "The key isn't valid.")
