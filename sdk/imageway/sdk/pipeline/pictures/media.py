"""Pictures as people give them, read into inputs of a request: paths, links, data URLs, bytes, Pillow's images.

The bytes of all but the last go out untouched.
"""

import base64
import binascii
import io
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageFormat, ImageInput
from imageway.contract.sniff import image_input
from imageway.contract.wording import type_word
from imageway.sdk.pipeline.data.remote import open_url
from imageway.sdk.pipeline.data.row import SourceError
from imageway.sdk.pipeline.pictures.fetch import FetchError, fetch

__all__ = ("MAX_PICTURE_BYTES", "Places", "data_url_bytes", "is_data_url", "read_picture", "read_pictures")

MAX_PICTURE_BYTES = 64 * 1024**2

_DATA_URL = re.compile(r"data:[^,]*,", re.IGNORECASE)
_LINK = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_LONGEST_NAME = 120


def is_data_url(text: str) -> bool:
    return text[:5].lower() == "data:"


class Places(Struct, frozen=True, kw_only=True):
    """Where pictures are looked for: relative paths in `folders` in their order, in the working directory if there are
    none; links everywhere in public, and at `allowed_hosts`, which may be private.
    """

    folders: tuple[Path, ...] = ()
    allowed_hosts: frozenset[str] = frozenset()


_ANYWHERE = Places()


def read_pictures(value: object, *, places: Places = _ANYWHERE) -> tuple[ImageInput, ...]:
    """The pictures that *value* is or names, or a list of those, lists within it included.

    A picture is a path, a link (http, https or of an object store), a data URL, bytes, `{bytes, path}` as datasets have
    it, or an image of Pillow. Raises `ImageError` (invalid_request, `param` image) that names the one at fault. Reads
    files and links: not for the event loop.
    """
    return tuple(read_picture(one, places=places) for one in _each(value))


def read_picture(value: object, *, places: Places = _ANYWHERE) -> ImageInput:
    """One picture; see `read_pictures`."""
    found_at: str | None = None
    match value:
        case str() if is_data_url(value):
            content, shown, name = data_url_bytes(value), "the data URL", "image"
        case str() if _LINK.match(value):
            content, shown = _linked(value, places), f"'{_plain(value)}'"
            name = PurePosixPath(urlsplit(value).path).name or "image"
        case str() | Path():
            path = _found(os.fspath(value), places.folders or (Path(),))
            content, shown, name = _content(path), f"'{_shown(os.fspath(value))}'", path.name
            found_at = str(path.absolute())
        case bytes() | bytearray() | memoryview():
            content, shown, name = bytes(value), "the picture", "image"
        case {"bytes": bytes() as content, **rest}:
            shown, name = "the picture", PurePosixPath(str(rest.get("path") or "image")).name
        case {"path": str() | Path() as path}:
            return read_picture(path, places=places)
        case _:
            content, shown, name = _drawn(value), "the picture", "image.png"
    if not content:
        raise _fault(f"{shown} is empty: there is no picture in it.")
    if len(content) > MAX_PICTURE_BYTES:
        raise _too_large(shown)
    picture = replace(image_input(content, name), found_at=found_at)
    if picture.facts.format is ImageFormat.UNKNOWN:
        raise _fault(f"{shown} is not an image of a known format (PNG, JPEG, WebP, GIF and others).")
    return picture


def data_url_bytes(url: str) -> bytes:
    """What the data URL *url* holds, base64 or percent-encoded. Raises `ImageError` where it is broken or too large."""
    head = _DATA_URL.match(url)
    if head is None:
        raise _fault("the data URL has no comma: it looks like data:image/png;base64,...")
    payload = url[head.end() :]
    if len(payload) > MAX_PICTURE_BYTES * 3:
        raise _too_large("the data URL")
    content = unquote_to_bytes(payload)
    if head.group()[:-1].lower().rstrip().endswith(";base64"):
        text = b"".join(content.split())
        try:
            content = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
        except binascii.Error as error:
            raise _fault("the data URL holds broken base64 text.") from error
    if len(content) > MAX_PICTURE_BYTES:
        raise _too_large("the data URL")
    return content


def _each(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _each(item)
    else:
        yield value


def _linked(link: str, places: Places) -> bytes:
    try:
        if link[:4].lower() == "http":
            return fetch(link, max_bytes=MAX_PICTURE_BYTES, allowed_hosts=places.allowed_hosts)
        with open_url(link) as file:
            return file.read(MAX_PICTURE_BYTES + 1)
    except FetchError as error:
        raise _fault(f"can't fetch '{_plain(link)}': {error}.") from error
    except SourceError as error:
        raise _fault(f"can't fetch {error}.") from error


def _plain(link: str) -> str:
    """A link as it may be shown: what stands behind its question mark may be a secret."""
    return _shown(link.partition("?")[0])


def _drawn(value: object) -> bytes:
    """An image of Pillow as a PNG, which loses nothing of it."""
    if not type(value).__module__.startswith("PIL."):
        kind = type_word(value) if isinstance(value, bool | int | float | dict | None) else type(value).__name__
        raise _fault(f"a picture is a path, a link, a data URL, bytes or a list of those, but here stands {kind}.")
    file = io.BytesIO()
    try:
        value.save(file, "PNG")  # type: ignore[attr-defined]  # Pillow isn't loaded for whoever has no such image
    except (OSError, ValueError) as error:
        raise _fault(f"the image can't be written as PNG: {error}.") from error
    return file.getvalue()


def _found(name: str, folders: Sequence[Path]) -> Path:
    if not name.strip():
        raise _fault("the name of the picture is empty.")
    for folder in folders:
        path = folder / name
        try:
            path.stat()
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "no valid file name"
            raise _fault(f"can't read '{_shown(name)}': {reason}.") from error
        return path
    places = " and ".join(dict.fromkeys(f"'{folder.resolve()}'" for folder in folders))
    raise _fault(f"there is no file '{_shown(name)}'; looked in {places}.")


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise _fault(f"'{path.name}' is a folder, not a picture.")
        if not path.is_file():
            raise _fault(f"'{path.name}' is no ordinary file.")
        if path.stat().st_size > MAX_PICTURE_BYTES:
            raise _too_large(f"'{path.name}'")
        return path.read_bytes()
    except OSError as error:
        raise _fault(f"can't read '{path.name}': {error.strerror or type(error).__name__}.") from error


def _shown(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"


def _too_large(what: str) -> ImageError:
    return _fault(f"{what} is larger than {MAX_PICTURE_BYTES // 1024**2} MiB.")


def _fault(sentence: str) -> ImageError:
    return ImageError(ErrorCode.INVALID_REQUEST, sentence[0].upper() + sentence[1:], param="image")
