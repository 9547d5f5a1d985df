"""The contact sheet of a run, opened in a real browser."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from browser import chromium, page_of
from fakes.gateway import REJECTED, FakeGateway, Recorded, Reply, drawn
from fakes.task_files import TASK
from imageway.sdk import thumbnails
from imageway.sdk.cli import main
from imageway.sdk.client import AsyncClient
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.run import run_plan
from pictures import picture

EVIL = "</script><img src=x onerror=\"document.title='owned'\">"
EDIT = (
    TASK.replace("model:\n        name: dall-e-2", "model:\n        name: gpt-image-1")
    .replace(
        '        - user: "Draw {title}"\n',
        """\
        - user:
            - {type: image_url, image_url: "{photo}"}
            - {type: text, text: "Draw {title}"}
""",
    )
    .replace("size: 512x512", "size: 1024x1024")
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of three edits: one well, one with markup in all its texts, one refused."""
    task = tmp_path / "my task"
    task.mkdir()
    (task / "graph_config.yaml").write_text(EDIT)
    (task / "photo.png").write_bytes(picture(size=(40, 20), colour=(255, 0, 0, 255)))
    titles = ["a kite", EVIL, "bad"]
    records = [{"id": title[:9].split()[-1], "title": title, "photo": "photo.png"} for title in titles]
    (task / "data.json").write_text(json.dumps(records))

    async def answer(asked: Recorded) -> Reply:
        prompt = dict(asked.texts)["prompt"]
        if prompt == "Draw bad":
            return REJECTED
        reply = drawn(picture(size=(64, 64), colour=(0, 0, 255, 255)))
        reply.body["data"][0]["revised_prompt"] = f"revised {prompt}"
        reply.headers["imageway-cost-usd"] = "0.25" if prompt == "Draw a kite" else "0.05"
        return reply

    async def run() -> None:
        loaded, _ = load_task(task)
        assert loaded is not None
        async with AsyncClient(app=FakeGateway(answer)) as client:
            await run_plan(loaded.plan, client, output=task, on_event=lambda _: None)

    with ThreadPoolExecutor(1) as aside:  # this thread's event loop is the browser's
        aside.submit(lambda: asyncio.run(run())).result()
    return task


@pytest.fixture
def page(browser: Browser, folder: Path) -> Iterator[Page]:
    assert main(["report", str(folder)]) == 0
    with page_of(browser) as opened:
        opened.goto((folder / "report.html").as_uri())
        yield opened


def headings(page: Page) -> list[str]:
    return page.locator("h2 span").all_text_contents()


def test_a_card_shows_input_and_picture_side_by_side_with_all_that_is_known(page: Page) -> None:
    card = page.locator("article").first

    assert headings(page) == ["kite - draw", f"{EVIL[:9]} - draw", "bad - draw"]
    assert [
        [image.get_attribute("alt"), image.evaluate("i => [i.naturalWidth, i.naturalHeight]")]
        for image in card.locator("img").all()
    ] == [["Input photo.png", [40, 20]], ["Picture of kite: Draw a kite", [64, 64]]]
    assert [link.get_attribute("href") for link in card.locator("a").all()] == [
        "photo.png",
        "multimodal_output/image/kite_picture_0.png",
    ]
    assert card.locator("p").all_text_contents() == ["Draw a kite", "Drawn as: revised Draw a kite"]
    assert "$0.25" in (card.locator("dl").text_content() or "")
    assert page.locator("#count").text_content() == "3 of 3 cards, $0.3000, 0 rejected."


def test_a_failure_is_a_card_with_its_code(page: Page) -> None:
    failed = page.locator("article").nth(2)

    assert failed.locator(".fault").text_content() == (
        "content_rejected: The vendor's safety system refused this request."
    )


def test_markup_in_texts_and_ids_stays_text(page: Page) -> None:
    assert page.title().startswith("my task, run ")
    assert page.locator("article").nth(1).locator(".prompt").text_content() == f"Draw {EVIL}"
    assert page.locator("article").nth(1).locator("script").count() == 0


