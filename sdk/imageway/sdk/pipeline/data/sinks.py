"""`data_config.sink`: further files of the rows, beside the run's own output."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from imageway.contract.document import Document, Issue, YamlPath, issue_at
from imageway.sdk.pipeline.output.output_file import OUTPUT_ENDINGS
from imageway.sdk.pipeline.output.tables import MissingLibraryError, require_library

__all__ = ("Sink", "sink_files")

_AT: YamlPath = ("data_config", "sink")
_Unused = Annotated[str | None, Meta(description="Without effect: `imageway export` takes it on its command line.")]


class Sink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that the rows are written to as well. `hf` is told and left to `imageway export`."""

    type: Literal["json", "jsonl", "csv", "parquet", "disk", "hf"] | None = None
    alias: Annotated[str | None, Meta(description="A name for people; without effect.")] = None
    file_path: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="Relative to the output folder. Its ending says of which kind the file is."),
    ] = None
    encoding: Annotated[Literal["utf-8"] | None, Meta(description="Always UTF-8.")] = None
    repo_id: _Unused = None
    config_name: _Unused = None
    split: _Unused = None
    token: _Unused = None
    private: Annotated[bool | None, Meta(description="As the others: for `imageway export`.")] = None
    chunk_size: Annotated[int | None, Meta(description="Without effect.")] = None
    filename: Annotated[str | None, Meta(description="Without effect: `file_path` names the file.")] = None


_OF_A_PUSH = {
    "file_path": "a push names its files itself",
    "encoding": "a push writes Parquet",
    "config_name": "a push makes one configuration",
    "split": "a push makes the split train",
    "token": "imageway export takes it from HF_TOKEN",
    "private": "what is pushed is private unless imageway export gets --public",
    "chunk_size": "a push makes files of about 500 MB",
    "filename": "a push names its files itself",
}
_OF_A_FILE = {
    **dict.fromkeys(("repo_id", "config_name", "split", "token", "private"), "this sink is a file"),
    "chunk_size": "rows are written one by one",
    "filename": "file_path names the file",
}
"""Keys that change nothing, each with the reason."""


def sink_files(sinks: Sink | list[Sink] | None, document: Document) -> tuple[tuple[Path, ...], list[Issue]]:
    """The files of *sinks*, and what is wrong with them."""
    several = sinks if isinstance(sinks, list) else [sinks] if sinks is not None else []
    paths: list[Path] = []
    issues: list[Issue] = []
    for index, sink in enumerate(several):
        at = (*_AT, index) if isinstance(sinks, list) else _AT
        if sink.type == "hf":
            target = f"hf://{sink.repo_id or 'organisation/name'}"
            message = f"a run pushes nothing: when it is done, imageway export DIR --to {target} does"
            issues.append(issue_at(document, (*at, "type"), "hf-sink", message, severity="warning"))
            issues += _idle(sink, _OF_A_PUSH, document, at)
            continue
        issues += _idle(sink, _OF_A_FILE, document, at)
        issues += _faults(sink, document, at)
        if sink.file_path is not None:
            paths.append(Path(sink.file_path))
    return tuple(paths), issues


def _idle(sink: Sink, reasons: Mapping[str, str], document: Document, at: YamlPath) -> Iterator[Issue]:
    for key, reason in reasons.items():
        if (value := getattr(sink, key)) is not None and value is not True:
            message = f"{key} has no effect here: {reason}"
            yield issue_at(document, (*at, key), "no-effect", message, severity="note", of_key=True)


def _faults(sink: Sink, document: Document, at: YamlPath) -> Iterator[Issue]:
    if sink.file_path is None:
        message = 'data_config.sink lacks the key "file_path", which must be text'
        yield issue_at(document, at, "missing-key", message, of_key=True)
        return
    ending = Path(sink.file_path).suffix.lower()
    wanted = OUTPUT_ENDINGS if sink.type in (None, "disk") else (f".{sink.type}",)
    if ending not in wanted:
        kind = "" if sink.type in (None, "disk") else f" of a {sink.type} sink"
        message = f"the file{kind} is {sink.file_path}, and must end in {' or '.join(wanted)}"
        yield issue_at(document, (*at, "file_path"), "odd-sink", message)
    try:
        require_library(Path(sink.file_path))
    except MissingLibraryError as error:
        yield issue_at(document, (*at, "file_path"), "missing-library", str(error))
