"""Data sets made of a run."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from fakes.exported import PICTURES, export_to, node_of, run_of
from imageway.sdk.cli import main
from imageway.sdk.cli.exporting import export_run
from imageway.sdk.cli.talk import Exit
from imageway.sdk.pipeline.export.embedding import with_xmp
from imageway.sdk.pipeline.export.hub import prepare, repository_of
from imageway.sdk.pipeline.export.samples import Samples
from imageway.sdk.pipeline.export.shards import shard_name
from imageway.sdk.pipeline.journal.run_view import open_run
from pictures import picture


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A run with a single picture and a pair for each record, the third of which failed."""
    return run_of(tmp_path / "run", node_of("pic", 1), node_of("pair", 2))


def test_an_image_folder(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "imagefolder"

    told = export_to(capsys, output, f"{target}/")
    again = export_to(capsys, output, f"{target}/")

    names = [f"{n}_{name}.png" for n in (0, 1, 3) for name in ("pic_0", "pair_0", "pair_1")]
    assert told == again
    assert (told["kind"], told["records"], told["left_out"]) == ("folder", 3, 1)
    assert [Path(name).name for name in told["files"]] == [*names, "metadata.jsonl"]
    assert (target / "3_pair_1.png").read_bytes() == PICTURES["t3"]
    assert [json.loads(line) for line in (target / "metadata.jsonl").read_text().splitlines()][2] == {
        "id": "3",
        "title": "t3",
        "file_name": "3_pic_0.png",
        "pair_file_names": ["3_pair_0.png", "3_pair_1.png"],
        "n": 3,
    }


def test_parquet_with_pictures_that_datasets_shows(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    datasets = pytest.importorskip("datasets")
    target = tmp_path / "out.parquet"

    told = export_to(capsys, output, target)
    first = target.read_bytes()
    export_to(capsys, output, target)

    assert (told["kind"], told["records"], told["left_out"], told["files"]) == ("parquet", 3, 1, [str(target)])
    assert target.read_bytes() == first
    loaded = datasets.Dataset.from_parquet(str(target), cache_dir=str(tmp_path / "cache"))
    assert loaded.features == datasets.Features(
        {
            "id": datasets.Value("string"),
            "title": datasets.Value("string"),
            "pic": datasets.Image(),
            "pair": datasets.List(datasets.Image()),
            "n": datasets.Value("int64"),
        }
    )
    assert [(row["id"], row["pic"].size, [one.size for one in row["pair"]], row["n"]) for row in loaded] == [
        (str(n), (8 + n, 8), [(8 + n, 8)] * 2, n) for n in (0, 1, 3)
    ]
    raw = loaded.cast_column("pic", datasets.Image(decode=False))[0]["pic"]
    assert raw == {"bytes": PICTURES["t0"], "path": "0_pic_0.png"}


def test_shards_of_bounded_size(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pattern = tmp_path / "shards" / "{0000..}.tar"

    told = export_to(capsys, output, pattern, "--max-shard-bytes", "8192")
    first = [Path(name).read_bytes() for name in told["files"]]
    export_to(capsys, output, pattern, "--max-shard-bytes", "8192")

    assert [Path(name).name for name in told["files"]] == ["0000.tar", "0001.tar"]
    assert [Path(name).read_bytes() for name in told["files"]] == first
    members: dict[str, bytes] = {}
    for name in told["files"]:
        with tarfile.open(name) as shard:
            files = {member.name: shard.extractfile(member) for member in shard}
            members |= {name: file.read() for name, file in files.items() if file is not None}
    assert [*members] == [
        f"{n:09}.{name}" for n in range(3) for name in ("pic.png", "pair.0.png", "pair.1.png", "json")
    ]
    assert members["000000002.pair.1.png"] == PICTURES["t3"]
    assert json.loads(members["000000002.json"]) == {
        "id": "3",
        "title": "t3",
        "pic": "000000002.pic.png",
        "pair": ["000000002.pair.0.png", "000000002.pair.1.png"],
        "n": 3,
    }
    assert main(["export", str(output), "--to", str(pattern)]) == 2
    assert capsys.readouterr().err == (
        f"imageway: {tmp_path / 'shards' / '0001.tar'} is left over from a longer export:"
        " delete it, or it will be read as well\n"
    )


def test_the_only_picture_of_a_record_is_called_as_it_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = run_of(tmp_path / "run", node_of("pic", 1))

    export_to(capsys, output, tmp_path / "{0..}.tar")

    with tarfile.open(tmp_path / "0.tar") as shard:
        assert shard.getnames()[:2] == ["000000000.png", "000000000.json"]


@pytest.mark.parametrize(("pattern", "name"), [("a/{000000..}.tar", "a/000007.tar"), ("{00..99}.tar", "07.tar")])
def test_shards_are_counted(pattern: str, name: str) -> None:
    assert shard_name(pattern, 7) == name


def test_rows_have_all_records(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = export_to(capsys, output, tmp_path / "rows.json")

    assert (told["kind"], told["records"], told["left_out"]) == ("rows", 4, 0)
    assert (tmp_path / "rows.json").read_bytes() == (output / "output.json").read_bytes()


def test_a_place_that_fsspec_knows(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")

    export_to(capsys, output, "memory://set/images/")
    export_to(capsys, output, "memory://set/rows.csv")
    export_to(capsys, output, f"file://{tmp_path}/far/out.jsonl")

    assert memory.cat("/set/images/3_pic_0.png") == PICTURES["t3"]
    assert memory.cat("/set/images/metadata.jsonl").count(b"\n") == 3
    assert memory.cat("/set/rows.csv").startswith(b"id,title,pic,pair,n,_error\r\n")
    assert (tmp_path / "far" / "out.jsonl").read_text().count("\n") == 4


@pytest.mark.parametrize(
    ("to", "more", "sentence"),
    [
        (" ", [], "--to is empty; it names the file or folder to write"),
        ("x.tar", [], "x.tar: shards are named by a pattern such as shards/{000000..}.tar"),
        (
            "x.xml",
            [],
            "x.xml: export to a folder/, out.parquet, shards/{000000..}.tar, rows.json, .jsonl or .csv,"
            " or hf://organisation/name",
        ),
        ("hf://one", ["--dry-run"], "hf://one: a data set on the Hub is named hf://organisation/name"),
        ("hf://org/set", ["--replace"], "--replace is for files; the Hub keeps what a push takes the place of"),
        ("x/", ["--public"], "--dry-run and --public are for the Hub: --to hf://organisation/name"),
    ],
)
def test_a_target_that_cannot_be_is_told(
    output: Path, capsys: pytest.CaptureFixture[str], to: str, more: list[str], sentence: str
) -> None:
    assert main(["export", str(output), "--to", to, *more]) == 2

    assert capsys.readouterr().err == f"imageway: {sentence}\n"


@pytest.mark.parametrize(
    "text",
    ["\0picture:../secret.png", "\0\0picture:x", "{run}/multimodal_output/image/../../../secret.png", "\0"],
    ids=["marked as the journal does", "marked twice", "by way of the pictures' folder", "a NUL alone"],
)
def test_what_a_record_says_makes_no_file_a_picture_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "secret.png").write_bytes(PICTURES["t3"])
    said = text.replace("{run}", str(tmp_path / "run"))
    output = run_of(tmp_path / "run", node_of("pic", 1), titles=["t0"], said=said)

    export_to(capsys, output, f"{tmp_path / 'set'}/")

    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["0_pic_0.png", "metadata.jsonl"]
    (row,) = (json.loads(line) for line in (tmp_path / "set" / "metadata.jsonl").read_text().splitlines())
    assert row == {"id": "0", "title": "t0", "file_name": "0_pic_0.png", "said": said}
    (written,) = json.loads((output / "output.json").read_text())
    assert written["said"] == said


def test_a_picture_that_is_gone_is_told(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = output / "multimodal_output" / "image" / "1_pic_0.png"
    gone.unlink()

    assert main(["export", str(output), "--to", f"{tmp_path}/x/"]) == 2

    assert capsys.readouterr().err == (
        f"imageway: there is no picture {gone} any more; the run's command again draws it, and imageway verify"
        " names all\n"
    )


def test_pictures_that_were_changed_are_counted(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (output / "multimodal_output" / "image" / "1_pic_0.png").write_bytes(PICTURES["t3"])

    assert main(["export", str(output), "--to", str(tmp_path / "x.parquet")]) == 0

    assert capsys.readouterr().err.splitlines() == [
        f"3 records written to {tmp_path / 'x.parquet'}; 1 that failed or have no pictures are left out",
        "1 picture in it: not as received; imageway verify names them",
    ]


def test_metadata_is_put_into_pictures_where_it_breaks_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = run_of(tmp_path / "run", node_of("pic", 1), titles=("t0", "t1", "t3"))
    images = output / "multimodal_output" / "image"
    plain = PICTURES["t0"]
    signed = PICTURES["t1"][:33] + b"\0\0\0\4caBXjumb\0\0\0\0" + PICTURES["t1"][33:]
    (images / "1_pic_0.png").write_bytes(signed)
    (images / "2_pic_0.png").write_bytes(picture("JPEG", mode="RGB"))

    told = export_to(capsys, output, f"{tmp_path}/set/", "--embed-metadata")

    assert (told["records"], told["untold"]) == (3, 2)
    written = [(tmp_path / "set" / f"{n}_pic_0.png").read_bytes() for n in range(3)]
    assert written[1:] == [signed, picture("JPEG", mode="RGB")]
    length = len(written[0]) - len(plain)
    assert written[0][:33] + written[0][33 + length :] == plain
    with Image.open(io.BytesIO(written[0])) as shown, Image.open(io.BytesIO(plain)) as drawn_as:
        shown.load()
        assert shown.tobytes() == drawn_as.tobytes()
        described = ET.fromstring(shown.info["XML:com.adobe.xmp"])[0][0]  # noqa: S314  # our own words
    assert {element.tag.rpartition("}")[2]: element.text for element in described} == {
        "DigitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        "AIPromptInformation": "Draw t0",
        "AISystemUsed": "dall-e-2",
    }
    assert (images / "0_pic_0.png").read_bytes() == plain


def test_metadata_holds_any_prompt() -> None:
    told = with_xmp(PICTURES["t0"], {"AIPromptInformation": "a < b & \x00 {c} \ud83d é"})

    assert told is not None
    assert with_xmp(told, {}) is None
    with Image.open(io.BytesIO(told)) as shown:
        described = ET.fromstring(shown.info["XML:com.adobe.xmp"])[0][0]  # noqa: S314  # our own words
    assert [element.text for element in described] == ["a < b & \ufffd {c} \ufffd é"]


def test_a_data_set_on_the_hub_tells_that_metadata_was_put_in(output: Path, tmp_path: Path) -> None:
    with open_run(output) as view:
        prepare(view, Samples(view, embed=True), tmp_path / "set")

    assert (tmp_path / "set" / "README.md").read_text().splitlines()[-1] == (
        "The pictures' bytes are as the models' vendors sent them, content credentials (C2PA) included,"
        " but for prompt, model and source type, which are put into PNG pictures as XMP."
    )


def test_rows_hold_no_pictures_to_put_metadata_into(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(output), "--to", "x.csv", "--embed-metadata"]) == 2

    assert capsys.readouterr().err == "imageway: --embed-metadata is for pictures, and a file of rows holds none\n"


def test_a_push_to_the_hub_can_be_rehearsed_without_a_network(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow")

    assert main(["export", str(output), "--to", "hf://org/set", "--dry-run", "--json"]) == 0

    said = capsys.readouterr()
    told = json.loads(said.out)
    assert said.err == (
        f"3 records in 2 files of {told['size_bytes']} bytes would be pushed to the private data set org/set;"
        " 1 that failed or have no pictures are left out\n"
    )
    assert told == {
        "to": "hf://org/set",
        "kind": "hub",
        "repository": "org/set",
        "private": True,
        "dry_run": True,
        "records": 3,
        "left_out": 1,
        "size_bytes": told["size_bytes"],
        "files": ["README.md", "data/train-00000-of-00001.parquet"],
    }


class _Hub:
    """Takes what is pushed, as the Hub's client would."""

    def __init__(self) -> None:
        self.created: dict[str, Any] = {}
        self.pushed: dict[str, bytes] = {}

    def create_repo(self, repository: str, **options: Any) -> str:
        self.created = {"repository": repository, **options}
        return f"https://hub.example/datasets/{repository}"

    def upload_folder(self, *, folder_path: str, **_: Any) -> None:
        folder = Path(folder_path)
        self.pushed = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }


@pytest.mark.parametrize("public", [False, True])
def test_a_push_makes_a_private_data_set_unless_told_otherwise(
    output: Path, capsys: pytest.CaptureFixture[str], public: bool
) -> None:
    pytest.importorskip("pyarrow")
    hub = _Hub()

    exit_ = export_run(
        output,
        "hf://datasets/org/set",
        run=None,
        max_shard_bytes=1,
        dry_run=False,
        public=public,
        as_json=False,
        api=lambda: hub,
    )

    assert exit_ is Exit.FINE
    assert hub.created == {"repository": "org/set", "repo_type": "dataset", "private": not public, "exist_ok": True}
    assert sorted(hub.pushed) == ["README.md", "data/train-00000-of-00001.parquet"]
    assert b"- dall-e-2: 6 calls" in hub.pushed["README.md"]
    assert capsys.readouterr().err.splitlines()[-1] == "https://hub.example/datasets/org/set"


def test_repositories_are_named_by_two_words() -> None:
    assert [repository_of(target) for target in ("hf://a/b", "hf://datasets/a/b/")] == ["a/b", "a/b"]
