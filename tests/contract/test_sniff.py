"""What the sniffer reads from real files, from cut ones and from none."""

import random
import struct

import pytest
from msgspec.structs import replace
from PIL import Image

from case_pictures import picture, saved
from imageway.contract.request import ImageFacts, ImageFormat
from imageway.contract.sniff import image_input, sniff


def frames() -> list[Image.Image]:
    return [Image.new("RGB", (48, 32), colour) for colour in ("red", "green", "blue")]


def palette_png_with_transparency() -> bytes:
    return saved(Image.new("P", (48, 32)), "png", transparency=0)


def animated(form: str) -> bytes:
    first, *others = frames()
    return saved(first, form, save_all=True, append_images=others, duration=100, loop=0)


STILL = ImageFacts(format=ImageFormat.PNG, width_px=48, height_px=32)

FILES = {
    "PNG": (saved(Image.new("RGB", (48, 32)), "png"), STILL),
    "PNG with alpha": (
        saved(Image.new("RGBA", (48, 32)), "png"),
        ImageFacts(format=ImageFormat.PNG, width_px=48, height_px=32, has_alpha=True),
    ),
    "PNG, grey with alpha": (
        saved(Image.new("LA", (48, 32)), "png"),
        ImageFacts(format=ImageFormat.PNG, width_px=48, height_px=32, has_alpha=True),
    ),
    "PNG, palette": (saved(Image.new("P", (48, 32)), "png"), STILL),
    "PNG, palette with tRNS": (
        palette_png_with_transparency(),
        ImageFacts(format=ImageFormat.PNG, width_px=48, height_px=32, has_alpha=True),
    ),
    "PNG, padded": (picture("png", 48, 32, mode="RGB", padded_to=5000), STILL),
    "PNG, animated": (
        animated("png"),
        ImageFacts(format=ImageFormat.PNG, width_px=48, height_px=32, animated=True),
    ),
    "JPEG": (
        saved(Image.new("RGB", (48, 32)), "jpeg"),
        ImageFacts(format=ImageFormat.JPEG, width_px=48, height_px=32),
    ),
    "JPEG, progressive": (
        saved(Image.new("RGB", (48, 32)), "jpeg", progressive=True),
        ImageFacts(format=ImageFormat.JPEG, width_px=48, height_px=32),
    ),
    "JPEG with metadata": (
        saved(Image.new("L", (48, 32)), "jpeg", exif=b"Exif\0\0" + b"x" * 3000, comment=b"by hand"),
        ImageFacts(format=ImageFormat.JPEG, width_px=48, height_px=32),
    ),
    "MPO": (animated("mpo"), ImageFacts(format=ImageFormat.MPO, width_px=48, height_px=32)),
    "WebP, lossy": (
        saved(Image.new("RGB", (48, 32)), "webp"),
        ImageFacts(format=ImageFormat.WEBP, width_px=48, height_px=32),
    ),
    "WebP, lossless": (
        saved(Image.new("RGB", (48, 32)), "webp", lossless=True),
        ImageFacts(format=ImageFormat.WEBP, width_px=48, height_px=32),
    ),
    "WebP, lossless with alpha": (
        saved(Image.new("RGBA", (48, 32), (0, 0, 0, 9)), "webp", lossless=True),
        ImageFacts(format=ImageFormat.WEBP, width_px=48, height_px=32, has_alpha=True),
    ),
    "WebP, lossy with alpha": (
        saved(Image.new("RGBA", (48, 32), (0, 0, 0, 9)), "webp"),
        ImageFacts(format=ImageFormat.WEBP, width_px=48, height_px=32, has_alpha=True),
    ),
    "WebP, animated": (
        animated("webp"),
        ImageFacts(format=ImageFormat.WEBP, width_px=48, height_px=32, animated=True),
    ),
    "GIF": (
        saved(Image.new("P", (48, 32)), "gif"),
        ImageFacts(format=ImageFormat.GIF, width_px=48, height_px=32),
    ),
    "GIF, animated": (
        animated("gif"),
        ImageFacts(format=ImageFormat.GIF, width_px=48, height_px=32, animated=True),
    ),
    "BMP": (
        saved(Image.new("RGB", (48, 32)), "bmp"),
        ImageFacts(format=ImageFormat.BMP, width_px=48, height_px=32),
    ),
    "TIFF": (saved(Image.new("RGB", (48, 32)), "tiff"), ImageFacts(format=ImageFormat.TIFF)),
    "TIFF, big-endian": (b"MM\0*" + b"\0" * 20, ImageFacts(format=ImageFormat.TIFF)),
    "AVIF": (b"\0\0\0\x1cftypavif" + b"\0" * 20, ImageFacts(format=ImageFormat.AVIF)),
    "HEIC": (b"\0\0\0\x18ftypheic" + b"\0" * 20, ImageFacts(format=ImageFormat.HEIC)),
    "SVG": (b"\xef\xbb\xbf\n<svg xmlns='...'/>", ImageFacts(format=ImageFormat.SVG, has_alpha=True)),
    "SVG with a prologue": (
        b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg/>",
        ImageFacts(format=ImageFormat.SVG, has_alpha=True),
    ),
}


