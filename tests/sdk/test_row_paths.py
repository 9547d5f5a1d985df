"""Rows as the journal keeps them, and as they are read again."""

import json
from pathlib import Path

import pytest

from imageway.sdk.pipeline.files.sink import picture_folder
from imageway.sdk.pipeline.journal.row_paths import packer, unpacked


@pytest.mark.parametrize("output", [Path(Path.cwd().anchor), Path.cwd() / "out"], ids=["a root", "a folder"])
def test_a_picture_is_called_as_it_was_once_its_row_is_read(output: Path) -> None:
    row = {"pic": str(picture_folder(output) / "1_pic_0.png"), "all": [str(picture_folder(output) / "1_pic_1.png")]}

    kept = json.loads(packer(output)(row))

    assert unpacked(kept, output, relative=False) == row
    assert unpacked(kept, output, relative=True) == {
        "pic": "multimodal_output/image/1_pic_0.png",
        "all": ["multimodal_output/image/1_pic_1.png"],
    }
