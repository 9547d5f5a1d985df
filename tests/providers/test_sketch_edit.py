import io

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from imageway.contract.content import BytesContent
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.sniff import image_input
from imageway.providers.sketch.drawing import draw

RED, GREEN, BLUE, BEIGE = (200, 30, 30), (30, 160, 40), (30, 60, 200), (220, 200, 170)


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def portrait(size: tuple[int, int] = (256, 256), ground: tuple[int, int, int] = BEIGE) -> Image.Image:
    """A red disc in the middle of an even ground."""
    picture = Image.new("RGB", size, ground)
    x, y, radius = size[0] / 2, size[1] / 2, min(size) / 4
    ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), fill=RED)
    return picture


def edited(
    *images: bytes, mask: bytes | None = None, operation: str = "edit", **params: JsonValue
) -> list[Image.Image]:
    request = ImageRequest(
        operation=Operation(operation),
        model="gpt-image-1",
        params={"size": "256x256", "quality": "low", **params},
        images=tuple(image_input(image) for image in images),
        mask=image_input(mask) if mask is not None else None,
    )
    return [Image.open(io.BytesIO(image.content)) for image in draw("gpt-image-1", request, 0).images]


def like(picture: Image.Image, at: tuple[int, int], colour: tuple[int, int, int], reach: int = 40) -> bool:
    pixel = picture.convert("RGB").getpixel(at)
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= reach for a, b in zip(pixel, colour, strict=True))


def apart(one: Image.Image, other: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean) / 3


def test_a_removed_background_turns_white_and_the_subject_stays() -> None:
    prompt = "Remove the background and replace it with a solid white background. Keep the subject unchanged."
    (picture,) = edited(saved(portrait()), prompt=prompt)

    assert [picture.getpixel(at) for at in ((3, 3), (250, 5), (128, 30))] == [(255, 255, 255)] * 3
    assert picture.getpixel((128, 128)) == RED


def test_a_removed_background_is_transparent_where_that_is_asked_for() -> None:
    (picture,) = edited(saved(portrait()), prompt="remove the background", background="transparent")

    assert picture.getpixel((3, 3)) == (*BEIGE, 0)
    assert picture.getpixel((128, 128)) == (*RED, 255)


@pytest.mark.parametrize("count", [2, 3, 5, 16])
@pytest.mark.parametrize("prompt", ["a 3-panel collage with white borders", "holiday memories"])
def test_a_collage_shows_every_picture(count: int, prompt: str) -> None:
    colours = [(255 - 13 * at, 30 + (at * 53) % 200, (at * 97) % 240) for at in range(count)]
    sizes = [(120, 80), (80, 120), (100, 100)]
    (page,) = edited(*(saved(Image.new("RGB", sizes[at % 3], colours[at])) for at in range(count)), prompt=prompt)

    seen = page.convert("RGB").getcolors(65536)
    assert seen is not None
    counts = {colour: amount for amount, colour in seen}
    assert all(counts.get(colour, 0) > 256 * 256 / count / 12 for colour in colours)


@pytest.mark.parametrize("size", [(1000, 1), (1, 1000)])
@pytest.mark.parametrize("prompt", ["a grid", "memories"])
def test_sixteen_pictures_of_extreme_shape_still_make_a_page(size: tuple[int, int], prompt: str) -> None:
    assert edited(*[saved(Image.new("RGB", size, RED))] * 16, prompt=prompt)[0].size == (256, 256)


def test_the_borders_of_a_collage_have_the_named_colour() -> None:
    images = [saved(Image.new("RGB", (100, 100), colour)) for colour in (RED, GREEN, BLUE)]

    assert edited(*images, prompt="a collage with white borders")[0].getpixel((1, 1)) == (255, 255, 255)
    assert like(edited(*images, prompt="a collage with blue borders")[0], (1, 1), (36, 92, 206), 0)


def test_a_mask_limits_the_change_to_what_is_transparent_in_it() -> None:
    original = portrait()
    mask = Image.new("RGBA", (256, 256), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (40, 60, 140, 200))
    (picture,) = edited(saved(original), mask=saved(mask), prompt="a green forest at night")

    changed = ImageChops.difference(picture, original)
    assert apart(picture.crop((40, 60, 140, 200)), original.crop((40, 60, 140, 200))) > 20
    changed.paste((0, 0, 0), (40, 60, 140, 200))
    assert changed.getbbox() is None


def test_a_mask_without_transparency_changes_nothing() -> None:
    mask = Image.new("RGBA", (256, 256), (0, 0, 0, 255))
    (picture,) = edited(saved(portrait()), mask=saved(mask), prompt="a forest")

    assert ImageChops.difference(picture, portrait()).getbbox() is None


def test_transparent_parts_of_a_picture_without_mask_are_filled() -> None:
    cut_out = portrait().convert("RGBA")
    cut_out.paste((0, 0, 0, 0), (0, 0, 256, 40))
    (picture,) = edited(saved(cut_out), prompt="a sunset over the sea")

    assert ImageChops.difference(picture.crop((0, 40, 256, 256)), portrait().crop((0, 40, 256, 256))).getbbox() is None
    assert len(picture.crop((0, 0, 256, 40)).getcolors(65536) or []) > 50


