"""Parquet with the pictures in it, as Hugging Face's `Image` feature stores them; written a few rows at a time."""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Self

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.export.samples import Sample, Samples
from imageway.sdk.pipeline.output.tables import arrow, arrow_type, cell, parquet_writer

__all__ = ("ParquetFile", "schema_of")

_MAX_GROUP_BYTES = 32 * 1024**2
_MAX_GROUP_ROWS = 100
"""Row groups are small: readers that show pictures fetch whole ones."""

_DTYPES = {"bool": "bool", "int64": "int64", "double": "float64", "string": "string"}


class ParquetFile:
    """A file being written; use it in a `with` block. Raises `MissingLibraryError` and `OSError`."""

    def __init__(self, file: BinaryIO, samples: Samples) -> None:
        self._samples = samples
        self._schema = schema_of(samples)
        self._writer = parquet_writer(file, self._schema)
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def add(self, sample: Sample) -> None:
        row: dict[str, Any] = {
            name: cell(sample.fields.get(name), kinds) for name, kinds in self._samples.kinds.items()
        }
        for name in (*self._samples.columns.single, *self._samples.columns.several):
            found = [*self._pictures(sample.pictures.get(name, []))]
            several = name in self._samples.columns.several
            row[name] = found if several else found[0] if found else None
        self._rows.append(row)
        if self._bytes >= _MAX_GROUP_BYTES or len(self._rows) >= _MAX_GROUP_ROWS:
            self._flush()

    def _pictures(self, paths: list[str]) -> Iterator[dict[str, object]]:
        for path in paths:
            content = self._samples.content(path)
            self._bytes += len(content)
            self.size_bytes += len(content)
            yield {"bytes": content, "path": PurePosixPath(path).name}

    def _flush(self) -> None:
        if self._rows:
            table = arrow()[0].Table.from_pylist(self._rows, schema=self._schema)
            self._writer.write_table(table)
        self._rows, self._bytes = [], 0


def schema_of(samples: Samples) -> Any:  # noqa: ANN401  # pyarrow has no types
    """Columns in the order of the rows, with what tells `datasets` which of them are pictures."""
    pa, _ = arrow()
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields: list[tuple[str, Any]] = []
    features: dict[str, JsonValue] = {}
    for name in samples.order:
        if name in samples.columns.single:
            fields.append((name, image))
            features[name] = {"_type": "Image"}
        elif name in samples.columns.several:
            fields.append((name, pa.list_(image)))
            features[name] = {"_type": "List", "feature": {"_type": "Image"}}
        elif name in samples.kinds:
            type_ = arrow_type(samples.kinds[name])
            fields.append((name, type_))
            features[name] = _feature(str(type_))
    told = json.dumps({"info": {"features": features}})
    return pa.schema(fields).with_metadata({"huggingface": told})


def _feature(type_: str) -> JsonValue:
    if type_ in _DTYPES:
        return {"_type": "Value", "dtype": _DTYPES[type_]}
    return {"_type": "List", "feature": {"_type": "Value", "dtype": "string"}}
