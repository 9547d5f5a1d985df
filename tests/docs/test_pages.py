"""Every command, file and piece of Python that the documentation shows is true: each page is followed to the letter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from documents import blocks, commands, dead_links
from fakes.upstream import Upstream, drawn
from loopback import serving
from page_reader import ROOT, PageReader, is_told, unknown_flags

DOCS = ROOT / "docs"
FOLLOWED = [
    ROOT / "README.md",
    DOCS / "quickstart.md",
    *sorted((DOCS / "how-to").glob("*.md")),
    *sorted((DOCS / "coming-from").glob("*.md")),
]
LINKED = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted(DOCS.rglob("*.md"))]

_TEXT_TOKENS, _PICTURE_TOKENS = 40, 1760
_USAGE = {
    "input_tokens": _TEXT_TOKENS,
    "output_tokens": _PICTURE_TOKENS,
    "total_tokens": _TEXT_TOKENS + _PICTURE_TOKENS,
    "input_tokens_details": {"text_tokens": _TEXT_TOKENS, "image_tokens": 0},
}


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def vendor() -> Iterator[str]:
    """A vendor that answers with a picture and its tokens, as a model of OpenAI does."""
    upstream = Upstream()
    upstream.replies.extend([drawn(usage=_USAGE)] * 100)
    with serving(upstream) as url:
        yield url


@pytest.mark.parametrize("page", FOLLOWED, ids=_name)
def test_a_page_does_what_it_says(page: Path, vendor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PageReader(tmp_path, vendor, monkeypatch) as reader:
        for block in blocks(page):
            reader.follow(block)


def test_commands_that_are_not_run_here_have_flags_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    unrun = [
        command
        for page in LINKED
        for block in blocks(page)
        if block.language == "console" and (block.not_run or page not in FOLLOWED)
        for command in commands(block)
    ]

    assert unrun
    assert [fault for command in unrun for fault in unknown_flags(command)] == []


@pytest.mark.parametrize("page", LINKED, ids=_name)
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    assert dead_links(page) == []


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")

    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md") if page != DOCS / "README.md"]
    assert [page for page in sorted(pages) if f"]({page})" not in index] == []


@pytest.mark.parametrize(
    ("said", "written", "told"),
    [
        ("2 pictures\nout.json\n", "2 pictures\nout.json", True),
        ("2 pictures\n/tmp/x/out.json\n", "2 pictures\n.../out.json", True),
        ("2 pictures\n", "3 pictures", False),
        ("2 pictures\nand a warning\n", "2 pictures", False),
    ],
    ids=["equal", "wildcard", "other", "more"],
)
def test_what_is_said_is_compared_whole(said: str, written: str, told: bool) -> None:
    assert is_told(said, written) is told
