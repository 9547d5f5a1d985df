"""The sheet itself: a template, and a line of JSON for each card. Everything that people wrote is data in it."""

import base64
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.resources import files
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.files.sink import atomic_file
from imageway.sdk.pipeline.journal.run_view import RunView
from imageway.sdk.report.cards import Card, Shown, cards_of
from imageway.sdk.thumbnails import require_pillow, thumbnail

__all__ = ("write_report",)

_AT_ONCE = 64


def write_report(view: RunView, target: Path) -> int:
    """Write the contact sheet of a run to *target*, and give how many cards it has; memory doesn't grow with them.

    Links to whole pictures are relative to *target*. Raises `MissingPillowError`, `JournalError`, or `OSError` where
    the file can't be written.
    """
    require_pillow()
    folder = target.absolute().parent
    head, tail = _template(view)
    count = 0
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool, atomic_file(target) as file:
        file.write(head.encode())
        cards = cards_of(view)
        while batch := [*islice(cards, _AT_ONCE)]:
            for told in pool.map(lambda card: _told(card, folder), batch):
                file.write((b",\n" if count else b"") + _json(told))
                count += 1
        file.write(tail.encode())
    return count


def _template(view: RunView) -> tuple[str, str]:
    """What stands before the cards and behind them. The policy lets this page's own script and style run alone."""
    parts = {name: (files("imageway.sdk.report") / name).read_text(encoding="utf-8") for name in _PARTS}
    script, style = parts["sheet.js"], parts["sheet.css"]
    title = f"{Path(view.task or view.output).name}, run {view.id[:8]}"
    about: dict[str, JsonValue] = {"title": title, "drawer": view.drawer, "ended_at": view.ended_at}
    head, _, tail = parts["sheet.html"].partition("{{cards}}")
    for mark, text in (
        ("{{script-hash}}", _hash(script)),
        ("{{style-hash}}", _hash(style)),
        ("{{style}}", style),
        ("{{about}}", _json(about).decode()),
    ):
        head = head.replace(mark, text)
    return head, tail.replace("{{script}}", script)


_PARTS = ("sheet.html", "sheet.css", "sheet.js")


def _told(card: Card, folder: Path) -> dict[str, JsonValue]:
    return {
        "id": card.record_id,
        "position": card.position,
        "node": card.node,
        "draw": card.draw,
        "model": card.model,
        "operation": card.operation,
        "prompt": card.prompt,
        "params": card.params,
        "code": card.code,
        "message": card.message,
        "cost": card.cost_usd,
        "request": card.request_id,
        "target": card.target,
        "inputs": [*_pictures(card.inputs, folder)],
        "pictures": [*_pictures(card.pictures, folder)],
    }


def _pictures(shown: tuple[Shown, ...], folder: Path) -> Iterator[dict[str, JsonValue]]:
    for picture in shown:
        there = picture.path is not None and picture.path.is_file()
        yield {
            "label": picture.label,
            "revised": picture.revised_prompt,
            "thumbnail": thumbnail(picture.path) if picture.path is not None and there else None,
            "link": _link(picture.path, folder) if picture.path is not None and there else None,
        }


def _link(path: Path, folder: Path) -> str | None:
    """The way from the sheet to *path*; None where there is none, as from one Windows drive to another."""
    try:
        return quote(Path(os.path.relpath(path, folder)).as_posix())
    except ValueError:
        return None


def _json(value: JsonValue) -> bytes:
    """JSON that can stand inside a script element: it holds no `<`, so nothing in it can end the element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").encode(errors="backslashreplace")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"
