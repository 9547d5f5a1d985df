import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fakes.gateway import PNG, REJECTED, FakeGateway, Recorded, Reply, data_url, drawn, refused
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.sdk.client import AsyncClient
from imageway.sdk.errors import GatewayUnreachableError
from imageway.sdk.pipeline.events import Noted, RecordFinished, RunEvent, RunStarted, RunSummary
from imageway.sdk.pipeline.plan import DataFile, ImageNode, ImagePart, OutputColumn, Plan, TextPart
from imageway.sdk.pipeline.run import Bounds, run_plan
from pictures import picture

DRAW = ImageNode(name="draw", model="dall-e-2", params={}, parts=(TextPart(template="Draw {title}"),), output_key="pic")
EDIT = ImageNode(
    name="edit",
    model="gpt-image-1",
    params={},
    parts=(ImagePart(template="{pic}"), TextPart(template="redder")),
    output_key="red",
)


def _columns(*names: str) -> tuple[OutputColumn, ...]:
    return tuple(OutputColumn(name=name, source=name) for name in names)


def _plan(folder: Path, records: list[Any], *nodes: ImageNode, **fields: Any) -> Plan:
    path = folder / "data.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return Plan(name="t", folder=folder, data=DataFile(path=path), nodes=nodes or (DRAW,), **fields)


def _titles(count: int) -> list[dict[str, str]]:
    return [{"id": str(number), "title": f"t{number}"} for number in range(1, count + 1)]


def _run(
    plan: Plan,
    gateway: FakeGateway,
    output: Path,
    heard: Callable[[RunEvent], None] = lambda _: None,
    **options: Any,
) -> tuple[RunSummary, list[RunEvent]]:
    events: list[RunEvent] = []

    def listen(event: RunEvent) -> None:
        events.append(event)
        heard(event)

    async def run() -> RunSummary:
        async with AsyncClient(app=gateway) as client:
            return await run_plan(plan, client, output=output, on_event=listen, **options)

    return asyncio.run(run()), events


def _rows(output: Path) -> Any:
    return json.loads((output / "output.json").read_text(encoding="utf-8"))


def _errors(output: Path) -> list[Any]:
    return [json.loads(line) for line in (output / "errors.jsonl").read_text(encoding="utf-8").splitlines()]


def _by_title(answers: dict[str, Reply]) -> Callable[[Recorded], Awaitable[Reply]]:
    async def answer(asked: Recorded) -> Reply:
        prompt = asked.json["prompt"] if asked.json else dict(asked.texts)["prompt"]
        return answers.get(prompt.removeprefix("Draw "), drawn())

    return answer


def test_pictures_are_saved_and_rows_written_in_the_order_of_the_input(tmp_path: Path) -> None:
    turns = {1: asyncio.Event(), 2: asyncio.Event(), 3: asyncio.Event()}
    turns[3].set()

    async def answer(asked: Recorded) -> Reply:
        await turns[int(asked.json["prompt"].removeprefix("Draw t"))].wait()
        return drawn()

    def heard(event: RunEvent) -> None:
        if isinstance(event, RecordFinished) and event.record_id != "1":
            turns[int(event.record_id) - 1].set()

    columns = (
        *_columns("id", "pic"),
        OutputColumn(name="licence", value="CC0"),
        OutputColumn(name="none", source="none"),
    )
    output = tmp_path / "out"

    plan = _plan(tmp_path, _titles(3), columns=columns, notes=("hear",))
    summary, events = _run(plan, FakeGateway(answer), output, heard)

    images = output / "multimodal_output" / "image"
    assert _rows(output) == [
        {"id": str(n), "pic": str(images / f"{n}_pic_0.png"), "licence": "CC0", "none": None} for n in (1, 2, 3)
    ]
    assert [path.read_bytes() for path in sorted(images.glob("*.png"))] == [PNG] * 3
    assert summary == RunSummary(
        run=summary.run,
        total=3,
        succeeded=3,
        failed=0,
        unfinished=0,
        pictures=3,
        cost_usd=Decimal("0.060"),
        output=output / "output.json",
        errors=None,
    )
    assert events == [
        Noted(message="hear"),
        RunStarted(total=3),
        *[
            RecordFinished(record_id=str(n), done=4 - n, total=3, pictures=1, spent_usd=(4 - n) * Decimal("0.02"))
            for n in (3, 2, 1)
        ],
        Noted(message="column 'none': some records have no 'none'; null there"),
    ]


