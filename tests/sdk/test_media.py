from pathlib import Path

import pytest
from PIL import Image

from fakes.gateway import data_url
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageFormat
from imageway.sdk.pipeline.pictures import media
from imageway.sdk.pipeline.pictures.media import Places, read_picture, read_pictures
from pictures import picture

PNG = picture()
JPEG = picture("JPEG", mode="RGB")


def _sentence(value: object, folder: Path) -> str:
    with pytest.raises(ImageError) as caught:
        read_pictures(value, places=Places(folders=(folder,)))  # type: ignore[arg-type]  # what no caller should send
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, "image")
    return caught.value.message


def test_bytes_go_untouched_and_are_judged_by_content(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(JPEG)

    (found,) = read_pictures("a.png", places=Places(folders=(tmp_path,)))

    assert (found.content, found.facts.format, found.filename) == (JPEG, ImageFormat.JPEG, "a.png")


def test_paths_are_looked_up_in_the_folders_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (second / "a.png").write_bytes(PNG)
    assert read_picture("a.png", places=Places(folders=(first, second))).content == PNG
    (first / "a.png").write_bytes(JPEG)
    assert read_picture("a.png", places=Places(folders=(first, second))).content == JPEG
    assert read_picture(str(second / "a.png"), places=Places(folders=(first,))).content == PNG
    monkeypatch.chdir(second)
    assert read_picture(Path("a.png")).content == PNG


def test_lists_expand_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(JPEG)

    found = read_pictures(["a.png", [data_url(PNG)], []], places=Places(folders=(tmp_path,)))

    assert [image.content for image in found] == [JPEG, PNG]


@pytest.mark.parametrize(
    "url",
    [
        data_url(PNG),
        data_url(PNG).replace("data:image/png;base64", "DATA:Image/PNG;BASE64"),
        data_url(PNG).replace("image/png;", ";"),
        data_url(PNG).replace("+", "%2B").replace("=", ""),
        data_url(PNG).replace(",", ",\n"),
        "data:image/png," + "".join(f"%{byte:02x}" for byte in PNG),
    ],
    ids=["plain", "capitals", "no type", "escaped, unpadded", "wrapped", "percent"],
)
def test_data_urls_are_decoded_in_all_their_spellings(url: str) -> None:
    assert read_picture(url).content == PNG


def test_each_fault_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "folder").mkdir()

    assert _sentence("no.png", tmp_path) == f"There is no file 'no.png'; looked in '{tmp_path}'."
    assert _sentence("empty.png", tmp_path) == "'empty.png' is empty: there is no picture in it."
    assert _sentence("text.png", tmp_path) == (
        "'text.png' is not an image of a known format (PNG, JPEG, WebP, GIF and others)."
    )
    assert _sentence("folder", tmp_path) == "'folder' is a folder, not a picture."
    assert _sentence("/dev/null", tmp_path) == "'null' is no ordinary file."
    assert _sentence("a\0b", tmp_path) == "Can't read 'a\0b': no valid file name."
    assert _sentence("A" * 5000, tmp_path) == f"Can't read '{'A' * 120}…': File name too long."
    assert _sentence(" ", tmp_path) == "The name of the picture is empty."
    assert _sentence({"path": "x"}, tmp_path) == f"There is no file 'x'; looked in '{tmp_path}'."
    assert _sentence({"pth": "x"}, tmp_path) == (
        "A picture is a path, a link, a data URL, bytes or a list of those, but here stands an object."
    )
    assert _sentence("http://127.0.0.1/a.png?sig=secret", tmp_path) == (
        "Can't fetch 'http://127.0.0.1/a.png': 127.0.0.1 is no public address; where it may be reached, say so in the"
        " task: data_config.allow_hosts."
    )
    assert _sentence("ftp://host/a.png?x", tmp_path).startswith("Can't fetch ftp://host/a.png")
    assert _sentence("data:image/png;base64", tmp_path) == (
        "The data URL has no comma: it looks like data:image/png;base64,..."
    )
    assert _sentence("data:image/png;base64,@@@@", tmp_path) == "The data URL holds broken base64 text."
    assert _sentence("data:image/png,", tmp_path) == "The data URL is empty: there is no picture in it."


def test_a_picture_over_64_mib_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_PICTURE_BYTES", len(PNG))
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.png").write_bytes(PNG + b"x")

    assert read_picture("a.png", places=Places(folders=(tmp_path,))).content == PNG
    assert read_picture(data_url(PNG)).content == PNG
    assert _sentence("b.png", tmp_path).startswith("'b.png' is larger than")
    assert _sentence(data_url(PNG + b"x"), tmp_path).startswith("The data URL is larger than")
    assert _sentence(data_url(PNG * 9), tmp_path).startswith("The data URL is larger than")


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(PNG)

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)

    assert _sentence("a.png", tmp_path) == "Can't read 'a.png': Permission denied."


def test_pictures_come_as_python_has_them(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    image = Image.new("RGBA", (3, 2), (1, 2, 3, 4))

    found = read_pictures(
        [PNG, bytearray(PNG), {"bytes": JPEG, "path": "b/c.jpg"}, {"bytes": None, "path": "a.png"}, image],
        places=Places(folders=(tmp_path,)),
    )

    assert [one.content for one in found[:4]] == [PNG, PNG, JPEG, PNG]
    assert [one.filename for one in found] == ["image", "image", "c.jpg", "a.png", "image.png"]
    assert (found[4].facts.format, found[4].facts.width_px, found[4].facts.has_alpha) == (ImageFormat.PNG, 3, True)


def test_pictures_lie_in_object_stores_too() -> None:
    import fsspec

    fsspec.filesystem("memory").pipe("/shop/a.png", PNG)

    assert read_picture("memory://shop/a.png").content == PNG
    with pytest.raises(ImageError, match=r"^Can't fetch memory://shop/b.png: there is no such file\.$"):
        read_picture("memory://shop/b.png")
