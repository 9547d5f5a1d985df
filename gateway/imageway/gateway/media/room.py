"""The bytes of a picture store: what is kept, what is promised, what is left. Counts only; touches no disk."""

from collections.abc import Mapping

from imageway.gateway.media.disk import UNFINISHED
from imageway.gateway.media.links import parsed_name

__all__ = ("Room",)


class Room:
    """Room for *max_bytes*. A picture counts as reserved until it is written, and as kept from then on."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._reserved_bytes = 0
        self._kept_bytes = 0
        self._sizes: dict[str, int] = {}
        self._writing: set[str] = set()
        self._unsure: set[str] = set()
        self._written: dict[str, int] = {}

    @property
    def used_bytes(self) -> int:
        return self._kept_bytes + self._reserved_bytes

    def fits(self, wanted_bytes: int) -> bool:
        return self.used_bytes + wanted_bytes <= self.max_bytes

    def reserve(self, wanted_bytes: int) -> None:
        self._reserved_bytes += wanted_bytes

    def release(self, reserved_bytes: int) -> None:
        self._reserved_bytes -= reserved_bytes

    def first_expiry_s(self) -> int | None:
        """The Unix time at which the next link ends; None where nothing is kept."""
        names = (parsed_name(name.removesuffix(UNFINISHED)) for name in self._sizes)
        return min((name.expires_s for name in names if name is not None), default=None)

    def write_begins(self, name: str) -> None:
        self._writing.add(name)
        self._unsure.add(name)

    def write_ends(self, name: str, reserved_bytes: int, *, kept: bool) -> None:
        """*name*, for which *reserved_bytes* were reserved, is on the disk, or will never be."""
        self._writing.discard(name)
        self.release(reserved_bytes)
        if kept:
            self._sizes[name] = self._written[name] = reserved_bytes
            self._kept_bytes += reserved_bytes

    def survey_begins(self) -> None:
        """From here to `survey_ends`, a listing may show, or miss, what is being written."""
        self._unsure = set(self._writing)
        self._written = {}

    def survey_ends(self, listed: Mapping[str, int]) -> None:
        """Count what is *listed*, except for files whose state changed meanwhile: of those it is known better here."""
        sure = {name: size for name, size in listed.items() if name.removesuffix(UNFINISHED) not in self._unsure}
        self._sizes = sure | self._written
        self._kept_bytes = sum(self._sizes.values())
