"""The configuration, loaded anew when its files have changed or on SIGHUP. A bad one is told, and the old one stays."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from imageway.contract.document import DocumentError, read_document
from imageway.contract.request import JsonValue
from imageway.gateway.engine.events import ConfigurationReloaded
from imageway.gateway.engine.observers import Observers
from imageway.gateway.generation import Current, Generation
from imageway.gateway.outside import every_issue
from imageway.gateway.settings import Settings, SettingsError

__all__ = ("Reloader", "Source", "deaf_to_hang_ups")

_AT_START_ONLY = ("server", "limits", "budgets", "ledger", "media", "traces")
"""Sections that a running gateway keeps: where it listens, and what its calls are counted, kept and told in."""

_MOST_BYTES = 16 * 2**20


class Source:
    """Where settings come from: *load* reads *config* and the files that it names. Without *config* nothing changes."""

    def __init__(self, load: Callable[[], Settings], config: Path | None) -> None:
        self._load = load
        self._config = config
        self._seen = b""

    def load(self) -> Settings:
        """The settings as they stand now. Raises `SettingsError`."""
        # Looked at first: what changes while it is read counts as changed afterwards.
        self._seen = self._digest()
        return self._load()

    def changed(self) -> bool:
        """Whether it says something else than when it was last loaded.

        Contents are compared, because mounted configurations change by a link that leads elsewhere.
        """
        return self._digest() != self._seen

    def _digest(self) -> bytes:
        return b"" if self._config is None else _digest(self._config)


class Reloader:
    """Puts another generation in the place of *current* when *source*, which that was made of, says something else.

    *build* makes a generation of it; it runs in a thread, as loading does, and raises `SettingsError`. *adopt* puts it
    to work.
    """

    def __init__(
        self,
        current: Current,
        *,
        source: Source,
        build: Callable[[Settings], Generation],
        adopt: Callable[[Generation], None],
        log: FilteringBoundLogger,
        observers: Observers,
    ) -> None:
        self._current = current
        self._source = source
        self._build = build
        self._adopt = adopt
        self._log = log
        self._observers = observers

    @asynccontextmanager
    async def watching(self, every_s: float) -> AsyncIterator[None]:
        """While it lasts, look at the source at once, every *every_s* seconds, and at each SIGHUP."""
        asked = asyncio.Event()
        with _hanging_up(asked):
            task = asyncio.create_task(self._watch(every_s, asked))
            try:
                yield
            finally:
                task.cancel()

    async def _watch(self, every_s: float, asked: asyncio.Event) -> None:
        while True:
            changed = await asyncio.to_thread(self._source.changed)
            if asked.is_set() or changed:
                asked.clear()
                await self.reload()
            with suppress(TimeoutError):
                await asyncio.wait_for(asked.wait(), every_s)

    async def reload(self) -> None:
        """Load the configuration now. Whatever is wrong with it goes to the log."""
        try:
            following, kept = await asyncio.to_thread(self._following)
            self._adopt(following)
        except SettingsError as error:
            self._log.error("configuration.refused", problems=[issue.render() for issue in every_issue(error)])
            self._tell(used=False)
            return
        except Exception:  # noqa: BLE001  # a plugin's own; the gateway goes on with what it has
            self._log.exception("configuration.refused")
            self._tell(used=False)
            return
        if kept:
            self._log.warning("configuration.needs_restart", sections=kept)
        self._log.info(
            "configuration.reloaded",
            models=len(following.assembly.registry.contracts),
            keys=len(following.settings.keys),
        )
        self._tell(used=True)

    def _following(self) -> tuple[Generation, list[str]]:
        running, found = self._current.now.settings, self._source.load()
        kept = [name for name in _AT_START_ONLY if getattr(found, name) != getattr(running, name)]
        settings = replace(found, **{name: getattr(running, name) for name in kept})
        return self._build(settings), kept

    def _tell(self, *, used: bool) -> None:
        event = ConfigurationReloaded(used=used)
        self._observers.tell(lambda observer: observer.configuration_reloaded(event))


@contextmanager
def deaf_to_hang_ups() -> Iterator[None]:
    """SIGHUP ends nothing, before and after the time in which it is heard: what has changed is seen without it."""
    if not _hears_signals():
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextmanager
def _hanging_up(asked: asyncio.Event) -> Iterator[None]:
    """Sets *asked* at each SIGHUP, where there is one and this is the thread that may listen to it."""
    if not _hears_signals():
        yield
        return
    before = signal.getsignal(signal.SIGHUP)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, before)


def _hears_signals() -> bool:
    return hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread()


def _digest(config: Path) -> bytes:
    """Of the contents of *config* and of all files that it names as it stands now; what isn't there counts as such."""
    digest = sha256(_content(config))
    with suppress(DocumentError):
        for file in _named(read_document(config).data, config.parent):
            digest.update(_content(file))
    return digest.digest()


def _content(file: Path) -> bytes:
    """A digest, so that contents can't run into each other."""
    try:
        with file.open("rb") as stream:
            return sha256(stream.read(_MOST_BYTES)).digest()
    except (OSError, ValueError):  # no such file, and no name of any
        return b"-"


def _named(data: JsonValue, base_dir: Path) -> Iterator[Path]:
    """Secrets by `file:` anywhere, and the catalogue's overlays."""
    match data:
        case str() if data.startswith("file:"):
            yield Path(data.removeprefix("file:"))
        case dict():
            overlays = data.get("catalogue")
            if isinstance(overlays, list):
                yield from (base_dir / overlay for overlay in overlays if isinstance(overlay, str))
            for value in data.values():
                yield from _named(value, base_dir)
        case list():
            for value in data:
                yield from _named(value, base_dir)
