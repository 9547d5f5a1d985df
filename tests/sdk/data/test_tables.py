"""Parquet, folders of pictures and Hugging Face datasets, as files that those libraries write."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes.gateway import data_url
from imageway.sdk.pipeline.data.kinds import DataFile, HfDataset, Selection
from imageway.sdk.pipeline.data.row import Row, SourceError
from imageway.sdk.pipeline.data.source import open_source
from pictures import picture

PNG = picture()
JPEG = picture("JPEG", mode="RGB")
URL = data_url(PNG)


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def _rows(data: DataFile | HfDataset) -> list[Row]:
    with open_source(data) as source:
        return [*source]


def _fields(data: DataFile | HfDataset) -> list[object]:
    return [row.fields for row in _rows(data)]


def _fault(data: DataFile | HfDataset, folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        _rows(data)
    return str(caught.value).replace(f"{folder}/", "")


def test_parquet_is_read_as_json_values(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": ["a", "b"],
            "n": [7, None],
            "price": [1.5, float("nan")],
            "day": [dt.date(2026, 11, 26), None],
            "cost": [Decimal("1.20"), None],
            "tags": [["x", "y"], []],
            "photo": [{"bytes": PNG, "path": "a.png"}, {"bytes": None, "path": "photos/b.png"}],
            "raw": [JPEG, b"\0"],
        }
    )
    pq.write_table(table, tmp_path / "d.parquet")
    data = DataFile(path=tmp_path / "d.parquet")

    assert _fields(data) == [
        {"id": "a", "n": 7, "price": 1.5, "day": "2026-11-26", "cost": "1.20", "tags": ["x", "y"], "photo": URL,
         "raw": data_url(JPEG, "image/jpeg")},
        {"id": "b", "n": None, "price": None, "day": None, "cost": None, "tags": [], "photo": "photos/b.png",
         "raw": "data:application/octet-stream;base64,AA=="},
    ]  # fmt: skip
    assert [row.place for row in _rows(data)] == [f"{data.path}, row 1", f"{data.path}, row 2"]
    with open_source(data, selection=Selection(first=2)) as source:
        assert (source.count, source.folders) == (1, (tmp_path,))


def test_broken_parquet_is_one_sentence(tmp_path: Path) -> None:
    pq.write_table(pa.table({"t": ["x" * 50] * 1000}), tmp_path / "d.parquet", compression="none")
    whole = (tmp_path / "d.parquet").read_bytes()
    path = tmp_path / "e.parquet"

    path.write_bytes(b"PAR1")
    assert _fault(DataFile(path=path), tmp_path).startswith("e.parquet: not a Parquet file: ")
    path.write_bytes(whole[:4] + b"\xff" * 60 + whole[64:])
    assert _fault(DataFile(path=path), tmp_path).startswith("e.parquet: the Parquet file is broken: ")
    assert _fault(DataFile(path=tmp_path / "no.parquet"), tmp_path) == "no.parquet: there is no such file"


def _folder(folder: Path) -> Path:
    for name in ("b.png", "a.JPG", "cats/z.webp", "cats/deep/1.png", ".hidden.png", ".git/x.png", "notes.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    return folder


def test_a_folder_of_pictures_is_a_record_each(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "photos")
    (folder / "loop").symlink_to(folder)

    assert _fields(DataFile(path=folder)) == [
        {"id": "a.JPG", "image": "a.JPG", "file_name": "a.JPG"},
        {"id": "b.png", "image": "b.png", "file_name": "b.png"},
        {"id": "cats/z.webp", "image": "cats/z.webp", "file_name": "cats/z.webp", "label": "cats"},
        {"id": "cats/deep/1.png", "image": "cats/deep/1.png", "file_name": "cats/deep/1.png", "label": "cats"},
    ]
    with open_source(DataFile(path=folder)) as source:
        assert source.folders == (folder,)


def test_a_folder_without_pictures_has_no_records(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()

    assert _fault(DataFile(path=tmp_path / "f"), tmp_path) == "f: there are no records in it"


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_metadata_of_an_image_folder_is_honoured(tmp_path: Path, ending: str) -> None:
    folder = _folder(tmp_path)
    row = {"file_name": "b.png", "text": "a bee", "mask_file_name": "cats/z.webp"}
    match ending:
        case "jsonl":
            (folder / "metadata.jsonl").write_text(json.dumps(row))
        case "csv":
            (folder / "metadata.csv").write_text(",".join(row) + "\n" + ",".join(row.values()))
        case _:
            pq.write_table(pa.Table.from_pylist([row]), folder / "metadata.parquet")

    assert _fields(DataFile(path=folder)) == [
        {"file_name": "b.png", "text": "a bee", "image": "b.png", "mask": "cats/z.webp", "id": "b.png"}
    ]


def test_several_pictures_of_a_metadata_row_are_a_list(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "metadata.jsonl").write_text('{"id": 7, "file_name": "b.png", "more_file_names": ["a.JPG", "b.png"]}\n{')

    first, second = _rows(DataFile(path=folder))

    assert first.fields == {"id": 7, "file_name": "b.png", "image": "b.png", "more": ["a.JPG", "b.png"]}
    assert second.fault is not None
    assert second.fault.message.startswith(f"{folder}/metadata.jsonl:2: not valid JSON")


def _dataset() -> datasets.Dataset:
    rows = {
        "id": ["a", "b"],
        "photo": [{"bytes": PNG, "path": None}, {"bytes": JPEG, "path": "x.jpg"}],
        "label": [0, 1],
    }
    features = datasets.Features(
        {"id": datasets.Value("string"), "photo": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    )
    return datasets.Dataset.from_dict(rows, features=features)


ROWS = [
    {"id": "a", "photo": URL, "label": 0},
    {"id": "b", "photo": data_url(JPEG, "image/jpeg"), "label": 1},
]


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_are_read_from_folders_in_each_of_their_shapes(tmp_path: Path, *, streaming: bool) -> None:
    _dataset().save_to_disk(tmp_path / "saved")
    datasets.DatasetDict({"train": _dataset(), "test": _dataset().select([1])}).save_to_disk(tmp_path / "splits")
    _dataset().to_parquet(tmp_path / "files" / "train.parquet")

    def read(name: str, *splits: str) -> list[object]:
        data = HfDataset(repo_id=name, folder=tmp_path, splits=splits or ("train",), streaming=streaming)
        return _fields(data)

    assert read("saved") == ROWS
    assert read("splits") == ROWS
    assert read("splits", "test", "train") == [ROWS[1], *ROWS]
    assert read("files") == ROWS


def test_how_many_rows_is_known_unless_they_are_streamed(tmp_path: Path) -> None:
    _dataset().save_to_disk(tmp_path / "saved")

    for streaming, count in ((False, 2), (True, None)):
        with open_source(HfDataset(repo_id="saved", folder=tmp_path, streaming=streaming)) as source:
            assert (source.count, source.folders) == (count, (tmp_path / "saved",))


def test_shards_are_files_by_their_places(tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / "set" / "data" / f"train-0000{number}-of-3.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"n": [number]}), path)

    def read(*shards: int, pattern: str = "*") -> list[object]:
        return _fields(
            HfDataset(repo_id="set", config_name="data", folder=tmp_path, shard_pattern=pattern, shards=shards)
        )

    assert read(0, 2) == [{"n": 0}, {"n": 2}]
    assert read() == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert read(pattern="-00001*") == [{"n": 1}]
    with pytest.raises(SourceError, match=r"set: the dataset can't be opened: there are 3 files data/train\*, and no"):
        read(3)


def test_what_a_dataset_lacks_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets.DatasetDict({"train": _dataset()}).save_to_disk(tmp_path / "splits")
    opened = "the dataset can't be opened: "

    assert _fault(HfDataset(repo_id="splits", folder=tmp_path, splits=("dev",)), tmp_path) == (
        f"splits: {opened}there is no split 'dev'; there are train"
    )
    assert _fault(HfDataset(repo_id="no/such", folder=tmp_path), tmp_path) == (
        f"no/such: {opened}Couldn't reach 'no/such' on the Hub (OfflineModeIsEnabled)"
    )
    monkeypatch.delenv("NO_TOKEN", raising=False)
    assert _fault(HfDataset(repo_id="no/such", folder=tmp_path, token="env:NO_TOKEN"), tmp_path) == (
        f"no/such: {opened}the token's variable NO_TOKEN is not set"
    )


def test_files_elsewhere_are_read_by_fsspec() -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/d.jsonl", b'{"id": 1}\n')
    pq.write_table(pa.table({"n": [1]}), "bucket/d.parquet", filesystem=pa.fs.PyFileSystem(pa.fs.FSSpecHandler(memory)))

    assert _fields(DataFile(path=Path("d.jsonl"), url="memory://bucket/d.jsonl")) == [{"id": 1}]
    assert _fields(DataFile(path=Path("d.parquet"), url="memory://bucket/d.parquet")) == [{"n": 1}]
    for url, sentence in [
        ("memory://bucket/no.jsonl", "there is no such file"),
        ("ftp://host/d.jsonl", "ftp:// is not read here; what is: s3, gs, gcs, az, abfs, abfss, hf, memory,"
         " one at a time"),
        ("s3://bucket/d.jsonl", "Install s3fs to access S3"),
    ]:  # fmt: skip
        assert _fault(DataFile(path=Path("d.jsonl"), url=url), Path()) == f"{url}: {sentence}"
