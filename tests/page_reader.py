"""Somebody who follows a page of the documentation to the letter, in an empty folder."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

import pytest

from documents import Block, Command, commands
from imageway.gateway.__main__ import main as gateway_main
from imageway.sdk.cli import main as sdk_main
from installed_gateway import gateway_process

ROOT = Path(__file__).resolve().parents[1]

_GATEWAY = "http://127.0.0.1:8080"
"""What the pages call it; a free port of this machine stands for it."""
_VENDOR_KEY = re.compile(r'api_key: "env:OPENAI_API_KEY"(?!.*base_url)')
_SHELL_SIGNS = re.compile(r"[|&;<>$`*?~]")
_OURS = {"imageway": sdk_main, "imageway-gateway": gateway_main}
_FRAMES = re.compile(r"[╭╮╰╯│─]")


class PageReader:
    """Writes the files of a page, runs its commands and its Python, and compares what they say with what is written.

    Configurations that ask OpenAI ask *vendor* instead. Our own commands without signs of the shell are run
    inside this process, which spares their imports; everything else is a process.
    """

    def __init__(self, folder: Path, vendor: str, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._vendor = vendor
        self._gateway: str | None = None
        self._names: dict[str, Any] = {"__name__": "__page__"}
        self._said = ""
        self._open = ExitStack()
        patch.chdir(folder)
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"):
            patch.setenv(name, "sk-not-a-key")
        patch.setenv("IMAGEWAY_CACHE_DIR", str(folder / ".cache"))
        for name in ("IMAGEWAY_GATEWAY_URL", "IMAGEWAY_API_KEY", "OPENAI_BASE_URL"):
            patch.delenv(name, raising=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def follow(self, block: Block) -> None:
        if block.not_run:
            return
        if block.file:
            self._write(block)
        elif block.language == "console":
            told = commands(block)
            for command in told:
                code, said = self._run(command.line)
                expected = block.exit if command is told[-1] else 0
                assert code == expected, f"$ {command.line}\nended with {code}, not {expected}:\n{said}"
                if command.told:
                    assert is_told(said, command.told), f"$ {command.line}\nsaid:\n{said}\nwritten:\n{command.told}"
        elif block.language == "python":
            self._said = self._python(block)
        elif block.language == "text":
            assert is_told(self._said, block.text), f"line {block.line}: the Python before it said:\n{self._said}"
        else:
            pytest.fail(f"line {block.line}: a block of {block.language} is a file, or is told why it isn't run")

    def _write(self, block: Block) -> None:
        assert block.file
        path = (self.folder / block.file).resolve()
        assert path.is_relative_to(self.folder), block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = _VENDOR_KEY.sub(rf'\g<0>, base_url: "{self._vendor}/v1"', block.text)
        path.write_text(self._there(text), encoding="utf-8")

    def _run(self, line: str) -> tuple[int, str]:
        line = self._there(line)
        words = shlex.split(line, comments=True)
        if words[0] == "imageway-gateway" and words[-1] == "&":
            self._serve(words[1:-1])
            return 0, ""
        if words[0] in _OURS and not _SHELL_SIGNS.search(" ".join(words)):
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                code = _OURS[words[0]](words[1:])
            return code, self._here(said.getvalue())
        ran = subprocess.run(
            ["bash", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        code = ran.returncode if ran.returncode >= 0 else 128 - ran.returncode
        return code, self._here(ran.stdout)

    def _serve(self, words: Sequence[str]) -> None:
        """A gateway until the page ends, in place of the one before it."""
        assert not words or words[0] == "--config", words
        self._open.close()
        config = self.folder / words[1] if words else None
        self._gateway = self._open.enter_context(gateway_process(config, os.environ))

    def _python(self, block: Block) -> str:
        said = io.StringIO()
        code = compile(self._there(block.text), f"line {block.line}", "exec")
        with contextlib.redirect_stdout(said):
            exec(code, self._names)  # noqa: S102  # the page's own words are what is tested
        return self._here(said.getvalue())

    def _there(self, text: str) -> str:
        return text.replace(_GATEWAY, self._gateway) if self._gateway else text

    def _here(self, text: str) -> str:
        return text.replace(self._gateway, _GATEWAY) if self._gateway else text


def is_told(said: str, written: str) -> bool:
    """Whether *said* is what is *written*, in which `...` stands for anything."""
    pattern = ".*".join(re.escape(piece.strip("\n")) for piece in written.strip().split("..."))
    return re.fullmatch(rf"\s*{pattern}\s*", said.strip(), flags=re.DOTALL) is not None


def unknown_flags(command: Command) -> list[str]:
    """The flags of a command of ours that its help doesn't have; nothing for commands of others. COLUMNS is wide."""
    words = shlex.split(command.line, comments=True)
    while words and "=" in words[0]:
        words.pop(0)
    if not words or words[0] not in _OURS:
        return []
    flags = [word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)]
    plain = [*takewhile(lambda word: not word.startswith("-"), words[1:])]
    named = plain[:1] if words[0] == "imageway" else plain
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        _OURS[words[0]]([*named, "--help"])
    shown = set(re.findall(r"--?[a-z][\w-]*", _FRAMES.sub(" ", said.getvalue())))
    return [f"{flag} of '{textwrap.shorten(command.line, 60)}'" for flag in flags if flag not in shown]
