"""`imageway run` into a folder that holds a run."""

from pathlib import Path

import pytest

from fakes.cli_runs import another_picture, ran, reject_bad, write_titles
from fakes.gateway import FakeGateway
from fakes.task_files import write_task
from imageway.sdk.cli import main
from imageway.sdk.cli.run import Anew
from imageway.sdk.cli.talk import Exit
from imageway.sdk.connecting import GatewayChoice
from loopback import serving


def test_a_second_run_takes_what_the_first_was_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    paid = GatewayChoice(provider="openai")
    first, second, anew = FakeGateway(), FakeGateway(), FakeGateway()

    assert ran(tmp_path, first, choice=paid) is Exit.FINE
    assert ran(tmp_path, second, choice=paid) is Exit.FINE
    assert ran(tmp_path, anew, choice=paid, anew=Anew(replace=True)) is Exit.FINE

    asked = [len(gateway.drawn_requests) for gateway in (first, second, anew)]
    assert asked == [1, 0, 1]
    assert "0 pictures, and 1 taken from an earlier run" in capsys.readouterr().err


def test_a_slash_at_the_end_of_a_url_names_no_other_gateway(tmp_path: Path) -> None:
    write_task(tmp_path)
    gateway = FakeGateway()

    with serving(gateway) as url:
        assert main(["run", str(tmp_path), "--gateway", url]) == 0
        assert main(["run", str(tmp_path), "--gateway", f"{url}/"]) == 0

    assert len(gateway.drawn_requests) == 1


def test_failures_of_an_earlier_run_are_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    write_titles(tmp_path, "bad", "fine")
    ran(tmp_path, FakeGateway(reject_bad))
    gateway = FakeGateway(reject_bad)
    capsys.readouterr()

    assert ran(tmp_path, gateway) is Exit.SOME_FAILED

    assert gateway.drawn_requests == []
    assert capsys.readouterr().err.splitlines()[-1] == (
        "1 failure of an earlier run: not asked again without --retry-failed,"
        " or --retry-unknown where it may have been paid for"
    )
    assert ran(tmp_path, gateway, retry_failed=True) is Exit.SOME_FAILED
    assert gateway.prompts == ["Draw bad"]


def test_sketch_may_replace_what_sketch_drew(tmp_path: Path) -> None:
    write_task(tmp_path)
    write_titles(tmp_path, "a")
    assert ran(tmp_path, FakeGateway()) is Exit.FINE
    write_titles(tmp_path, "b")

    assert ran(tmp_path, FakeGateway()) is Exit.FINE


def test_sketch_draws_over_nothing_that_may_have_cost_money(tmp_path: Path) -> None:
    write_task(tmp_path)
    paid, again = FakeGateway(), FakeGateway()
    vendor = GatewayChoice(provider="openai")
    assert ran(tmp_path, paid, choice=vendor) is Exit.FINE
    kept = (tmp_path / "multimodal_output" / "image" / "1_picture_0.png").read_bytes()

    assert ran(tmp_path, FakeGateway(another_picture)) is Exit.SOME_FAILED

    assert (tmp_path / "multimodal_output" / "image" / "1_picture_0.png").read_bytes() == kept
    assert ran(tmp_path, again, choice=vendor) is Exit.FINE
    assert again.drawn_requests == []


def test_another_vendors_pictures_are_not_replaced_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_task(tmp_path)
    assert ran(tmp_path, FakeGateway()) is Exit.FINE
    assert ran(tmp_path, FakeGateway(), choice=GatewayChoice(provider="azure")) is Exit.FINE
    paid = FakeGateway()

    assert ran(tmp_path, paid, choice=GatewayChoice(provider="openai")) is Exit.SOME_FAILED

    assert paid.drawn_requests == []
    assert (
        "1_picture_0.png is there already, drawn by 'provider azure' for another request that may have cost money;"
        " write elsewhere with -o, draw anew beside it with --fresh, or in its place with --replace"
    ) in capsys.readouterr().err
