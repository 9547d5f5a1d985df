"""Every word that sketch claims to know draws something of its own."""

import io

import pytest
from PIL import Image

from imageway.contract.request import ImageRequest, Operation
from imageway.providers.sketch.drawing import draw
from imageway.providers.sketch.figures import _DRAW
from imageway.providers.sketch.prompt import _SUBJECTS


def drawn(prompt: str) -> Image.Image:
    params = {"prompt": prompt, "size": "256x256", "response_format": "b64_json", "quality": "standard"}
    request = ImageRequest(operation=Operation.GENERATE, model="m", params=dict(params))
    image = Image.open(io.BytesIO(draw("dall-e-2", request, 1).images[0].content)).convert("L")
    image.load()
    return image


def test_every_subject_has_a_word_and_every_word_a_drawing() -> None:
    assert sorted(_SUBJECTS) == sorted(_DRAW)


@pytest.mark.parametrize("subject", sorted(_DRAW))
def test_every_subject_stands_out_from_a_white_ground(subject: str) -> None:
    alone = drawn(f"one purple {subject} on a white background")

    darker = sum(alone.histogram()[:200]) / (256 * 256)
    assert 0.01 < darker < 0.8
