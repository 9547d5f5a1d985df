from pathlib import Path

import pytest

from imageway.sdk.pipeline import source
from imageway.sdk.pipeline.plan import DataFile
from imageway.sdk.pipeline.source import RecordId, SourceError, read_records, record_ids


def _file(folder: Path, content: bytes, encoding: str = "utf-8") -> DataFile:
    path = folder / "data.json"
    path.write_bytes(content)
    return DataFile(path=path, encoding=encoding)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ('[{"id": "ü"}]'.encode(), "utf-8"),
        ('\ufeff[{"id": "ü"}]'.encode(), "utf-8"),
        ('\ufeff[{"id": "ü"}]'.encode(), "UTF8"),
        ('[{"id": "ü"}]'.encode("latin-1"), "latin-1"),
    ],
    ids=["utf-8", "with a BOM", "with a BOM, UTF8", "latin-1"],
)
def test_a_list_of_objects_is_read(tmp_path: Path, content: bytes, encoding: str) -> None:
    assert read_records(_file(tmp_path, content, encoding)) == [{"id": "ü"}]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", ": the file is empty; a list of records is needed"),
        (b" \n", ": the file is empty; a list of records is needed"),
        (b"[]", ": the list of records is empty"),
        (b'{"id": 1}', ": the file must hold a list of records, but it holds an object"),
        (b"[{}, 3]", ": record 2 must be an object, but it is an integer"),
        (b'[{"a": 1},\n {"b" 2}]', ":2:7: this is not valid JSON: Expecting ':' delimiter"),
        (b'[{"a": NaN}]', ": this is not valid JSON: NaN is no JSON value"),
        (b"[" * 200_000, ": the JSON is nested too deeply"),
        (b'[{"a": "\xff"}]', ": byte 9 is not valid utf-8"),
    ],
    ids=["empty", "blank", "no records", "object", "no object", "broken", "nan", "deep", "bytes"],
)
def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    data = _file(tmp_path, content)

    with pytest.raises(SourceError) as caught:
        read_records(data)

    assert str(caught.value) == f"{data.path}{sentence}"


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    missing = DataFile(path=tmp_path / "none.json")
    with pytest.raises(SourceError, match=r"none\.json: there is no such file$"):
        read_records(missing)
    with pytest.raises(SourceError, match=r": can't be read: Is a directory$"):
        read_records(DataFile(path=tmp_path))
    with pytest.raises(SourceError, match=r": there is no encoding 'klingon'$"):
        read_records(_file(tmp_path, b"[{}]", "klingon"))


def test_a_file_over_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_MAX_BYTES", 4)

    assert read_records(_file(tmp_path, b"[{}]")) == [{}]
    with pytest.raises(SourceError, match="larger than"):
        read_records(_file(tmp_path, b"[{} ]"))


def test_ids_are_texts_and_whole_numbers_of_the_column_or_else_positions() -> None:
    assert record_ids([{"id": "a"}, {"id": 7}, {}, {"id": None}, {"id": 0}], None) == [
        RecordId(text="a"),
        RecordId(text="7"),
        RecordId(text="record_3"),
        RecordId(text="record_4"),
        RecordId(text="0"),
    ]
    assert record_ids([{"id": "a", "sku": "s"}], "sku") == [RecordId(text="s")]


def test_a_record_whose_id_is_none_is_at_fault_alone() -> None:
    records = [
        {"sku": True},
        {"sku": 1.5},
        {"sku": [1]},
        {"sku": {}},
        {"sku": " "},
        {},
        {"sku": "1"},
        {"sku": 1},
        {"sku": 1},
    ]

    assert [found.fault for found in record_ids(records, "sku")] == [
        "'sku' must be text or a whole number to be an id, but it is a boolean",
        "'sku' must be text or a whole number to be an id, but it is a decimal number",
        "'sku' must be text or a whole number to be an id, but it is an array",
        "'sku' must be text or a whole number to be an id, but it is an object",
        "'sku' is empty; an id is needed",
        "there is no 'sku' in this record, which is its id",
        None,
        "id '1' is already used by record 7",
        "id '1' is already used by record 7",
    ]
