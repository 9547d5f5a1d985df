import gzip
import json
from pathlib import Path

import pytest

from imageway.sdk.pipeline.data.kinds import DataFile, Selection
from imageway.sdk.pipeline.data.row import Row, RowFault, SourceError
from imageway.sdk.pipeline.data.source import open_source


def _file(folder: Path, content: bytes, name: str = "data.jsonl", **more: object) -> DataFile:
    path = folder / name
    path.write_bytes(content)
    return DataFile(path=path, **more)  # type: ignore[arg-type]  # fields of whichever test


def _rows(data: DataFile, id_column: str | None = None, **selected: int) -> list[Row]:
    with open_source(data, id_column=id_column, selection=Selection(**selected)) as source:
        return [*source]


def _fields(data: DataFile) -> list[object]:
    return [row.fields for row in _rows(data)]


def _fault(data: DataFile) -> str:
    with pytest.raises(SourceError) as caught:
        _rows(data)
    return str(caught.value).replace(f"{data.path.parent}/", "")


def test_a_bad_line_fails_alone_and_is_told_by_its_number(tmp_path: Path) -> None:
    lines = [b'\xef\xbb\xbf{"id": "a"}\n', b"\n", b'{"id": \n', b"  \r\n", b"[1]\n", b'{"t": "\xff"}\n', b'{"id": "b"}']
    data = _file(tmp_path, b"".join(lines))

    assert _rows(data) == [
        Row(position=1, record_id="a", fields={"id": "a"}, place=f"{data.path}:1"),
        _broken(2, f"{data.path}:3", "not valid JSON: Expecting value (column 9)"),
        _broken(3, f"{data.path}:5", "a record must be an object, but it is an array"),
        _broken(4, f"{data.path}:6", "byte 8 of the line is not valid utf-8"),
        Row(position=5, record_id="b", fields={"id": "b"}, place=f"{data.path}:7"),
    ]


def _broken(position: int, place: str, sentence: str) -> Row:
    fault = RowFault(code="invalid_record", message=f"{place}: {sentence}")
    return Row(position=position, record_id=f"record_{position}", fields={}, place=place, fault=fault)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "UTF8", "utf-8-sig"])
@pytest.mark.parametrize("name", ["data.json", "data.jsonl", "data.csv", "data.tsv"])
def test_each_format_is_read_in_any_encoding(tmp_path: Path, name: str, encoding: str) -> None:
    text = {
        "data.json": '[{"id": "ü", "t": "a\u2028b"}, {"id": "2", "t": ""}]'.replace("\u2028", "\\u2028"),
        "data.jsonl": '{"id": "ü", "t": "a\\u2028b"}\n{"id": "2", "t": ""}\n',
        "data.csv": 'id,t\nü,"a\\u2028b"\n\n2,\n',
        "data.tsv": "id\tt\r\nü\ta\\u2028b\r\n2\t\r\n",
    }[name]
    data = _file(tmp_path, text.encode(encoding), name, encoding=encoding)

    assert [row.record_id for row in _rows(data)] == ["ü", "2"]
    assert [row.fields["t"] for row in _rows(data)] == ["a\\u2028b" if "sv" in name else "a\u2028b", ""]


def test_csv_values_stay_text_and_quoted_cells_hold_what_they_like(tmp_path: Path) -> None:
    data = _file(tmp_path, b'\xef\xbb\xbfid;n\n007;"a;""b""\nc"\n1e5;nan\n', "d.csv", delimiter=";")

    assert _fields(data) == [{"id": "007", "n": 'a;"b"\nc'}, {"id": "1e5", "n": "nan"}]
    assert [row.place for row in _rows(data)] == [f"{data.path}:2", f"{data.path}:4"]


