"""The page at `/ui`, in a real browser against a real gateway."""

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from browser import chromium, page_of
from imageway.gateway.access.keyring import KeySettings
from imageway.gateway.app import create_app
from imageway.gateway.settings import ServerSettings, Settings, sketch_only
from loopback import serving
from pictures import picture

FLARE = "gpt-image-2.5-flare"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    with served(sketch_only()) as url:
        yield url


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    with serving(create_app(settings), lifespan="on") as url:
        yield url


@pytest.fixture
def page(browser: Browser, gateway: str) -> Iterator[Page]:
    with page_of(browser) as opened:
        opened.goto(f"{gateway}/ui")
        expect(opened.get_by_label("Model", exact=True)).to_be_enabled()
        yield opened


def choose(page: Page, model: str) -> None:
    page.get_by_label("Model", exact=True).select_option(model)


def fill(page: Page, label: str, text: str) -> None:
    page.get_by_label(label, exact=True).fill(text)


def labels(page: Page) -> list[str]:
    return page.locator("#controls label").all_text_contents()


def drawn(page: Page) -> list[tuple[int, int, str]]:
    """Width, height and alternative text of each finished picture."""
    pictures = page.locator("#pictures img")
    return [
        (
            image.evaluate("i => i.naturalWidth"),
            image.evaluate("i => i.naturalHeight"),
            image.get_attribute("alt") or "",
        )
        for image in pictures.all()
    ]


def test_a_model_brings_its_own_controls_and_no_others(page: Page) -> None:
    choose(page, "dall-e-3")
    assert labels(page) == ["prompt", "size", "quality", "n", "style"]
    assert page.get_by_label("size").locator("option").all_text_contents() == [
        "not set (1024x1024)",
        "1024x1024",
        "1792x1024",
        "1024x1792",
    ]
    assert page.locator("#operations input").count() == 1

    choose(page, FLARE)
    assert {"complexity", "background", "output_format"} <= set(labels(page))
    assert "style" not in labels(page)
    assert page.locator("#operations label").all_text_contents() == ["generate", "edit"]


def test_faults_and_price_are_told_while_typing(page: Page) -> None:
    choose(page, FLARE)
    fill(page, "prompt", "a kite")
    expect(page.locator("#price")).to_have_text(f"Costs nothing; drawn by sketch/{FLARE}")
    expect(page.locator("#send")).to_be_enabled()

    fill(page, "size", "300x300")
    fill(page, "n", "11")

    expect(page.locator("#price")).to_have_text("Nothing would be sent.")
    expect(page.locator("#send")).to_be_disabled()
    expect(page.locator("#violations li")).to_have_count(2)
    expect(page.get_by_label("size")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("size")).to_have_accessible_description(
        "WIDTHxHEIGHT in steps of 16 px, edges up to 3840 px, at most 3:1"
        " Invalid size '300x300'. Width and height must both be divisible by 16."
    )


def test_previews_arrive_before_the_picture(page: Page) -> None:
    choose(page, FLARE)
    fill(page, "prompt", "a red kite over the sea")
    fill(page, "size", "1024x1024")
    page.get_by_label("stream", exact=True).select_option("true")
    fill(page, "partial_images", "2")
    page.evaluate(
        """() => { window.seen = []; new MutationObserver(() => {
            const image = document.querySelector('#pictures img');
            if (image && seen.at(-1) !== image.alt + image.src.length) window.seen.push(image.alt + image.src.length);
        }).observe(document.getElementById('pictures'), {childList: true, subtree: true}); }"""
    )
    page.get_by_role("button", name="Draw").click()

    expect(page.locator("#progress")).to_contain_text("Done in")
    assert drawn(page) == [(1024, 1024, "Picture 1 for: a red kite over the sea")]
    assert [text.startswith("Preview") for text in page.evaluate("window.seen")] == [True, True, False]


def test_several_pictures_come_from_the_keyboard_alone(page: Page) -> None:
    choose(page, FLARE)
    page.get_by_label("prompt", exact=True).focus()
    page.keyboard.type("tulips")
    page.keyboard.press("Tab")
    page.keyboard.type("1024x1024")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("2")
    expect(page.locator("#send")).to_be_enabled()
    page.keyboard.press("Enter")

    expect(page.locator("#progress")).to_contain_text("Done in")
    assert drawn(page) == [(1024, 1024, "Picture 1 for: tulips"), (1024, 1024, "Picture 2 for: tulips")]


def test_pictures_dropped_on_the_page_are_edited_in_their_order(page: Page) -> None:
    choose(page, "gpt-image-2")
    page.get_by_label("edit", exact=True).check()
    fill(page, "prompt", "a collage")
    fill(page, "size", "1024x1024")
    expect(page.locator("#violations li")).to_have_text(
        "Missing required parameter: 'image'. Allowed: 1 to 16 pictures."
    )
    page.locator("#f-image").set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": picture(colour=colour)} for name, colour in PAIR]
    )
    dropped = page.evaluate_handle(
        """content => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(content)], 'third.png', {type: 'image/png'})); return data; }""",
        list(picture(colour=(0, 0, 255, 255))),
    )
    page.locator(".drop").first.dispatch_event("drop", {"dataTransfer": dropped})

    assert [text.split(" (")[0] for text in page.locator("#files li span").all_text_contents()] == [
        "first.png",
        "second.png",
        "third.png",
    ]
    page.get_by_label("Remove second.png").click()
    expect(page.locator("#send")).to_be_enabled()
    page.locator("#send").click()
    expect(page.locator("#progress")).to_contain_text("Done in")
    assert drawn(page) == [(1024, 1024, "Picture 1 for: a collage")]


