"""A data set for the Hugging Face Hub: Parquet files of bounded size with the pictures in them, and a card."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from msgspec import Struct

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.export.parquet import ParquetFile
from imageway.sdk.pipeline.export.samples import Samples
from imageway.sdk.pipeline.files.sink import atomic_file
from imageway.sdk.pipeline.journal.run_view import RunView
from imageway.sdk.pipeline.output.tables import MissingLibraryError

__all__ = ("hub_api", "prepare", "push", "repository_of")

_MAX_FILE_BYTES = 500 * 1024**2


class Prepared(Struct, frozen=True, kw_only=True):
    """What would be pushed: the files by their names in the repository, with their sizes."""

    folder: Path
    files: dict[str, int]


def repository_of(target: str) -> str:
    """`org/name` of `hf://org/name`, or of `hf://datasets/org/name`. Raises `ValueError` for others."""
    parts = target.removeprefix("hf://").removeprefix("datasets/").strip("/").split("/")
    if len(parts) != 2 or not all(parts):
        raise ValueError(f"{target}: a data set on the Hub is named hf://organisation/name")
    return "/".join(parts)


def prepare(run: RunView, samples: Samples, folder: Path) -> Prepared:
    """Write the data set's files into *folder*, as they are going to be called. Raises `MissingLibraryError`."""
    data = folder / "data"
    written: list[Path] = []
    count = 0
    with ExitStack() as stack:
        parquet: ParquetFile | None = None
        for sample in samples:
            if parquet is None or parquet.size_bytes >= _MAX_FILE_BYTES:
                stack.close()
                written.append(data / f"part-{len(written):05}.parquet")
                parquet = stack.enter_context(ParquetFile(stack.enter_context(atomic_file(written[-1])), samples))
            parquet.add(sample)
            count += 1
    for number, path in enumerate(written):
        path.rename(data / f"train-{number:05}-of-{len(written):05}.parquet")
    with atomic_file(folder / "README.md") as file:
        file.write(_card(run, count, embedded=samples.embed).encode(errors="backslashreplace"))
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(folder.rglob("*.*"))}
    return Prepared(folder=folder, files=files)


def push(prepared: Prepared, repository: str, *, private: bool, api: Callable[[], Any]) -> str:
    """Make the repository where there is none, private unless told otherwise, and upload; gives its address.

    A repository that is there stays as visible as it is. Raises what the Hub's library raises.
    """
    hub = api()
    address = hub.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
    hub.upload_folder(
        repo_id=repository,
        repo_type="dataset",
        folder_path=str(prepared.folder),
        commit_message="Upload pictures drawn by imageway",
        delete_patterns="data/train-*.parquet",
    )
    return str(address)


def hub_api() -> Any:  # noqa: ANN401  # the library's own class
    """The Hub's client, with the login of the machine (`HF_TOKEN`). Raises `MissingLibraryError`."""
    try:
        from huggingface_hub import HfApi  # type: ignore[import-not-found,unused-ignore]  # an extra
    except ImportError as error:
        sentence = f"The Hub is reached with huggingface_hub: pip install 'imageway[hf]' ({error})"
        raise MissingLibraryError(sentence) from error
    return HfApi()


def _card(run: RunView, rows: int, *, embedded: bool) -> str:
    counts = run.outcomes.counts()
    models = Counter(
        json.loads(asked).get("model")
        for (asked,) in run.file.stream(
            "SELECT asked FROM call WHERE run = ? AND state = 'answered' AND asked IS NOT NULL", run.number
        )
    )
    listed: dict[str, JsonValue] = {str(model): calls for model, calls in models.most_common()}
    changed = ", but for prompt, model and source type, which are put into PNG pictures as XMP" if embedded else ""
    named = "\n".join(f"- {model}: {calls} calls" for model, calls in listed.items()) or "- none"
    return (
        "---\ntags:\n- synthetic\n- imageway\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n"
        "    path: data/train-*.parquet\n---\n\n# Pictures drawn by models\n\n"
        f"{rows} rows with pictures. The run had {counts.ended} records: {counts.done} went well,"
        f" {counts.failed} failed, {counts.skipped} were passed over.\n\nModels:\n\n{named}\n\n"
        f"The pictures' bytes are as the models' vendors sent them, content credentials (C2PA) included{changed}.\n"
    )
