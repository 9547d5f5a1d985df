"""One fault, warning or note about a file that somebody wrote, and how it is shown: as compilers show theirs."""

import unicodedata
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

__all__ = ("Issue", "Severity")

Severity: TypeAlias = Literal["error", "warning", "note"]

_WINDOW = 100
_TAB = 4


class Issue(Struct, frozen=True, kw_only=True):
    """What is to be told about a place in a file.

    `code` is kebab-case and stable. `line` and `column` count from 1 and are None where no place is known; `width` is
    how many characters are meant. `source_line` is the line as it stands in the file, None where it must not be shown.
    """

    severity: Severity = "error"
    code: str
    message: str
    file: Path | None = None
    line: int | None = None
    column: int | None = None
    width: int = 1
    source_line: str | None = None
    hint: str = ""

    def render(self) -> str:
        """The issue as text of one to three lines, safe to print: control characters are made visible."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        head = f"{place} {self.severity}[{self.code}] {self.message}".lstrip()
        lines = [_visible(head)]
        if self.source_line is not None and self.line is not None and self.column is not None:
            lines += self._excerpt(self.source_line, str(self.line), self.column - 1)
        elif self.hint:
            lines.append(f"  {_visible(self.hint)}")
        return "\n".join(lines)

    def _excerpt(self, source: str, number: str, column: int) -> list[str]:
        begin = max(0, column - _WINDOW // 2) if len(source) > _WINDOW else 0
        end = begin + _WINDOW
        before, marked, after = source[begin:column], source[column : column + self.width][:_WINDOW], source[column:end]
        cut_left, cut_right = "…" if begin else "", "…" if end < len(source) else ""
        indent = _cells(cut_left + _visible(before))
        carets = "^" * max(1, min(_cells(_visible(marked)), _cells(_visible(after))))
        return [
            f"{number:>5} | {cut_left}{_visible(before)}{_visible(after)}{cut_right}".rstrip(),
            f"{'':>5} | {' ' * indent}{carets} {_visible(self.hint)}".rstrip(),
        ]


def _visible(text: str) -> str:
    """*text* on one line: tabs as spaces, and what a terminal would obey rather than print as a sign."""
    return "".join(map(_sign, text))


def _sign(character: str) -> str:
    if character == "\t":
        return " " * _TAB
    if character < " ":
        return chr(0x2400 + ord(character))
    return (
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else character
    )


def _cells(text: str) -> int:
    """How many columns of a terminal *text* takes up."""
    return sum(_cell(character) for character in text)


def _cell(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
