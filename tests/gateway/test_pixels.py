"""Resizing: the exact size, the same format, and nothing that was there silently gone."""

import io
from typing import Any

import pytest
from PIL import Image, ImageCms

from imageway.contract.sniff import sniff
from imageway.gateway.media.pixels import resized
from pictures import picture


def encoded(image: Image.Image, format_: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format=format_, **options)
    return out.getvalue()


def decoded(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def two_halves(mode: str, left: Any, right: Any) -> Image.Image:
    image = Image.new(mode, (64, 64), left)
    image.paste(right, (32, 0, 64, 64))
    return image


@pytest.mark.parametrize("size", [(1, 1), (63, 65), (100, 40), (1024, 1536)])
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_a_picture_gets_exactly_the_size_in_its_own_format(format_: str, size: tuple[int, int]) -> None:
    facts = sniff(resized(picture(format_, mode="RGB"), *size))

    assert (facts.format.value, facts.width_px, facts.height_px) == (format_.lower(), *size)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_a_picture_of_that_size_is_left_untouched(format_: str) -> None:
    content = picture(format_, mode="RGB")

    assert resized(content, 64, 64) is content


@pytest.mark.parametrize(
    ("mode", "left", "right"),
    [
        ("L", 10, 200),
        ("LA", (10, 255), (200, 255)),
        ("RGB", (10, 20, 30), (200, 210, 220)),
        ("RGBA", (10, 20, 30, 255), (200, 210, 220, 51)),
    ],
)
def test_mode_and_colours_stay(mode: str, left: Any, right: Any) -> None:
    image = decoded(resized(encoded(two_halves(mode, left, right)), 32, 16))

    assert (image.mode, image.size) == (mode, (32, 16))
    assert (image.getpixel((4, 8)), image.getpixel((28, 8))) == (left, right)


def test_sixteen_bits_stay_sixteen() -> None:
    row = b"".join(value.to_bytes(2, "little") for value in (1_000, 60_000) for _ in range(32))

    image = decoded(resized(encoded(Image.frombytes("I;16", (64, 64), row * 64)), 32, 16))

    assert (image.mode, image.getpixel((4, 8)), image.getpixel((28, 8))) == ("I;16", 1_000, 60_000)


def test_what_is_invisible_does_not_bleed_into_what_is_not() -> None:
    image = decoded(resized(encoded(two_halves("RGBA", (255, 0, 0, 255), (0, 255, 0, 0))), 37, 37))

    visible = [pixel for pixel in image.get_flattened_data() if pixel[3] > 8]
    assert len(visible) >= 18 * 37
    assert {pixel[:3] for pixel in visible} == {(255, 0, 0)}


@pytest.mark.parametrize(
    ("source", "options", "mode"),
    [
        (two_halves("RGB", (255, 0, 0), (0, 0, 255)).quantize(4), {}, "RGB"),
        (two_halves("RGB", (255, 0, 0), (0, 0, 255)), {"transparency": (0, 0, 255)}, "RGBA"),
        (two_halves("L", 0, 255), {"transparency": 255}, "LA"),
        (two_halves("1", 0, 1), {}, "L"),
    ],
    ids=["palette", "transparent colour", "transparent grey", "black and white"],
)
def test_pictures_that_cannot_be_filtered_as_they_are_become_full_ones(
    source: Image.Image, options: dict[str, Any], mode: str
) -> None:
    image = decoded(resized(encoded(source, **options), 16, 16))

    assert image.mode == mode
    if mode.endswith("A"):
        alpha = image.getchannel("A")
        assert (alpha.getpixel((2, 8)), alpha.getpixel((13, 8))) == (255, 0)


def test_a_palette_with_transparency_keeps_it() -> None:
    source = two_halves("P", 0, 1)
    source.putpalette([255, 0, 0, 0, 0, 255])

    image = decoded(resized(encoded(source, transparency=1), 16, 16))

    assert (image.getpixel((2, 8)), image.getchannel("A").getpixel((13, 8))) == ((255, 0, 0, 255), 0)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_colour_profile_and_exif_stay(format_: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0131] = "a model"
    content = encoded(Image.new("RGB", (64, 64)), format_, icc_profile=profile, exif=exif)

    image = decoded(resized(content, 16, 16))

    assert image.info["icc_profile"] == profile
    assert dict(image.getexif()) == {0x0131: "a model"}


def test_a_jpeg_keeps_its_quality() -> None:
    content = encoded(Image.effect_noise((64, 64), 80).convert("RGB"), "JPEG", quality=37, subsampling=0)

    image = decoded(resized(content, 40, 40))

    assert image.quantization == decoded(content).quantization  # type: ignore[attr-defined]  # of a JPEG file
    assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]  # likewise


