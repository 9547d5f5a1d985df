"""The picture store: keeps pictures for a while within a bound of bytes, and hands out links to them."""

import asyncio
import math
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_bytes, token_hex
from time import time

from msgspec import Struct

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.sniff import sniff
from imageway.gateway.media.disk import GRACE_S, survey, write_picture
from imageway.gateway.media.links import Links, PictureName, new_name, not_found
from imageway.gateway.media.room import Room

__all__ = ("FoundPicture", "MediaStore", "Reservation", "private_store")

_SURVEY_GOOD_S = 10.0
"""How long a look at the directory is trusted; what other replicas write is seen no later than that."""


class FoundPicture(Struct, frozen=True, kw_only=True):
    """A kept picture: `left_s` is how many whole seconds its link is still good for."""

    path: Path
    media_type: str
    left_s: int


class MediaStore:
    """Pictures in *directory*, which replicas with the same *signing_key* may share; it is made when first needed.

    All pictures together stay within *max_bytes*: whoever is about to pay for some reserves the room before. The bound
    is exact for one process. Of replicas that share a directory, each learns of the others' pictures within ten
    seconds and of their reservations never, so what they have in flight may come on top.
    Files that no store named are neither counted nor removed. *clock_s* tells Unix time.
    """

    def __init__(
        self,
        directory: Path,
        *,
        public_url: str,
        signing_key: bytes,
        ttl_s: int,
        max_bytes: int,
        clock_s: Callable[[], float] = time,
    ) -> None:
        self._directory = directory
        self._links = Links(public_url=public_url, signing_key=signing_key)
        self._ttl_s = ttl_s
        self._clock_s = clock_s
        self._room = Room(max_bytes)
        self._surveyed_s = -math.inf
        self._more_expired = False
        self._surveying = asyncio.Lock()

    @property
    def used_bytes(self) -> int:
        """Bytes of the pictures that are known to be kept, and of those that room is reserved for."""
        return self._room.used_bytes

    async def keep(self, content: bytes) -> str:
        """A link to *content*, for which nobody reserved room. See `reserving` and `Reservation.keep`."""
        async with self.reserving(len(content)) as reservation:
            return await reservation.keep(content)

    @asynccontextmanager
    async def reserving(self, max_bytes: int) -> AsyncIterator["Reservation"]:
        """Room for *max_bytes* of pictures; what isn't used of it is free again afterwards.

        Raises `ImageError` (upstream_unavailable) where there is no such room, with the time until the next picture
        goes. Ask before paying: nothing has been spent then.
        """
        await self._make_room(max_bytes)
        reservation = Reservation(self._room, max_bytes, self._written)
        try:
            yield reservation
        finally:
            reservation.release()

    async def find(self, name: str, expires: str, signature: str) -> FoundPicture:
        """The picture that the parts of a link lead to.

        Raises `ImageError` (not_found) for unknown, expired and badly signed ones alike.
        """
        now_s = self._clock_s()
        parsed = self._links.read(name, expires, signature, now_s=now_s)
        path = self._directory / parsed.text
        if not await asyncio.to_thread(path.is_file):
            raise not_found()
        return FoundPicture(path=path, media_type=parsed.media_type, left_s=int(parsed.expires_s - now_s))

    async def sweep(self) -> None:
        """Remove all expired pictures; some of them go whenever room is asked for, too. Raises `OSError`."""
        await self._survey()
        while self._more_expired:
            await self._survey()

    async def _make_room(self, wanted_bytes: int) -> None:
        """Reserve *wanted_bytes*, or raise."""
        if wanted_bytes > self._room.max_bytes:
            raise ImageError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                f"The pictures may take {wanted_bytes} bytes and the gateway's picture store holds"
                f" {self._room.max_bytes}; nothing was drawn. Ask for b64_json.",
            )
        try:
            await self._look_around(wanted_bytes)
        except OSError as error:
            raise ImageError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                f"The gateway's picture store can't be used ({type(error).__name__}); nothing was drawn.",
            ) from error
        # No await between the question and the answer: two calls never get the same room.
        if not self._room.fits(wanted_bytes):
            first_expiry_s = self._room.first_expiry_s()
            raise ImageError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                "The gateway's picture store is full; nothing was drawn. Ask for b64_json, or again later.",
                retry_after_s=max(1.0, first_expiry_s + GRACE_S - self._clock_s()) if first_expiry_s else None,
            )
        self._room.reserve(wanted_bytes)

    async def _look_around(self, wanted_bytes: int) -> None:
        """See what other replicas wrote, and sweep for as long as that can make room for *wanted_bytes*."""
        async with self._surveying:
            if self._clock_s() >= self._surveyed_s + _SURVEY_GOOD_S:
                await self._survey_alone()
            while not self._room.fits(wanted_bytes) and self._can_sweep():
                await self._survey_alone()

    def _can_sweep(self) -> bool:
        first_expiry_s = self._room.first_expiry_s()
        return first_expiry_s is not None and self._clock_s() > first_expiry_s + GRACE_S

    async def _survey(self) -> None:
        async with self._surveying:
            await self._survey_alone()

    async def _survey_alone(self) -> None:
        now_s = self._clock_s()
        self._room.survey_begins()
        found = await asyncio.to_thread(survey, self._directory, now_s=now_s)
        self._room.survey_ends(found.sizes)
        self._more_expired = found.more_expired
        self._surveyed_s = now_s

    async def _written(self, content: bytes) -> str:
        """The link to *content*, which is on the disk, and whose bytes were reserved."""
        expires_s = int(self._clock_s()) + self._ttl_s
        name = new_name(expires_s, sniff(content).format)
        # A thread can't be stopped: a caller who leaves waits for it, so that what it wrote is counted.
        writing = asyncio.ensure_future(self._write(name, content))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait((writing,))
            raise
        return self._links.link(name)

    async def _write(self, name: PictureName, content: bytes) -> None:
        self._room.write_begins(name.text)
        kept = False
        try:
            await asyncio.to_thread(write_picture, self._directory, name.text, content)
            kept = True
        except OSError as error:
            raise _lost(f"could not be written ({type(error).__name__})") from error
        finally:
            self._room.write_ends(name.text, len(content), kept=kept)


