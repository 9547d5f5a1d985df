from pathlib import Path

import pytest

from fakes.task_files import heads, write_task
from imageway.sdk.pipeline.data.kinds import Blank, DataFile, HfDataset, Joined, Member, Transformation
from imageway.sdk.pipeline.loading.task import load_task

SOURCE = "  source:\n    type: disk\n    file_path: data.json\n"


def _told(folder: Path, source: str) -> list[str]:
    _, issues = load_task(write_task(folder, (SOURCE, source)))
    return [head.removeprefix("graph_config.yaml:") for head in heads(issues, folder)]


def _data(folder: Path, source: str) -> object:
    loaded, issues = load_task(write_task(folder, (SOURCE, source)))
    assert loaded is not None, issues
    return loaded.plan.data


def test_each_kind_of_source_is_described(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a\n1")
    step = "transformations: [{transform: task.Clean, params: {a: 1}}]"

    assert _data(
        tmp_path, f"  source: {{type: disk, file_path: d.csv, delimiter: ';', fields: [a], {step}}}\n"
    ) == DataFile(
        path=tmp_path / "d.csv",
        delimiter=";",
        fields=("a",),
        transformations=(Transformation(transform="task.Clean", params={"a": 1}),),
        folder=tmp_path,
    )
    assert _data(tmp_path, "  source: {type: disk, file_path: '-', file_format: csv}\n") == DataFile(
        path=Path("-"), format="csv", folder=tmp_path
    )
    assert _data(tmp_path, "  source: {type: disk, file_path: 's3://bucket/a/d.jsonl.gz'}\n") == DataFile(
        path=Path("d.jsonl.gz"), url="s3://bucket/a/d.jsonl.gz", folder=tmp_path
    )
    assert _data(
        tmp_path,
        "  source: {type: hf, repo_id: o/n, config_name: c, split: [a, b], token: 'env:HF', streaming: true,"
        " revision: v1, shard: {regex: '-0*', index: [1]}}\n",
    ) == HfDataset(
        repo_id="o/n", config_name="c", splits=("a", "b"), token="env:HF", streaming=True, revision="v1",
        shard_pattern="-0*", shards=(1,), folder=tmp_path,
    )  # fmt: skip
    assert _data(tmp_path, "  id_column: a\n") == Blank()


def test_several_sources_are_joined(tmp_path: Path) -> None:
    found = _data(
        tmp_path,
        "  source:\n"
        "    - {type: disk, file_path: data.json, alias: a, join_type: primary}\n"
        "    - {type: disk, file_path: data.json, alias: b, join_type: column, primary_key: id, join_key: id}\n",
    )

    file = DataFile(path=tmp_path / "data.json", folder=tmp_path)
    assert found == Joined(
        members=(
            Member(data=file, join="primary", alias="a"),
            Member(data=file, join="column", alias="b", primary_key="id", join_key="id"),
        )
    )


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{type: disk, file_path: no.json}", "2:35 error[missing-file] there is no file no.json in the task's folder,"
         " nor in the working directory"),
        ("{type: disk, file_path: data.json, file_format: xls}", "2:59 warning[file-format] file_format is xls, but the"
         " file's ending says how it is read"),
        ("{type: disk, file_path: '-', file_format: xls}", "2:53 error[file-format] there is no format xls; there are"
         " json, jsonl, ndjson, csv, tsv, parquet, imagefolder"),
        ("{type: disk, file_path: 'http://h/d.json'}", "2:35 error[scheme] http:// is not read here; what is: s3, gs,"
         " gcs, az, abfs, abfss, hf, memory, one at a time"),
        ("{type: hf, repo_id: o/n, token: hf_secret}", "2:43 warning[secret] a secret stands in the file; write"
         " env:NAME or file:PATH, and keep it there"),
        ("{type: disk, file_path: data.json, transformations: [{transform: sygra.processors.data_transform.Nope}]}",
         "2:76 error[transformation] sygra.processors.data_transform.Nope is not one of SyGra's that are done here:"
         " RenameFieldsTransform, AddNewFieldTransform, SkipRecords, CombineRecords, CreateImageUrlTransform"),
        ("{type: disk, file_path: data.json, alias: a}", "2:46 note[no-effect] alias has no effect here: there is one"
         " source"),
        ("[{type: disk, file_path: data.json, join_type: cross, primary_key: id}]", "2:65 note[no-effect] primary_key"
         " has no effect here: there is one source"),
        ("[{type: disk, file_path: data.json, join_type: primary, alias: a}, {type: disk, file_path: data.json,"
         " alias: b, join_type: cross, join_key: id}]", "2:141 note[no-effect] join_key has no effect here: only a"
         " column join has one"),
        ("{type: disk, file_path: data.json, delimiter: ';'}", "2:46 note[no-effect] delimiter has no effect here: the"
         " data are read as json"),
        ("{type: disk, file_path: data.json, transformations: [{transform: Clean}]}", "2:76 error[transformation] Clean"
         " is no dotted path of a class or function, such as task.steps.Clean"),
        ("[{type: disk, file_path: data.json, join_type: primary, alias: a}, {type: disk, file_path: data.json}]",
         "2:78 error[join] one of several sources needs a join_type: primary, column, sequential, random, cross or"
         " vstack"),
        ("[{type: disk, file_path: data.json, join_type: vstack}, {type: disk, file_path: data.json, alias: b,"
         " join_type: cross}]", "2:3 error[join] sources are stacked (vstack) all of them or none"),
        ("[{type: disk, file_path: data.json, join_type: cross, alias: a}, {type: disk, file_path: data.json, alias: b,"
         " join_type: cross}]", "2:3 error[join] one source is the primary one, and here are 0"),
        ("[{type: disk, file_path: data.json, join_type: primary, alias: a}, {type: disk, file_path: data.json,"
         " alias: a, join_type: column}]", "2:3 error[join] two sources have the alias a"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_at_its_place(tmp_path: Path, source: str, told: str) -> None:
    assert told in _told(tmp_path, f"  source: {source}\n")
