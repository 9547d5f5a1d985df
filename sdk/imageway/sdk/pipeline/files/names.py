"""File names made of record ids and field names: readable, safe on every system, and never the same for two."""

import hashlib
import unicodedata
from collections.abc import Callable

__all__ = ("FileNames", "safe_stem")

_MAX_BYTES = 200
_HASH_LENGTHS = (8, 16, 32, 64)
_FORBIDDEN = frozenset('/\\:*?"<>|')
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_RESERVED = frozenset(
    {"CON", "PRN", "AUX", "NUL"} | {f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"}
)


class FileNames:
    """Hands out stems. Who asks first keeps the plain name, so ask in the order of the records.

    Names that differ in case or in Unicode composition only count as the same: some file systems think so.
    """

    def __init__(self, claim: Callable[[str, str], bool] | None = None) -> None:
        """*claim* gives a name to an owner, and says whether it is theirs now; without one, memory does."""
        self._owners: dict[str, str] = {}
        self._claim = claim or self._remember

    def stem(self, record_id: str, field: str) -> str:
        """`{record_id}_{field}`, made safe; with 8 characters of a hash behind it where it had to be changed."""
        owner = f"{record_id}\0{field}"
        plain = f"{record_id}_{field}"
        safe = safe_stem(plain)
        if safe == plain and self._take(safe, owner):
            return safe
        digest = hashlib.sha256(owner.encode(errors="surrogatepass")).hexdigest()
        for length in _HASH_LENGTHS:
            stem = f"{_cut(safe, _MAX_BYTES - length - 1)}_{digest[:length]}"
            if self._take(stem, owner):
                return stem
        raise AssertionError("two owners with one SHA-256")

    def _take(self, stem: str, owner: str) -> bool:
        if stem.isascii():  # as most are
            return self._claim(stem.lower(), owner)
        return self._claim(unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold()), owner)

    def _remember(self, folded: str, owner: str) -> bool:
        return self._owners.setdefault(folded, owner) == owner


def safe_stem(text: str) -> str:
    """*text* as the beginning of a file name, at most 200 bytes: equal to it where nothing was wrong with it."""
    stem = "".join("_" if _is_unsafe(character) else character for character in text)
    stem = stem.lstrip(". ~-") or "_" if stem[:1] in {".", " ", "~", "-"} else stem
    if stem.partition(".")[0].strip().upper() in _RESERVED:
        stem = f"_{stem}"
    return _cut(stem, _MAX_BYTES)


def _is_unsafe(character: str) -> bool:
    return character in _FORBIDDEN or unicodedata.category(character) in _INVISIBLE


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode(errors="ignore")
