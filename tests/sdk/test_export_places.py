"""What an export may write over, and what it never does."""

import json
from pathlib import Path

import pytest

from fakes.exported import PICTURES, export_to, node_of, run_of
from fakes.gateway import FakeGateway
from imageway.sdk.cli import main
from imageway.sdk.pipeline.plan import DataFile
from loopback import serving


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A run with a single picture and a pair for each record, the third of which failed."""
    return run_of(tmp_path / "run", node_of("pic", 1), node_of("pair", 2))


@pytest.mark.parametrize("own", ["multimodal_output/image/", ".imageway/x.json", "errors.jsonl"])
def test_an_export_is_not_written_among_the_runs_own_files(
    output: Path, capsys: pytest.CaptureFixture[str], own: str
) -> None:
    assert main(["export", str(output), "--to", f"{output}/{own}"]) == 2

    assert capsys.readouterr().err == (
        f"imageway: {output}/{own} is among the run's own files; export to another place\n"
    )


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("data.json", "{}/data.json is where the records come from; export to another place"),
        ("task.json", "{}/task.json is a file of the task; export to another place"),
        ("models.json", "{}/models.json is a file of the task; export to another place"),
    ],
)
def test_what_a_run_reads_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scheme: str, file: str, sentence: str
) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "data.json").write_text('[{"id": "1", "title": "t1"}]')
    (folder / "models.json").write_text('{"draws": {"model": "dall-e-2"}}')
    node = {"node_type": "llm", "model": {"name": "draws"}, "prompt": [{"user": "{title}"}], "output_keys": "pic"}
    edges = [{"from": "START", "to": "draw"}, {"from": "draw", "to": "END"}]
    written = {
        "data_config": {"source": {"type": "disk", "file_path": "data.json"}},
        "graph_config": {"nodes": {"draw": node}, "edges": edges},
    }
    (folder / "task.json").write_text(json.dumps(written))
    output = tmp_path / "out"
    with serving(FakeGateway()) as gateway:
        command = ["run", str(folder / "task.json"), "--models", str(folder / "models.json"), "-o", str(output)]
        assert main([*command, "--gateway", gateway]) == 0
    before = (folder / file).read_bytes()
    capsys.readouterr()

    assert main(["export", str(output), "--to", f"{scheme}{folder}/{file}", "--replace"]) == 2

    assert capsys.readouterr().err == f"imageway: {sentence.format(folder)}\n"
    assert (folder / file).read_bytes() == before


def test_an_export_is_not_written_into_the_folder_of_pictures_that_records_come_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "t0.png").write_bytes(PICTURES["t0"])
    output = run_of(tmp_path / "run", node_of("pic", 1), data=DataFile(path=photos, format="imagefolder"))

    assert main(["export", str(output), "--to", f"{photos}/more/", "--replace"]) == 2

    sentence = f"imageway: {photos} is where the records come from; export to another place\n"
    assert capsys.readouterr().err == sentence
    assert [*photos.iterdir()] == [photos / "t0.png"]


def test_an_export_is_not_written_among_the_files_of_another_run(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = run_of(tmp_path / "other", node_of("pic", 1))
    images = other / "multimodal_output" / "image"
    before = {path: path.read_bytes() for path in images.iterdir()}

    assert main(["export", str(output), "--to", f"{images}/", "--replace"]) == 2

    assert capsys.readouterr().err == (
        f"imageway: {images}/ is among the own files of the run in {other}; export to another place\n"
    )
    assert {path: path.read_bytes() for path in images.iterdir()} == before


@pytest.mark.parametrize(
    ("to", "file", "told"),
    [
        ("rows.csv", "rows.csv", "rows.csv"),
        ("out.parquet", "out.parquet", "out.parquet"),
        ("set/", "set/1_pair_0.png", "set/1_pair_0.png"),
        ("set/", "set/metadata.jsonl", "set/metadata.jsonl"),
        ("{0..}.tar", "2.tar", "2.tar"),
    ],
)
def test_a_file_that_no_export_made_is_written_over_only_when_told(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str, file: str, told: str
) -> None:
    target = tmp_path / "place" / file
    target.parent.mkdir(parents=True)
    target.write_bytes(b"mine")
    command = ["export", str(output), "--to", f"{tmp_path}/place/{to}", "--max-shard-bytes", "1"]

    assert main(command) == 2

    assert capsys.readouterr().err == (
        f"imageway: {tmp_path}/place/{told}: there already, and not as an export of this run left it;"
        " export to another place, or write over it with --replace\n"
    )
    assert [path for path in (tmp_path / "place").rglob("*") if path.is_file()] == [target]
    assert main([*command, "--replace"]) == 0
    assert target.read_bytes() != b"mine"
    assert main(command) == 0


def test_an_export_that_somebody_has_changed_since_is_not_written_over(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_to(capsys, output, f"{tmp_path}/set/")
    for name in ("metadata.jsonl", "0_pic_0.png"):
        (tmp_path / "set" / name).write_bytes(b"mine")

    assert main(["export", str(output), "--to", f"{tmp_path}/set/"]) == 2

    assert capsys.readouterr().err == (
        f"imageway: {tmp_path}/set/0_pic_0.png and 1 more: there already, and not as an export of this run left it;"
        " export to another place, or write over it with --replace\n"
    )


def test_an_export_of_another_run_is_not_written_over(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_to(capsys, output, tmp_path / "rows.csv")
    other = run_of(tmp_path / "other", node_of("pic", 1), titles=["t0"])
    before = (tmp_path / "rows.csv").read_bytes()

    assert main(["export", str(other), "--to", str(tmp_path / "rows.csv")]) == 2

    assert (tmp_path / "rows.csv").read_bytes() == before


def test_an_export_by_another_name_for_the_same_file_is_the_same(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)

    for name in ("rows.csv", tmp_path / "rows.csv", f"file://{tmp_path}/link/rows.csv"):
        export_to(capsys, output, name)


def test_elsewhere_the_name_says_whether_an_export_made_it(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.pipe({"/mine/rows.csv": b"mine", "/mine/set/1_pic_0.png": b"mine"})

    for to, file in (("rows.csv", "rows.csv"), ("set/", "set/1_pic_0.png")):
        assert main(["export", str(output), "--to", f"memory://mine/{to}"]) == 2
        assert capsys.readouterr().err == (
            f"imageway: memory://mine/{file}: there already, and not as an export of this run left it;"
            " export to another place, or write over it with --replace\n"
        )
        assert memory.cat(f"/mine/{file}") == b"mine"
        export_to(capsys, output, f"memory://mine/{to}", "--replace")
        export_to(capsys, output, f"memory://mine/{to}")
        assert memory.cat(f"/mine/{file}") != b"mine"


def test_records_from_elsewhere_are_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    records = b'[{"id": "0", "title": "t0"}]'
    memory.pipe({"/far/data.json": records})
    data = DataFile(path=Path("data.json"), url="memory://far/data.json")
    output = run_of(tmp_path / "run", node_of("pic", 1), data=data)

    assert main(["export", str(output), "--to", "memory://far/data.json", "--replace"]) == 2

    assert capsys.readouterr().err == (
        "imageway: memory://far/data.json is where the records come from; export to another place\n"
    )
    assert memory.cat("/far/data.json") == records


def test_an_export_that_cannot_be_noted_is_told(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (output / ".imageway" / "exports.sqlite3").mkdir()
    command = ["export", str(output), "--to", str(tmp_path / "rows.csv")]

    assert main(command) == 0

    assert capsys.readouterr().err.splitlines() == [
        f"4 records written to {tmp_path}/rows.csv",
        f"{output}/.imageway takes no notes: the next export to {tmp_path}/rows.csv needs --replace",
    ]
    assert main(command) == 2
    assert main([*command, "--replace"]) == 0


def test_inputs_that_cannot_be_read_are_told(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = output / ".imageway" / "inputs.json"
    inputs.write_text('{"task": 1}')

    assert main(["export", str(output), "--to", str(tmp_path / "rows.csv")]) == 2

    assert capsys.readouterr().err == (
        f"imageway: {inputs} can't be read (Expected `array`, got `int` - at `$.task`);"
        " the run's command again writes it anew\n"
    )
    inputs.unlink()
    assert main(["export", str(output), "--to", str(tmp_path / "rows.csv")]) == 0