@pytest.mark.parametrize(("content", "facts"), FILES.values(), ids=list(FILES))
def test_a_file_is_known_by_its_content(content: bytes, facts: ImageFacts) -> None:
    assert sniff(content) == facts


UNKNOWN = {
    "nothing": b"",
    "text": b"this is no picture",
    "XML that isn't SVG": b"<?xml version='1.0'?><html/>",
    "a film": b"\0\0\0\x18ftypmp42" + b"\0" * 20,
    "a sound": b"RIFF\0\0\0\0WAVEfmt ",
    "a WebP of no known kind": b"RIFF\0\0\0\0WEBPVP9 " + b"\0" * 40,
    "a PNG without a header": b"\x89PNG\r\n\x1a\n\0\0\0\rIDAT" + b"\0" * 40,
    "a BMP cut short": b"BM\0\0",
    "a JPEG that ends before its size": b"\xff\xd8\xff\xe0\0\x04ab",
    "a JPEG with a hole": b"\xff\xd8\xff\xe0\0\x04ab" + b"\0" * 40,
    "a JPEG of nothing but fill bytes": b"\xff\xd8" + b"\xff" * 10_000,
    "a JPEG of nothing but restart marks": b"\xff\xd8" + b"\xff\xd0" * 10_000,
}


@pytest.mark.parametrize("content", UNKNOWN.values(), ids=list(UNKNOWN))
def test_what_is_no_picture_is_unknown(content: bytes) -> None:
    assert sniff(content) == ImageFacts(format=ImageFormat.UNKNOWN)


def test_fill_bytes_and_bare_marks_in_a_jpeg_are_passed_over() -> None:
    jpeg = saved(Image.new("RGB", (48, 32)), "jpeg")

    assert sniff(jpeg[:2] + b"\xff\xff\xff\x01" + jpeg[2:]) == ImageFacts(
        format=ImageFormat.JPEG, width_px=48, height_px=32
    )


def test_a_png_is_taken_at_its_header_where_chunks_never_end() -> None:
    head = picture("png", 48, 32, mode="RGB")[:33]
    chunk = struct.pack(">I", 0) + b"prVt" + b"\0" * 4

    assert sniff(head + chunk * 70_000) == STILL


WHOLE = [name for name in FILES if name.startswith(("PNG", "JPEG", "WebP"))]


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_without_its_end_is_cut_short_wherever_it_was_cut(name: str) -> None:
    content, facts = FILES[name]

    for end in range(len(content)):
        found = sniff(content[:end])
        assert found.truncated or found.format is ImageFormat.UNKNOWN, end
    assert found == replace(facts, truncated=True)


@pytest.mark.parametrize("name", WHOLE)
def test_what_stands_behind_the_end_is_passed_over(name: str) -> None:
    content, facts = FILES[name]

    assert sniff(content + b"\xff\x00 more \xff\xda") == facts


def test_the_end_of_a_thumbnail_is_not_that_of_its_picture() -> None:
    jpeg = saved(Image.new("RGB", (48, 32)), "jpeg", exif=b"Exif\0\0" + saved(Image.new("RGB", (8, 8)), "jpeg"))

    assert not sniff(jpeg).truncated
    assert sniff(jpeg[:-2]).truncated


def test_a_picture_of_noise_is_whole() -> None:
    noise = Image.effect_noise((640, 480), 90)

    for form, options in (("jpeg", {"quality": 95}), ("jpeg", {"progressive": True}), ("png", {}), ("webp", {})):
        content = saved(noise.convert("RGB"), form, **options)
        assert not sniff(content).truncated
        assert sniff(content[: len(content) // 2]).truncated


def test_a_png_without_a_picture_is_cut_short() -> None:
    png = saved(Image.new("RGB", (48, 32)), "png")

    assert sniff(png[:33] + png[-12:]).truncated


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("PNG", "JPEG", "WebP", "GIF", "BMP"))])
def test_a_header_cut_short_tells_no_size_or_the_right_one(name: str) -> None:
    content, facts = FILES[name]

    sizes = {(found.width_px, found.height_px) for found in (sniff(content[:end]) for end in range(len(content)))}

    assert sizes <= {(0, 0), (facts.width_px, facts.height_px)}


def test_no_bytes_at_all_make_it_raise() -> None:
    dice = random.Random(20261123)
    seeds = [content[:2000] for content, _ in FILES.values()]

    for _ in range(3000):
        content = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 12)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        found = sniff(bytes(content[: dice.randint(0, len(content))]) + dice.randbytes(dice.randint(0, 40)))
        assert isinstance(found, ImageFacts)
    for _ in range(1000):
        assert isinstance(sniff(dice.randbytes(dice.randint(0, 64))), ImageFacts)


def test_an_input_keeps_its_bytes_and_its_name() -> None:
    content = picture()

    found = image_input(content, "photo.jpg")

    assert (found.content, found.filename) == (content, "photo.jpg")
    assert found.facts == ImageFacts(format=ImageFormat.PNG, width_px=64, height_px=64, has_alpha=True)
    assert image_input(content).filename == "image"
