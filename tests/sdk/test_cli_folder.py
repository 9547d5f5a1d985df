"""`imageway status`, `errors`, `show`, `verify` and `gc`, on folders that real runs have written into."""

import asyncio
import json
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import PNG, REJECTED, FakeGateway, Recorded, Reply, drawn, refused
from fakes.task_runs import nodes, ran, task_folder
from imageway.contract.errors import ErrorCode, ImageError
from imageway.sdk.cli import main
from imageway.sdk.client import AsyncClient
from imageway.sdk.pipeline.output.verify import undecodable
from imageway.sdk.pipeline.plan import DataFile, ImageNode, OutputColumn, Plan, TextPart
from imageway.sdk.pipeline.run import run_plan
from pictures import picture

DRAW = nodes("pic: {title}") + "edges: [{from: START, to: pic}, {from: pic, to: END}]"
LOST = refused(ImageError(ErrorCode.UPSTREAM_TIMEOUT, "No answer.", may_have_billed=True), "req-2")


async def _answer(asked: Recorded) -> Reply:
    answers = {"Draw rejected": REJECTED, "Draw lost": LOST}
    return answers.get(asked.json["prompt"], drawn())


def _ran(folder: Path, *titles: str, **options: Any) -> Path:
    """The picture folder of a run over records with these titles."""
    path = folder / "data.json"
    path.write_text(json.dumps([{"id": str(n), "title": title} for n, title in enumerate(titles, start=1)]))
    node = ImageNode(
        name="draw", model="dall-e-2", params={}, parts=(TextPart(template="Draw {title}"),), output_key="pic"
    )
    columns = tuple(OutputColumn(name=name, source=name) for name in ("id", "pic"))
    plan = Plan(name="t", folder=folder, data=DataFile(path=path), nodes=(node,), columns=columns)

    async def run() -> None:
        async with AsyncClient(app=FakeGateway(_answer)) as client:
            await run_plan(plan, client, output=folder, on_event=lambda _: None, drawer="test", **options)

    asyncio.run(run())
    return folder / "multimodal_output" / "image"


def _json(capsys: pytest.CaptureFixture[str], *tokens: str, exit_code: int = 0) -> Any:
    assert main([*tokens, "--json"]) == exit_code
    return json.loads(capsys.readouterr().out)


def test_the_status_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _ran(tmp_path, "a", "rejected", "lost", "b", limit=4)

    told = _json(capsys, "status", str(tmp_path))
    assert main(["status", str(tmp_path)]) == 0

    assert told == {
        "run": told["run"],
        "runs": 1,
        "task": str(tmp_path),
        "drawer": "test",
        "began_at": told["began_at"],
        "ended_at": told["ended_at"],
        "running": False,
        "stopped": None,
        "records": {"total": 4, "done": 2, "failed": 2, "skipped": 0, "unfinished": 0},
        "calls": {"answered": 2, "failed": 1, "unknown": 1},
        "pictures": 2,
        "cost_usd": 0.04,
        "failures": {"content_rejected": 1, "upstream_timeout": 1},
    }
    assert capsys.readouterr().out.splitlines() == [
        f"run {told['run']} of {tmp_path}, drawn by test: not running",
        "records: total 4, done 2, failed 2, skipped 0, unfinished 0",
        "calls: answered 2, failed 1, unknown 1",
        "failures: content_rejected 1, upstream_timeout 1",
        "pictures: 2; cost: $0.0400",
    ]


def test_what_a_terminal_would_obey_or_cannot_show_is_made_visible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = task_folder(tmp_path, DRAW, [{"id": "1\n\x1b[2J", "title": "\ud800"}])
    ran(task)

    assert main(["errors", str(tmp_path / "out")]) == 0
    assert main(["show", str(tmp_path / "out"), "1\n\x1b[2J"]) == 0

    sentence = "The request or its record's id holds half of a surrogate pair, which is no valid text."
    assert capsys.readouterr().out.splitlines()[:4] == [
        f"1\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[2J\tinvalid_request\t{sentence}",
        "record 1 '1\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[2J': failed",
        "  id: 1\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[2J",
        "  title: \N{REPLACEMENT CHARACTER}",
    ]


