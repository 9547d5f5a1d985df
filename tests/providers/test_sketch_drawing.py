import io
import itertools
import math
from collections import deque

import pytest
from PIL import Image

from imageway.contract.request import ImageRequest, JsonValue, Operation
from imageway.providers.sketch.drawing import draw

TWENTY_PROMPTS = (
    "A professional product photo of Wireless Headphones: Premium over-ear headphones with noise cancellation, matte"
    " black finish. Studio lighting, white background, high quality, commercial photography.",
    "A professional product photo of Smart Watch: Fitness tracker with heart rate monitor."
    " Studio lighting, white background, high quality, commercial photography.",
    "A futuristic city skyline at sunset with flying cars",
    "a red fox in snow",
    "a blue fox in snow",
    "three red circles",
    "five red circles",
    "three red circles on a white background",
    "a cat under a tree at night",
    "a sailboat on the sea at sunset",
    "a castle in the mountains at dawn",
    "two yellow fish underwater",
    "a rocket in space",
    "a coffee cup on a table",
    "the sound of silence",
    "quarterly growth",
    "joy",
    "a lighthouse on a stormy beach",
    "seven golden stars on a navy background",
    "a purple butterfly over a meadow",
)


def pictures(prompt: str, model: str = "gpt-image-1", **params: JsonValue) -> list[bytes]:
    asked: dict[str, JsonValue] = {"prompt": prompt, "quality": "low", "size": "512x512", **params}
    request = ImageRequest(operation=Operation.GENERATE, model=model, params=asked)
    return [image.content for image in draw(model, request, 0).images]


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def difference_hash(picture: Image.Image) -> tuple[bool, ...]:
    grey = picture.convert("L").resize((9, 8), Image.Resampling.BOX).tobytes()
    return tuple(grey[row * 9 + column] < grey[row * 9 + column + 1] for row in range(8) for column in range(8))


def cosine_hash(picture: Image.Image) -> tuple[bool, ...]:
    grey = picture.convert("L").resize((32, 32), Image.Resampling.BOX).tobytes()
    waves = [[math.cos(math.pi * order * (2 * at + 1) / 64) for at in range(32)] for order in range(8)]
    rows = [[sum(grey[row * 32 + at] * wave[at] for at in range(32)) for wave in waves] for row in range(32)]
    cells = [sum(rows[row][across] * wave[row] for row in range(32)) for wave in waves for across in range(8)]
    median = sorted(cells[1:])[31]
    return tuple(cell > median for cell in cells)


def blots(picture: Image.Image, colour: tuple[int, int, int], reach: int = 70) -> int:
    """How many separate areas are near *colour*."""
    small = picture.convert("RGB").resize((128, 128), Image.Resampling.BOX)
    pixels = small.tobytes()
    near = {
        at for at in range(128 * 128)
        if all(abs(pixels[at * 3 + part] - colour[part]) < reach for part in range(3))
    }  # fmt: skip
    count = 0
    while near:
        waiting, area = deque([near.pop()]), 0
        while waiting:
            at = waiting.popleft()
            area += 1
            for step in (at - 1, at + 1, at - 128, at + 128):
                if step in near:
                    near.remove(step)
                    waiting.append(step)
        count += area > 12
    return count


def test_twenty_prompts_give_twenty_pictures_that_look_different() -> None:
    drawn = [opened(pictures(prompt)[0]) for prompt in TWENTY_PROMPTS]

    for hashed in (difference_hash, cosine_hash):
        hashes = [hashed(picture) for picture in drawn]
        distances = {
            (one, other): sum(a != b for a, b in zip(hashes[one], hashes[other], strict=True))
            for one, other in itertools.combinations(range(20), 2)
        }
        closest = min(distances, key=distances.__getitem__)
        assert distances[closest] >= 10, (hashed.__name__, [TWENTY_PROMPTS[at] for at in closest])


