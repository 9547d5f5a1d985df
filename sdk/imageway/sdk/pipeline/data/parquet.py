"""Parquet, a few rows at a time; needs pyarrow."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Any

from imageway.sdk.pipeline.data.files import open_bytes
from imageway.sdk.pipeline.data.kinds import DataFile
from imageway.sdk.pipeline.data.row import Found, SourceError
from imageway.sdk.pipeline.data.values import as_json

__all__ = ("read_parquet", "table_rows")

_BATCH_ROWS = 16
"""Rows may hold pictures of megabytes."""
_BUFFER_BYTES = 1024**2


def read_parquet(data: DataFile) -> tuple[Generator[Found], int]:
    """The rows of *data*, and how many there are. Raises `SourceError`, at once or where the file is broken."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise SourceError(f"{data.name}: reading Parquet needs pyarrow: pip install 'imageway[parquet]'") from error
    stack = ExitStack()
    try:
        file = stack.enter_context(open_bytes(data))
        table = ParquetFile(file, buffer_size=_BUFFER_BYTES)
    except (ArrowException, OSError) as error:
        stack.close()
        raise SourceError(f"{data.name}: not a Parquet file: {error}") from error
    except BaseException:
        stack.close()
        raise
    return _rows(data, table, stack, ArrowException), table.metadata.num_rows


def table_rows(name: str, tables: Iterator[Any]) -> Iterator[Found]:
    """The rows of Arrow tables or batches, one after the other."""
    position = 0
    for table in tables:
        for fields in table.to_pylist():
            position += 1
            yield Found(place=f"{name}, row {position}", fields={key: as_json(value) for key, value in fields.items()})


def _rows(data: DataFile, table: Any, stack: ExitStack, fault: type[Exception]) -> Generator[Found]:  # noqa: ANN401
    with stack:
        try:
            yield from table_rows(data.name, table.iter_batches(batch_size=_BATCH_ROWS))
        except (fault, OSError, ValueError) as error:
            raise SourceError(f"{data.name}: the Parquet file is broken: {error}") from error
