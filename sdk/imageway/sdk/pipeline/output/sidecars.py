"""Provenance of each picture, as a JSON file beside it, with the names that IPTC gives to what it covers."""

from collections.abc import Iterator
from pathlib import Path

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.files.json_text import json_bytes
from imageway.sdk.pipeline.files.sink import atomic_file
from imageway.sdk.pipeline.journal.run_view import CallView, PictureView, RunView

__all__ = ("provenance", "told_of", "write_sidecars")

_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype"


def write_sidecars(run: RunView) -> int:
    """Write `{picture}.json` beside each picture of the run, and say how many there are."""
    count = 0
    for path, told in provenance(run):
        with atomic_file(path.with_name(f"{path.name}.json")) as file:
            file.write(json_bytes(told, indent=2) + b"\n")
        count += 1
    return count


def provenance(run: RunView) -> Iterator[tuple[Path, dict[str, JsonValue]]]:
    """Each picture of the run and what is known of where it comes from."""
    for picture in run.pictures():
        yield run.output / picture.path, told_of(picture, run.call(picture.call), run)


def told_of(picture: PictureView, call: CallView, run: RunView) -> dict[str, JsonValue]:
    """IPTC's properties (Photo Metadata Standard 2025.1) under their XMP names, and everything else under ours."""
    inputs = call.asked.get("images")
    kind = "compositeWithTrainedAlgorithmicMedia" if inputs else "trainedAlgorithmicMedia"
    return {
        "DigitalSourceType": f"{_SOURCE_TYPE}/{kind}",
        "AIPromptInformation": call.asked.get("prompt"),
        "AISystemUsed": call.answered.get("imageway-target") or call.asked.get("model"),
        "imageway": {
            "picture": {"path": picture.path, "sha256": picture.sha256, **picture.facts},
            "record_id": call.record_id,
            "node": call.node,
            "draw": call.draw,
            "operation": call.asked.get("operation"),
            "model_asked": call.asked.get("model"),
            "model_answered": call.answered.get("imageway-target"),
            "prompt": call.asked.get("prompt"),
            "revised_prompt": picture.facts.get("revised_prompt"),
            "parameters": call.asked.get("parameters"),
            "answered": {name: value for name, value in call.answered.items() if not name.startswith("imageway-")},
            "inputs": inputs,
            "mask": call.asked.get("mask"),
            "translated": call.answered.get("imageway-translated"),
            "request_id": call.request_id,
            "idempotency_key": call.key,
            "attempts": call.attempts,
            "sent_at": call.sent_at,
            "ended_at": call.ended_at,
            "usage": call.usage,
            "cost_usd": call.cost_usd,
            "run": run.id,
            "drawer": run.drawer,
            "version": call.asked.get("imageway"),
        },
    }