def test_a_lossless_webp_stays_lossless() -> None:
    content = resized(encoded(two_halves("RGB", (255, 0, 0), (1, 2, 3)), "WEBP", lossless=True), 32, 32)

    assert b"VP8L" in content[:64]
    assert decoded(content).getpixel((28, 8)) == (1, 2, 3)


def header_only(width_px: int, height_px: int) -> bytes:
    content = bytearray(picture())
    content[16:24] = width_px.to_bytes(4, "big") + height_px.to_bytes(4, "big")
    return bytes(content)


def behind_many_segments(width_px: int, height_px: int) -> bytes:
    """A JPEG whose size stands so deep in the file that only Pillow finds it."""
    content = picture("JPEG", mode="RGB")
    frame = content.index(b"\xff\xc0")
    size = height_px.to_bytes(2, "big") + width_px.to_bytes(2, "big")
    return content[:2] + b"\xff\xfe\x00\x02" * 5000 + content[2 : frame + 5] + size + content[frame + 9 :]


@pytest.mark.parametrize(
    ("content", "size", "sentence"),
    [
        (b"", (8, 8), "the picture is no PNG, JPEG or WebP, or is broken (UnidentifiedImageError)"),
        (b"<svg/>", (8, 8), "the picture is no PNG, JPEG or WebP, or is broken (UnidentifiedImageError)"),
        (
            picture("GIF", mode="L"),
            (8, 8),
            "the picture is no PNG, JPEG or WebP, or is broken (UnidentifiedImageError)",
        ),
        (picture()[:-30], (8, 8), "the picture is no PNG, JPEG or WebP, or is broken (OSError)"),
        (picture()[:-30], (64, 64), "the picture is no PNG, JPEG or WebP, or is broken (OSError)"),
        (header_only(10_000, 5_001), (8, 8), "the picture is 10000x5001: more than 50000000 pixels"),
        (behind_many_segments(10_000, 5_001), (8, 8), "the picture is 10000x5001: more than 50000000 pixels"),
        (picture(), (10_000, 5_001), "a picture can't become 10000x5001: 1 to 50000000 pixels are allowed"),
        (picture(), (0, 8), "a picture can't become 0x8: 1 to 50000000 pixels are allowed"),
    ],
    ids=[
        "empty",
        "svg",
        "gif",
        "cut short",
        "cut short, right size",
        "too large",
        "too large, hidden",
        "to too large",
        "to nothing",
    ],
)
def test_what_cannot_be_resized_is_told(content: bytes, size: tuple[int, int], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole sentence is compared below
        resized(content, *size)

    assert str(caught.value) == sentence


def test_an_animation_is_not_cut_down_to_its_first_picture() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])

    with pytest.raises(ValueError, match="the picture is animated, and only still ones can be resized"):
        resized(content, 4, 4)


def test_fifty_million_pixels_pass_the_check_and_one_row_more_does_not() -> None:
    with pytest.raises(ValueError, match="broken"):
        resized(header_only(10_000, 5_000), 8, 8)
    with pytest.raises(ValueError, match="10000x5001: more than"):
        resized(header_only(10_000, 5_001), 8, 8)
