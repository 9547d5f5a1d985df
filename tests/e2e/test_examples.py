"""The examples, run as a newcomer would: one command each, real files, pictures that open."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def imageway(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("imageway"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def run(task: str, output: Path) -> list[dict[str, Any]]:
    ran = imageway("run", f"examples/{task}", "-o", output)
    assert ran.returncode == 0, ran.stderr
    assert "sketch" in ran.stderr
    assert ran.stdout.strip() == str(output / "output.json")
    records: list[dict[str, Any]] = json.loads((output / "output.json").read_text(encoding="utf-8"))
    return records


def size_of(path: str) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        return image.size


def test_product_images_are_drawn_for_every_record(tmp_path: Path) -> None:
    records = run("product_images", tmp_path)

    folder = tmp_path / "multimodal_output" / "image"
    assert records == [
        {
            "id": "1",
            "product_name": "Wireless Headphones",
            "product_image": str(folder / "1_product_image_0.png"),
        },
        {"id": "2", "product_name": "Smart Watch", "product_image": str(folder / "2_product_image_0.png")},
    ]
    assert [size_of(record["product_image"]) for record in records] == [(1024, 1024)] * 2


def test_backgrounds_of_photographs_are_replaced(tmp_path: Path) -> None:
    records = run("edit_background", tmp_path)

    assert [record["original_image"] for record in records] == ["photos/coffee.png", "photos/astronaut.png"]
    assert [size_of(record["edited_image"]) for record in records] == [(1024, 1024)] * 2


def test_three_photographs_become_one_collage(tmp_path: Path) -> None:
    [record] = run("collage", tmp_path)

    assert record["id"] == "1"
    assert Path(record["collage"]).name == "1_collage_0.png"
    assert min(size_of(record["collage"])) >= 1024


def test_one_call_gives_five_variations(tmp_path: Path) -> None:
    [record] = run("variations", tmp_path)

    assert record["concept"] == "A futuristic city skyline at sunset with flying cars"
    assert [Path(path).name for path in record["images"]] == [f"1_images_{index}.png" for index in range(5)]
    assert [size_of(path) for path in record["images"]] == [(512, 512)] * 5
    assert len({Path(path).read_bytes() for path in record["images"]}) == 5


def test_a_graph_picks_one_of_three_drafts_and_finishes_it(tmp_path: Path) -> None:
    records = run("best_of_three", tmp_path)

    assert [len(record["drafts"]) for record in records] == [3, 3]
    assert [size_of(record["picture"]) for record in records] == [(1024, 1024), (1536, 1024)]


@pytest.mark.parametrize("task", ["product_images", "edit_background", "collage", "variations", "best_of_three"])
def test_the_examples_have_no_faults(task: str) -> None:
    checked = imageway("check", f"examples/{task}")

    assert checked.returncode == 0, checked.stderr


def test_the_demo_draws_everything_and_prints_the_paths(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "examples" / "demo.py", tmp_path], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr
    paths = ran.stdout.rsplit("10 pictures:\n", 1)[1].splitlines()
    assert len(paths) == 10
    assert all(size_of(path) for path in paths)


def test_a_task_folder_is_its_own_output_folder(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples" / "variations", tmp_path / "task")

    ran = imageway("run", tmp_path / "task")

    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "task" / "multimodal_output" / "image" / "1_images_4.png").is_file()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("name: dalle3_model", "name: dalle9"), "dalle9"),
        (('size: "1024x1024"', 'size: "512x512"'), "512x512"),
        (("parameters:", "paramaters:"), 'did you mean "parameters"?'),
    ],
)
def test_refusals_of_the_built_in_gateway_are_told_without_a_traceback(
    tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    task = tmp_path / "task"
    shutil.copytree(ROOT / "examples" / "product_images", task)
    config = task / "graph_config.yaml"
    config.write_text(config.read_text().replace(*change))

    ran = imageway("run", task, "-o", tmp_path / "out")

    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stderr
    assert sentence in ran.stderr
    assert ran.stdout == ""


def test_an_output_folder_that_is_a_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")

    ran = imageway("run", "examples/variations", "-o", tmp_path / "taken")

    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert "can't write to" in ran.stderr
