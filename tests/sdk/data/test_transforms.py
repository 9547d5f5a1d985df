import json
import sys
from pathlib import Path
from typing import Any

import pytest

from imageway.sdk.pipeline.data.kinds import DataFile, Transformation
from imageway.sdk.pipeline.data.row import SourceError
from imageway.sdk.pipeline.data.source import open_source
from imageway.sdk.pipeline.data.transforms import transformation_fault

SYGRA = "sygra.processors.data_transform."


def _after(folder: Path, name: str, params: dict[str, Any], records: list[Any], **more: Any) -> list[Any]:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    step = Transformation(transform=name, params=params)
    data = DataFile(path=path, transformations=(step,), folder=folder, **more)
    with open_source(data) as source:
        return [row.fields if row.fault is None else row.fault.message.partition(": ")[2] for row in source]


def _numbers(*numbers: int) -> list[dict[str, int]]:
    return [{"n": number} for number in numbers]


def test_fields_are_renamed_and_added(tmp_path: Path) -> None:
    records = [{"a": 1, "b": 2}, {"b": 3}, 4]
    refused = "a record must be an object, but it is an integer"

    assert _after(tmp_path, f"{SYGRA}RenameFieldsTransform", {"mapping": {"a": "b", "b": "c"}}, records) == [
        {"a": 1, "c": 2},
        {"c": 3},
        refused,
    ]
    assert _after(tmp_path, f"{SYGRA}RenameFieldsTransform", {"mapping": {"a": "b"}, "overwrite": True}, records) == [
        {"b": 1},
        {"b": 3},
        refused,
    ]
    assert _after(tmp_path, f"{SYGRA}AddNewFieldTransform", {"mapping": {"b": [0]}}, records) == [
        {"a": 1, "b": [0]},
        {"b": [0]},
        refused,
    ]
    assert _after(tmp_path, f"{SYGRA}CreateImageUrlTransform", {}, records) == [*records[:2], refused]


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({"range": "[:2],[-3:]"}, [2, 3, 4, 5, 6]),
        ({"range": "[-3:-1]"}, [0, 1, 2, 3, 4, 5, 6, 9]),
        ({"range": "[2:-2]"}, [0, 1, 8, 9]),
        ({"range": "[3:5]"}, [0, 1, 2, 5, 6, 7, 8, 9]),
        ({"range": "[:-1]"}, [9]),
        ({"skip_type": "count", "count": {"from_start": 1, "from_end": 2}}, [1, 2, 3, 4, 5, 6, 7]),
        ({"skip_type": "count", "count": {"from_start": 4}}, [4, 5, 6, 7, 8, 9]),
    ],
)
def test_records_are_skipped_from_both_ends(tmp_path: Path, params: dict[str, Any], kept: list[int]) -> None:
    assert _after(tmp_path, f"{SYGRA}SkipRecords", params, _numbers(*range(10))) == _numbers(*kept)


def test_records_that_follow_one_another_are_combined(tmp_path: Path) -> None:
    params = {"combine": 2, "shift": 2, "skip": {"from_beginning": 1}, "join_column": {"n": "$1-$2", "x": "$3$1"}}
    records = [{"n": number, "x": "y"} for number in range(6)]

    assert _after(tmp_path, f"{SYGRA}CombineRecords", params, records) == [
        {"n": "1-2", "x": "$3y"},
        {"n": "3-4", "x": "$3y"},
    ]
    assert _after(tmp_path, f"{SYGRA}CombineRecords", {"combine": 2, "join_column": {"n": "$1"}}, [{"n": 1}, {}]) == [
        {"n": "1"}
    ]
    assert _after(tmp_path, f"{SYGRA}CombineRecords", {"combine": 2, "join_column": {"n": "$2"}}, [{"n": 1}, {}]) == [
        f"{tmp_path}/data.jsonl:2 has no 'n' to be combined"
    ]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_steps.py").write_text(
        "class Double:\n"
        "    def transform(self, data, params):\n"
        "        return [record for record in data for _ in range(params['times'])]\n"
        "def shout(data, params):\n"
        "    return [{**record, 'n': str(record['n']) + '!'} for record in data]\n"
        "def fail(data, params):\n"
        "    raise KeyError('x')\n"
        "def forgetful(data, params):\n"
        "    data.pop()\n"
        "def odd(data, params):\n"
        "    return [1]\n"
        "nothing = 3\n"
    )
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "own_steps", raising=False)
    return tmp_path


def test_a_tasks_own_steps_get_all_records(own: Path) -> None:
    assert _after(own, "own_steps.Double", {"times": 2}, _numbers(1, 2)) == _numbers(1, 1, 2, 2)
    assert _after(own, "own_steps.shout", {}, [{"n": 1}, 5]) == [
        {"n": "1!"},
        "a record must be an object, but it is an integer",
    ]
    assert _after(own, "own_steps.odd", {}, _numbers(1)) == ["a record must be an object, but it is an integer"]
    assert str(own) not in sys.path


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("own_steps.fail", "own_steps.fail failed: KeyError: 'x'"),
        ("own_steps.forgetful", "own_steps.forgetful answered with nothing; it must return the records"),
        ("own_steps.nothing", "own_steps.nothing is no function, and no class with a method transform"),
        ("own_steps.none", "own_steps has no none"),
        ("no_such.x", "there is no module no_such in the task's folder, nor elsewhere"),
    ],
)
def test_own_steps_that_fail_are_one_sentence(own: Path, name: str, sentence: str) -> None:
    with pytest.raises(SourceError) as caught:
        _after(own, name, {}, _numbers(1))

    assert str(caught.value) == sentence


def test_only_the_fields_asked_for_stay_and_the_id(tmp_path: Path) -> None:
    records = [{"id": 1, "a": 2, "b": 3}, {"a": 1}, {"b": 1}]

    assert _after(tmp_path, f"{SYGRA}CreateImageUrlTransform", {}, records, fields=("a",)) == [
        {"id": 1, "a": 2},
        {"a": 1},
        "there is no 'a', which fields asks for",
    ]


@pytest.mark.parametrize(
    ("name", "params", "fault"),
    [
        ("RenameFieldsTransform", {}, "its params don't fit: Object missing required field `mapping`"),
        ("SkipRecords", {"range": "10"}, "its range is '10'; it looks like [:10],[-10:]"),
        ("SkipRecords", {"skip_typ": "count"}, "its params don't fit: Object contains unknown field `skip_typ`"),
        ("CombineRecords", {"combine": 2, "shift": 0}, "its shift is at least 1"),
    ],
)
def test_params_are_checked_before_anything_is_read(name: str, params: dict[str, Any], fault: str) -> None:
    assert transformation_fault(SYGRA + name, params) == fault
