"""Whatever lies in a file, reading it gives rows or one sentence that names it; never a traceback."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imageway.sdk.pipeline.data.kinds import DataFile
from imageway.sdk.pipeline.data.row import SourceError
from imageway.sdk.pipeline.data.source import open_source

SOUND = (
    b'[{"id": "\xc3\xa9", "n": [1, 2.5e3, null]},\n{"id": 2, "t": "a,\\"b\\"\\n"}]\nid,t\r\n1,"x\n""y"\n\xef\xbb\xbf'
)
NAMES = ("d.json", "d.jsonl", "d.csv", "d.tsv", "d.json.gz", "d.jsonl.gz", "d.parquet")

mutated = st.builds(
    lambda start, length, middle: SOUND[:start] + middle + SOUND[start + length :],
    st.integers(0, len(SOUND)),
    st.integers(0, 12),
    st.one_of(st.binary(max_size=6), st.sampled_from([b'"', b"{", b"[", b"\n", b",", b"\0", b"\\u", b"NaN", b"1e999"])),
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "shift_jis"])
@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.one_of(mutated, st.binary(max_size=80)))
def test_any_bytes_are_rows_or_a_sentence(tmp_path: Path, name: str, encoding: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") and len(content) % 3 else content)

    try:
        with open_source(DataFile(path=path, encoding=encoding)) as source:
            for row in source:
                assert row.place.startswith(str(path))
                assert row.fault is None or row.fault.message
    except SourceError as error:
        assert str(error).startswith(str(path))  # noqa: PT017  # either way is right
