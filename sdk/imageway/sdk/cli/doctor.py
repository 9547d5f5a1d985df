"""`imageway doctor`: whether all that runs need is there."""

import platform
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from msgspec import Struct

from imageway.contract.cards import ModelCard
from imageway.contract.errors import ImageError
from imageway.contract.lifecycle import has_ended
from imageway.contract.request import JsonValue
from imageway.contract.version import __version__
from imageway.sdk.cli.gateway import open_client
from imageway.sdk.cli.talk import Exit, GiveUpError, put, put_json
from imageway.sdk.connecting import GatewayChoice, drawer_of, sketch_draws
from imageway.sdk.embedded import Opener

__all__ = ("examine",)

_LIBRARIES = {
    "pillow": "fixes, reports and the offline gateway",
    "litestar": "a gateway inside this process",
    "openai": "real vendors inside this process",
    "pyarrow": "Parquet",
    "datasets": "Hugging Face datasets",
    "fsspec": "remote paths",
}
_LITTLE_BYTES = 1024**3


class _Finding(Struct, frozen=True, kw_only=True):
    """`state` is ok, note (something may be missed) or bad (runs can't go)."""

    about: str
    state: str
    told: str


async def examine(choice: GatewayChoice, *, as_json: bool, opener: Opener | None = None) -> Exit:
    """Look at everything, and put what was found on stdout."""
    findings = [
        _Finding(about="imageway", state="ok", told=f"{__version__}, Python {platform.python_version()}"),
        *_libraries(),
        _disk(Path.cwd()),
        *await _gateway(choice, opener),
    ]
    exit_ = Exit.NO_GATEWAY if any(finding.state == "bad" for finding in findings) else Exit.FINE
    if as_json:
        listed: list[JsonValue] = [
            {"about": finding.about, "state": finding.state, "told": finding.told} for finding in findings
        ]
        put_json({"exit_code": int(exit_), "findings": listed})
    else:
        for finding in findings:
            put(f"{finding.state:4}  {finding.about}: {finding.told}")
    return exit_


def _libraries() -> Iterator[_Finding]:
    for name, purpose in _LIBRARIES.items():
        try:
            yield _Finding(about=name, state="ok", told=f"{version(name)}, for {purpose}")
        except PackageNotFoundError:
            yield _Finding(about=name, state="note", told=f"not installed; needed for {purpose}")


def _disk(folder: Path) -> _Finding:
    free = shutil.disk_usage(folder).free
    state = "note" if free < _LITTLE_BYTES else "ok"
    return _Finding(about="disk", state=state, told=f"{free / 1024**3:.1f} GiB free in {folder}")


async def _gateway(choice: GatewayChoice, opener: Opener | None) -> list[_Finding]:
    drawer = drawer_of(choice)
    try:
        async with open_client(choice, opener=opener, announced=False) as client:
            cards = await client.cards()
    except ImageError as error:
        told = error.message if drawer in error.message else f"{drawer}: {error.message}"
        return [_Finding(about="gateway", state="bad", told=told)]
    except GiveUpError as error:
        return [_Finding(about="gateway", state="bad", told=error.message)]
    told = "sketch inside this process: offline, free, no real model" if sketch_draws(choice) else drawer
    found = [_Finding(about="gateway", state="ok", told=told)]
    if not cards:
        return [
            *found,
            _Finding(about="models", state="note", told="it tells of no models; nothing can be checked here"),
        ]
    return [*found, *_models(cards)]


def _models(known: Mapping[str, ModelCard]) -> Iterator[_Finding]:
    today = datetime.now(tz=UTC).date()
    ended = [name for name, card in known.items() if has_ended(card.spec.lifecycle, today)]
    yield _Finding(about="models", state="ok", told=f"{len(known)} that this key may use")
    if ended:
        shown = ", ".join(ended)
        yield _Finding(about="models", state="note", told=f"shut down by their vendor: {shown}")
