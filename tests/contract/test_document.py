"""YAML files: data, positions, and every way in which a file can't be read."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from imageway.contract.document import (
    Document,
    DocumentError,
    Issue,
    Position,
    in_words,
    issue_at,
    read_document,
    spelled,
)
from imageway.contract.request import JsonValue


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        read_document(written(folder, text))
    return str(caught.value).replace(f"{folder}/", "")


def test_data_is_what_json_can_say(tmp_path: Path) -> None:
    document = read_document(
        written(tmp_path, "a: [1, 0x1F, 1.5, true, null, text, '7', !!str 8]\nb: {c: 2026-11-23, d: 16:9, e: 1:30.5}\n")
    )

    assert document.data == {
        "a": [1, 31, 1.5, True, None, "text", "7", "8"],
        "b": {"c": "2026-11-23", "d": "16:9", "e": "1:30.5"},
    }


def test_positions_are_of_keys_and_of_values(tmp_path: Path) -> None:
    document = read_document(written(tmp_path, "a:\n  - b: text\n    c: |\n      x\n      y\n"))

    assert document.keys == {
        ("a",): Position(line=1, column=1, width=1),
        ("a", 0, "b"): Position(line=2, column=5, width=1),
        ("a", 0, "c"): Position(line=3, column=5, width=1),
    }
    assert document.values == {
        (): Position(line=1, column=1, width=2),
        ("a",): Position(line=2, column=3, width=9),
        ("a", 0): Position(line=2, column=5, width=7),
        ("a", 0, "b"): Position(line=2, column=8, width=4),
        ("a", 0, "c"): Position(line=3, column=8, width=1),
    }


def test_what_is_not_there_is_placed_at_what_is_around_it(tmp_path: Path) -> None:
    document = read_document(written(tmp_path, "a:\n  b: 1\n"))

    assert document.position(("a", "c", 0)) == Position(line=2, column=3, width=4)
    assert document.position(("a", "b"), of_key=True) == Position(line=2, column=3, width=1)
    assert document.position((), of_key=True) == Position(line=1, column=1, width=2)


def test_an_empty_file_holds_nothing_and_has_no_places(tmp_path: Path) -> None:
    document = read_document(written(tmp_path, "# nothing\n"))

    assert (document.data, document.position(())) == (None, None)
    assert issue_at(document, (), "code", "message").render() == f"{tmp_path}/file.yaml error[code] message"


@pytest.mark.parametrize(
    ("path", "value"),
    [((), {"a": [1]}), (("a", 0), 1), (("a", 1), None), (("a", "b"), None), (("b",), None), ((0,), None)],
)
def test_values_are_found_by_path(tmp_path: Path, path: tuple[str | int, ...], value: JsonValue) -> None:
    assert Document(file=tmp_path, data={"a": [1]}).get(path) == value


def test_a_byte_order_mark_shifts_nothing(tmp_path: Path) -> None:
    document = read_document(written(tmp_path, b"\xef\xbb\xbfa: 1\n"))

    assert document.keys == {("a",): Position(line=1, column=1, width=1)}


def test_aliases_repeat_and_merges_give_way_to_what_is_written(tmp_path: Path) -> None:
    document = read_document(
        written(
            tmp_path,
            "base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\nall:\n  a: 0\n  <<: [*base, *other]\nsame: *base\n",
        )
    )

    assert document.data == {
        "base": {"a": 1, "b": 2},
        "other": {"b": 3, "c": 4},
        "all": {"a": 0, "b": 2, "c": 4},
        "same": {"a": 1, "b": 2},
    }
    assert document.keys[("all", "b")] == Position(line=1, column=20, width=1)


def test_one_mapping_may_be_merged(tmp_path: Path) -> None:
    assert read_document(written(tmp_path, "<<: {z: 1}\ny: <<\n")).data == {"z": 1, "y": "<<"}


def test_every_duplicate_and_odd_key_is_told(tmp_path: Path) -> None:
    text = refusal(tmp_path, "a: 1\n2: x\n? [b]\n: 1\n? {c: 1}\n: 1\non: 1\na: 2\n")

    assert text == (
        'file.yaml:2:1 error[odd-key] a key must be text; this one is a whole number: write "2" with quotes\n'
        "    2 | 2: x\n"
        "      | ^\n"
        "file.yaml:3:3 error[odd-key] a key must be text; this one is a list\n"
        "    3 | ? [b]\n"
        "      |   ^^^\n"
        "file.yaml:5:3 error[odd-key] a key must be text; this one is a mapping\n"
        "    5 | ? {c: 1}\n"
        "      |   ^^^^^^\n"
        'file.yaml:7:1 error[odd-key] a key must be text; this one is true or false: write "on" with quotes\n'
        "    7 | on: 1\n"
        "      | ^^\n"
        'file.yaml:8:1 error[duplicate-key] the key "a" stands twice in one mapping; it is in line 1 already\n'
        "    8 | a: 2\n"
        "      | ^"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "a: 1\nb:\n\tc: 2\n",
            "3:1 error[not-yaml] found character that cannot start any token while scanning for the next token",
        ),
        ("a: [1\nb: 3\n", "2:2 error[not-yaml] did not find expected ',' or ']' while parsing a flow sequence"),
        ("'a", "1:3 error[not-yaml] found unexpected end of stream while scanning a quoted scalar"),
        ("a: {\n", "2:1 error[not-yaml] did not find expected node content while parsing a flow node"),
        ("a: *x\n", "1:4 error[not-yaml] found undefined alias"),
        ("a: 1\n---\nb: 2\n", "2:1 error[several-documents] a second document begins here; one per file is read"),
        ("a: \x01\n", "1:4 error[not-yaml] the character U+0001 isn't allowed in YAML"),
        ("a\n\n\x07", "3:1 error[not-yaml] the character U+0007 isn't allowed in YAML"),
        ("\x00", "1:1 error[not-yaml] the character U+0000 isn't allowed in YAML"),
        ("a: &x [*x]\n", "1:4 error[recursive-alias] this alias repeats what it stands in, without end"),
        ("a: !!python/name:os.x\n", "1:4 error[unknown-tag] the tag !!python/name:os.x isn't supported"),
        ("a: !!set {b}\n", "1:4 error[unknown-tag] the tag !!set isn't supported"),
        ("a: !here [b]\n", "1:4 error[unknown-tag] the tag !here isn't supported"),
        ("a: !!int b\n", '1:4 error[not-yaml] "b" isn\'t what the tag !!int says'),
        ("a: !!bool b\n", '1:4 error[not-yaml] "b" isn\'t what the tag !!bool says'),
        ("a: -.inf\n", "1:4 error[not-finite] -.inf isn't a number that can be sent"),
        (
            "<<: 1\n",
            "1:5 error[odd-merge] '<<' merges mappings whose keys are text, and which merge nothing themselves",
        ),
        (
            "<<: {1: 2}\n",
            "1:5 error[odd-merge] '<<' merges mappings whose keys are text, and which merge nothing themselves",
        ),
        ("[" * 101 + "]" * 101, "1:101 error[too-deep] is nested more than 100 levels deep"),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    assert refusal(tmp_path, text).splitlines()[0] == f"file.yaml:{told}"


def test_a_hundred_levels_are_read(tmp_path: Path) -> None:
    assert read_document(written(tmp_path, "[" * 100 + "]" * 100)).position(()) is not None


def test_a_hundred_thousand_levels_do_no_harm(tmp_path: Path) -> None:
    assert "too-deep" in refusal(tmp_path, "[" * 100_000)


def test_a_tab_for_indentation_gets_a_hint(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a:\n\tb: 1\n").splitlines()[1:] == [
        "    2 |     b: 1",
        "      | ^^^^ YAML is indented with spaces, not with tabs",
    ]


def test_aliases_that_multiply_are_stopped(tmp_path: Path) -> None:
    names = "abcdefgh"
    lines = ["a: &a [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]"]
    lines += [f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in pairwise(names)]

    assert refusal(tmp_path, "\n".join(lines)) == (
        "file.yaml error[too-large] holds more than 200000 values, repeated ones counted each time"
    )


def test_a_file_of_four_mebibytes_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    full = b"#" * (4 * 2**20)

    assert read_document(written(tmp_path, full)).data is None
    assert refusal(tmp_path, full + b"#") == (
        "file.yaml error[too-large] has more than 4194304 bytes, which is the most that is read"
    )


def test_other_encodings_are_told(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a: 1\nb: ü\n".encode("latin-1")) == (
        "file.yaml:2 error[not-utf-8] isn't UTF-8 text: byte 0xfc at offset 8"
    )


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as missing:
        read_document(tmp_path / "none.yaml")
    with pytest.raises(DocumentError) as folder:
        read_document(tmp_path)

    assert str(missing.value) == f"{tmp_path}/none.yaml error[unreadable] can't be read: no such file or directory"
    assert str(folder.value) == f"{tmp_path} error[unreadable] can't be read: {os.strerror(21).lower()}"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), "the file"),
        (("a", "b-c", 0, "d"), "a.b-c[0].d"),
        (("a b", "c"), '["a b"].c'),
        ((1, "a"), "[1].a"),
    ],
)
def test_paths_are_spelled_as_people_write_them(path: tuple[str | int, ...], text: str) -> None:
    assert spelled(path) == text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "empty"),
        (True, "true or false"),
        (1, "a whole number"),
        (1.5, "a number"),
        ("x", "text"),
        ([], "a list"),
        ({}, "a mapping"),
    ],
)
def test_values_are_named_in_the_words_of_yaml(value: JsonValue, words: str) -> None:
    assert in_words(value) == words


def test_an_issue_shows_its_line_with_carets_and_hint() -> None:
    issue = Issue(
        code="unknown-key",
        message="paramaters is not a key here",
        file=Path("tasks/x.yaml"),
        line=13,
        column=5,
        width=10,
        source_line="    paramaters: {}",
        hint='did you mean "parameters"?',
    )

    assert issue.render() == (
        "tasks/x.yaml:13:5 error[unknown-key] paramaters is not a key here\n"
        "   13 |     paramaters: {}\n"
        '      |     ^^^^^^^^^^ did you mean "parameters"?'
    )


def test_an_issue_without_a_place_shows_its_hint_alone() -> None:
    issue = Issue(severity="note", code="a", message="b", hint="c")

    assert issue.render() == "note[a] b\n  c"
    assert Issue(code="a", message="b").render() == "error[a] b"


def test_what_a_terminal_would_obey_is_shown_as_signs() -> None:
    issue = Issue(
        code="a", message="\x1b[31m\n\x7f\u202e", line=1, column=3, width=2, source_line="\t\x1bab\u0301漢\u200b"
    )

    assert issue.render() == (
        "1:3 error[a] ␛[31m␊\ufffd\ufffd\n"
        "    1 |     ␛ab\u0301漢\ufffd\n"
        "      |      ^^"
    )  # fmt: skip


def test_carets_fit_wide_and_combining_characters() -> None:
    issue = Issue(code="a", message="b", line=1, column=4, width=3, source_line="漢e\u0301漢字x")

    assert issue.render().splitlines()[1:] == ["    1 | 漢e\u0301漢字x", "      |    ^^^^^"]


def test_long_lines_are_cut_around_the_place() -> None:
    line = "a" * 200 + "b" * 200
    issue = Issue(code="a", message="b", line=1, column=201, width=200, source_line=line)

    assert issue.render().splitlines()[1:] == [
        f"    1 | …{'a' * 50}{'b' * 50}…",
        f"      | {' ' * 51}{'^' * 50}",
    ]


@pytest.mark.parametrize(("length", "cut"), [(100, False), (101, True)])
def test_lines_of_a_hundred_characters_are_whole(length: int, cut: bool) -> None:
    issue = Issue(code="a", message="b", line=1, column=80, source_line="x" * length)

    assert ("…" in issue.render()) is cut


def test_an_issue_at_a_column_beyond_the_line_has_a_caret() -> None:
    issue = Issue(code="a", message="b", line=1, column=4, source_line="abc")

    assert issue.render().splitlines()[2] == "      |    ^"
