"""CSV with a header line. Values stay text: `007` is no number and an empty cell is an empty text."""

import csv
import re
from collections.abc import Generator, Iterator

from imageway.sdk.pipeline.data.files import as_text, open_bytes, reading, text_encoding
from imageway.sdk.pipeline.data.kinds import DataFile
from imageway.sdk.pipeline.data.row import Found, SourceError

__all__ = ("read_csv",)

_MAX_CELL_CHARS = 64 * 1024**2
_UNDECODED = re.compile("[\udc80-\udcff]")


def read_csv(data: DataFile, *, delimiter: str) -> Generator[Found]:
    """The records of *data*, blank lines passed over; quoted cells may hold line breaks.

    A line with another number of cells than the header is told and passed over. Raises `SourceError` where the header
    can't be used, or a quoted cell doesn't end.
    """
    encoding = text_encoding(data)
    # The limit is one for the process; its default is less than a picture in a data URL.
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL_CHARS))
    header: list[str] | None = None
    with (
        open_bytes(data) as file,
        as_text(file, encoding, newline="", errors="surrogateescape") as text,
    ):
        lines = csv.reader(text, delimiter=delimiter, strict=True)
        while True:
            place = f"{data.name}:{lines.line_num + 1}"
            cells, fault = _next(data, lines, place)
            if cells is None:
                break
            if not cells and fault is None:
                continue
            if header is None:
                header = _header(cells, fault, data, place)
            else:
                yield _found(header, cells, fault, data, place)
    if header is None:
        raise SourceError(f"{data.name}: the file is empty; a header line and records are needed")


def _next(data: DataFile, lines: Iterator[list[str]], place: str) -> tuple[list[str] | None, str | None]:
    with reading(data):
        try:
            return next(lines), None
        except StopIteration:
            return None, None
        except csv.Error as error:
            if "field larger than" in str(error) or "unexpected end of data" in str(error):
                raise SourceError(f"{place}: a quoted cell that begins in this record doesn't end") from error
            return [], f"not valid CSV: {error}"
        except UnicodeError as error:
            raise SourceError(f"{place}: not valid {data.encoding}") from error


def _header(cells: list[str], fault: str | None, data: DataFile, place: str) -> list[str]:
    if fault is not None or _UNDECODED.search("".join(cells)):
        raise SourceError(f"{place}: the header can't be read: {fault or f'not valid {data.encoding}'}")
    names = [cell.strip() for cell in cells]
    if "" in names:
        raise SourceError(f"{place}: column {names.index('') + 1} of the header has no name")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"{place}: the header has '{twice[0]}' twice")
    return names


def _found(header: list[str], cells: list[str], fault: str | None, data: DataFile, place: str) -> Found:
    if fault is not None:
        return Found(place=place, fault=fault)
    if len(cells) != len(header):
        return Found(place=place, fault=f"the line has {len(cells)} cells, and the header {len(header)}")
    if any(_UNDECODED.search(cell) for cell in cells):
        return Found(place=place, fault=f"the line is not valid {data.encoding}")
    return Found(place=place, fields=dict(zip(header, cells, strict=True)))
