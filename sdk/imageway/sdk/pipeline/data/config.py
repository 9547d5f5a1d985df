"""`data_config` as it may be written, and what it comes down to."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, field

from imageway.contract.document import Document, Issue, YamlPath, issue_at
from imageway.sdk.pipeline.data.kinds import (
    FORMATS,
    Blank,
    Data,
    DataFile,
    Format,
    HfDataset,
    Joined,
    JoinType,
    Member,
    Transformation,
    format_by_name,
)
from imageway.sdk.pipeline.data.remote import is_url, scheme_fault
from imageway.sdk.pipeline.data.transforms import transformation_fault

__all__ = ("DiskSource", "HfSource", "Source", "described")

_Name: TypeAlias = Annotated[str, Meta(min_length=1)]
_STDIN = "-"


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transformation: the dotted path of a class or function, and what it is told."""

    transform: Annotated[
        _Name,
        Meta(description="A dotted path to a class with `transform(records, params)`; some of SyGra's are built in."),
    ]
    params: dict[str, Any] = field(default_factory=dict)


class Shard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of a dataset's Parquet files are read."""

    regex: _Name = "*"
    index: list[Annotated[int, Meta(ge=0)]] = field(default_factory=list)


class _Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    alias: _Name | None = None
    join_type: JoinType | None = None
    primary_key: _Name | None = None
    join_key: _Name | None = None
    transformations: list[Step] = field(default_factory=list)
    fields: Annotated[list[_Name], Meta(min_length=1)] | None = None


class DiskSource(_Source, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="disk"):
    """A file, a folder of pictures, an fsspec URL, or `-` for standard input."""

    file_path: Annotated[_Name, Meta(description="Relative to the task's file first, then to the working directory.")]
    encoding: _Name = "utf-8"
    file_format: str | None = None
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] | None = None


class HfSource(_Source, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="hf"):
    """A Hugging Face dataset."""

    repo_id: _Name
    config_name: _Name | None = None
    split: _Name | Annotated[list[_Name], Meta(min_length=1)] = "train"
    token: _Name | None = None
    streaming: bool = False
    shard: Shard | None = None
    revision: _Name | None = None


Source: TypeAlias = DiskSource | HfSource


def described(
    source: Source | list[Source] | None,
    document: Document,
    *,
    folder: Path,
    working_directory: Path,
    at: YamlPath = ("data_config", "source"),
) -> tuple[Data, list[Issue]]:
    """Where the records of a task in *folder* come from, by what stands at *at* in *document*.

    Files are sought from *folder* first, then from *working_directory*.
    """
    describer = _Describer(document, folder, working_directory)
    match source:
        case None | []:
            return Blank(), []
        case list():
            members = [describer.member(one, (*at, index), several=len(source) > 1) for index, one in enumerate(source)]
            describer.joins(members, at)
            describer.idle(source, at)
            return members[0].data if len(members) == 1 else Joined(members=tuple(members)), describer.issues
        case _:
            describer.idle([source], at)
            return describer.data(source, at), describer.issues


def _idle(source: Source, *, alone: bool) -> Iterator[tuple[str, str]]:
    """Keys that change nothing of *source*, where they are said, and why."""
    keys = ("primary_key", "join_key")
    if alone:
        yield from ((key, "there is one source") for key in ("alias", "join_type", *keys))
    elif source.join_type != "column":
        yield from ((key, "only a column join has one") for key in keys)


