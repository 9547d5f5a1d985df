"""What a contact sheet shows: a card for each call of a run, and for each record that failed without one."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.files.provenance import WRITES
from imageway.sdk.pipeline.journal.run_view import CallView, RunView

__all__ = ("Card", "Shown", "cards_of")


class Shown(Struct, frozen=True, kw_only=True):
    """A picture of a card: where it lies, if it does, and what is said of it."""

    path: Path | None
    label: str
    revised_prompt: str | None = None


class Card(Struct, frozen=True, kw_only=True):
    """One call, or a record that came to none. `code` is `ok` where nothing went wrong."""

    record_id: str
    position: int
    code: str
    node: str = ""
    draw: int = 1
    model: str = ""
    operation: str = ""
    prompt: str = ""
    params: dict[str, JsonValue] = {}
    message: str = ""
    cost_usd: float | None = None
    request_id: str | None = None
    target: str = ""
    inputs: tuple[Shown, ...] = ()
    pictures: tuple[Shown, ...] = ()


def cards_of(view: RunView) -> Iterator[Card]:
    """The cards of a run in the order of its records. Of calls that were asked anew, the newest alone.

    Calls that write text have no card; of a record that failed by one there is a card of its own.
    """
    for position, record_id, code, message in view.listing():
        newest: dict[tuple[str, int], CallView] = {}
        for call in view.calls_of(record_id):
            if call.asked.get("operation") != WRITES:
                newest[call.node, call.draw] = call
        for call in newest.values():
            yield _card(view, call, position)
        if code is not None and all(call.fault is None for call in newest.values()):
            yield Card(record_id=record_id, position=position, code=code, message=message or "")


def _card(view: RunView, call: CallView, position: int) -> Card:
    fault = call.fault if isinstance(call.fault, dict) else {}
    asked, prompt = call.asked, call.asked.get("prompt")
    params = asked.get("parameters")
    return Card(
        record_id=call.record_id,
        position=position,
        code=str(fault.get("code")) if fault else "ok" if call.state == "answered" else call.state,
        node=call.node,
        draw=call.draw,
        model=str(asked.get("model") or ""),
        operation=str(asked.get("operation") or ""),
        prompt=prompt if isinstance(prompt, str) else "",
        params=params if isinstance(params, dict) else {},
        message=str(fault.get("message") or ""),
        cost_usd=call.cost_usd,
        request_id=call.request_id,
        target=str(call.answered.get("imageway-target") or ""),
        inputs=tuple(_inputs(view, asked)),
        pictures=tuple(
            Shown(
                path=view.output / picture.path,
                label=picture.path.rpartition("/")[2],
                revised_prompt=_text(picture.facts.get("revised_prompt")),
            )
            for picture in view.pictures(call.key)
        ),
    )


def _inputs(view: RunView, asked: dict[str, JsonValue]) -> Iterator[Shown]:
    listed = asked.get("images")
    images = [*listed] if isinstance(listed, list) else []
    for image in (*images, asked.get("mask")):
        if isinstance(image, dict):
            found = _text(image.get("found_at")) or view.drawn_as(str(image.get("sha256")))
            path = None if found is None else view.output / found
            yield Shown(path=path, label=str(image.get("filename") or "input"))


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