def test_several_pictures_are_a_list_and_links_are_not_asked_for(tmp_path: Path) -> None:
    node = ImageNode(
        name="d", model="dall-e-2", params={"n": 3, "response_format": "url"}, parts=DRAW.parts, output_key="pics"
    )
    gateway = FakeGateway()

    summary, _ = _run(_plan(tmp_path, _titles(1), node), gateway, tmp_path)

    images = tmp_path / "multimodal_output" / "image"
    assert _rows(tmp_path) == [
        {"id": "1", "title": "t1", "pics": [str(images / f"1_pics_{index}.png") for index in range(3)]}
    ]
    assert gateway.drawn_requests[0].json == {
        "prompt": "Draw t1",
        "n": 3,
        "response_format": "b64_json",
        "model": "dall-e-2",
    }
    assert summary.pictures == 3


def test_a_later_node_edits_what_an_earlier_one_drew(tmp_path: Path) -> None:
    gateway = FakeGateway()

    _run(_plan(tmp_path, _titles(1), DRAW, EDIT), gateway, tmp_path)

    second = gateway.drawn_requests[1]
    assert (second.path, second.files) == ("/v1/images/edits", (("image", "image_1.png", "image/png", PNG),))
    assert _rows(tmp_path)[0]["red"] == str(tmp_path / "multimodal_output" / "image" / "1_red_0.png")


def test_texts_of_all_roles_are_joined_and_data_urls_are_pictures(tmp_path: Path) -> None:
    parts = (
        TextPart(template="You are an artist. "),
        TextPart(template="{photo}"),
        ImagePart(template="pics/{id}.png"),
        ImagePart(template="{more}"),
        TextPart(template="  "),
        TextPart(template="Go.\n"),
    )
    node = ImageNode(name="e", model="gpt-image-1", params={"n": 1}, parts=parts, output_key="x")
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / "1.png").write_bytes(picture(size=(8, 8)))
    records = [{"id": 1, "photo": data_url(PNG), "more": ["pics/1.png", data_url(PNG)]}]
    gateway = FakeGateway()

    _run(_plan(tmp_path, records, node), gateway, tmp_path / "out")

    (asked,) = gateway.drawn_requests
    assert dict(asked.texts)["prompt"] == "You are an artist. Go."
    assert [content for *_, content in asked.files] == [PNG, picture(size=(8, 8)), picture(size=(8, 8)), PNG]


def test_a_failed_record_keeps_its_place_and_stops_no_other(tmp_path: Path) -> None:
    records: list[Any] = [
        *_titles(2),
        {"id": "3"},
        {"id": "4", "title": "x" * 1001},
        {"id": "2", "title": "t"},
        {"id": True},
    ]

    summary, _ = _run(
        _plan(tmp_path, records, columns=_columns("id", "title", "pic")),
        FakeGateway(_by_title({"t1": REJECTED})),
        tmp_path,
    )

    rejected = "The vendor's safety system refused this request."
    rows = _rows(tmp_path)
    assert rows[0] == {
        "id": "1",
        "title": None,
        "pic": None,
        "_error": {"code": "content_rejected", "message": rejected, "request_id": "req-1", "attempts": 1},
    }
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "2", True]
    assert [row.get("_error", {}).get("attempts") for row in rows] == [1, None, 0, 0, 0, 0]
    lines = _errors(tmp_path)
    assert [(line["record"], line["id"], line["node"], line["code"], line["param"]) for line in lines] == [
        (1, "1", "draw", "content_rejected", None),
        (3, "3", "draw", "missing_field", "title"),
        (4, "4", "draw", "unsupported", "prompt"),
        (5, "2", None, "duplicate_id", "id"),
        (6, "record_6", None, "invalid_id", "id"),
    ]
    assert [violation["param"] for violation in lines[2]["violations"]] == ["prompt"]
    assert (summary.succeeded, summary.failed, summary.errors) == (1, 5, tmp_path / "errors.jsonl")
    assert [(group.code, group.count, group.first_id) for group in summary.failures] == [
        ("content_rejected", 1, "1"),
        ("missing_field", 1, "3"),
        ("unsupported", 1, "4"),
        ("duplicate_id", 1, "2"),
        ("invalid_id", 1, "record_6"),
    ]