class _Describer:
    def __init__(self, document: Document, folder: Path, working_directory: Path) -> None:
        self.issues: list[Issue] = []
        self._document = document
        self._folder = folder
        self._working_directory = working_directory

    def data(self, source: Source, at: YamlPath) -> DataFile | HfDataset:
        for index, step in enumerate(source.transformations):
            fault = transformation_fault(step.transform, step.params)
            if fault is not None:
                self._tell((*at, "transformations", index, "transform"), "transformation", fault)
        steps = tuple(Transformation(transform=step.transform, params=step.params) for step in source.transformations)
        fields = None if source.fields is None else tuple(source.fields)
        match source:
            case DiskSource():
                return self._file(source, at, steps, fields)
            case HfSource():
                return self._dataset(source, at, steps, fields)

    def member(self, source: Source, at: YamlPath, *, several: bool) -> Member:
        if several and source.join_type is None:
            self._tell(at, "join", "one of several sources needs a join_type: primary, column, sequential, random,"
                       " cross or vstack", of_key=True)  # fmt: skip
        if several and source.join_type not in (None, "vstack") and source.alias is None:
            self._tell(at, "join", "a joined source needs an alias, which its columns are named by", of_key=True)
        if source.join_type == "column" and (source.primary_key is None or source.join_key is None):
            self._tell(at, "join", "a column join needs primary_key and join_key", of_key=True)
        return Member(
            data=self.data(source, at),
            join=source.join_type or "primary",
            alias=source.alias,
            primary_key=source.primary_key,
            join_key=source.join_key,
        )

    def joins(self, members: list[Member], at: YamlPath) -> None:
        stacked = [member.join == "vstack" for member in members]
        primaries = sum(member.join == "primary" for member in members)
        if any(stacked) and not all(stacked):
            self._tell(at, "join", "sources are stacked (vstack) all of them or none", of_key=True)
        elif not any(stacked) and primaries != 1:
            self._tell(at, "join", f"one source is the primary one, and here are {primaries}", of_key=True)
        aliases = [member.alias for member in members if member.alias is not None]
        twice = next((alias for alias in aliases if aliases.count(alias) > 1), None)
        if twice is not None:
            self._tell(at, "join", f"two sources have the alias {twice}", of_key=True)

    def idle(self, sources: list[Source], at: YamlPath) -> None:
        """Tell of words about joining that change nothing."""
        for index, source in enumerate(sources):
            words = {key: reason for key, reason in _idle(source, alone=len(sources) == 1) if getattr(source, key)}
            for key, reason in words.items():
                path = (*at, index, key) if isinstance(self._document.get(at), list) else (*at, key)
                message = f"{key} has no effect here: {reason}"
                self._tell(path, "no-effect", message, severity="note", of_key=True)

    def _file(
        self, source: DiskSource, at: YamlPath, steps: tuple[Transformation, ...], fields: tuple[str, ...] | None
    ) -> DataFile:
        try:
            codecs.lookup(source.encoding)
        except (LookupError, ValueError):
            self._tell((*at, "encoding"), "unknown-encoding", f"there is no encoding {source.encoding}")
        url = source.file_path if is_url(source.file_path) else None
        path = self._path(source.file_path, at) if url is None else Path(source.file_path.rpartition("/")[2])
        format_ = self._format(source.file_format, path, at)
        read_as = format_ or format_by_name(path)
        if source.delimiter is not None and read_as is not None and read_as not in ("csv", "tsv"):
            message = f"delimiter has no effect here: the data are read as {read_as}"
            self._tell((*at, "delimiter"), "no-effect", message, severity="note", of_key=True)
        return DataFile(
            path=path,
            encoding=source.encoding,
            format=format_,
            delimiter=source.delimiter,
            url=url if url is None else self._url(url, at),
            fields=fields,
            transformations=steps,
            folder=self._folder,
        )

    def _format(self, said: str | None, path: Path, at: YamlPath) -> Format | None:
        """The ending of a file's name decides, as in SyGra; `file_format` is for names that say nothing."""
        if said is None:
            return None
        format_, by_name = FORMATS.get(said.lower().lstrip(".")), format_by_name(path)
        if by_name is not None and by_name != format_:
            sentence = f"file_format is {said}, but the file's ending says how it is read"
            self._tell((*at, "file_format"), "file-format", sentence, severity="warning")
            return None
        if format_ is None:
            self._tell(
                (*at, "file_format"), "file-format", f"there is no format {said}; there are {', '.join(FORMATS)}"
            )
        return None if by_name is not None else format_

    def _url(self, url: str, at: YamlPath) -> str:
        fault = scheme_fault(url)
        if fault is not None:
            self._tell((*at, "file_path"), "scheme", fault)
        return url

    def _path(self, name: str, at: YamlPath) -> Path:
        if name == _STDIN:
            return Path(name)
        path, elsewhere = self._folder / name, self._working_directory / name
        if not path.exists() and elsewhere.exists():
            sentence = f"{name} is not in the task's folder; the one in the working directory is taken"
            self._tell((*at, "file_path"), "working-directory", sentence, severity="note")
            return elsewhere
        if not path.exists():
            sentence = f"there is no file {name} in the task's folder, nor in the working directory"
            self._tell((*at, "file_path"), "missing-file", sentence)
        return path

    def _dataset(
        self, source: HfSource, at: YamlPath, steps: tuple[Transformation, ...], fields: tuple[str, ...] | None
    ) -> HfDataset:
        if source.token is not None and not source.token.startswith(("env:", "file:")):
            sentence = "a secret stands in the file; write env:NAME or file:PATH, and keep it there"
            self._tell((*at, "token"), "secret", sentence, severity="warning")
        return HfDataset(
            repo_id=source.repo_id,
            config_name=source.config_name,
            splits=(source.split,) if isinstance(source.split, str) else tuple(source.split),
            revision=source.revision,
            token=source.token,
            streaming=source.streaming,
            shard_pattern=None if source.shard is None else source.shard.regex,
            shards=() if source.shard is None else tuple(source.shard.index),
            fields=fields,
            transformations=steps,
            folder=self._folder,
        )

    def _tell(
        self,
        path: YamlPath,
        code: str,
        message: str,
        *,
        severity: Literal["error", "warning", "note"] = "error",
        of_key: bool = False,
    ) -> None:
        self.issues.append(issue_at(self._document, path, code, message, severity=severity, of_key=of_key))
