"""Pictures that people name, as paths or data URLs, read into inputs of a request. Their bytes go out untouched."""

import base64
import binascii
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageFormat, ImageInput, JsonValue
from imageway.contract.sniff import image_input
from imageway.contract.wording import type_word

__all__ = ("MAX_PICTURE_BYTES", "data_url_bytes", "is_data_url", "read_picture", "read_pictures")

MAX_PICTURE_BYTES = 64 * 1024**2

_DATA_URL = re.compile(r"data:[^,]*,", re.IGNORECASE)
_LINK = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_LONGEST_NAME = 120


def is_data_url(text: str) -> bool:
    return text[:5].lower() == "data:"


def read_pictures(value: JsonValue, *, folders: Sequence[Path] = ()) -> tuple[ImageInput, ...]:
    """The pictures that *value* names: a path, a data URL, or a list of those, lists within it included.

    Relative paths are looked up in *folders* in their order, or in the working directory where there are none. Raises
    `ImageError` (invalid_request, `param` image) that names the file at fault. Reads files: not for the event loop.
    """
    return tuple(read_picture(name, folders=folders) for name in _names(value))


def read_picture(name: str | Path, *, folders: Sequence[Path] = ()) -> ImageInput:
    """One picture; see `read_pictures`."""
    if isinstance(name, str) and is_data_url(name):
        content, shown = data_url_bytes(name), "the data URL"
        picture = image_input(content)
    else:
        path = _found(os.fspath(name), folders or (Path(),))
        content, shown = _content(path), f"'{_shown(os.fspath(name))}'"
        picture = replace(image_input(content, path.name), found_at=str(path.absolute()))
    if not content:
        raise _fault(f"{shown} is empty: there is no picture in it.")
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


def _names(value: JsonValue) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _names(item)
        case _:
            raise _fault(f"a picture is a path, a data URL or a list of those, but here stands {type_word(value)}.")


def _found(name: str, folders: Sequence[Path]) -> Path:
    if _LINK.match(name):
        link = _shown(name.partition("?")[0])
        raise _fault(f"fetching links isn't supported yet: give '{link}' as a file or a data URL.")
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