def test_cards_are_filtered_by_outcome_cost_and_text_and_ordered_by_cost(page: Page) -> None:
    page.get_by_label("Outcome").select_option("content_rejected")
    assert headings(page) == ["bad - draw"]
    page.get_by_label("Outcome").select_option("")
    page.get_by_label("Cost from").fill("0.05")
    page.get_by_label("Order").select_option("cost")
    assert headings(page) == ["kite - draw", f"{EVIL[:9]} - draw"]
    page.get_by_label("Text").fill("REVISED draw a k")
    assert headings(page) == ["kite - draw"]
    page.get_by_label("Model").select_option("gpt-image-1")
    page.get_by_label("Node").select_option("draw")
    assert page.locator("#count").text_content() == "1 of 3 cards, $0.2500, 0 rejected."


def test_rejects_are_marked_by_button_or_key_and_saved_to_a_file(page: Page, tmp_path: Path) -> None:
    page.locator("article").first.get_by_role("button", name="Reject").click()
    page.locator("article").first.focus()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("article.rejected")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save rejects").click()
    download.value.save_as(tmp_path / "rejects.jsonl")

    assert [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()] == [
        {"id": "kite", "node": "draw", "draw": 1},
        {"id": "bad", "node": "draw", "draw": 1},
    ]
    page.get_by_label("Marks").select_option("kept")
    assert headings(page) == [f"{EVIL[:9]} - draw"]


def test_the_sheet_is_one_file_that_takes_nothing_from_outside(folder: Path, tmp_path: Path, browser: Browser) -> None:
    assert main(["report", str(folder), "-o", str(tmp_path / "elsewhere" / "sheet.html")]) == 0
    asked: list[str] = []
    with page_of(browser) as page:
        page.on("request", lambda request: asked.append(request.url.partition(":")[0]))
        page.goto((tmp_path / "elsewhere" / "sheet.html").as_uri())
        links = [link.get_attribute("href") for link in page.locator("article").first.locator("a").all()]

    assert [kind for kind in asked if kind != "data"] == ["file"]
    assert links[0] == "../my%20task/photo.png"


def test_what_pillow_cannot_open_is_told_and_linked(folder: Path, browser: Browser) -> None:
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (folder / "multimodal_output" / "image" / "kite_picture_0.png").unlink()
    main(["report", str(folder)])
    with page_of(browser) as page:
        page.goto((folder / "report.html").as_uri())
        missing = page.locator("article").first.locator(".missing").all_text_contents()

    assert missing == ["can't be shown here", "not there"]


def test_a_folder_without_a_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path), "--json"]) == 2

    said = capsys.readouterr()
    sentence = f"{tmp_path} holds no run: there is no {tmp_path / '.imageway' / 'state.sqlite3'}"
    assert said.err == f"imageway: {sentence}\n"
    assert json.loads(said.out) == {"exit_code": 2, "error": sentence}


def test_the_path_of_the_sheet_is_what_is_put_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder), "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {"report": str(folder / "report.html"), "cards": 3}


@pytest.mark.parametrize("content", [b"", b"not a picture", picture()[:60]])
def test_no_file_breaks_a_thumbnail(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)

    assert thumbnails.thumbnail(tmp_path / "x") is None


def test_an_animation_and_a_drawing_have_thumbnails(tmp_path: Path) -> None:
    shown: list[Any] = []
    for content in (picture("GIF", (400, 100), "P"), b'<svg xmlns="http://www.w3.org/2000/svg"/>'):
        (tmp_path / "x").write_bytes(content)
        shown.append((thumbnails.thumbnail(tmp_path / "x") or "")[:21])

    assert shown == ["data:image/webp;base6", "data:image/svg+xml;ba"]


def test_a_report_is_written_over_nothing_that_the_run_needs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needed = {
        "data.json": "is where the records come from",
        "graph_config.yaml": "is a file of the task",
        ".imageway/state.sqlite3": f"is among the own files of the run in {folder}",
        "multimodal_output/image/kite_picture_0.png": f"is among the own files of the run in {folder}",
    }
    before = [(folder / name).read_bytes() for name in needed]

    for name, why in needed.items():
        assert main(["report", str(folder), "-o", str(folder / name)]) == 2
        assert capsys.readouterr().err == f"imageway: {folder / name} {why}; name another file\n"

    assert [(folder / name).read_bytes() for name in needed] == before


def test_what_is_no_folder_holds_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")

    assert main(["report", str(tmp_path / "file")]) == 2

    journal = tmp_path / "file" / ".imageway" / "state.sqlite3"
    assert capsys.readouterr().err == f"imageway: {tmp_path / 'file'} holds no run: there is no {journal}\n"
