"""What a page of the documentation holds: blocks with what is told about them, and links.

The line before a fence may hold an HTML comment, which readers don't see: `<!-- file: NAME -->` (the block is that
file), `<!-- exit: N -->` (its last command ends so), `<!-- not run: REASON -->`. A block whose first line is
`# NAME.yaml`, or another file's name alone after a `#`, is that file without such a comment.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?:^ *<!-- (?P<word>file|exit|not run): (?P<said>.+?) -->\n)?^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    flags=re.MULTILINE | re.DOTALL,
)
_NAME = re.compile(r"# (?P<name>[\w./-]+\.\w+)\n")
_LINK = re.compile(r"\]\((?P<target>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", flags=re.MULTILINE)


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int
    """Where its fence is; lines count from 1."""
    file: str | None = None
    exit: int = 0
    not_run: str | None = None
    """Why nobody can run it here."""


@dataclass(frozen=True)
class Command:
    line: str
    told: str
    """What the page shows of its output; empty where it shows nothing."""


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [_block(found, text) for found in _BLOCK.finditer(text)]


def commands(block: Block) -> list[Command]:
    """The lines after a `$ `, each with what follows it."""
    pieces = re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)
    assert not pieces[0].strip(), f"line {block.line}: a block of commands begins with one"
    return [Command(line=line, told=told) for line, _, told in (piece.partition("\n") for piece in pieces[1:])]


def dead_links(page: Path) -> list[str]:
    """Links to files that aren't there, and to headings that no file has."""
    found = [
        (target["target"], target["anchor"])
        for target in _LINK.finditer(page.read_text(encoding="utf-8"))
        if "://" not in target["target"]
    ]
    return [
        f"{target}#{anchor}" if anchor else target
        for target, anchor in found
        if not (path := page.parent / target if target else page).exists()
        or (anchor and path.suffix == ".md" and anchor not in _anchors(path))
    ]


def _block(found: re.Match[str], page: str) -> Block:
    text = textwrap.dedent(found["text"])
    word, said = found["word"], found["said"]
    name = _NAME.match(text)
    return Block(
        language=found["language"],
        text=text,
        line=page.count("\n", 0, found.start("language")) + 1,
        file=said if word == "file" else name["name"] if name else None,
        exit=int(said) if word == "exit" else 0,
        not_run=said if word == "not run" else None,
    )


def _anchors(page: Path) -> set[str]:
    """As the sites that show Markdown make them."""
    titles = (found["title"].lower() for found in _HEADING.finditer(page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w -]", "", title).strip().replace(" ", "-") for title in titles}
