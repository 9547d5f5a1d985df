"""Provenance inside of exported PNG pictures: a chunk of XMP is put into them, and no other byte is changed."""

import re
import struct
import zlib
from collections.abc import Mapping
from xml.sax.saxutils import escape

from imageway.contract.request import ImageFormat, JsonValue
from imageway.sdk.pipeline.files.provenance import has_c2pa

__all__ = ("with_xmp",)

_START = b"\x89PNG\r\n\x1a\n"
_BEFORE_IT = len(_START) + 25
"""The signature and IHDR, which is always the first chunk and 25 bytes long."""
_KEYWORD = b"XML:com.adobe.xmp"
_FIELDS = ("DigitalSourceType", "AIPromptInformation", "AISystemUsed")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PACKET = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
{fields}</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def with_xmp(content: bytes, told: Mapping[str, JsonValue]) -> bytes | None:
    """The picture with IPTC's properties of *told* in it, by their XMP names.

    None for one that stays as it is: no PNG, one with content credentials (C2PA), which any change would break, or one
    that has an XMP chunk already.
    """
    if not content.startswith(_START) or has_c2pa(content, ImageFormat.PNG) or _KEYWORD in content:
        return None
    fields = "".join(
        f"<Iptc4xmpExt:{name}>{escape(_NO_XML.sub(chr(0xFFFD), value))}</Iptc4xmpExt:{name}>\n"
        for name in _FIELDS
        if isinstance(value := told.get(name), str)
    )
    text = _KEYWORD + bytes(5) + _PACKET.format(fields=fields).encode()
    chunk = b"iTXt" + text
    whole = struct.pack(">I", len(text)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:_BEFORE_IT] + whole + content[_BEFORE_IT:]
