"""Plans run on records: what is asked, saved and written."""

import asyncio
import json
import re
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fakes.gateway import PNG, REJECTED, FakeGateway, Recorded, Reply, data_url, drawn
from fakes.plan_runs import DRAW, EDIT, by_title, columns_of, errors_of, plan_of, ran, rows_of, titled
from imageway.sdk.pipeline.events import Noted, RecordFinished, RunEvent, RunStarted, RunSummary
from imageway.sdk.pipeline.plan import ImageNode, ImagePart, OutputColumn, TextPart
from imageway.sdk.pipeline.run import Bounds
from pictures import picture


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
        *columns_of("id", "pic"),
        OutputColumn(name="licence", value="CC0"),
        OutputColumn(name="none", source="none"),
    )
    output = tmp_path / "out"

    plan = plan_of(tmp_path, titled(3), columns=columns, notes=("hear",))
    summary, events = ran(plan, FakeGateway(answer), output, heard)

    images = output / "multimodal_output" / "image"
    assert rows_of(output) == [
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


def test_a_picture_that_comes_from_elsewhere_during_a_run_keeps_its_name(tmp_path: Path) -> None:
    images = tmp_path / "multimodal_output" / "image"

    async def answer(asked: Recorded) -> Reply:
        if asked.json["prompt"] == "Draw t1":
            images.mkdir(parents=True)
            (images / "2_pic_0.png").write_bytes(b"from elsewhere")
        return drawn()

    ran(plan_of(tmp_path, titled(2)), FakeGateway(answer), tmp_path, bounds=Bounds(concurrency=1))

    first, second = (Path(row["pic"]) for row in rows_of(tmp_path))
    assert first == images / "1_pic_0.png"
    assert re.fullmatch("2_pic_[0-9a-f]{8}_0.png", second.name)
    assert second.read_bytes() == first.read_bytes() != b"from elsewhere"
    assert (images / "2_pic_0.png").read_bytes() == b"from elsewhere"


def test_several_pictures_are_a_list_and_links_are_not_asked_for(tmp_path: Path) -> None:
    node = ImageNode(
        name="d", model="dall-e-2", params={"n": 3, "response_format": "url"}, parts=DRAW.parts, output_key="pics"
    )
    gateway = FakeGateway()

    summary, _ = ran(plan_of(tmp_path, titled(1), node), gateway, tmp_path)

    images = tmp_path / "multimodal_output" / "image"
    assert rows_of(tmp_path) == [
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

    ran(plan_of(tmp_path, titled(1), DRAW, EDIT), gateway, tmp_path)

    second = gateway.drawn_requests[1]
    assert (second.path, second.files) == ("/v1/images/edits", (("image", "image_1.png", "image/png", PNG),))
    assert rows_of(tmp_path)[0]["red"] == str(tmp_path / "multimodal_output" / "image" / "1_red_0.png")


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

    ran(plan_of(tmp_path, records, node), gateway, tmp_path / "out")

    (asked,) = gateway.drawn_requests
    assert dict(asked.texts)["prompt"] == "You are an artist. Go."
    assert [content for *_, content in asked.files] == [PNG, picture(size=(8, 8)), picture(size=(8, 8)), PNG]


def test_a_failed_record_keeps_its_place_and_stops_no_other(tmp_path: Path) -> None:
    records: list[Any] = [
        *titled(2),
        {"id": "3"},
        {"id": "4", "title": "x" * 1001},
        {"id": "2", "title": "t"},
        {"id": True},
    ]

    summary, _ = ran(
        plan_of(tmp_path, records, columns=columns_of("id", "title", "pic")),
        FakeGateway(by_title({"t1": REJECTED})),
        tmp_path,
    )

    rejected = "The vendor's safety system refused this request."
    rows = rows_of(tmp_path)
    assert rows[0] == {
        "id": "1",
        "title": None,
        "pic": None,
        "_error": {"code": "content_rejected", "message": rejected, "request_id": "req-1", "attempts": 1},
    }
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "2", True]
    assert [row.get("_error", {}).get("attempts") for row in rows] == [1, None, 0, 0, 0, 0]
    lines = errors_of(tmp_path)
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
    gateway = FakeGateway(by_title({"redder": REJECTED}))

    ran(plan_of(tmp_path, titled(1), DRAW, EDIT, columns=columns_of("id", "title", "pic", "red")), gateway, tmp_path)

    path = tmp_path / "multimodal_output" / "image" / "1_pic_0.png"
    (row,) = rows_of(tmp_path)
    assert path.exists()
    assert {name: row[name] for name in ("id", "title", "pic", "red")} == {
        "id": "1",
        "title": None,
        "pic": str(path),
        "red": None,
    }


def test_without_columns_a_failed_record_keeps_its_own_fields(tmp_path: Path) -> None:
    ran(plan_of(tmp_path, titled(1)), FakeGateway(by_title({"t1": REJECTED})), tmp_path)

    (row,) = rows_of(tmp_path)
    assert {**row, "_error": None} == {"id": "1", "title": "t1", "pic": None, "_error": None}


def test_the_id_column_becomes_the_id_and_a_record_without_one_its_position(tmp_path: Path) -> None:
    named = plan_of(tmp_path, [{"sku": 7, "title": "a"}], id_column="sku", columns=columns_of("id", "pic"))
    ran(named, FakeGateway(), tmp_path)
    assert rows_of(tmp_path) == [{"id": 7, "pic": str(tmp_path / "multimodal_output" / "image" / "7_pic_0.png")}]

    ran(plan_of(tmp_path, [{"title": "a"}], columns=columns_of("id")), FakeGateway(), tmp_path, anew=True)
    assert rows_of(tmp_path) == [{"id": "record_1"}]


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

    ran(plan_of(tmp_path, [{"id": 1, "photo": value}], node), gateway, tmp_path)

    assert [(line["code"], line["message"]) for line in errors_of(tmp_path)] == [(code, message)]
    assert gateway.drawn_requests == []


def test_of_an_answer_with_a_broken_picture_the_others_are_kept(tmp_path: Path) -> None:
    body = {"created": 1, "data": [{"url": data_url(PNG)}, {"b64_json": "@@@"}, {"b64_json": "AAAA"}]}
    node = ImageNode(name="d", model="dall-e-2", params={"n": 3}, parts=DRAW.parts, output_key="pics")

    summary, _ = ran(plan_of(tmp_path, titled(1), node), FakeGateway(by_title({"t1": Reply(body=body)})), tmp_path)

    images = tmp_path / "multimodal_output" / "image"
    assert rows_of(tmp_path)[0]["pics"] == [str(images / "1_pics_0.png"), str(images / "1_pics_2.bin")]
    assert errors_of(tmp_path)[0]["message"] == "The picture in the answer is broken: it can't be decoded."
    assert errors_of(tmp_path)[0]["may_have_billed"] is True
    assert (summary.failed, summary.pictures) == (1, 2)


def test_fewer_pictures_than_were_asked_for_are_kept_and_are_a_failure(tmp_path: Path) -> None:
    node = ImageNode(name="d", model="dall-e-2", params={"n": 3}, parts=DRAW.parts, output_key="pics")

    ran(plan_of(tmp_path, titled(1), node), FakeGateway(by_title({"t1": drawn(PNG)})), tmp_path)

    assert rows_of(tmp_path)[0]["pics"] == [str(tmp_path / "multimodal_output" / "image" / "1_pics_0.png")]
    assert errors_of(tmp_path)[0]["message"] == (
        "The answer holds 1 of the 3 pictures that were asked for; those were kept."
    )


def test_an_answer_that_is_no_image_is_kept_and_is_a_failure(tmp_path: Path) -> None:
    ran(plan_of(tmp_path, titled(1)), FakeGateway(by_title({"t1": drawn(b"hello")})), tmp_path)

    assert errors_of(tmp_path)[0]["message"] == (
        "The answer holds what is no image of a known format; it was kept as 1_pic_0.bin."
    )


def test_limit_runs_the_first_records_only(tmp_path: Path) -> None:
    gateway = FakeGateway()

    summary, _ = ran(plan_of(tmp_path, titled(5)), gateway, tmp_path, limit=2)

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

    ran(plan_of(tmp_path, titled(9)), FakeGateway(answer), tmp_path, bounds=Bounds(concurrency=concurrency))

    assert 1 <= most <= concurrency
    assert len(rows_of(tmp_path)) == 9


def _long() -> list[dict[str, str]]:
    return [{"id": "1", "title": "word " * 300}, {"id": "2", "title": "short"}]


def test_a_request_beyond_its_model_is_mended_where_the_task_says_so(tmp_path: Path) -> None:
    gateway = FakeGateway()

    summary, _ = ran(plan_of(tmp_path, _long(), on_violation="fix"), gateway, tmp_path / "out")

    assert (summary.succeeded, summary.failed) == (2, 0)
    assert sorted(len(prompt) for prompt in gateway.prompts) == [10, 999]
    with closing(sqlite3.connect(tmp_path / "out" / ".imageway" / "state.sqlite3")) as journal:
        asked = [json.loads(text) for (text,) in journal.execute("SELECT asked FROM call ORDER BY record")]
    assert [one.get("fixes") for one in asked] == [["prompt cut from 1,504 to 999 characters"], None]


def test_a_record_beyond_its_model_is_left_out_where_its_node_says_so(tmp_path: Path) -> None:
    gateway = FakeGateway()
    plan = plan_of(tmp_path, _long(), replace(DRAW, on_violation="skip"), on_violation="fix")

    summary, _ = ran(plan, gateway, tmp_path / "out")

    assert (summary.succeeded, summary.failed, summary.skipped) == (1, 0, 1)
    assert gateway.prompts == ["Draw short"]
    assert [(error["id"], error["code"]) for error in errors_of(tmp_path / "out")] == [("1", "skipped")]


def test_a_record_of_an_id_that_is_taken_has_cost_nothing(tmp_path: Path) -> None:
    records = [{"id": "1", "title": "t1"}, {"id": "1", "title": "t2"}]

    for _ in range(2):
        summary, _ = ran(plan_of(tmp_path, records, columns=columns_of("id")), FakeGateway(), tmp_path)

    (line,) = errors_of(tmp_path)
    assert (line["code"], line["attempts"], line["cost_usd"]) == ("duplicate_id", 0, None)
    assert summary.cost_usd == Decimal("0.020")
