"""Forms cut in pieces of every size, against what a well-known parser makes of the whole."""

import io

import pytest
from multipart import MultipartParser

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.http.form_parts import FormCutter, PartEnd, PartStart

TYPE = "multipart/form-data; boundary=x-y"
NASTY = b"\r\n--x-\r\r\n--x\r\n--x-z\r\n-\n--x-y\r\n\r\n--"
FORM = (
    b'preamble\r\n--x-y\r\ncontent-disposition: form-data; name="prompt"\r\n\r\na kite\r\n'
    b'--x-y\r\nContent-Disposition: form-data; name="image[]"; filename="a b.png"\r\nContent-Type: image/png\r\n\r\n'
    + NASTY
    + b'\r\n--x-y\r\nContent-Disposition: form-data; name="mask"; filename="m"\r\n\r\n\r\n--x-y--\r\nepilogue'
)


def cut(form: bytes, size: int, content_type: str = TYPE) -> list[tuple[str, str | None, bytes]]:
    cutter = FormCutter(content_type)
    parts: list[tuple[str, str | None, bytes]] = []
    content = b""
    for at in range(0, len(form), size):
        for event in cutter.feed(form[at : at + size]):
            match event:
                case PartStart(name=name, filename=filename):
                    parts.append((name, filename, b""))
                    content = b""
                case bytes():
                    content += event
                case PartEnd():
                    parts[-1] = (*parts[-1][:2], content)
    cutter.close()
    return parts


@pytest.mark.parametrize("size", [*range(1, 60), len(FORM)])
def test_however_a_form_arrives_its_parts_are_the_same(size: int) -> None:
    known = [(part.name, part.filename, part.raw) for part in MultipartParser(io.BytesIO(FORM), "x-y")]

    assert cut(FORM, size) == known
    assert [part[2] for part in known] == [b"a kite", NASTY, b""]


def test_a_piece_that_is_all_file_is_not_copied() -> None:
    cutter = FormCutter(TYPE)
    list(cutter.feed(b'--x-y\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n'))
    piece = bytes(100_000)

    assert next(iter(cutter.feed(piece))) is piece


HEAD = b'--x-y\r\ncontent-disposition: form-data; name="a"\r\n\r\n'


@pytest.mark.parametrize(
    ("form", "content_type", "reason"),
    [
        (b"", "multipart/form-data", "its content type names no boundary"),
        (b"", TYPE, "it ends before its last boundary"),
        (HEAD + b"cut shor", TYPE, "it ends before its last boundary"),
        (HEAD + b"x\r\n--x-y", TYPE, "it ends before its last boundary"),
        (b"--x-ynonsense", TYPE, "something stands behind a boundary"),
        (b"--x-y\r\ncontent-type: text/plain\r\n\r\nx\r\n--x-y--", TYPE, "a part has no name"),
        (b"--x-y\r\ncontent-disposition: attachment; name=a\r\n\r\nx\r\n--x-y--", TYPE, "a part has no name"),
        (b"--x-y\r\n" + b"a: b\r\n" * 2000, TYPE, "the head of a part is too long"),
        ((HEAD + b"x\r\n") * 257 + b"--x-y--", TYPE, "it has more than 256 parts"),
    ],
)
@pytest.mark.parametrize("size", [7, 100_000])
def test_what_is_no_form_is_refused_with_the_reason(form: bytes, content_type: str, reason: str, size: int) -> None:
    with pytest.raises(ImageError) as caught:
        cut(form, size, content_type)

    assert (caught.value.code, caught.value.message) == (
        ErrorCode.INVALID_REQUEST,
        f"The form can't be read: {reason}.",
    )


def test_256_parts_are_taken() -> None:
    assert len(cut((HEAD + b"x\r\n") * 256 + b"--x-y--", 1000)) == 256
