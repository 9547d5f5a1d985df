"""Forms as the `openai` client writes them, made of pieces that are sent where they lie."""

from collections.abc import AsyncIterator, Iterator, Sequence
from secrets import token_hex

import msgspec
from msgspec import Struct

from imageway.contract.content import Content
from imageway.contract.request import JsonValue
from imageway.providers._carrier import Body

__all__ = ("FilePart", "form_body", "form_texts")


class FilePart(Struct, frozen=True):
    """A file of a form."""

    name: str
    filename: str
    media_type: str
    content: Content


def form_texts(params: dict[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """*params* as the vendor's client puts them into a form: brackets for what nests, nothing for None."""
    for name, value in params.items():
        yield from _texts(name, value)


def _texts(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case dict():
            for key, inner in value.items():
                yield from _texts(f"{name}[{key}]", inner)
        case list():
            for inner in value:
                yield from _texts(f"{name}[]", inner)
        case str():
            yield name, value
        case _:
            yield name, msgspec.json.encode(value).decode()


def form_body(texts: Iterator[tuple[str, str]], files: Sequence[FilePart]) -> Body:
    """The form of *texts* and then *files*, whose contents are read when they are sent."""
    boundary = token_hex(16)
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{text}\r\n'
        for name, text in texts
    )
    pieces: list[bytes | Content] = [head.encode()]
    for file in files:
        told = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(file.name)}";'
            f' filename="{_quoted(file.filename)}"\r\nContent-Type: {file.media_type}\r\n\r\n'
        )
        pieces += [told.encode(), file.content, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    size = sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in pieces)
    return Body(f"multipart/form-data; boundary={boundary}", size, _sent(pieces))


async def _sent(pieces: Sequence[bytes | Content]) -> AsyncIterator[bytes | memoryview]:
    small = b""
    for piece in pieces:
        if isinstance(piece, bytes):
            small += piece
            continue
        yield small
        small = b""
        for chunk in piece.chunks():
            yield chunk
    yield small


def _quoted(text: str) -> str:
    """*text* within quotes, as HTML says; no caller's word ends a header."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