def test_what_was_drawn_before_a_record_failed_stays_in_its_row(tmp_path: Path) -> None:
    gateway = FakeGateway(_by_title({"redder": REJECTED}))

    _run(_plan(tmp_path, _titles(1), DRAW, EDIT, columns=_columns("id", "title", "pic", "red")), gateway, tmp_path)

    path = tmp_path / "multimodal_output" / "image" / "1_pic_0.png"
    (row,) = _rows(tmp_path)
    assert path.exists()
    assert {name: row[name] for name in ("id", "title", "pic", "red")} == {
        "id": "1",
        "title": None,
        "pic": str(path),
        "red": None,
    }


def test_without_columns_a_failed_record_keeps_its_own_fields(tmp_path: Path) -> None:
    _run(_plan(tmp_path, _titles(1)), FakeGateway(_by_title({"t1": REJECTED})), tmp_path)

    (row,) = _rows(tmp_path)
    assert {**row, "_error": None} == {"id": "1", "title": "t1", "pic": None, "_error": None}


def test_the_id_column_becomes_the_id_and_a_record_without_one_its_position(tmp_path: Path) -> None:
    named = _plan(tmp_path, [{"sku": 7, "title": "a"}], id_column="sku", columns=_columns("id", "pic"))
    _run(named, FakeGateway(), tmp_path)
    assert _rows(tmp_path) == [{"id": 7, "pic": str(tmp_path / "multimodal_output" / "image" / "7_pic_0.png")}]

    _run(_plan(tmp_path, [{"title": "a"}], columns=_columns("id")), FakeGateway(), tmp_path, anew=True)
    assert _rows(tmp_path) == [{"id": "record_1"}]


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ([], "invalid_request", "The list {photo} holds no picture."),
        (None, "missing_field", "The prompt needs {photo}, which is null in this record."),
    ],
)
def test_an_edit_without_its_picture_is_not_turned_into_a_generation(
    tmp_path: Path, value: object, code: str, message: str
) -> None:
    node = ImageNode(
        name="e",
        model="gpt-image-1",
        params={},
        parts=(ImagePart(template="{photo}"), TextPart(template="go")),
        output_key="x",
    )
    gateway = FakeGateway()

    _run(_plan(tmp_path, [{"id": 1, "photo": value}], node), gateway, tmp_path)

    assert [(line["code"], line["message"]) for line in _errors(tmp_path)] == [(code, message)]
    assert gateway.drawn_requests == []


def test_of_an_answer_with_a_broken_picture_the_others_are_kept(tmp_path: Path) -> None:
    body = {"created": 1, "data": [{"url": data_url(PNG)}, {"b64_json": "@@@"}, {"b64_json": "AAAA"}]}
    node = ImageNode(name="d", model="dall-e-2", params={"n": 3}, parts=DRAW.parts, output_key="pics")

    summary, _ = _run(_plan(tmp_path, _titles(1), node), FakeGateway(_by_title({"t1": Reply(body=body)})), tmp_path)

    images = tmp_path / "multimodal_output" / "image"
    assert _rows(tmp_path)[0]["pics"] == [str(images / "1_pics_0.png"), str(images / "1_pics_2.bin")]
    assert _errors(tmp_path)[0]["message"] == "The picture in the answer is broken: it can't be decoded."
    assert _errors(tmp_path)[0]["may_have_billed"] is True
    assert (summary.failed, summary.pictures) == (1, 2)