@pytest.mark.parametrize(
    "prompt",
    ["sepia", "black and white", "make it green", "add a border", "a sunset", "night", "snow", "happy", "a cartoon"],
)
def test_every_edit_is_visible_and_leaves_the_subject_where_it_was(prompt: str) -> None:
    (picture,) = edited(saved(portrait()), prompt=prompt)

    assert apart(picture, portrait()) > 4
    middle, above = (picture.crop(box) for box in ((110, 110, 146, 146), (110, 24, 146, 48)))
    assert apart(middle.resize((8, 8)), above.resize((8, 8))) > 15


@pytest.mark.parametrize("prompt", ["remove the background", "sepia", "happy"])
@pytest.mark.parametrize("background", ["opaque", "transparent"])
def test_several_edits_of_one_request_differ(prompt: str, background: str) -> None:
    one, other = edited(saved(portrait()), prompt=prompt, background=background, n=2)

    assert apart(one, other) > 1


def test_a_variation_is_derived_from_its_picture() -> None:
    pictures = edited(saved(portrait()), operation="variation", n=2)

    assert all(apart(picture, portrait()) < 90 for picture in pictures)
    assert all(apart(picture, portrait()) > 4 for picture in pictures)
    assert apart(*pictures) > 3


def test_a_wide_picture_is_not_distorted() -> None:
    (picture,) = edited(saved(portrait((400, 200))), prompt="remove the background")

    box = ImageChops.difference(picture, Image.new("RGB", picture.size, (255, 255, 255))).getbbox()
    assert box is not None
    assert abs((box[2] - box[0]) - (box[3] - box[1])) <= 4


@pytest.mark.parametrize(
    ("size", "drawn"), [((300, 300), (1024, 1024)), ((300, 200), (1536, 1024)), ((20, 90), (1024, 1536))]
)
def test_auto_takes_the_size_nearest_to_the_picture(size: tuple[int, int], drawn: tuple[int, int]) -> None:
    assert edited(saved(portrait(size)), prompt="sepia", size="auto")[0].size == drawn


def test_the_orientation_in_the_exif_data_is_followed() -> None:
    picture = Image.new("RGB", (200, 200), BEIGE)
    picture.paste(RED, (0, 0, 200, 100))
    exif = Image.Exif()
    exif[0x0112] = 3
    mask = Image.new("RGBA", (200, 200), (0, 0, 0, 255))
    (upright,) = edited(saved(picture, "JPEG", exif=exif, quality=95), mask=saved(mask), prompt="x")

    assert like(upright, (128, 30), BEIGE)
    assert like(upright, (128, 220), RED)


def _sixteen_bit() -> bytes:
    return saved(Image.frombytes("I;16", (64, 64), b"\x00\x80" * 4096))


def _palette() -> bytes:
    picture = portrait((64, 64)).quantize(8)
    return saved(picture, transparency=0)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(_sixteen_bit(), id="16 bit PNG"),
        pytest.param(_palette(), id="palette PNG with transparency"),
        pytest.param(saved(portrait((64, 64)).convert("CMYK"), "JPEG"), id="CMYK JPEG"),
        pytest.param(saved(portrait((64, 64)).convert("1")), id="bilevel PNG"),
        pytest.param(saved(portrait((64, 64)).convert("LA")), id="grey PNG with alpha"),
        pytest.param(saved(portrait((64, 64)), "WEBP"), id="WebP"),
        pytest.param(saved(Image.new("RGB", (1, 1))), id="one pixel"),
        pytest.param(saved(Image.new("RGB", (1000, 1))), id="a line"),
    ],
)
@pytest.mark.parametrize("prompt", ["remove the background", "happy"])
def test_every_kind_of_file_is_taken(content: bytes, prompt: str) -> None:
    assert edited(content, prompt=prompt)[0].size == (256, 256)
    assert edited(content, prompt="happy", output_format="jpeg")[0].format == "JPEG"
    assert edited(content, content, prompt=prompt, background="transparent")[0].mode == "RGBA"


def test_sixteen_bits_are_divided_not_clipped() -> None:
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    (picture,) = edited(_sixteen_bit(), mask=saved(mask), prompt="x")

    assert like(picture, (128, 128), (128, 128, 128), 2)


def _bomb() -> bytes:
    return saved(Image.new("1", (7072, 7072)))


@pytest.mark.parametrize(
    "content", [b"no picture", b"", saved(portrait())[:200], b"\x89PNG\r\n\x1a\n" + b"\0" * 40, _bomb()],
    ids=["text", "empty", "cut short", "broken header", "over fifty megapixels"],
)  # fmt: skip
def test_a_file_that_cannot_be_opened_is_refused_by_its_position(content: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        edited(saved(portrait()), content, prompt="a collage")

    error = caught.value
    assert (error.code, error.message, error.param, error.upstream_type, error.upstream_code) == (
        ErrorCode.INVALID_REQUEST,
        "Invalid image file or mode for image 2, please check your image file.",
        "image",
        "invalid_request_error",
        "invalid_image_file",
    )


def test_a_picture_of_fifty_megapixels_by_its_header_alone_is_refused_undecoded() -> None:
    facts = ImageFacts(format=ImageFormat.PNG, width_px=50_000_001, height_px=1)
    lying = ImageInput(source=BytesContent(saved(portrait())), facts=facts)
    request = ImageRequest(operation=Operation.EDIT, model="gpt-image-1", params={"prompt": "x"}, images=(lying,))

    with pytest.raises(ImageError, match="image 1"):
        draw("gpt-image-1", request, 0)
