"""What an image is, read from its structure: format, size, alpha, animation, a missing end. No decoding, no Pillow.

Declared media types and file names are never asked: phones, browsers and API clients get them wrong.
"""

import re
import struct
from collections.abc import Iterator

from imageway.contract.content import BytesContent, Content
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput

__all__ = ("image_input", "sniff")

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_HEIC_BRANDS = frozenset((b"heic", b"heix", b"hevc", b"mif1", b"msf1"))
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_JPEG_END = 0xD9
_JPEG_MARK = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A mark among entropy-coded data, in which a bare FF is followed by 00 or a restart mark."""
_PNG_CHUNK = struct.Struct(">I4s")
_HEAD_BYTES = 4096
_WINDOW_BYTES = 1 << 18
_MOST_CHUNKS = 4096
"""How many segments are looked at before a file is taken for what its header says."""
_MOST_PNG_CHUNKS = 65_536
"""Likewise; a large PNG is thousands of chunks, as most encoders write some kilobytes to each."""


def image_input(content: bytes | Content, filename: str = "image") -> ImageInput:
    """*content* as the input of a request, with its facts."""
    source = BytesContent(content) if isinstance(content, bytes) else content
    return ImageInput(source=source, facts=sniff(source), filename=filename)


def sniff(content: bytes | Content) -> ImageFacts:
    """The facts of *content*; `ImageFormat.UNKNOWN` where it is no image that is known here. Never raises.

    Little of it is read, except of a JPEG, whose end is looked for.
    """
    source = BytesContent(content) if isinstance(content, bytes) else content
    try:
        return _sniff(source, source.at(0, _HEAD_BYTES))
    except (struct.error, IndexError):
        return ImageFacts(format=ImageFormat.UNKNOWN)


def _sniff(source: Content, head: bytes) -> ImageFacts:
    if head.startswith(_PNG_MAGIC):
        return _png(source, head)
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(source)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(source, head)
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return _gif(head)
    if head[:2] == b"BM" and len(head) >= 26:
        width, height = struct.unpack_from("<ii", head, 18)
        return ImageFacts(format=ImageFormat.BMP, width_px=abs(width), height_px=abs(height))
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return ImageFacts(format=ImageFormat.TIFF)
    if head[4:8] == b"ftyp":
        if head[8:12] in (b"avif", b"avis"):
            return ImageFacts(format=ImageFormat.AVIF)
        if head[8:12] in _HEIC_BRANDS:
            return ImageFacts(format=ImageFormat.HEIC)
    text = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return ImageFacts(format=ImageFormat.SVG, has_alpha=True)
    return ImageFacts(format=ImageFormat.UNKNOWN)


def _png(source: Content, head: bytes) -> ImageFacts:
    if head[12:16] != b"IHDR":
        return ImageFacts(format=ImageFormat.UNKNOWN)
    width, height, _depth, colour_type = struct.unpack_from(">IIBB", head, 16)
    has_alpha = colour_type in (4, 6)
    animated = drawn = False
    ended: bool | None = None
    for kind in _png_chunks(source):
        match kind:
            case b"tRNS" if not drawn:
                has_alpha = True
            case b"acTL" if not drawn:
                animated = True
            case b"IDAT":
                drawn = True
            case b"IEND" | b"":
                ended = kind == b"IEND" and drawn
                break
    return ImageFacts(
        format=ImageFormat.PNG,
        width_px=width,
        height_px=height,
        has_alpha=has_alpha,
        animated=animated,
        truncated=ended is False,
    )


def _png_chunks(source: Content) -> Iterator[bytes]:
    """The chunks' kinds; an empty one stands for the end of a file that ends within a chunk or without IEND."""
    at, end = 8, source.size
    for _ in range(_MOST_PNG_CHUNKS):
        if at + 12 > end:
            yield b""
            return
        length, kind = _PNG_CHUNK.unpack(source.at(at, 8))
        at += 12 + length
        if at > end:
            # What is cut short may be the picture's own chunk, which tells as much as a whole one.
            yield kind if kind != b"IEND" else b""
            yield b""
            return
        yield kind


def _jpeg(source: Content) -> ImageFacts:
    format_ = ImageFormat.JPEG
    at = 2
    for _ in range(_MOST_CHUNKS):
        segment = source.at(at, 16)
        if segment[0] != 0xFF:
            break
        marker = segment[1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _JPEG_BARE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", segment, 2)
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", segment, 5)
            truncated = not _jpeg_ends(source, at + 2 + length)
            return ImageFacts(format=format_, width_px=width, height_px=height, truncated=truncated)
        if marker == 0xE2 and segment[4:8] == b"MPF\x00":
            format_ = ImageFormat.MPO
        at += 2 + length
    return ImageFacts(format=ImageFormat.UNKNOWN)


def _jpeg_ends(source: Content, at: int) -> bool:
    """Whether the end mark is among the segments and scans from *at* on; what stands behind it is nobody's business."""
    start, window = at, source.at(at, _WINDOW_BYTES)
    for _ in range(_MOST_CHUNKS):
        while (mark := _JPEG_MARK.search(window, at - start)) is None:
            # A mark is two bytes, and may begin with the window's last one.
            at = start = max(at, start + len(window) - 1)
            window = source.at(start, _WINDOW_BYTES)
            if len(window) < 2:
                return False
        kind, at = window[mark.end() - 1], start + mark.end()
        if kind == _JPEG_END:
            return True
        if kind not in _JPEG_BARE:
            at += int.from_bytes(source.at(at, 2))
        if at >= start + len(window):
            start, window = at, source.at(at, _WINDOW_BYTES)
    return True


def _webp(source: Content, content: bytes) -> ImageFacts:
    match content[12:16]:
        case b"VP8X" if len(content) >= 30:
            flags = content[20]
            width = int.from_bytes(content[24:27], "little") + 1
            height = int.from_bytes(content[27:30], "little") + 1
            has_alpha, animated = bool(flags & 0x10), bool(flags & 0x02)
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", content, 21)
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
            has_alpha, animated = bool(bits >> 28 & 1), False
        case b"VP8 ":
            width, height = (edge & 0x3FFF for edge in struct.unpack_from("<HH", content, 26))
            has_alpha = animated = False
        case _:
            return ImageFacts(format=ImageFormat.UNKNOWN)
    return ImageFacts(
        format=ImageFormat.WEBP,
        width_px=width,
        height_px=height,
        has_alpha=has_alpha,
        animated=animated,
        truncated=8 + int.from_bytes(content[4:8], "little") > source.size,
    )


def _gif(content: bytes) -> ImageFacts:
    width, height = struct.unpack_from("<HH", content, 6)
    animated = b"NETSCAPE2.0" in content[:4096]
    return ImageFacts(format=ImageFormat.GIF, width_px=width, height_px=height, animated=animated)