def test_fewer_pictures_than_were_asked_for_are_kept_and_are_a_failure(tmp_path: Path) -> None:
    node = ImageNode(name="d", model="dall-e-2", params={"n": 3}, parts=DRAW.parts, output_key="pics")

    _run(_plan(tmp_path, _titles(1), node), FakeGateway(_by_title({"t1": drawn(PNG)})), tmp_path)

    assert _rows(tmp_path)[0]["pics"] == [str(tmp_path / "multimodal_output" / "image" / "1_pics_0.png")]
    assert _errors(tmp_path)[0]["message"] == (
        "The answer holds 1 of the 3 pictures that were asked for; those were kept."
    )


def test_an_answer_that_is_no_image_is_kept_and_is_a_failure(tmp_path: Path) -> None:
    _run(_plan(tmp_path, _titles(1)), FakeGateway(_by_title({"t1": drawn(b"hello")})), tmp_path)

    assert _errors(tmp_path)[0]["message"] == (
        "The answer holds what is no image of a known format; it was kept as 1_pic_0.bin."
    )


def test_limit_runs_the_first_records_only(tmp_path: Path) -> None:
    gateway = FakeGateway()

    summary, _ = _run(_plan(tmp_path, _titles(5)), gateway, tmp_path, limit=2)

    assert (summary.total, sorted(gateway.prompts)) == (2, ["Draw t1", "Draw t2"])


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_calls_are_in_flight_than_asked_for(tmp_path: Path, concurrency: int) -> None:
    in_flight = most = 0

    async def answer(_: Recorded) -> Reply:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        for _turn in range(20):
            await asyncio.sleep(0)
        in_flight -= 1
        return drawn()

    _run(_plan(tmp_path, _titles(9)), FakeGateway(answer), tmp_path, bounds=Bounds(concurrency=concurrency))

    assert 1 <= most <= concurrency
    assert len(_rows(tmp_path)) == 9


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
        client, _plan(tmp_path, _titles(4), columns=_columns("id")), tmp_path, bounds=Bounds(concurrency=1)
    )

    assert _rows(tmp_path) == [{"id": "1"}]
    assert gateway.prompts == ["Draw t1"]
    assert not (tmp_path / "errors.jsonl").exists()
    assert (summary.succeeded, summary.failed, summary.unfinished) == (1, 0, 3)
    assert (summary.stopped, summary.reason) == ("unreachable", "can't reach it")


def test_a_picture_drawn_before_the_gateway_went_away_keeps_its_row(tmp_path: Path) -> None:
    client = _FailingClient(FakeGateway(), {"redder": GatewayUnreachableError("can't reach it")})

    summary = _run_with(client, _plan(tmp_path, _titles(2), DRAW, EDIT), tmp_path, bounds=Bounds(concurrency=1))

    (row,) = _rows(tmp_path)
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
        summary = _run_with(client, _plan(tmp_path, _titles(2)), tmp_path)

    (line,) = _errors(tmp_path)
    assert (line["code"], line["message"]) == (
        "internal",
        "Something unexpected went wrong (ZeroDivisionError); the log has its traceback.",
    )
    assert (summary.succeeded, summary.failed) == (1, 1)
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_disk_that_takes_no_pictures_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "multimodal_output").write_text("in the way")
    gateway = FakeGateway()

    summary, _ = _run(_plan(tmp_path, _titles(3)), gateway, tmp_path, bounds=Bounds(concurrency=1))

    assert len(gateway.drawn_requests) == 1
    assert (summary.failed, summary.unfinished, summary.stopped) == (1, 2, "storage")
    assert summary.reason.startswith(f"Can't write pictures to {tmp_path / 'multimodal_output' / 'image'}: ")
    assert _errors(tmp_path)[0]["code"] == "storage"


def test_stopping_finishes_what_is_in_flight(tmp_path: Path) -> None:
    async def run() -> RunSummary:
        stop = asyncio.Event()

        async def answer(_: Recorded) -> Reply:
            stop.set()
            return drawn()

        async with AsyncClient(app=FakeGateway(answer)) as client:
            plan = _plan(tmp_path, _titles(3), columns=_columns("id"))
            return await run_plan(
                plan, client, output=tmp_path, on_event=lambda _: None, bounds=Bounds(concurrency=1), stop=stop
            )

    summary = asyncio.run(run())

    assert _rows(tmp_path) == [{"id": "1"}]
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
            plan = _plan(tmp_path, _titles(3), columns=_columns("id"))
            running = asyncio.create_task(
                run_plan(plan, client, output=tmp_path, on_event=lambda _: None, bounds=Bounds(concurrency=1))
            )
            await hanging.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(run())

    assert _rows(tmp_path) == [{"id": "1"}]


