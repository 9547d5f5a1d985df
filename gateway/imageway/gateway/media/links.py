"""Links to kept pictures: capabilities that name one picture and end at one second. Whoever holds one may look."""

import hashlib
import hmac
import re
import secrets

from msgspec import Struct

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageFormat

__all__ = ("Links", "PictureName", "new_name", "not_found", "parsed_name")

_EXTENSIONS = {format_.extension: format_.media_type for format_ in ImageFormat}
_NAME = re.compile(r"([1-9][0-9]{0,14})-([0-9a-f]{32})\.([a-z]{2,4})", re.ASCII)


class PictureName(Struct, frozen=True, kw_only=True):
    """What the name of a kept picture tells: its last second (Unix time), and its type by content."""

    text: str
    expires_s: int
    media_type: str


def new_name(expires_s: int, format_: ImageFormat) -> PictureName:
    """A name that nobody can guess. It holds the end of its life: no other record of it is needed."""
    text = f"{expires_s}-{secrets.token_hex(16)}.{format_.extension}"
    return PictureName(text=text, expires_s=expires_s, media_type=_EXTENSIONS[format_.extension])


def parsed_name(text: str) -> PictureName | None:
    """*text* as a name that `new_name` could have made, else None: what it lets through is a plain file name."""
    match = _NAME.fullmatch(text)
    if match is None or match[3] not in _EXTENSIONS:
        return None
    return PictureName(text=text, expires_s=int(match[1]), media_type=_EXTENSIONS[match[3]])


class Links:
    """Makes and reads the links of every gateway that has the same *signing_key*."""

    def __init__(self, *, public_url: str, signing_key: bytes) -> None:
        self._public_url = public_url.rstrip("/")
        self._signing_key = signing_key

    def link(self, name: PictureName) -> str:
        signature = self._signature(name.text, str(name.expires_s))
        return f"{self._public_url}/files/{name.text}?expires={name.expires_s}&signature={signature}"

    def read(self, name: str, expires: str, signature: str, *, now_s: float) -> PictureName:
        """The picture that a link's parts name. A link is good up to and at its last second.

        Raises `ImageError` (not_found), which doesn't tell what was wrong.
        """
        # Compared first and for every name: how long a refusal takes tells nothing of the picture.
        signed = hmac.compare_digest(self._signature(name, expires).encode(), signature.encode(errors="replace"))
        parsed = parsed_name(name)
        if not signed or parsed is None or expires != str(parsed.expires_s) or now_s > parsed.expires_s:
            raise not_found()
        return parsed

    def _signature(self, name: str, expires: str) -> str:
        signed = f"{len(name)}:{name}:{expires}".encode(errors="surrogatepass")
        return hmac.new(self._signing_key, signed, hashlib.sha256).hexdigest()


def not_found() -> ImageError:
    """The one answer to every link that leads nowhere."""
    return ImageError(ErrorCode.NOT_FOUND, "There is no such picture, or its link has expired.")
