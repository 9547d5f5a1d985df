"""Equal requests that share an answer, where somebody asks for it; two draws otherwise."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn
from fakes.task_files import write_task
from imageway.sdk.cli import main
from loopback import serving
from pictures import picture


class Numbered(FakeGateway):
    """Each answer is another picture; those in `refusals` are refused, by their number from 1."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.refusals: set[int] = set()

    async def _answer(self, _: Recorded) -> Reply:
        number = len(self.drawn_requests)
        if number in self.refusals:
            return REJECTED
        reply = drawn(picture(colour=(number, 0, 0, 255)))
        reply.headers["imageway-cost-usd"] = "0.25"
        return reply


@pytest.fixture
def gateway() -> Numbered:
    return Numbered()


@pytest.fixture
def run(gateway: Numbered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("IMAGEWAY_CACHE_DIR", str(tmp_path / "cache"))
    with serving(gateway) as url:

        def command(
            folder: str, *titles: str, options: tuple[str, ...] = ("--share-identical",), n: int = 1
        ) -> list[Any]:
            task = tmp_path / folder
            task.mkdir(exist_ok=True)
            write_task(task, ("size: 512x512", f"size: 512x512\n          n: {n}"))
            records = [{"id": str(n), "title": title} for n, title in enumerate(titles, start=1)]
            (task / "data.json").write_text(json.dumps(records))
            main(["run", str(task), "--gateway", url, *options])
            rows = json.loads((task / "output.json").read_text())
            return [
                Path(row["picture"]).read_bytes() if isinstance(row["picture"], str) else row["picture"] for row in rows
            ]

        yield command


def test_two_records_are_two_draws_even_with_equal_prompts(run: Any, gateway: Numbered) -> None:
    first, second = run("a", "kite", "kite", options=())

    assert first != second
    assert len(gateway.drawn_requests) == 2


def test_equal_requests_in_flight_are_one_call(run: Any, gateway: Numbered, tmp_path: Path) -> None:
    pictures = run("a", "kite", "kite", "tulip", "kite")

    assert len({pictures[0], pictures[1], pictures[3]}) == 1
    assert pictures[2] != pictures[0]
    assert sorted(gateway.prompts) == ["Draw kite", "Draw tulip"]
    files = sorted(path.name for path in (tmp_path / "a" / "multimodal_output" / "image").glob("*.png"))
    assert files == [f"{n}_picture_0.png" for n in (1, 2, 3, 4)]


def test_another_run_takes_the_answer_from_the_store_and_pays_nothing(
    run: Any, gateway: Numbered, capsys: pytest.CaptureFixture[str]
) -> None:
    [first] = run("a", "kite")
    capsys.readouterr()

    [again] = run("b", "kite", options=("--share-identical", "--json", "--budget", "0"))

    assert (again, len(gateway.drawn_requests)) == (first, 1)
    assert json.loads(capsys.readouterr().out)["cost_usd"] == 0.0


@pytest.mark.parametrize("option", ["--fresh", "--replace"])
def test_a_run_that_draws_anew_shares_nothing_but_its_own(run: Any, gateway: Numbered, option: str) -> None:
    first, *_ = run("a", "kite", "kite")

    second, third = run("a", "kite", "kite", options=("--share-identical", option))

    assert second == third != first
    assert len(gateway.drawn_requests) == 2


def test_an_answer_with_too_few_pictures_is_not_shared(run: Any, gateway: Numbered) -> None:
    run("a", "kite", n=2)

    run("b", "kite", n=2)

    assert len(gateway.drawn_requests) == 2


def test_a_failure_is_not_shared(run: Any, gateway: Numbered) -> None:
    gateway.refusals = {1}

    pictures = run("a", "kite", "kite", options=("--share-identical", "--concurrency", "1"))

    assert [content is None for content in pictures] == [True, False]


def test_what_is_drawn_anew_is_not_taken_from_the_store(run: Any, gateway: Numbered, tmp_path: Path) -> None:
    [first] = run("a", "kite")
    (tmp_path / "rejects").write_text("1\n")

    [anew] = run("a", "kite", options=("--share-identical", "--redo", str(tmp_path / "rejects")))

    assert anew != first
    assert len(gateway.drawn_requests) == 2


@pytest.mark.parametrize("broken", [b"", b"{", b'{"created": 1, "data": []}'])
def test_a_broken_answer_in_the_store_is_asked_for_again(
    run: Any, gateway: Numbered, tmp_path: Path, broken: bytes
) -> None:
    run("a", "kite")
    [kept] = (tmp_path / "cache").rglob("*.json")
    kept.write_bytes(broken)

    run("b", "kite")
    run("c", "kite")

    assert len(gateway.drawn_requests) == 2


def test_a_store_that_cannot_be_written_loses_no_picture(run: Any, gateway: Numbered, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")

    assert [content is None for content in run("a", "kite", "kite")] == [False, False]
    assert len(gateway.drawn_requests) == 2