def test_failures_are_rows_with_what_is_known_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _ran(tmp_path, "a", "rejected", "lost")

    told = _json(capsys, "errors", str(tmp_path), "--group", "upstream_timeout")
    assert main(["errors", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    assert main(["errors", str(tmp_path), "--group", "nope"]) == 0

    assert told == {
        "by_code": {"content_rejected": 1, "upstream_timeout": 1},
        "errors": [
            {
                "record": 3,
                "id": "3",
                "node": "draw",
                "code": "upstream_timeout",
                "message": "No answer.",
                "param": None,
                "attempts": 1,
                "request_id": "req-2",
                "may_have_billed": True,
                "cost_usd": None,
            }
        ],
    }
    assert listed == (
        "2\tcontent_rejected\tThe vendor's safety system refused this request.\n3\tupstream_timeout\tNo answer.\n"
    )
    assert capsys.readouterr().err == (
        "no record failed with the code 'nope'; codes here: content_rejected, upstream_timeout\n"
    )


def test_a_record_is_shown_with_its_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = _ran(tmp_path, "a")

    told = _json(capsys, "show", str(tmp_path), "1")

    path = str(images / "1_pic_0.png")
    (record,), (call,) = told["records"], told["calls"]
    assert record["row"] == {"id": "1", "pic": path}
    assert (record["outcome"], record["attempts"], record["cost_usd"]) == ("done", 1, 0.02)
    assert (call["state"], call["attempts"], call["request_id"], call["cost_usd"]) == ("answered", 1, "up-1", 0.02)
    assert call["asked"]["prompt"] == "Draw a"
    assert [(one["path"], one["format"], one["c2pa"]) for one in call["pictures"]] == [(path, "png", False)]
    assert main(["show", str(tmp_path), "9"]) == 2
    assert capsys.readouterr().err == (
        f"imageway: {tmp_path} holds no record '9'; imageway status tells what there is\n"
    )


def test_a_record_is_shown_in_words_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = _ran(tmp_path, "a")
    call = _json(capsys, "show", str(tmp_path), "1")["calls"][0]

    assert main(["show", str(tmp_path), "1"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "record 1 '1': done",
        "  id: 1",
        f"  pic: {images / '1_pic_0.png'}",
        "call of draw: answered, sent 1 time",
        f"  key: {call['key']}",
        "  request_id: up-1",
        "  cost_usd: 0.02",
        f"  asked: {json.dumps(call['asked'])}",
        f"  answered: {json.dumps(call['answered'])}",
        f"  pictures: {json.dumps(call['pictures'])}",
    ]


def test_a_sound_folder_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _ran(tmp_path, "a", "rejected")

    assert _json(capsys, "verify", str(tmp_path)) == {"exit_code": 0, "pictures": 1, "findings": [], "orphans": []}


def test_pictures_that_are_gone_or_changed_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = _ran(tmp_path, "a", "b", "c")
    (images / "1_pic_0.png").unlink()
    (images / "2_pic_0.png").write_bytes(PNG[:40])
    with sqlite3.connect(tmp_path / ".imageway" / "state.sqlite3") as journal:
        journal.execute("DELETE FROM picture WHERE path LIKE '%3_pic_0.png'")
    journal.close()

    told = _json(capsys, "verify", str(tmp_path), exit_code=3)

    folder = "multimodal_output/image"
    assert [(one["code"], one["path"]) for one in told["findings"]] == [
        ("missing", f"{folder}/1_pic_0.png"),
        ("changed", f"{folder}/2_pic_0.png"),
        ("without_receipt", f"{folder}/3_pic_0.png"),
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (picture(), None),
        (picture("JPEG", mode="RGB", colour=(1, 2, 3)), None),
        (picture("WEBP"), None),
        (b"hello", "it is no picture of a known format"),
        (picture("JPEG", mode="RGB", colour=(1, 2, 3))[:-2], "the JPEG is cut short"),
        (PNG.replace(b"IDATx", b"IDATy"), "the checksum of the PNG's IDAT doesn't fit"),
    ],
    ids=["png", "jpeg", "webp", "text", "cut", "checksum"],
)
def test_a_picture_is_looked_at_to_its_end(content: bytes, fault: str | None) -> None:
    assert undecodable(content) == fault


def _png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def test_the_pixels_of_a_png_are_counted() -> None:
    assert undecodable(_png(2, 2, bytes(14))) is None
    assert undecodable(_png(2, 2, bytes(13))) == "the PNG's pixels are incomplete"


def test_garbage_is_what_the_journal_proves_to_be_left_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = _ran(tmp_path, "a", "lost", "rejected")
    left_over = [images / ".0123456789abcdef.tmp", images / "1_pic_1.png", images / "3_pic_0.png"]
    in_doubt, foreign = images / "2_pic_0.png", images / "holiday.png"
    for path in (*left_over, in_doubt, foreign):
        path.write_bytes(b"x" * 10)
    kept = [images / "1_pic_0.png", images / "metadata.jsonl"]

    rehearsed = _json(capsys, "gc", str(tmp_path), "--dry-run")
    there = all(path.exists() for path in left_over)
    done = _json(capsys, "gc", str(tmp_path))

    assert rehearsed == {**done, "dry_run": True}
    assert there
    assert {one["path"] for one in done["removed"]} == {str(path) for path in left_over}
    assert [one["path"] for one in done["left"]] == [str(foreign)]
    assert sorted(images.iterdir()) == sorted([*kept, in_doubt, foreign])
    assert main(["gc", str(tmp_path), "--unknown"]) == 0
    assert sorted(images.iterdir()) == sorted([*kept, in_doubt])


@pytest.mark.parametrize("command", [["status"], ["errors"], ["verify"], ["gc"], ["show", "1"]])
def test_a_folder_without_a_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    name, *more = command

    assert main([name, str(tmp_path), *more]) == 2

    path = tmp_path / ".imageway" / "state.sqlite3"
    assert capsys.readouterr().err == f"imageway: {tmp_path} holds no run: there is no {path}\n"
    assert [*tmp_path.iterdir()] == []


def test_a_journal_of_a_newer_imageway_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _ran(tmp_path, "a")
    path = tmp_path / ".imageway" / "state.sqlite3"
    with sqlite3.connect(path) as journal:
        journal.execute("PRAGMA user_version = 7")
    journal.close()

    assert main(["status", str(tmp_path)]) == 2

    assert capsys.readouterr().err == (
        f"imageway: the journal {path} is of schema 7, and this imageway reads schema 2: update imageway\n"
    )


def test_an_earlier_run_is_named_by_the_beginning_of_its_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _ran(tmp_path, "a", "b")
    first = _json(capsys, "status", str(tmp_path))
    _ran(tmp_path, "a", fresh=True)

    newest = _json(capsys, "status", str(tmp_path))
    earlier = _json(capsys, "status", str(tmp_path), "--run", first["run"][:8])

    assert (newest["records"]["done"], earlier["records"]["done"], earlier["run"]) == (1, 2, first["run"])
    assert main(["status", str(tmp_path), "--run", "nope"]) == 2
    assert capsys.readouterr().err == f"imageway: {tmp_path} holds no run whose id begins with 'nope'\n"
