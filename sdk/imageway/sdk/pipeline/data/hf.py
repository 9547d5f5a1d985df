"""Hugging Face datasets, by the library `datasets`: from the Hub, or from a folder. Pictures aren't decoded."""

import os
from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from imageway.sdk.pipeline.data.kinds import HfDataset
from imageway.sdk.pipeline.data.parquet import table_rows
from imageway.sdk.pipeline.data.row import Found, SourceError

__all__ = ("read_hf",)

_BATCH_ROWS = 16


def read_hf(data: HfDataset) -> tuple[Generator[Found], int | None]:
    """The rows of *data*'s splits, one split after the other, and how many there are, if it isn't streamed.

    Streamed rows come as they are fetched, a few at a time. Raises `SourceError`, at once or while they are read.
    """
    try:
        import datasets
    except ImportError as error:
        raise SourceError(f"{data.name}: reading datasets needs 'datasets': pip install 'imageway[hf]'") from error
    datasets.disable_progress_bars()
    faults = (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError)
    try:
        splits = [_split(datasets, data, split) for split in data.splits]
    except faults as error:
        raise SourceError(f"{data.name}: the dataset can't be opened: {_said(error)}") from error
    count = None if data.streaming else sum(map(len, splits))
    tables = chain.from_iterable(split.with_format("arrow").iter(batch_size=_BATCH_ROWS) for split in splits)
    return _rows(data, tables, faults), count


def _rows(data: HfDataset, tables: Iterator[Any], faults: tuple[type[Exception], ...]) -> Generator[Found]:
    try:
        yield from table_rows(data.name, tables)
    except faults as error:
        raise SourceError(f"{data.name}: the dataset can't be read on: {_said(error)}") from error


def _split(datasets: Any, data: HfDataset, split: str) -> Any:  # noqa: ANN401  # a vendor's objects
    folder = next((path for base in (data.folder, Path()) if (path := base / data.repo_id).is_dir()), None)
    if data.shard_pattern is not None:
        files = _shards(data, folder, split)
        return datasets.load_dataset("parquet", data_files=files, split="train", streaming=data.streaming)
    if folder is not None and (folder / "state.json").is_file():
        return _saved(datasets.load_from_disk(str(folder)), data)
    if folder is not None and (folder / "dataset_dict.json").is_file():
        saved = datasets.load_from_disk(str(folder))
        if split not in saved:
            raise ValueError(f"there is no split '{split}'; there are {', '.join(saved)}")
        return _saved(saved[split], data)
    return datasets.load_dataset(
        data.repo_id if folder is None else str(folder.resolve()),
        data.config_name,
        split=split,
        revision=None if folder is not None else data.revision,
        token=_secret(data.token),
        streaming=data.streaming,
    )


def _saved(dataset: Any, data: HfDataset) -> Any:  # noqa: ANN401
    return dataset.to_iterable_dataset() if data.streaming else dataset


def _shards(data: HfDataset, folder: Path | None, split: str) -> list[str]:
    """The files that SyGra would read: `{config_name}/{split}{pattern}`, those at the wanted places."""
    pattern = f"{data.config_name + '/' if data.config_name else ''}{split}{data.shard_pattern}"
    if folder is not None:
        found = [str(path) for path in sorted(folder.glob(pattern)) if path.is_file()]
    else:
        from huggingface_hub import HfFileSystem

        revision = f"@{data.revision}" if data.revision else ""
        files = HfFileSystem(token=_secret(data.token))
        found = [f"hf://{path}" for path in sorted(files.glob(f"datasets/{data.repo_id}{revision}/{pattern}"))]
    missing = [index for index in data.shards if index >= len(found)]
    if missing or not found:
        raise ValueError(f"there are {len(found)} files {pattern}, and no number {missing[0] if missing else 0}")
    return [found[index] for index in data.shards] if data.shards else found


def _secret(token: str | None) -> str | None:
    match None if token is None else token.partition(":"):
        case ("env", _, name):
            if name not in os.environ:
                raise ValueError(f"the token's variable {name} is not set")
            return os.environ[name]
        case ("file", _, path):
            return Path(path).read_text(encoding="utf-8").strip()
        case _:
            return token


def _said(error: Exception) -> str:
    """The first line: what follows is a traceback's kind of prose."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
