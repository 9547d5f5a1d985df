import hashlib
import json
from pathlib import Path

import pytest

from imageway.contract.request import ImageFormat
from imageway.sdk.pipeline.files.names import FileNames, safe_stem
from imageway.sdk.pipeline.files.sink import atomic_file, picture_folder, save_picture, write_errors
from imageway.sdk.pipeline.output.output_file import write_output
from pictures import picture


def _hash(record_id: str, field: str) -> str:
    return hashlib.sha256(f"{record_id}\0{field}".encode()).hexdigest()[:8]


def test_a_harmless_id_keeps_its_name() -> None:
    names = FileNames()

    assert [names.stem("1", "product_image"), names.stem("größe 2.5 (neu)", "x")] == [
        "1_product_image",
        "größe 2.5 (neu)_x",
    ]


@pytest.mark.parametrize(
    ("record_id", "readable"),
    [
        ("a/b", "a_b_x"),
        ("../../escape", "_.._escape_x"),
        ("..", "_x"),
        ("c:\\d", "c__d_x"),
        ("tab\there\0", "tab_here__x"),
        ("\u202egnp", "_gnp_x"),
        ("-rf", "rf_x"),
        ("con.1", "_con.1_x"),
        ("what?*", "what___x"),
        ("half\ud800", "half__x"),
    ],
)
def test_an_unsafe_id_stays_readable_and_gets_a_hash(record_id: str, readable: str) -> None:
    stem = FileNames().stem(record_id, "x")

    assert stem.startswith(f"{readable}_")
    assert len(stem) == len(readable) + 9


def test_field_names_are_made_safe_too() -> None:
    assert FileNames().stem("1", "a/b") == f"1_a_b_{_hash('1', 'a/b')}"


def test_200_bytes_are_kept_and_more_are_cut_between_characters() -> None:
    names = FileNames()

    assert names.stem("a" * 198, "x") == "a" * 198 + "_x"
    long = names.stem("ü" * 100, "x")
    assert long == "ü" * 95 + f"_{_hash('ü' * 100, 'x')}"
    assert len(long.encode()) <= 200


@pytest.mark.parametrize(
    ("first", "second"),
    [(("1", "a_b"), ("1_a", "b")), (("A", "x"), ("a", "x")), (("é", "x"), ("e\u0301", "x"))],
    ids=["pieces", "case", "composition"],
)
def test_the_later_of_two_equal_names_gets_a_hash(first: tuple[str, str], second: tuple[str, str]) -> None:
    names = FileNames()

    assert names.stem(*first) == "_".join(first)
    assert names.stem(*second) == f"{'_'.join(second)}_{_hash(*second)}"
    assert names.stem(*first) == "_".join(first)


def test_a_name_that_imitates_a_hashed_one_gets_a_longer_hash() -> None:
    names = FileNames()
    names.stem("1_a_b", _hash("1/a", "b"))

    assert len(names.stem("1/a", "b")) == len("1_a_b_") + 16


def test_reserved_names_are_compared_before_the_first_dot() -> None:
    assert [safe_stem(text) for text in ("nul", "LPT1.a", "null", "com")] == ["_nul", "_LPT1.a", "null", "com"]


def test_a_picture_is_saved_with_the_ending_of_its_format(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path)

    kept = [
        save_picture(folder / "1_x", index, content) for index, content in enumerate((picture(), picture("WEBP"), b"?"))
    ]

    assert [(one.path, one.facts.format) for one in kept] == [
        (folder / "1_x_0.png", ImageFormat.PNG),
        (folder / "1_x_1.webp", ImageFormat.WEBP),
        (folder / "1_x_2.bin", ImageFormat.UNKNOWN),
    ]
    assert folder == tmp_path / "multimodal_output" / "image"
    assert sorted(path.name for path in folder.iterdir()) == ["1_x_0.png", "1_x_1.webp", "1_x_2.bin"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.mkdir()

    with pytest.raises(OSError, match="a"), atomic_file(target) as file:
        file.write(b"new")

    assert list(tmp_path.iterdir()) == [target]


def test_the_output_is_indented_utf_8_without_nan(tmp_path: Path) -> None:
    rows = [{"id": "ü", "bad": [float("nan"), {"x": float("inf")}], "half": "\ud800", "fine": 1.5}]

    path = write_output(tmp_path / "output.json", lambda: iter(rows))

    assert path.read_text(encoding="utf-8").startswith('[\n  {\n    "id": "ü",\n')
    assert json.loads(path.read_text(encoding="utf-8")) == [
        {"id": "ü", "bad": [None, {"x": None}], "half": "\ud800", "fine": 1.5}
    ]


def test_old_errors_do_not_stay_behind(tmp_path: Path) -> None:
    assert write_errors(tmp_path, []) is None
    path = write_errors(tmp_path, [{"id": "1"}, {"id": "2"}])

    assert path == tmp_path / "errors.jsonl"
    assert path.read_bytes() == b'{"id": "1"}\n{"id": "2"}\n'
    assert write_errors(tmp_path, []) is None
    assert list(tmp_path.iterdir()) == []
