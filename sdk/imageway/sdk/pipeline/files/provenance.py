"""Where a picture comes from: what was asked, what was answered, and what its bytes say of themselves."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, UnsetType

from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, JsonValue
from imageway.contract.result import ImageResult, Usage
from imageway.contract.version import __version__
from imageway.sdk.pipeline.events import RecordFault

__all__ = (
    "WRITES",
    "Answered",
    "KeptPicture",
    "answered_with",
    "asked_of",
    "fault_json",
    "has_c2pa",
    "input_told",
    "json_told",
    "read_fault",
)

WRITES = "write"
"""The operation of a call that is answered with text, beside those of the Images API."""

_TOLD = ("imageway-target", "imageway-translated", "imageway-attempts", "imageway-replayed", "imageway-shared")


class KeptPicture(Struct, frozen=True, kw_only=True):
    """A picture on the disk, as it came."""

    path: Path
    sha256: str
    size_bytes: int
    facts: ImageFacts
    c2pa: bool
    revised_prompt: str | None = None

    def facts_json(self) -> str:
        return json_told({
            "format": str(self.facts.format),
            "width_px": self.facts.width_px,
            "height_px": self.facts.height_px,
            "size_bytes": self.size_bytes,
            "c2pa": self.c2pa,
            "revised_prompt": self.revised_prompt,
        })  # fmt: skip


class Answered(Struct, frozen=True, kw_only=True):
    """What an answer tells beside its pictures. `single` says that one was asked for and one came."""

    single: bool
    request_id: str | None
    cost_usd: Decimal | None
    usage: Usage | None
    told: dict[str, JsonValue]

    @property
    def cost_text(self) -> str | None:
        return None if self.cost_usd is None else f"{self.cost_usd:f}"

    @property
    def usage_json(self) -> str | None:
        return None if self.usage is None else msgspec.json.encode(self.usage).decode()

    def as_json(self) -> str:
        return json_told(self.told)


def answered_with(result: ImageResult, *, single: bool, cost_usd: Decimal | None) -> Answered:
    resolved = {name: getattr(result, name) for name in ("size", "quality", "background", "output_format")}
    headers = {name: result.upstream_headers[name] for name in _TOLD if name in result.upstream_headers}
    told = {name: value for name, value in resolved.items() if not isinstance(value, UnsetType)}
    return Answered(
        single=single,
        request_id=result.upstream_request_id,
        cost_usd=cost_usd,
        usage=None if isinstance(result.usage, UnsetType) else result.usage,
        told={"created": result.created, **told, **headers},
    )


def asked_of(request: ImageRequest, fixes: Sequence[str] = ()) -> str:
    """What is sent, as JSON: pictures by their hashes, what was mended of it, and by whom."""
    return json_told({
        "operation": str(request.operation),
        "model": request.model,
        "prompt": request.params.get("prompt"),
        "parameters": {name: value for name, value in request.params.items() if name != "prompt"},
        "images": [input_told(image) for image in request.images],
        "mask": None if request.mask is None else input_told(request.mask),
        **({"fixes": [*fixes]} if fixes else {}),
        "imageway": __version__,
    })  # fmt: skip


def fault_json(fault: RecordFault) -> str:
    return json_told(msgspec.to_builtins(fault))


def read_fault(text: str) -> RecordFault:
    return msgspec.convert(json.loads(text), RecordFault)


def has_c2pa(content: bytes, format_: ImageFormat) -> bool:
    """Whether the picture carries content credentials (C2PA), which any change to its bytes would break."""
    match format_:
        case ImageFormat.PNG:
            return any(name == b"caBX" for name in _chunks(content, at=8, big=True, beyond=12))
        case ImageFormat.WEBP:
            return any(name == b"C2PA" for name in _chunks(content, at=12, big=False, beyond=8))
        case ImageFormat.JPEG | ImageFormat.MPO:
            return _has_jumbf(content)
        case _:
            return False


def _chunks(content: bytes, *, at: int, big: bool, beyond: int) -> Iterator[bytes]:
    while at + 8 <= len(content):
        size, name = (content[at : at + 4], content[at + 4 : at + 8]) if big else _turned(content[at : at + 8])
        yield name
        length = int.from_bytes(size, "big" if big else "little")
        at += beyond + length + (0 if big else length % 2)


def _turned(head: bytes) -> tuple[bytes, bytes]:
    return head[4:], head[:4]


def _has_jumbf(content: bytes) -> bool:
    """Whether one of the JPEG's segments before its pixels is an APP11 of C2PA."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        if content[at + 1] == 0xEB and b"c2pa" in content[at : at + 2 + length]:
            return True
        at += 2 + length
    return False


def input_told(image: ImageInput) -> dict[str, JsonValue]:
    """What is kept of a picture that was sent."""
    return {
        "filename": image.filename,
        "found_at": image.found_at,
        "sha256": sha256(image.content).hexdigest(),
        "format": str(image.facts.format),
        "width_px": image.facts.width_px,
        "height_px": image.facts.height_px,
    }


def json_told(value: Any) -> str:  # noqa: ANN401  # whatever JSON can say
    """*value* as the journal keeps it."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode()
