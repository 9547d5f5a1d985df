"""Room for bodies: memory first, then files without a name; nothing over the bounds, nothing left behind."""

import gc
import os
from pathlib import Path

import pytest

from imageway.contract.content import whole
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.spool import AnswerStore, Spool

FULL = (
    "This gateway has no room for another body of this size at the moment; nothing was sent. Try again.",
    ErrorCode.RATE_LIMITED,
    1.0,
)


def refusal(spool: Spool, expected_bytes: int) -> ImageError:
    with pytest.raises(ImageError) as caught:
        spool.pocket(expected_bytes)
    return caught.value


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("memory_bytes", [100, 9], ids=["memory", "disk"])
def test_what_was_written_is_read_from_anywhere(memory_bytes: int, tmp_path: Path) -> None:
    spool = Spool(memory_bytes=memory_bytes, disk_bytes=100, folder=tmp_path)
    pocket = spool.pocket(10)
    for piece in (b"abc", b"defg", b"hij"):
        pocket.write(piece)
    part = pocket.content(2, 7)

    assert (part.size, whole(part)) == (7, b"cdefghi")
    assert [part.at(offset, 3) for offset in (0, 1, 5, 7, 9)] == [b"cde", b"def", b"hi", b"", b""]
    assert whole(pocket.content()) == b"abcdefghij"
    assert list(tmp_path.iterdir()) == []


def test_memory_is_filled_first_and_then_the_disk(tmp_path: Path) -> None:
    spool = Spool(memory_bytes=10, disk_bytes=20, folder=tmp_path)

    pockets = [spool.pocket(10), spool.pocket(20)]

    assert (spool.used_memory_bytes, spool.used_disk_bytes) == (10, 20)
    error = refusal(spool, 1)
    assert (error.message, error.code, error.retry_after_s) == FULL
    for pocket in pockets:
        pocket.close()
    assert (spool.used_memory_bytes, spool.used_disk_bytes) == (0, 0)


def test_what_never_fits_is_told_apart_from_what_does_not_fit_now() -> None:
    spool = Spool(memory_bytes=10, disk_bytes=20)

    spool.pocket(20).close()
    error = refusal(spool, 21)

    assert (error.code, error.message) == (ErrorCode.PAYLOAD_TOO_LARGE, "The body is larger than this gateway takes.")


def test_a_body_of_unknown_size_takes_room_as_it_comes(tmp_path: Path) -> None:
    spool = Spool(memory_bytes=4, disk_bytes=10, folder=tmp_path)
    pocket = spool.pocket(0)

    for piece in (b"1234", b"567", b"890"):
        pocket.write(piece)

    assert whole(pocket.content()) == b"1234567890"
    assert (spool.used_memory_bytes, spool.used_disk_bytes) == (0, 10)
    with pytest.raises(ImageError) as caught:
        pocket.write(b"x")
    assert caught.value.code is ErrorCode.RATE_LIMITED
    pocket.write(b"x", whatever_it_takes=True)
    assert whole(pocket.content()) == b"1234567890x"
    pocket.close()
    assert (spool.used_memory_bytes, spool.used_disk_bytes) == (0, 0)


def test_a_pocket_closes_when_nobody_has_any_of_it(tmp_path: Path) -> None:
    before = open_files()
    spool = Spool(memory_bytes=4, disk_bytes=100, folder=tmp_path)
    pocket = spool.pocket(10)
    pocket.write(b"0123456789")
    part = pocket.content(3, 4)
    del pocket
    gc.collect()

    assert (whole(part), spool.used_disk_bytes, open_files()) == (b"3456", 10, before + 1)
    del part
    gc.collect()
    assert (spool.used_disk_bytes, open_files()) == (0, before)


def test_an_answer_has_room_before_it_comes_and_keeps_only_what_it_needs(tmp_path: Path) -> None:
    spool = Spool(memory_bytes=8, disk_bytes=20, folder=tmp_path)
    small, large = AnswerStore(spool.answer(8), 99), AnswerStore(spool.answer(12), 99)
    assert (spool.used_memory_bytes, spool.used_disk_bytes) == (0, 20)

    small.write(b"1234")
    body, content = small.finished()
    assert (bytes(body), whole(content), spool.used_memory_bytes, spool.used_disk_bytes) == (b"1234", b"1234", 4, 12)

    for piece in (b"abcd", b"efghi", b"jklmn"):
        large.write(piece)
    body, content = large.finished()
    assert (bytes(body), whole(content)) == (b"abcdefghijklmn", b"abcdefghijklmn")
    assert (spool.used_memory_bytes, spool.used_disk_bytes) == (4, 14)


def test_an_answer_without_room_is_refused_before_it_is_paid_for() -> None:
    spool = Spool(memory_bytes=8, disk_bytes=20)
    held = [spool.answer(20), spool.answer(8)]

    with pytest.raises(ImageError) as caught:
        spool.answer(1)

    assert (caught.value.message, caught.value.code, caught.value.retry_after_s) == FULL
    assert len(held) == 2


def test_an_answer_that_the_disk_itself_has_no_room_for_is_refused_before_it_is_paid_for(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    more = disk.f_blocks * disk.f_frsize + 1
    spool = Spool(memory_bytes=8, disk_bytes=10 * more, folder=tmp_path)

    with pytest.raises(ImageError) as caught:
        spool.answer(more)

    assert (caught.value.message, caught.value.code, caught.value.retry_after_s) == FULL
    assert (spool.refused, spool.used_disk_bytes) == (1, 0)
    assert spool.answer(8)


def test_a_failing_disk_is_told_once_until_it_has_worked(tmp_path: Path) -> None:
    told: list[OSError] = []
    folder = tmp_path / "spool"
    spool = Spool(memory_bytes=0, disk_bytes=99, folder=folder, failing=told.append)

    def write() -> None:
        pocket = spool.pocket(4)
        try:
            pocket.write(b"1234")
        finally:
            pocket.close()

    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            write()
    folder.mkdir()
    write()
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        write()

    assert (len(told), spool.failed, spool.used_disk_bytes) == (2, 3, 0)


class FullDisk(Spool):
    def open_file(self) -> int:
        return os.open("/dev/full", os.O_WRONLY)


def test_an_answer_that_a_full_disk_can_not_take_is_told_to_be_paid_for() -> None:
    store = AnswerStore(FullDisk(memory_bytes=1, disk_bytes=9).answer(5), 99)

    with pytest.raises(ImageError) as caught:
        store.write(b"12345")

    assert (caught.value.message, caught.value.code, caught.value.may_have_billed) == (
        "The picture was drawn, but the gateway's spool can't be written (OSError).",
        ErrorCode.INTERNAL,
        True,
    )