def test_what_was_refused_is_asked_again_only_when_told_to(tmp_path: Path) -> None:
    plan = _plan(tmp_path, _titles(2), columns=_columns("id", "pic"))
    first, second, third = (FakeGateway(_by_title({"t1": REJECTED})), FakeGateway(), FakeGateway())

    rejected, _ = _run(plan, first, tmp_path)
    errors = _errors(tmp_path)
    again, _ = _run(plan, second, tmp_path)
    errors_again = _errors(tmp_path)
    retried, _ = _run(plan, third, tmp_path, retry_failed=True)

    assert (rejected.failed, again.failed, retried.failed) == (1, 1, 0)
    assert second.prompts == []
    assert errors_again == errors
    assert third.prompts == ["Draw t1"]
    refused_first = first.drawn_requests[first.prompts.index("Draw t1")]
    assert third.drawn_requests[0].headers["idempotency-key"] == refused_first.headers["idempotency-key"]
    assert not (tmp_path / "errors.jsonl").exists()


def test_what_may_have_been_paid_for_is_asked_again_only_when_told_so(tmp_path: Path) -> None:
    plan = _plan(tmp_path, _titles(1), columns=_columns("id", "pic"))
    lost = refused(ImageError(ErrorCode.UPSTREAM_TIMEOUT, "No answer.", may_have_billed=True))
    first, second, third = FakeGateway(_by_title({"t1": lost})), FakeGateway(), FakeGateway()

    _run(plan, first, tmp_path)
    _run(plan, second, tmp_path, retry_failed=True)
    doubtful = _errors(tmp_path)
    summary, _ = _run(plan, third, tmp_path, retry_unknown=True)

    assert (second.prompts, third.prompts) == ([], ["Draw t1"])
    assert [(line["code"], line["attempts"], line["may_have_billed"]) for line in doubtful] == [
        ("upstream_timeout", 1, True)
    ]
    assert (summary.succeeded, summary.failed) == (1, 0)


def test_a_spoilt_answer_is_paid_for_and_not_asked_for_again(tmp_path: Path) -> None:
    node = ImageNode(name="d", model="dall-e-2", params={"n": 2}, parts=DRAW.parts, output_key="pics")
    plan, second = _plan(tmp_path, _titles(1), node), FakeGateway()
    _run(plan, FakeGateway(_by_title({"t1": drawn(PNG)})), tmp_path)
    rows, errors = _rows(tmp_path), _errors(tmp_path)

    summary, _ = _run(plan, second, tmp_path, retry_failed=True)

    assert second.prompts == []
    assert (_rows(tmp_path), _errors(tmp_path)) == (rows, errors)
    assert (summary.pictures, summary.reused) == (0, 1)


def test_replacing_draws_in_the_place_of_what_there_was_and_fresh_beside_it(tmp_path: Path) -> None:
    plan = _plan(tmp_path, _titles(1), columns=_columns("pic"))
    images = tmp_path / "multimodal_output" / "image"
    blue, green = picture(colour=(0, 0, 255, 255)), picture(colour=(0, 255, 0, 255))
    first, _ = _run(plan, FakeGateway(), tmp_path)
    second, _ = _run(plan, FakeGateway(_by_title({"t1": drawn(blue)})), tmp_path, anew=True)
    third, _ = _run(plan, FakeGateway(_by_title({"t1": drawn(green)})), tmp_path, fresh=True)

    (row,) = _rows(tmp_path)
    assert len({first.run, second.run, third.run}) == 3
    assert (images / "1_pic_0.png").read_bytes() == blue
    assert Path(row["pic"]).read_bytes() == green
    assert len([*images.glob("*.png")]) == 2


