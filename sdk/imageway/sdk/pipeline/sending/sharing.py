"""Equal requests answered once, where somebody wants that: within a run, and from a store across runs.

The store is a folder of answers under the hashes of their requests. Nothing needs it: it may be deleted at any time.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from weakref import WeakValueDictionary

from msgspec.structs import replace

from imageway.contract.errors import ImageError
from imageway.contract.result import ImageResult
from imageway.contract.wire import result_body
from imageway.contract.wire_result import read_result
from imageway.sdk.pipeline.files.sink import atomic_file

__all__ = ("SHARED", "SharedAnswers", "shared_folder")

log = logging.getLogger(__name__)

SHARED = "imageway-shared"
"""What an answer out of the store is marked with, among its headers."""


def shared_folder() -> Path:
    """The store of this user: `answers` in IMAGEWAY_CACHE_DIR, else in the system's folder for caches."""
    own = os.environ.get("IMAGEWAY_CACHE_DIR")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(own) if own else caches / "imageway") / "answers"


class SharedAnswers:
    """Answers in *folder*. One that is being asked for is waited for by whoever wants the same.

    With *earlier* those of earlier runs are taken as well, otherwise only what was asked for here.
    """

    def __init__(self, folder: Path, *, earlier: bool = True) -> None:
        self._folder = folder
        self._own: set[str] | None = None if earlier else set()
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, content_key: str, ask: Callable[[], Awaitable[ImageResult]], *, pictures: int) -> ImageResult:
        """The answer under *content_key*, which costs nothing, or what *ask* gives, kept for others.

        Failures aren't kept, nor answers with less than *pictures*: whoever waits then asks. Answers with links aren't
        either: links run out.
        Raises what *ask* raises. A store that can't be written is told in the log: the answer is worth more.
        """
        asking = self._asking.setdefault(content_key, asyncio.Lock())
        async with asking:
            path = self._folder / content_key[:2] / f"{content_key}.json"
            if self._own is None or content_key in self._own:
                found = await asyncio.to_thread(_read, path)
                if found is not None and len(found.images) >= pictures:
                    return found
            answered = await ask()
            whole = len(answered.images) >= pictures
            if whole and all(not isinstance(image.url, str) for image in answered.images):
                try:
                    await asyncio.to_thread(_keep, path, answered)
                    if self._own is not None:
                        self._own.add(content_key)
                except OSError as error:
                    log.warning("an answer can't be shared: %s: %s", path, error.strerror or type(error).__name__)
            return answered


def _read(path: Path) -> ImageResult | None:
    """The answer in *path*; None where there is none, or one that can't be read, which is then asked for again."""
    try:
        answer = read_result(path.read_bytes())
    except (OSError, ImageError):
        return None
    return replace(answer, upstream_headers={"imageway-cost-usd": "0", SHARED: path.stem})


def _keep(path: Path, answer: ImageResult) -> None:
    with atomic_file(path) as file:
        file.write(result_body(answer))
