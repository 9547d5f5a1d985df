import io
import random

import pytest
from PIL import Image

from fakes.gateway import specs
from imageway.contract.check import violations
from imageway.contract.errors import ImageError
from imageway.contract.request import ImageFormat, ImageRequest, Operation
from imageway.contract.sniff import image_input
from imageway.sdk.pipeline.pictures.fixes import fixed
from pictures import picture

DALLE2 = specs()["dall-e-2"]
GPT = specs()["gpt-image-1"]


def edit(*contents: bytes, prompt: str = "x", model: str = "dall-e-2") -> ImageRequest:
    images = tuple(image_input(content) for content in contents)
    return ImageRequest(operation=Operation.EDIT, model=model, params={"prompt": prompt}, images=images)


def drawn(size: tuple[int, int], kind: str = "PNG", mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    noise = random.Random(7).randbytes(size[0] * size[1] * len(mode))
    Image.frombytes(mode, size, noise).save(file, kind, **options)  # type: ignore[arg-type]  # Pillow's own options
    return file.getvalue()


def test_what_fits_is_left_alone_to_the_byte() -> None:
    request = edit(picture(size=(8, 8)), prompt="x" * 1000)

    assert fixed(request, DALLE2) == (request, ())


@pytest.mark.parametrize(
    ("prompt", "cut"),
    [
        ("a " * 501, ("a " * 500).rstrip()),
        ("a" * 999 + " b", "a" * 999),
        ("a" * 1000 + " b", "a" * 1000),
        ("ab " + "c" * 1000, "ab"),
        ("c" * 1001, "c" * 1000),
    ],
)
def test_prompts_are_cut_at_a_words_end(prompt: str, cut: str) -> None:
    request, told = fixed(
        ImageRequest(operation=Operation.GENERATE, model="dall-e-2", params={"prompt": prompt, "n": 2}), DALLE2
    )

    assert request.params == {"prompt": cut, "n": 2}
    assert told == (f"prompt cut from {len(prompt):,} to {len(cut):,} characters",)


def test_a_photo_becomes_a_square_png_with_alpha() -> None:
    request, told = fixed(edit(drawn((12, 8), "JPEG")), DALLE2)

    assert told == (
        "picture 1 written as PNG",
        "picture 1 given an alpha channel",
        "picture 1 padded to a square of 12 px",
    )
    (image,) = request.images
    assert (image.facts.format, image.facts.width_px, image.facts.height_px) == (ImageFormat.PNG, 12, 12)
    assert violations(request, DALLE2) == ()
    with Image.open(io.BytesIO(image.content)) as opened:
        corner, inside = opened.getpixel((0, 0)), opened.getpixel((0, 2))
        assert (corner, isinstance(inside, tuple) and inside[3]) == ((0, 0, 0, 0), 255)


def test_a_large_picture_is_scaled_below_the_limit() -> None:
    content = drawn((1100, 1100), mode="RGBA")
    assert len(content) > 4 * 1024**2

    request, told = fixed(edit(content), DALLE2)

    (image,) = request.images
    assert violations(request, DALLE2) == ()
    edge = image.facts.width_px
    assert told == (f"picture 1 scaled to {edge}x{edge} px, to be at most 4,194,303 bytes",)
    assert edge > 900


def test_an_upright_photo_stays_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.new("RGB", (12, 8), "red")
    turned.paste("blue", (0, 0, 6, 8))
    file = io.BytesIO()
    turned.save(file, "JPEG", exif=exif)

    request, told = fixed(edit(file.getvalue()), DALLE2)

    assert told[0] == "picture 1 turned as its EXIF says"
    with Image.open(io.BytesIO(request.images[0].content)) as opened:
        above, below = opened.getpixel((6, 2)), opened.getpixel((6, 9))
    assert above[2] > 2 * above[0]  # type: ignore[index,operator]  # pixels of four parts
    assert below[0] > 2 * below[2]  # type: ignore[index,operator]  # the same


def test_each_picture_is_mended_by_itself_and_none_is_dropped() -> None:
    good = picture(size=(8, 8))

    request, told = fixed(edit(good, drawn((4, 4), "BMP"), good, model="gpt-image-1"), GPT)

    assert told == ("picture 2 written as PNG",)
    assert [request.images[index].content for index in (0, 2)] == [good, good]
    assert [image.facts.format for image in request.images] == [ImageFormat.PNG] * 3


def test_frames_that_get_lost_are_told() -> None:
    file = io.BytesIO()
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])

    _, told = fixed(edit(file.getvalue(), model="gpt-image-1"), GPT)

    assert told == ("picture 1 taken by the first of its 2 frames", "picture 1 written as PNG")


def test_what_cannot_be_read_is_refused() -> None:
    broken = drawn((4, 4), "BMP")[:40]
    with pytest.raises(ImageError) as caught:
        fixed(edit(broken, model="gpt-image-1"), GPT)

    assert caught.value.message.startswith("The picture can't be mended: it can't be read (")