def test_an_unreachable_gateway_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    plan = _plan(tmp_path, _titles(1), columns=_columns("id"))
    _run_with(_FailingClient(FakeGateway(), {"Draw t1": GatewayUnreachableError("can't reach it")}), plan, tmp_path)
    gateway = FakeGateway()

    summary, _ = _run(plan, gateway, tmp_path)

    assert gateway.prompts == ["Draw t1"]
    assert summary.succeeded == 1


def test_a_key_that_is_no_longer_valid_stops_the_run(tmp_path: Path) -> None:
    revoked = refused(ImageError(ErrorCode.UNAUTHENTICATED, "The key isn't valid."))
    gateway = FakeGateway(_by_title({"t2": revoked}))

    plan = _plan(tmp_path, _titles(4), columns=_columns("id"))

    summary, _ = _run(plan, gateway, tmp_path, bounds=Bounds(concurrency=1))
    with_another_key, _ = _run(plan, FakeGateway(), tmp_path)

    assert gateway.prompts == ["Draw t1", "Draw t2"]
    assert (with_another_key.succeeded, with_another_key.reused) == (4, 1)
    assert (summary.succeeded, summary.failed, summary.unfinished) == (1, 1, 2)
    assert (summary.stopped, summary.reason) == ("unauthorised", "The key isn't valid.")


def test_rows_of_an_earlier_pass_stay_until_they_are_reached_again(tmp_path: Path) -> None:
    plan = _plan(tmp_path, _titles(3), columns=_columns("id"))
    _run(plan, FakeGateway(), tmp_path)
    stop = asyncio.Event()
    stop.set()

    interrupted, _ = _run(plan, FakeGateway(), tmp_path, stop=stop)
    kept = _rows(tmp_path)
    fewer, _ = _run(_plan(tmp_path, _titles(2), columns=_columns("id")), FakeGateway(), tmp_path)

    assert kept == [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    assert (interrupted.succeeded, interrupted.unfinished) == (3, 0)
    assert _rows(tmp_path) == [{"id": "1"}, {"id": "2"}]
    assert fewer.total == 2


def _long() -> list[dict[str, str]]:
    return [{"id": "1", "title": "word " * 300}, {"id": "2", "title": "short"}]


def test_a_request_beyond_its_model_is_mended_where_the_task_says_so(tmp_path: Path) -> None:
    gateway = FakeGateway()

    summary, _ = _run(_plan(tmp_path, _long(), on_violation="fix"), gateway, tmp_path / "out")

    assert (summary.succeeded, summary.failed) == (2, 0)
    assert sorted(len(prompt) for prompt in gateway.prompts) == [10, 999]
    with closing(sqlite3.connect(tmp_path / "out" / ".imageway" / "state.sqlite3")) as journal:
        asked = [json.loads(text) for (text,) in journal.execute("SELECT asked FROM call ORDER BY record")]
    assert [one.get("fixes") for one in asked] == [["prompt cut from 1,504 to 999 characters"], None]


def test_a_record_beyond_its_model_is_left_out_where_its_node_says_so(tmp_path: Path) -> None:
    gateway = FakeGateway()
    plan = _plan(tmp_path, _long(), replace(DRAW, on_violation="skip"), on_violation="fix")

    summary, _ = _run(plan, gateway, tmp_path / "out")

    assert (summary.succeeded, summary.failed, summary.skipped) == (1, 0, 1)
    assert gateway.prompts == ["Draw short"]
    assert [(error["id"], error["code"]) for error in _errors(tmp_path / "out")] == [("1", "skipped")]


def test_a_record_of_an_id_that_is_taken_has_cost_nothing(tmp_path: Path) -> None:
    records = [{"id": "1", "title": "t1"}, {"id": "1", "title": "t2"}]

    for _ in range(2):
        summary, _ = _run(_plan(tmp_path, records, columns=_columns("id")), FakeGateway(), tmp_path)

    (line,) = _errors(tmp_path)
    assert (line["code"], line["attempts"], line["cost_usd"]) == ("duplicate_id", 0, None)
    assert summary.cost_usd == Decimal("0.020")
