import json
from pathlib import Path

import pytest

from imageway.sdk.pipeline.data.kinds import DataFile, Joined, JoinType, Member
from imageway.sdk.pipeline.data.row import Row, SourceError
from imageway.sdk.pipeline.data.source import open_source


def _member(folder: Path, alias: str, join: JoinType, records: list[object], **keys: str) -> Member:
    path = folder / f"{alias}.json"
    path.write_text(json.dumps(records))
    return Member(data=DataFile(path=path), join=join, alias=alias, **keys)


def _rows(*members: Member) -> list[Row]:
    with open_source(Joined(members=members)) as source:
        return [*source]


def _fields(*members: Member) -> list[object]:
    return [row.fields for row in _rows(*members)]


def _primary(folder: Path, count: int = 3) -> Member:
    return _member(folder, "p", "primary", [{"id": f"r{number}", "k": number} for number in range(count)])


def test_stacked_sources_follow_one_another(tmp_path: Path) -> None:
    one = _member(tmp_path, "a", "vstack", [{"x": 1}])
    two = _member(tmp_path, "b", "vstack", [{"y": 2}])

    assert _fields(one, two) == [{"x": 1}, {"y": 2}]


def test_sequential_sources_begin_again_where_they_end(tmp_path: Path) -> None:
    other = _member(tmp_path, "s", "sequential", [{"style": "oil"}, {"style": "ink"}])

    assert _fields(_primary(tmp_path), other) == [
        {"p->id": "r0", "p->k": 0, "s->style": "oil", "id": "r0"},
        {"p->id": "r1", "p->k": 1, "s->style": "ink", "id": "r1"},
        {"p->id": "r2", "p->k": 2, "s->style": "oil", "id": "r2"},
    ]


def test_random_sources_give_the_same_in_each_run(tmp_path: Path) -> None:
    other = _member(tmp_path, "s", "random", [{"style": number} for number in range(5)])
    drawn = [row.fields["s->style"] for row in _rows(_primary(tmp_path, 50), other)]

    assert drawn == [row.fields["s->style"] for row in _rows(_primary(tmp_path, 50), other)]
    assert set(drawn) == {*range(5)}


def test_crossed_records_have_ids_of_their_own(tmp_path: Path) -> None:
    other = _member(tmp_path, "s", "cross", [{"style": "oil"}, {"style": "ink"}])

    assert [(row.record_id, row.fields["s->style"], row.fault) for row in _rows(_primary(tmp_path, 2), other)] == [
        ("r0_1", "oil", None),
        ("r0_2", "ink", None),
        ("r1_1", "oil", None),
        ("r1_2", "ink", None),
    ]


def test_columns_are_joined_by_keys_as_text(tmp_path: Path) -> None:
    styles = [{"n": "0", "style": "oil"}, {"n": "2", "style": "ink"}, {"n": "2", "style": "wax"}]
    other = _member(tmp_path, "s", "column", styles, primary_key="k", join_key="n")

    first, second, third = _rows(_primary(tmp_path), other)

    assert first.fields == {"p->id": "r0", "p->k": 0, "s->n": "0", "s->style": "oil", "id": "r0"}
    assert second.fields == {"p->id": "r1", "p->k": 1, "s->n": None, "s->style": None, "id": "r1"}
    assert third.fault is not None
    assert third.fault.message.endswith("record 3: several records of 's' have n = 2; one is needed")


def test_a_primary_record_without_the_key_fails_alone(tmp_path: Path) -> None:
    primary = _member(tmp_path, "p", "primary", [{"id": 1}, {"id": 2, "k": 0}, 3])
    other = _member(tmp_path, "s", "column", [{"n": 0}], primary_key="k", join_key="n")

    first, second, third = _rows(primary, other)

    assert first.fault is not None
    assert first.fault.message.endswith("there is no 'k', by which 's' is joined")
    assert second.fault is None
    assert third.fault is not None


def test_a_broken_record_of_a_joined_source_ends_it(tmp_path: Path) -> None:
    other = _member(tmp_path, "s", "sequential", [{}, 3])

    with pytest.raises(SourceError, match=r"s\.json, record 2: a record must be an object, but it is an integer$"):
        _rows(_primary(tmp_path), other)