def test_csv_lines_that_do_not_fit_the_header_fail_alone(tmp_path: Path) -> None:
    data = _file(tmp_path, b'a,b\n1\n1,2,3\n1,"2"x\n\xff,2\n1,2\n', "d.csv")

    assert [row.fault and row.fault.message.partition(": ")[2] for row in _rows(data)] == [
        "the line has 1 cells, and the header 2",
        "the line has 3 cells, and the header 2",
        "not valid CSV: ',' expected after '\"'",
        "the line is not valid utf-8",
        None,
    ]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("d.csv", b"", "d.csv: the file is empty; a header line and records are needed"),
        ("d.csv", b"a,b\n", "d.csv: there are no records in it"),
        ("d.csv", b"a,,b\n1,2,3\n", "d.csv:1: column 2 of the header has no name"),
        ("d.csv", b"\na,b, a\n1,2,3\n", "d.csv:2: the header has 'a' twice"),
        ("d.csv", b"a,\xff\n1,2\n", "d.csv:1: the header can't be read: not valid utf-8"),
        ("d.csv", b'a,b\n1,2\n1,"2\n3,4\n', "d.csv:3: a quoted cell that begins in this record doesn't end"),
        ("d.jsonl", b"", "d.jsonl: there are no records in it"),
        ("d.jsonl", b"\n \n", "d.jsonl: there are no records in it"),
        ("d.json.gz", b"no gzip", "d.json.gz: the compressed file is broken: Not a gzipped file (b'no')"),
        ("d.json.gz", gzip.compress(b'[{"a": 1}]', mtime=0)[:-9], "d.json.gz: the compressed file is broken:"
         " Compressed file ended before the end-of-stream marker was reached"),
        ("d.txt", b"a", "d.txt: the file's ending doesn't say how it is read;"
         " say file_format: json, jsonl, ndjson, csv, tsv, parquet, imagefolder"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    assert _fault(_file(tmp_path, content, name)) == sentence


@pytest.mark.parametrize("name", ["none.jsonl", "none.json", "none.csv"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    assert _fault(DataFile(path=tmp_path / name)) == f"{name}: there is no such file"
    (tmp_path / name).mkdir()
    assert _fault(DataFile(path=tmp_path / name)) == f"{name}: can't be read: Is a directory"
    (tmp_path / name).rmdir()
    assert _fault(_file(tmp_path, b"[{}]", name, encoding="klingon")) == f"{name}: there is no encoding 'klingon'"
    assert _fault(_file(tmp_path, b"[{}]", name, encoding="zlib")) == f"{name}: 'zlib' is no encoding of text"


def test_compressed_files_are_read_as_what_is_in_them(tmp_path: Path) -> None:
    assert _fields(_file(tmp_path, gzip.compress(b'[{"a": 1},{"a":2}]'), "d.json.gz")) == [{"a": 1}, {"a": 2}]
    assert _fields(_file(tmp_path, gzip.compress(b"a\n1\n"), "d.csv.gz")) == [{"a": "1"}]


def test_a_large_json_list_is_read_record_by_record(tmp_path: Path) -> None:
    records = [
        {"id": f"r{number}", "text": "ü" * (number * 999 % 70_000), "n": [number, {"x": None}]} for number in range(200)
    ]
    text = json.dumps(records, ensure_ascii=False, indent=1)
    data = _file(tmp_path, gzip.compress(text.encode()), "d.json.gz")

    with open_source(data) as source:
        assert source.count is None
        assert [row.fields for row in source] == records


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[{"a": 1},\n {"b" 2}]', ":2:7: this is not valid JSON: Expecting ':' delimiter"),
        ('[{"a": 1}\n {"b": 2}]', ":2:2: this is not valid JSON: Expecting ',' delimiter"),
        ('[{"a": 1}\n', ":2:1: this is not valid JSON: Expecting ',' delimiter"),
        ('[{"a": 1},\n', ":2:1: this is not valid JSON: Expecting value"),
        ('[{"a": 1}] x', ":1:12: this is not valid JSON: Extra data"),
        ('[{"a": NaN}]', ":1:2: this is not valid JSON: NaN is no JSON value"),
        ("[]", ": the list of records is empty"),
        (" ", ": the file is empty; a list of records is needed"),
        ('{"a": 1}', ": the file must hold a list of records, but it holds something else"),
        ("[" * 200_000, ": the JSON is nested too deeply"),
    ],
)
def test_a_large_json_list_that_is_broken_is_told_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    data = _file(tmp_path, gzip.compress(text.encode()), "d.json.gz")

    assert _fault(data) == f"d.json.gz{sentence}"


def test_elements_of_a_list_that_are_no_records_fail_alone(tmp_path: Path) -> None:
    for name, content in (("d.json", b"[{}, 3, {}]"), ("d.json.gz", gzip.compress(b"[{}, 3, {}]"))):
        data = _file(tmp_path, content, name)
        assert _rows(data)[1] == _broken(
            2, f"{data.path}, record 2", "a record must be an object, but it is an integer"
        )


@pytest.mark.parametrize("name", ["d.json", "d.json.gz", "d.jsonl"])
def test_a_record_in_which_a_key_stands_twice_fails_alone(tmp_path: Path, name: str) -> None:
    lines = [
        '{"id": "a", "t": 1, "t": 1}',
        '{"id": "b", "n": [{"t": {"x": 1, "y": 2, "x": 3}}]}',
        '{"id": "c", "t": 4}',
    ]
    text = "\n".join(lines) if name == "d.jsonl" else f"[{','.join(lines)}]"
    content = text.encode()
    data = _file(tmp_path, gzip.compress(content) if name.endswith(".gz") else content, name)

    rows = _rows(data)

    places = [f"{data.path}:{n}" if name == "d.jsonl" else f"{data.path}, record {n}" for n in (1, 2, 3)]
    assert rows == [
        _broken(1, places[0], "the key 't' stands twice in an object"),
        _broken(2, places[1], "the key 'x' stands twice in an object"),
        Row(position=3, record_id="c", fields={"id": "c", "t": 4}, place=places[2]),
    ]


def test_a_row_whose_id_is_none_or_not_its_own_is_at_fault(tmp_path: Path) -> None:
    values = [True, 1.5, " ", None, "1", 1, "2"]
    data = _file(tmp_path, b"".join(json.dumps({"sku": value}).encode() + b"\n" for value in values))

    assert [(row.record_id, row.fault and (row.fault.code, row.fault.message)) for row in _rows(data, "sku")] == [
        ("record_1", ("invalid_id", "'sku' must be text or a whole number to be an id, but it is a boolean")),
        ("record_2", ("invalid_id", "'sku' must be text or a whole number to be an id, but it is a decimal number")),
        ("record_3", ("invalid_id", "'sku' is empty; an id is needed")),
        ("record_4", ("invalid_id", "there is no 'sku' in this record, which is its id")),
        ("1", None),
        ("1", ("duplicate_id", "id '1' is already used by record 5")),
        ("2", None),
    ]


def test_ranges_and_shards_share_the_records_out(tmp_path: Path) -> None:
    data = _file(tmp_path, b"".join(b'{"id": %d}\n' % (number % 30) for number in range(40)))
    whole = _rows(data)

    assert _rows(data, first=3, last=5) == whole[2:5]
    assert _rows(data, first=41) == []
    shards = [_rows(data, shard=shard, shards=3) for shard in range(3)]
    assert sorted(row.position for shard in shards for row in shard) == [row.position for row in whole]
    assert all(len(shard) > 5 for shard in shards)
    faults = [row.position for shard in shards for row in shard if row.fault]
    assert sorted(faults) == [row.position for row in whole if row.fault] == [*range(31, 41)]


@pytest.mark.parametrize("selected", [{"first": 0}, {"first": 3, "last": 1}, {"shard": 2, "shards": 2}, {"shard": -1}])
def test_a_selection_that_makes_no_sense_is_refused(selected: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="count from"):
        Selection(**selected)


async def test_an_event_loop_gets_the_same_rows(tmp_path: Path) -> None:
    data = _file(tmp_path, b"".join(b'{"n": %d}\n' % number for number in range(50)))

    with open_source(data) as source:
        assert [row async for row in source] == _rows(data)
        assert source.folders == (tmp_path,)


def test_how_many_there_will_be_is_known_where_it_costs_nothing(tmp_path: Path) -> None:
    data = _file(tmp_path, b"[{}, {}, {}]", "d.json")

    for selection, count in ((Selection(), 3), (Selection(first=2, last=9), 2), (Selection(shards=2), None)):
        with open_source(data, selection=selection) as source:
            assert source.count == count