class Reservation:
    """Room in a store that is one call's own; see `MediaStore.reserving`."""

    def __init__(self, room: Room, left_bytes: int, written: Callable[[bytes], Awaitable[str]]) -> None:
        self._room = room
        self._left_bytes = left_bytes
        self._written = written

    async def keep(self, content: bytes) -> str:
        """A link to *content*, whose type is told by what it is.

        More than was reserved is kept for as long as there is room. Raises `ImageError` (internal, `may_have_billed`)
        where there is none, or the disk refuses. The picture of a caller who is cancelled may stay until it expires.
        """
        missing_bytes = max(0, len(content) - self._left_bytes)
        if not self._room.fits(missing_bytes):
            raise _lost("is larger than the room that was reserved for it")
        self._room.reserve(missing_bytes)
        self._left_bytes += missing_bytes - len(content)
        return await self._written(content)

    def release(self) -> None:
        """Give back what wasn't used."""
        self._room.release(self._left_bytes)
        self._left_bytes = 0


@contextmanager
def private_store(
    *, public_url: str, ttl_s: int = 3600, max_bytes: int = 1_000_000_000, clock_s: Callable[[], float] = time
) -> Iterator[MediaStore]:
    """A store of this process alone, for a gateway on loopback: a random key, and a directory among temporary files.

    The directory comes with the first picture and goes with the context, links and all.
    """
    directory = Path(tempfile.gettempdir()) / f"imageway-pictures-{token_hex(16)}"
    try:
        yield MediaStore(
            directory,
            public_url=public_url,
            signing_key=token_bytes(32),
            ttl_s=ttl_s,
            max_bytes=max_bytes,
            clock_s=clock_s,
        )
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _lost(reason: str) -> ImageError:
    return ImageError(ErrorCode.INTERNAL, f"The picture was drawn but {reason}.", may_have_billed=True)
