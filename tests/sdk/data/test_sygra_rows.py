"""What ends badly in SyGra where data come in, and how it ends here."""

import io
import json
from collections import deque
from pathlib import Path

import pytest
from PIL import Image

from fakes.gateway import FakeGateway
from imageway.contract.request import ImageFormat
from imageway.sdk.client import AsyncClient
from imageway.sdk.pipeline.data.kinds import DataFile, Selection, Transformation
from imageway.sdk.pipeline.data.row import SourceError
from imageway.sdk.pipeline.data.source import open_source
from imageway.sdk.pipeline.events import RunSummary
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.pictures.media import Places, read_picture
from imageway.sdk.pipeline.run import Bounds, run_plan
from pictures import picture

TASK = """\
data_config:
  source: {{type: disk, file_path: {data}}}
graph_config:
  nodes:
    draw:
      node_type: llm
      output_keys: pic
      prompt: [{{user: [{{type: text, text: "Draw {{t}}"}}{image}]}}]
      model: {{name: {model}}}
  edges: [{{from: START, to: draw}}, {{from: draw, to: END}}]
output_config: {{output_map: {{id: {{from: id}}, pic: {{from: pic}}}}}}
"""
SYGRA = "sygra.processors.data_transform."
RENAMED = {"mapping": {"title": "t"}}
PHOTO = ", {type: image_url, image_url: '{photo}'}"


async def _run(folder: Path, data: str, gateway: FakeGateway, *, photo: bool = False) -> RunSummary:
    model = "gpt-image-1" if photo else "dall-e-2"
    (folder / "task.yaml").write_text(TASK.format(data=data, image=PHOTO if photo else "", model=model))
    loaded, issues = load_task(folder / "task.yaml")
    assert loaded is not None, issues
    async with AsyncClient(app=gateway) as client:
        return await run_plan(
            loaded.plan, client, output=folder / "out", on_event=lambda _: None, bounds=Bounds(concurrency=1)
        )


def _rows(folder: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads((folder / "out" / "output.json").read_text())
    return rows


async def test_a_blank_line_is_no_record_and_a_bad_one_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"id": 1, "t": "a"}\n\n{broken\n{"id": 2, "t": "b"}\n')
    gateway = FakeGateway()

    summary = await _run(tmp_path, "d.jsonl", gateway)

    assert (summary.succeeded, summary.failed, gateway.prompts) == (2, 1, ["Draw a", "Draw b"])
    assert [row["id"] for row in _rows(tmp_path)] == [1, "record_2", 2]


async def test_csv_knows_no_nan_and_leading_zeros_stay(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id,t,size\n007,nan,\n008,x,\n")
    gateway = FakeGateway()

    await _run(tmp_path, "d.csv", gateway)

    assert gateway.prompts == ["Draw nan", "Draw x"]
    assert [row["id"] for row in _rows(tmp_path)] == ["007", "008"]


async def test_falsy_ids_stay_and_later_records_without_one_get_their_position(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text('[{"id": 0, "t": "a"}, {"t": "b"}, {"id": "", "t": "c"}]')

    summary = await _run(tmp_path, "d.json", FakeGateway())

    assert [row["id"] for row in _rows(tmp_path)][:2] == [0, "record_2"]
    assert (summary.succeeded, summary.failed) == (2, 1)


async def test_an_id_that_comes_twice_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text('[{"id": "a", "t": "x"}, {"id": "a", "t": "y"}]')
    gateway = FakeGateway()

    summary = await _run(tmp_path, "d.json", gateway)

    assert (gateway.prompts, summary.succeeded, summary.failed) == (["Draw x"], 1, 1)


async def test_a_missing_picture_fails_its_record_alone_and_paths_are_the_data_files(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").write_bytes(picture())
    (tmp_path / "data" / "d.json").write_text(
        '[{"id": 1, "t": "x", "photo": "a.png"}, {"id": 2, "t": "y", "photo": "b.png"}]'
    )
    gateway = FakeGateway()

    summary = await _run(tmp_path, "data/d.json", gateway, photo=True)

    assert (gateway.prompts, summary.succeeded, summary.failed) == (["Draw x"], 1, 1)


def test_pictures_go_out_byte_for_byte_with_their_orientation_and_frames(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo, frames = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (8, 4), "red").save(photo, "JPEG", quality=97, exif=exif)
    Image.new("P", (4, 4)).save(frames, "GIF", save_all=True, append_images=[Image.new("P", (4, 4), 3)])
    (tmp_path / "a.jpg").write_bytes(photo.getvalue())
    (tmp_path / "b.gif").write_bytes(frames.getvalue())
    places = Places(folders=(tmp_path,))

    assert read_picture("a.jpg", places=places).content == photo.getvalue()
    found = read_picture("b.gif", places=places)
    assert (found.content, found.facts.format) == (frames.getvalue(), ImageFormat.GIF)


@pytest.mark.parametrize("steps", [(), (Transformation(transform=f"{SYGRA}RenameFieldsTransform", params=RENAMED),)])
def test_a_record_is_there_before_the_rest_of_the_data_is_read(
    tmp_path: Path, steps: tuple[Transformation, ...]
) -> None:
    (tmp_path / "d.csv").write_text("id,title\n" + "1,x\n" * 5000 + '2,"never closed')
    data = DataFile(path=tmp_path / "d.csv", transformations=steps)

    with open_source(data, selection=Selection(last=1)) as source:
        assert [row.fields for row in source] == [{"id": "1", "t" if steps else "title": "x"}]
    with open_source(data) as source, pytest.raises(SourceError):
        deque(source)
