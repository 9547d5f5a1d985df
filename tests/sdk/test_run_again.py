"""The same run once more: what is taken from the earlier one, and what is asked again."""

import asyncio
from pathlib import Path

from fakes.gateway import PNG, REJECTED, FakeGateway, drawn, refused
from fakes.plan_runs import DRAW, by_title, columns_of, errors_of, plan_of, ran, rows_of, titled
from imageway.contract.errors import ErrorCode, ImageError
from imageway.sdk.pipeline.plan import ImageNode
from pictures import picture


def test_what_was_refused_is_asked_again_only_when_told_to(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, titled(2), columns=columns_of("id", "pic"))
    first, second, third = (FakeGateway(by_title({"t1": REJECTED})), FakeGateway(), FakeGateway())

    rejected, _ = ran(plan, first, tmp_path)
    errors = errors_of(tmp_path)
    again, _ = ran(plan, second, tmp_path)
    errors_again = errors_of(tmp_path)
    retried, _ = ran(plan, third, tmp_path, retry_failed=True)

    assert (rejected.failed, again.failed, retried.failed) == (1, 1, 0)
    assert second.prompts == []
    assert errors_again == errors
    assert third.prompts == ["Draw t1"]
    refused_first = first.drawn_requests[first.prompts.index("Draw t1")]
    assert third.drawn_requests[0].headers["idempotency-key"] == refused_first.headers["idempotency-key"]
    assert not (tmp_path / "errors.jsonl").exists()


def test_what_may_have_been_paid_for_is_asked_again_only_when_told_so(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, titled(1), columns=columns_of("id", "pic"))
    lost = refused(ImageError(ErrorCode.UPSTREAM_TIMEOUT, "No answer.", may_have_billed=True))
    first, second, third = FakeGateway(by_title({"t1": lost})), FakeGateway(), FakeGateway()

    ran(plan, first, tmp_path)
    ran(plan, second, tmp_path, retry_failed=True)
    doubtful = errors_of(tmp_path)
    summary, _ = ran(plan, third, tmp_path, retry_unknown=True)

    assert (second.prompts, third.prompts) == ([], ["Draw t1"])
    assert [(line["code"], line["attempts"], line["may_have_billed"]) for line in doubtful] == [
        ("upstream_timeout", 1, True)
    ]
    assert (summary.succeeded, summary.failed) == (1, 0)


def test_a_spoilt_answer_is_paid_for_and_not_asked_for_again(tmp_path: Path) -> None:
    node = ImageNode(name="d", model="dall-e-2", params={"n": 2}, parts=DRAW.parts, output_key="pics")
    plan, second = plan_of(tmp_path, titled(1), node), FakeGateway()
    ran(plan, FakeGateway(by_title({"t1": drawn(PNG)})), tmp_path)
    rows, errors = rows_of(tmp_path), errors_of(tmp_path)

    summary, _ = ran(plan, second, tmp_path, retry_failed=True)

    assert second.prompts == []
    assert (rows_of(tmp_path), errors_of(tmp_path)) == (rows, errors)
    assert (summary.pictures, summary.reused) == (0, 1)


def test_replacing_draws_in_the_place_of_what_there_was_and_fresh_beside_it(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, titled(1), columns=columns_of("pic"))
    images = tmp_path / "multimodal_output" / "image"
    blue, green = picture(colour=(0, 0, 255, 255)), picture(colour=(0, 255, 0, 255))
    first, _ = ran(plan, FakeGateway(), tmp_path)
    second, _ = ran(plan, FakeGateway(by_title({"t1": drawn(blue)})), tmp_path, anew=True)
    third, _ = ran(plan, FakeGateway(by_title({"t1": drawn(green)})), tmp_path, fresh=True)

    (row,) = rows_of(tmp_path)
    assert len({first.run, second.run, third.run}) == 3
    assert (images / "1_pic_0.png").read_bytes() == blue
    assert Path(row["pic"]).read_bytes() == green
    assert len([*images.glob("*.png")]) == 2


def test_rows_of_an_earlier_pass_stay_until_they_are_reached_again(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, titled(3), columns=columns_of("id"))
    ran(plan, FakeGateway(), tmp_path)
    stop = asyncio.Event()
    stop.set()

    interrupted, _ = ran(plan, FakeGateway(), tmp_path, stop=stop)
    kept = rows_of(tmp_path)
    fewer, _ = ran(plan_of(tmp_path, titled(2), columns=columns_of("id")), FakeGateway(), tmp_path)

    assert kept == [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    assert (interrupted.succeeded, interrupted.unfinished) == (3, 0)
    assert rows_of(tmp_path) == [{"id": "1"}, {"id": "2"}]
    assert fewer.total == 2