PAIR = (("first.png", (255, 0, 0, 255)), ("second.png", (0, 255, 0, 255)))


def test_markup_in_a_prompt_is_shown_as_text(page: Page) -> None:
    prompt = "<img src=x onerror='document.title=1'> \"quotes\" & {braces}"
    choose(page, FLARE)
    fill(page, "prompt", prompt)
    fill(page, "size", "1024x1024")
    expect(page.locator("#send")).to_be_enabled()
    page.locator("#send").click()

    expect(page.locator("#progress")).to_contain_text("Done in")
    assert drawn(page) == [(1024, 1024, f"Picture 1 for: {prompt}")]
    assert page.title() == "Try a model - imageway"


PROMPT = 'it\'s a "kite" & {more} $HOME\nin two lines'


@pytest.mark.parametrize("language", ["curl", "Python", "YAML"])
def test_a_copied_request_draws_what_the_page_would(page: Page, gateway: str, tmp_path: Path, language: str) -> None:
    choose(page, FLARE)
    fill(page, "prompt", PROMPT)
    fill(page, "size", "1280x720")
    page.get_by_label("output_format").select_option("jpeg")
    page.get_by_label("complexity").select_option("low")
    page.locator("#snippets summary").click()
    page.get_by_role("tab", name=language).click()
    text = page.locator("#snippet").text_content() or ""

    assert drawn_by(language, text, gateway, tmp_path) == (1280, 720, "JPEG")


def drawn_by(language: str, text: str, gateway: str, folder: Path) -> tuple[int, int, str]:
    if language == "Python":
        subprocess.run([sys.executable, "-W", "ignore", "-c", text], cwd=folder, check=True, capture_output=True)
        content = (folder / "picture_0.jpeg").read_bytes()
    elif language == "curl":
        ran = subprocess.run(
            ["sh", "-c", text.replace("curl ", "curl -sS --fail ", 1)], check=True, capture_output=True
        )
        content = base64.b64decode(json.loads(ran.stdout)["data"][0]["b64_json"])
    else:
        (folder / "graph_config.yaml").write_text(text)
        (folder / "data.json").write_text(text.splitlines()[1].removeprefix("# "))
        run = [sys.executable, "-m", "imageway.sdk.cli", "run", str(folder), "--gateway", gateway]
        subprocess.run(run, check=True, capture_output=True)
        [file] = (folder / "multimodal_output" / "image").glob("1_picture_0.*")
        content = file.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        return (*image.size, image.format or "")


def test_a_gateway_with_keys_asks_for_one_and_shows_what_it_may_use(browser: Browser) -> None:
    key = KeySettings(name="few", sha256=sha256(b"imw_few").hexdigest(), models=["dall-e-3"])
    with served(replace(sketch_only(), keys=(key,))) as url, page_of(browser) as page:
        page.goto(f"{url}/ui")
        page.get_by_label("API key").fill("imw_wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#fault")).to_contain_text("Incorrect API key provided.")
        page.get_by_label("API key").fill("imw_few")
        page.keyboard.press("Enter")

        expect(page.locator("#model option")).to_have_text(["dall-e-3"])
        assert page.locator("#fault").text_content() == ""


def test_a_refusal_at_the_end_is_told_with_its_request(page: Page) -> None:
    choose(page, FLARE)
    fill(page, "prompt", "a kite")
    expect(page.locator("#send")).to_be_enabled()
    page.route("**/v1/images/generations", lambda route: route.fulfill(status=502, body=ANOTHER_SERVERS))
    page.locator("#send").click()

    expect(page.locator("#fault")).to_have_text("The gateway answered with status 502.")


ANOTHER_SERVERS = "<html>Bad gateway</html>"


def test_every_control_has_a_name_for_screen_readers(page: Page) -> None:
    choose(page, FLARE)
    page.get_by_label("edit", exact=True).check()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('input, select, textarea, button')]
            .filter(e => !(e.labels?.length || e.ariaLabel || e.textContent.trim())).map(e => e.outerHTML)"""
    )
    assert nameless == []


def test_the_page_takes_nothing_from_outside() -> None:
    with served(sketch_only()) as url, httpx.Client(base_url=url) as client:
        page = client.get("/ui")
        style = client.get("/ui/style.css")
        again = client.get("/ui/style.css", headers={"if-none-match": style.headers["etag"]})

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self';"
    )
    assert "//" not in page.text
    assert (style.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.parametrize("path", ["/ui/page.html", "/ui/..%2Fapp.py", "/ui/__init__.py", "/ui/nothing.js"])
def test_only_the_pages_own_files_are_served(gateway: str, path: str) -> None:
    assert httpx.get(gateway + path).status_code == 404


def test_the_page_can_be_left_out() -> None:
    with served(replace(sketch_only(), server=ServerSettings(ui=False))) as url:
        assert [httpx.get(url + path).status_code for path in ("/ui", "/ui/main.js")] == [404, 404]