def test_the_same_request_gives_the_same_bytes_and_the_model_does_not_matter() -> None:
    assert pictures("a red fox in snow") == pictures("a red fox in snow")
    assert pictures("a red fox in snow") == pictures("a red fox in snow", model="gpt-image-2")


@pytest.mark.parametrize("count", ["one", "three", "five", "nine"])
def test_a_count_of_circles_is_the_count_that_is_drawn(count: str) -> None:
    picture = opened(pictures(f"{count} red circles on a white background")[0])

    assert blots(picture, (214, 40, 48)) == {"one": 1, "three": 3, "five": 5, "nine": 9}[count]


def test_a_white_background_is_white_to_the_corners() -> None:
    picture = opened(pictures("product photo of headphones, white background")[0]).convert("RGB")

    corners = [picture.getpixel((x, y)) for x in (4, 507) for y in (4, 507)]
    assert all(min(corner) > 225 for corner in corners if isinstance(corner, tuple))


def test_several_pictures_of_one_request_differ() -> None:
    drawn = pictures("a red fox in snow", n=3)

    hashes = [cosine_hash(opened(content)) for content in drawn]
    assert len(drawn) == 3
    assert all(sum(a != b for a, b in zip(*pair, strict=True)) >= 6 for pair in itertools.combinations(hashes, 2))


def test_every_quality_is_another_picture() -> None:
    qualities = ("low", "medium", "high", "xhigh", "max")

    assert len({pictures("a tree", quality=quality)[0] for quality in qualities}) == len(qualities)


@pytest.mark.parametrize("size", ["256x256", "1024x1536", "1792x1024", "1280x720"])
def test_the_picture_has_the_asked_size(size: str) -> None:
    picture = opened(pictures("joy", size=size)[0])

    assert f"{picture.width}x{picture.height}" == size


@pytest.mark.parametrize("size", [None, "auto"])
def test_without_a_size_the_picture_is_square(size: str | None) -> None:
    assert opened(pictures("joy", size=size)[0]).size == (1024, 1024)


@pytest.mark.parametrize(("output_format", "kind"), [(None, "PNG"), ("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_the_picture_has_the_asked_format(output_format: str | None, kind: str) -> None:
    assert opened(pictures("joy", output_format=output_format)[0]).format == kind


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
@pytest.mark.parametrize("prompt", ["joy", "a fox"])
def test_less_compression_quality_makes_a_smaller_file(output_format: str, prompt: str) -> None:
    sizes = [len(pictures(prompt, output_format=output_format, output_compression=level)[0]) for level in (0, 50, 100)]

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


@pytest.mark.parametrize("output_format", ["png", "webp"])
@pytest.mark.parametrize("prompt", ["two red stars", "joy"])
def test_a_transparent_background_is_transparent_around_what_is_drawn(output_format: str, prompt: str) -> None:
    picture = opened(pictures(prompt, background="transparent", output_format=output_format)[0])

    alpha = picture.getchannel("A")
    assert alpha.getpixel((2, 2)) == 0
    assert alpha.getextrema() == (0, 255)


def test_an_opaque_picture_has_no_alpha_channel() -> None:
    assert opened(pictures("two red stars")[0]).mode == "RGB"


def test_vivid_is_more_saturated_than_natural() -> None:
    def saturation(style: str) -> int:
        content = pictures("a red fox in snow", "dall-e-3", style=style, quality="hd", response_format="b64_json")[0]
        return sum(opened(content).convert("HSV").getchannel("S").resize((32, 32)).tobytes())

    assert saturation("vivid") > saturation("natural") * 1.2


@pytest.mark.parametrize("prompt", ["", "   ", "日本語の詩", "0 circles", "a " * 2000, "99999999999999999999 cats"])
def test_any_prompt_is_drawn(prompt: str) -> None:
    assert opened(pictures(prompt, size="256x256")[0]).size == (256, 256)
