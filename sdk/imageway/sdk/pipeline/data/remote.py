"""Files that lie elsewhere, read by fsspec: object stores, the Hugging Face Hub, memory."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from imageway.sdk.pipeline.data.row import SourceError

__all__ = ("SCHEMES", "is_url", "open_url", "scheme_fault")

SCHEMES = ("s3", "gs", "gcs", "az", "abfs", "abfss", "hf", "memory")
"""Those that are read. What is fetched from the web by whoever wrote a record is another matter; see `fetch`."""

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


def is_url(name: str) -> bool:
    return _URL.match(name) is not None


def scheme_fault(url: str) -> str | None:
    """Why *url* isn't read, in a sentence; None where it is."""
    found = _URL.match(url)
    scheme = "" if found is None else found.group(1).lower()
    if scheme in SCHEMES and "::" not in url:
        return None
    return f"{scheme}:// is not read here; what is: {', '.join(SCHEMES)}, one at a time"


@contextmanager
def open_url(url: str) -> Iterator[IO[bytes]]:
    """The bytes of *url*, read in blocks as they are asked for. Raises `SourceError`, in the block too."""
    fault = scheme_fault(url)
    if fault is not None:
        raise SourceError(f"{url}: {fault}")
    try:
        with _filesystem(url) as (filesystem, path), filesystem.open(path, "rb") as file:
            yield file
    except FileNotFoundError as error:
        raise SourceError(f"{url}: there is no such file") from error
    except PermissionError as error:
        raise SourceError(f"{url}: reading isn't allowed: {error}") from error
    except OSError as error:
        raise SourceError(f"{url}: can't be read: {str(error) or type(error).__name__}") from error


@contextmanager
def _filesystem(url: str) -> Iterator[tuple[Any, str]]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise SourceError(f"{url}: reading it needs fsspec: pip install 'imageway[remote]'") from error
    try:
        yield url_to_fs(url)
    except (ImportError, ValueError) as error:
        # fsspec names the package that knows the scheme.
        raise SourceError(f"{url}: {error}") from error
