"""A run that has ended, for Python: counts, money, rows, failures and pictures, all read from its folder."""

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imageway.contract.request import JsonValue
from imageway.sdk.money import shown_usd
from imageway.sdk.pipeline.events import RunSummary, Stopped
from imageway.sdk.pipeline.journal.run_view import open_run
from imageway.sdk.results import DrawnImage

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ("Failure", "Run")

_SHOWN = 24


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A record that failed; `code` is one of a closed set, such as content_rejected."""

    record_id: str
    code: str
    message: str
    node: str | None
    attempts: int
    request_id: str | None
    cost_usd: float | None


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run has come to. In a notebook it shows its pictures, its cost and its failures."""

    summary: RunSummary

    @property
    def ok(self) -> int:
        """How many records went well, in earlier passes of the run too."""
        return self.summary.succeeded

    @property
    def failed(self) -> int:
        return self.summary.failed

    @property
    def unfinished(self) -> int:
        """How many records are still to be run; the same call goes on with them."""
        return self.summary.unfinished

    @property
    def stopped(self) -> Stopped | None:
        """Why the run has ended early; None where it hasn't."""
        return self.summary.stopped

    @property
    def cost_usd(self) -> Decimal | None:
        """What it has cost so far, as far as that is known."""
        return self.summary.cost_usd

    @property
    def output(self) -> Path:
        """The file with the rows."""
        return self.summary.output

    @property
    def folder(self) -> Path:
        return self.summary.output.parent

    def rows(self) -> Iterator[dict[str, JsonValue]]:
        """The rows of the output, in the order of the input; pictures by their absolute paths."""
        with open_run(self.folder, self.summary.run) as view:
            yield from view.outcomes.rows()

    def failures(self) -> Iterator[Failure]:
        with open_run(self.folder, self.summary.run) as view:
            for line in view.outcomes.errors():
                values: dict[str, Any] = {**line}
                yield Failure(
                    record_id=str(values["id"]),
                    code=str(values["code"]),
                    message=str(values["message"]),
                    node=values["node"],
                    attempts=int(values["attempts"]),
                    request_id=values["request_id"],
                    cost_usd=values["cost_usd"],
                )

    def images(self) -> Iterator[DrawnImage]:
        """Every picture of the run, read when its turn comes."""
        with open_run(self.folder, self.summary.run) as view:
            for picture in view.pictures():
                revised = picture.facts.get("revised_prompt")
                content = (view.output / picture.path).read_bytes()
                yield DrawnImage(content=content, revised_prompt=revised if isinstance(revised, str) else None)

    def to_dataset(self) -> "Dataset":
        """The rows as a Hugging Face dataset, columns of pictures as its images.

        Raises `ImportError` that names what to install.
        """
        try:
            from datasets import Dataset, Image, Sequence
        except ImportError as error:
            raise ImportError("datasets aren't installed: pip install 'imageway[hf]'") from error
        rows = [*self.rows()]
        with open_run(self.folder, self.summary.run) as view:
            drawn = {str(view.output / picture.path) for picture in view.pictures()}
        single, several = _picture_columns(rows, drawn)
        dataset = Dataset.from_list([{name: _told(row.get(name)) for name in _columns(rows)} for row in rows])
        for name in single:
            dataset = dataset.cast_column(name, Image())
        for name in several:
            dataset = dataset.cast_column(name, Sequence(Image()))
        return dataset

    def _repr_html_(self) -> str:
        """How notebooks show it: thumbnails, the cost, and failures by code."""
        counts = f"{self.ok} drawn, {self.failed} failed, {self.unfinished} not done"
        cost = "" if self.cost_usd is None else f"; ${shown_usd(self.cost_usd)}"
        pictures = "".join(image._repr_html_() for image in islice(self.images(), _SHOWN))
        groups = "".join(
            f"<li>{html.escape(group.code)} x{group.count}: {html.escape(group.first_message)}</li>"
            for group in self.summary.failures
        )
        reason = html.escape(self.summary.reason)
        return f"<div><p>{counts}{cost} {reason}</p><div>{pictures}</div><ul>{groups}</ul></div>"


def _columns(rows: list[dict[str, JsonValue]]) -> list[str]:
    return [*dict.fromkeys(name for row in rows for name in row)]


def _told(value: JsonValue) -> Any:  # noqa: ANN401  # whatever a dataset takes
    """Objects as JSON text: a dataset has one type for a column."""
    return json.dumps(value) if isinstance(value, dict) else value


def _picture_columns(rows: list[dict[str, JsonValue]], drawn: set[str]) -> tuple[list[str], list[str]]:
    """The columns that hold nothing but one of the *drawn* pictures, or lists of them; null where there is none."""
    single, several = [], []
    for name in _columns(rows):
        values = [value for row in rows if (value := row.get(name)) is not None]
        if values and all(isinstance(value, str) and value in drawn for value in values):
            single.append(name)
        elif values and all(isinstance(value, list) and all(one in drawn for one in value) for value in values):
            several.append(name)
    return single, several
