"""The seed's four examples run as they are written, their pictures put in for the dots in their data."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import FakeGateway, data_url
from imageway.sdk.cli import main
from loopback import serving
from pictures import picture

SEED = Path(__file__).parents[1] / "cases" / "seed"
PNG, JPEG, WEBP = picture(), picture("JPEG", mode="RGB"), picture("WEBP")


def _run(folder: Path, name: str, records: list[dict[str, Any]] | None = None) -> tuple[list[Any], FakeGateway]:
    """The rows, with pictures by their names, of the example *name* over its own data or over *records*."""
    task, gateway = folder / name, FakeGateway()
    shutil.copytree(SEED / name, task)
    if records is not None:
        (data,) = (task / "data").iterdir()
        data.write_text(json.dumps(records))
    with serving(gateway) as url:
        assert main(["run", str(task), "--gateway", url, "--concurrency", "1"]) == 0
    text = (task / "output.json").read_text()
    return json.loads(text.replace(f"{task}/multimodal_output/image/", "")), gateway


def test_product_images_are_drawn_in_hd(tmp_path: Path) -> None:
    rows, gateway = _run(tmp_path, "products")

    assert [asked.json for asked in gateway.drawn_requests] == [
        {
            "model": "dall-e-3",
            "prompt": f"A professional product photo of {what}.\n"
            "Studio lighting, white background, high quality, commercial photography.",
            "size": "1024x1024",
            "quality": "hd",
            "style": "natural",
            "response_format": "b64_json",
        }
        for what in (
            "Wireless Headphones: Premium over-ear headphones with noise cancellation, matte black finish",
            "Smart Watch: Modern fitness tracker with OLED display, silver aluminum case",
        )
    ]
    assert rows == [
        {"id": "1", "product_name": "Wireless Headphones", "product_image": "1_product_image_0.png"},
        {"id": "2", "product_name": "Smart Watch", "product_image": "2_product_image_0.png"},
    ]


@pytest.mark.parametrize("content", [PNG, JPEG, WEBP], ids=["png", "jpeg", "webp"])
def test_backgrounds_are_edited_and_the_input_stays_as_it_was(tmp_path: Path, content: bytes) -> None:
    photo = data_url(content)

    rows, gateway = _run(tmp_path, "background", [{"id": "1", "original_image": photo}])

    (asked,) = gateway.drawn_requests
    assert (asked.path, [file[3] for file in asked.files]) == ("/v1/images/edits", [content])
    assert dict(asked.texts) == {
        "model": "gpt-image-1",
        "prompt": "Remove the background and replace it with a solid white background. Keep the subject unchanged.",
        "size": "1024x1024",
        "quality": "medium",
    }
    assert rows == [{"id": "1", "original_image": photo, "edited_image": "1_edited_image_0.png"}]


def test_three_pictures_of_three_kinds_become_a_collage_each_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "c.webp").write_bytes(WEBP)
    record = {"id": "1", "image_1": data_url(PNG), "image_2": data_url(JPEG, "image/jpeg")}

    rows, gateway = _run(tmp_path, "collage", [{**record, "image_3": str(tmp_path / "c.webp")}])

    (asked,) = gateway.drawn_requests
    assert [(name, type_, content) for name, _, type_, content in asked.files] == [
        ("image[]", "image/png", PNG),
        ("image[]", "image/jpeg", JPEG),
        ("image[]", "image/webp", WEBP),
    ]
    assert rows == [{"id": "1", "collage": "1_collage_0.png"}]


def test_five_variations_are_five_files_of_one_call(tmp_path: Path) -> None:
    rows, gateway = _run(tmp_path, "variations")

    concept = "A futuristic city skyline at sunset with flying cars"
    assert [asked.json for asked in gateway.drawn_requests] == [
        {"model": "dall-e-2", "prompt": concept, "size": "512x512", "n": 5, "response_format": "b64_json"}
    ]
    assert rows == [{"id": "1", "concept": concept, "images": [f"1_images_{index}.png" for index in range(5)]}]
