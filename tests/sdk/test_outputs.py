"""What a run writes: the kinds of output files, `metadata.jsonl`, sidecars; each read back by a real reader."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import PNG, REJECTED, FakeGateway, Recorded, Reply, data_url, drawn
from imageway.contract.request import ImageFormat
from imageway.contract.version import __version__
from imageway.sdk.cli.place import Place
from imageway.sdk.cli.talk import GiveUpError
from imageway.sdk.client import AsyncClient
from imageway.sdk.pipeline.files.provenance import has_c2pa
from imageway.sdk.pipeline.journal.run_view import open_run
from imageway.sdk.pipeline.output.output_file import write_output
from imageway.sdk.pipeline.output.sidecars import write_sidecars
from imageway.sdk.pipeline.plan import DataFile, ImageNode, ImagePart, OutputColumn, Plan, TextPart
from imageway.sdk.pipeline.run import Writing, run_plan
from pictures import picture

DRAW = ImageNode(name="draw", model="dall-e-2", params={}, parts=(TextPart(template="Draw {title}"),), output_key="pic")
EDIT = ImageNode(
    name="edit",
    model="dall-e-2",
    params={"n": 2},
    parts=(ImagePart(template="{pic}"), TextPart(template="redder")),
    output_key="red",
)
SQUARE = picture(size=(64, 64))


async def _answer(asked: Recorded) -> Reply:
    if asked.json is None:
        return drawn(SQUARE, SQUARE)
    reply = drawn(SQUARE)
    reply.body["data"][0]["revised_prompt"] = "A better prompt"
    reply.headers["imageway-target"] = "azure-eu/images-prod"
    reply.headers["imageway-cost-usd"] = "0.018"
    return REJECTED if asked.json["prompt"] == "Draw bad" else reply


def _run(folder: Path, *nodes: ImageNode, titles: tuple[str, ...] = ("a", "bad", "c"), **options: Any) -> Path:
    """The picture folder of a run."""
    path = folder / "data.json"
    path.write_text(json.dumps([{"id": str(n), "title": title} for n, title in enumerate(titles, start=1)]))
    columns = tuple(OutputColumn(name=name, source=name) for name in ("id", "title", *(n.output_key for n in nodes)))
    plan = Plan(name="t", folder=folder, data=DataFile(path=path), nodes=nodes, columns=columns)

    async def run() -> None:
        async with AsyncClient(app=FakeGateway(_answer)) as client:
            await run_plan(plan, client, output=folder, on_event=lambda _: None, **options)

    asyncio.run(run())
    return folder / "multimodal_output" / "image"


ROWS: list[dict[str, Any]] = [
    {"id": "1", "n": 1, "share": 1, "on": True, "pics": ["a.png", "b.png"], "note": "=1+1", "any": {"x": [1]}},
    {"id": "ü\n", "n": None, "share": 0.5, "on": None, "pics": None, "note": "-5", "any": 2**70, "late": "x"},
    {"id": "half\ud800", "n": -3, "share": None, "on": False, "pics": [], "note": None, "any": "text"},
]


def test_jsonl_is_a_row_a_line(tmp_path: Path) -> None:
    path = write_output(tmp_path / "o.jsonl", lambda: iter(ROWS))

    assert [json.loads(line) for line in path.read_bytes().splitlines()] == ROWS


def test_csv_has_all_columns_and_no_formulas(tmp_path: Path) -> None:
    path = write_output(tmp_path / "o.csv", lambda: iter(ROWS))

    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.reader(file))
    assert read == [
        ["id", "n", "share", "on", "pics", "note", "any", "late"],
        ["1", "1", "1", "true", '["a.png", "b.png"]', "'=1+1", '{"x": [1]}', ""],
        ["ü\n", "", "0.5", "", "", "'-5", str(2**70), "x"],
        ["half\\ud800", "-3", "", "false", "[]", "", "text", ""],
    ]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "＝1"])
def test_what_a_spreadsheet_would_run_is_quoted(tmp_path: Path, text: str) -> None:
    path = write_output(tmp_path / "o.csv", lambda: iter([{text: text, "n": -1}]))

    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [[f"'{text}", "n"], [f"'{text}", "-1"]]


def test_parquet_has_a_type_for_each_column(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")

    path = write_output(tmp_path / "o.parquet", lambda: iter(ROWS))

    table = parquet.read_table(path)
    assert {field.name: str(field.type) for field in table.schema} == {
        "id": "string",
        "n": "int64",
        "share": "double",
        "on": "bool",
        "pics": "list<element: string>",
        "note": "string",
        "any": "string",
        "late": "string",
    }
    assert table.to_pylist() == [
        {**ROWS[0], "share": 1.0, "any": '{"x": [1]}', "late": None},
        {**ROWS[1], "any": str(2**70)},
        {**ROWS[2], "id": "half\\ud800", "late": None},
    ]


def test_more_rows_than_a_batch_keep_their_order(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")

    path = write_output(tmp_path / "o.parquet", lambda: ({"n": n} for n in range(1201)))

    assert parquet.read_table(path).column("n").to_pylist() == list(range(1201))


def test_an_output_without_rows_is_there_all_the_same(tmp_path: Path) -> None:
    written = {
        ending: write_output(tmp_path / f"o{ending}", lambda: iter(())) for ending in (".json", ".jsonl", ".csv")
    }

    assert {ending: path.read_bytes() for ending, path in written.items()} == {
        ".json": b"[]\n",
        ".jsonl": b"",
        ".csv": b"\r\n",
    }


def test_the_outputs_paths_are_relative_on_wish_and_the_folder_can_be_moved(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    writing = Writing(file=Path("rows.jsonl"), relative_paths=True)
    _run(old, DRAW, titles=("a",), writing=writing)
    told = (old / "rows.jsonl").read_text()

    old.rename(new)

    assert json.loads(told) == {"id": "1", "title": "a", "pic": "multimodal_output/image/1_pic_0.png"}
    with open_run(new) as view:
        assert [*view.outcomes.rows()] == [
            {"id": "1", "title": "a", "pic": str(new / "multimodal_output" / "image" / "1_pic_0.png")}
        ]


def test_the_picture_folder_loads_as_an_image_folder(tmp_path: Path) -> None:
    images = _run(tmp_path, DRAW, EDIT, writing=Writing(sidecars=True))

    told = [json.loads(line) for line in (images / "metadata.jsonl").read_text().splitlines()]

    assert told == [
        {"id": n, "title": t, "file_name": f"{n}_pic_0.png", "red_file_names": [f"{n}_red_0.png", f"{n}_red_1.png"]}
        for n, t in (("1", "a"), ("3", "c"))
    ]
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset("imagefolder", data_dir=str(images), cache_dir=str(tmp_path / "cache"))["train"]
    assert [(row["id"], row["image"].size, len(row["red"])) for row in loaded] == [
        ("1", (64, 64), 2),
        ("3", (64, 64), 2),
    ]


def test_a_column_called_image_is_not_run_over_by_another(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps([{"id": "1", "title": "a", "image": "mine"}]))
    plan = Plan(name="t", folder=tmp_path, data=DataFile(path=path), nodes=(DRAW,))

    async def run() -> None:
        async with AsyncClient(app=FakeGateway(_answer)) as client:
            await run_plan(plan, client, output=tmp_path, on_event=lambda _: None)

    asyncio.run(run())

    told = json.loads((tmp_path / "multimodal_output" / "image" / "metadata.jsonl").read_text())
    assert told == {"id": "1", "title": "a", "image": "mine", "pic_file_name": "1_pic_0.png"}


def test_columns_of_an_image_folder_have_one_type_each(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    records: list[dict[str, Any]] = [
        {"id": 1, "title": "a", "price": 1, "tags": "x", "more": {"k": 1}},
        {"id": "b", "title": "c", "price": 2.5, "tags": ["y"], "more": None},
    ]
    path.write_text(json.dumps(records))
    plan = Plan(name="t", folder=tmp_path, data=DataFile(path=path), nodes=(DRAW,))

    async def run() -> None:
        async with AsyncClient(app=FakeGateway(_answer)) as client:
            await run_plan(plan, client, output=tmp_path, on_event=lambda _: None)

    asyncio.run(run())

    images = tmp_path / "multimodal_output" / "image"
    assert [json.loads(line) for line in (images / "metadata.jsonl").read_text().splitlines()] == [
        {"id": "1", "title": "a", "price": 1, "tags": ["x"], "more": {"k": 1}, "file_name": "1_pic_0.png"},
        {"id": "b", "title": "c", "price": 2.5, "tags": ["y"], "more": None, "file_name": "b_pic_0.png"},
    ]
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset("imagefolder", data_dir=str(images), cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded["id"][:] == ["1", "b"]


def test_without_pictures_there_is_no_metadata(tmp_path: Path) -> None:
    images = _run(tmp_path, DRAW, titles=("a",))
    there = (images / "metadata.jsonl").exists()

    _run(tmp_path, DRAW, titles=("bad",))

    assert there
    assert not (images / "metadata.jsonl").exists()


def test_a_sidecar_tells_where_a_picture_comes_from(tmp_path: Path) -> None:
    images = _run(tmp_path, DRAW, EDIT, titles=("a",), drawer="test")
    before = {path.name: path.read_bytes() for path in images.glob("*.png")}
    with open_run(tmp_path) as view:
        count = write_sidecars(view)

    told = json.loads((images / "1_pic_0.png.json").read_text())
    edited = json.loads((images / "1_red_1.png.json").read_text())
    ours = told.pop("imageway")

    assert count == 3
    assert told == {
        "DigitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        "AIPromptInformation": "Draw a",
        "AISystemUsed": "azure-eu/images-prod",
    }
    digest = ours["picture"]["sha256"]
    assert ours == {
        "picture": {
            "path": "multimodal_output/image/1_pic_0.png",
            "sha256": digest,
            "format": "png",
            "width_px": 64,
            "height_px": 64,
            "size_bytes": len(SQUARE),
            "c2pa": False,
            "revised_prompt": "A better prompt",
        },
        "record_id": "1",
        "node": "draw",
        "draw": 1,
        "operation": "generate",
        "model_asked": "dall-e-2",
        "model_answered": "azure-eu/images-prod",
        "prompt": "Draw a",
        "revised_prompt": "A better prompt",
        "parameters": {"response_format": "b64_json"},
        "answered": {"created": 1_700_000_000},
        "inputs": [],
        "mask": None,
        "translated": None,
        "request_id": "up-1",
        "idempotency_key": ours["idempotency_key"],
        "attempts": 1,
        "sent_at": ours["sent_at"],
        "ended_at": ours["ended_at"],
        "usage": None,
        "cost_usd": 0.018,
        "run": ours["run"],
        "drawer": "test",
        "version": __version__,
    }
    assert edited["DigitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert [(one["sha256"], one["format"]) for one in edited["imageway"]["inputs"]] == [(digest, "png")]
    assert {path.name: path.read_bytes() for path in images.glob("*.png")} == before


def _png_with(kind: bytes) -> bytes:
    return PNG[:33] + (4).to_bytes(4, "big") + kind + b"jumb" + bytes(4) + PNG[33:]


@pytest.mark.parametrize(
    ("content", "format_", "signed"),
    [
        (PNG, ImageFormat.PNG, False),
        (_png_with(b"caBX"), ImageFormat.PNG, True),
        (_png_with(b"tEXt"), ImageFormat.PNG, False),
        (b"\xff\xd8\xff\xeb\x00\x0ajumbc2pa\xff\xda\x00\x02", ImageFormat.JPEG, True),
        (b"\xff\xd8\xff\xeb\x00\x0ajumbnone\xff\xda\x00\x02c2pa", ImageFormat.JPEG, False),
        (b"RIFF\x1a\0\0\0WEBPVP8 \x01\0\0\0x\0C2PA\x04\0\0\0jumb", ImageFormat.WEBP, True),
        (b"RIFF\x0e\0\0\0WEBPVP8 \x01\0\0\0x\0", ImageFormat.WEBP, False),
    ],
)
def test_content_credentials_are_noticed(content: bytes, format_: ImageFormat, signed: bool) -> None:
    assert has_c2pa(content, format_) is signed


@pytest.mark.parametrize(
    ("place", "found"),
    [
        (Place(), ("task", "output.json")),
        (Place(output=Path("out")), ("out", "output.json")),
        (Place(output=Path("out/rows.csv")), ("out", "rows.csv")),
        (Place(output=Path("rows.JSONL")), (".", "rows.JSONL")),
        (Place(output=Path("out"), output_file=Path("x.jsonl")), ("out", "x.jsonl")),
        (Place(output=Path("out.d")), ("out.d", "output.json")),
    ],
)
def test_an_ending_makes_a_file_of_the_output(place: Place, found: tuple[str, str]) -> None:
    folder, writing = place.found(Path("task"))

    assert (str(folder), str(writing.file)) == found


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (
            Place(output_file=Path("x.xml")),
            "x.xml: the output's ending must be one of .json, .jsonl, .csv, .parquet",
        ),
        (
            Place(output_file=Path("../x.csv")),
            "--output-file is a name in the output folder, but it is ../x.csv",
        ),
        (
            Place(output=Path("a.csv"), output_file=Path("b.csv")),
            "-o names the file a.csv, and --output-file another one",
        ),
    ],
)
def test_an_output_that_cannot_be_is_told_before_anything_is_drawn(place: Place, sentence: str) -> None:
    with pytest.raises(GiveUpError) as refused:
        place.found(Path("task"))

    assert refused.value.message == sentence


def test_data_urls_of_the_input_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    photo = data_url(PNG)
    path.write_text(json.dumps([{"id": "1", "title": "a", "photo": photo}]))
    plan = Plan(name="t", folder=tmp_path, data=DataFile(path=path), nodes=(DRAW,))

    async def run() -> None:
        async with AsyncClient(app=FakeGateway(_answer)) as client:
            await run_plan(plan, client, output=tmp_path, on_event=lambda _: None)

    asyncio.run(run())

    assert json.loads((tmp_path / "output.json").read_text())[0]["photo"] == photo
