"""The picture store: links that end, bytes that are bounded, replicas that share."""

import asyncio
import re
from pathlib import Path

import pytest

from fakes.media_stores import NOW_S, Clock, parts, sizes, store
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.media.store import FoundPicture, MediaStore, private_store
from pictures import picture

PNG = picture()
NOT_FOUND = "There is no such picture, or its link has expired."


pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def refusal(keeper: MediaStore, *link_parts: str) -> tuple[ErrorCode, str]:
    with pytest.raises(ImageError) as caught:
        await keeper.find(*link_parts)
    return caught.value.code, caught.value.message


async def test_a_kept_picture_is_found_by_its_link(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path / "new" / "pictures", clock)

    link = await keeper.keep(PNG)

    name, expires, signature = parts(link)
    assert link == f"https://images.example/files/{name}?expires={NOW_S + 3600}&signature={signature}"
    assert re.fullmatch(rf"{NOW_S + 3600}-[0-9a-f]{{32}}\.png", name)
    assert re.fullmatch(r"[0-9a-f]{64}", signature)
    found = await keeper.find(name, expires, signature)
    assert found == FoundPicture(path=tmp_path / "new" / "pictures" / name, media_type="image/png", left_s=3600)
    assert found.path.read_bytes() == PNG
    assert found.path.stat().st_mode & 0o777 == 0o600
    assert found.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("content", "ending", "media_type"),
    [
        (picture("JPEG", mode="RGB"), ".jpg", "image/jpeg"),
        (picture("WEBP"), ".webp", "image/webp"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ".svg", "image/svg+xml"),
        (b"no picture", ".bin", "application/octet-stream"),
    ],
    ids=["jpeg", "webp", "svg", "unknown"],
)
async def test_the_type_is_told_by_the_content(
    tmp_path: Path, clock: Clock, content: bytes, ending: str, media_type: str
) -> None:
    keeper = store(tmp_path, clock)

    found = await keeper.find(*parts(await keeper.keep(content)))

    assert (found.path.suffix, found.media_type) == (ending, media_type)


async def test_the_same_picture_twice_has_two_names(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock)

    assert parts(await keeper.keep(PNG))[0] != parts(await keeper.keep(PNG))[0]


async def test_a_link_is_good_at_its_last_second_and_gone_after(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock)
    link = parts(await keeper.keep(PNG))

    clock.now_s = NOW_S + 3600
    assert (await keeper.find(*link)).left_s == 0

    clock.now_s = NOW_S + 3600.001
    assert await refusal(keeper, *link) == (ErrorCode.NOT_FOUND, NOT_FOUND)


async def test_whatever_is_wrong_with_a_link_the_answer_is_the_same(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock)
    name, expires, signature = parts(await keeper.keep(PNG))
    other_name, _, other_signature = parts(await keeper.keep(PNG))
    stranger = store(tmp_path, clock, key=b"x" * 32)
    gone_link = parts(await keeper.keep(PNG))
    (tmp_path / gone_link[0]).unlink()

    refusals = [
        await refusal(keeper, *wrong)
        for wrong in (
            (name, expires, signature[:-1] + ("0" if signature[-1] != "0" else "1")),
            (name, expires, other_signature),
            (other_name, expires, signature),
            (name, str(int(expires) + 1), signature),
            (name, expires, ""),
            (name, "", signature),
            (name, expires, "é\udce9"),
            ("\udce9", expires, signature),
            gone_link,
        )
    ]

    assert refusals == [(ErrorCode.NOT_FOUND, NOT_FOUND)] * 9
    assert await refusal(stranger, name, expires, signature) == (ErrorCode.NOT_FOUND, NOT_FOUND)


async def test_replicas_and_restarts_serve_each_others_links(tmp_path: Path, clock: Clock) -> None:
    one, other = store(tmp_path, clock), store(tmp_path, clock)
    links = [await one.keep(PNG), await other.keep(PNG)]
    restarted = store(tmp_path, clock)

    for keeper in (one, other, restarted):
        for link in links:
            assert (await keeper.find(*parts(link))).path.read_bytes() == PNG


async def test_a_picture_that_fits_exactly_is_kept_and_one_more_byte_is_refused(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock, max_bytes=100)
    await keeper.keep(b"x" * 60)

    with pytest.raises(ImageError) as caught:
        await keeper.keep(b"x" * 41)
    await keeper.keep(b"x" * 40)

    assert caught.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert caught.value.message == (
        "The gateway's picture store is full; nothing was drawn. Ask for b64_json, or again later."
    )
    assert (caught.value.retry_after_s, caught.value.may_have_billed) == (3660, False)
    assert keeper.used_bytes == 100


async def test_what_never_fits_is_told_so(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock, max_bytes=100)

    with pytest.raises(ImageError) as caught:
        async with keeper.reserving(101):
            pytest.fail("there is no such room")

    assert caught.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert caught.value.message == (
        "The pictures may take 101 bytes and the gateway's picture store holds 100; nothing was drawn."
        " Ask for b64_json."
    )
    assert caught.value.retry_after_s is None


async def test_reserved_room_is_nobody_elses_and_what_is_left_comes_back(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock, max_bytes=100)

    async with keeper.reserving(70) as reservation:
        with pytest.raises(ImageError, match="full"):
            await keeper.keep(b"x" * 31)
        await reservation.keep(b"x" * 20)
        await reservation.keep(b"x" * 10)
        used_within = keeper.used_bytes

    assert (used_within, keeper.used_bytes) == (70, 30)


async def test_a_failed_call_gives_its_room_back(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock, max_bytes=100)

    with pytest.raises(ZeroDivisionError):
        async with keeper.reserving(100):
            raise ZeroDivisionError

    assert keeper.used_bytes == 0


async def test_a_picture_larger_than_its_room_takes_free_room_or_is_lost(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock, max_bytes=100)

    async with keeper.reserving(10) as reservation:
        await reservation.keep(b"x" * 60)
        with pytest.raises(ImageError) as caught:
            await reservation.keep(b"x" * 41)
        await reservation.keep(b"x" * 40)

    assert caught.value.code is ErrorCode.INTERNAL
    assert caught.value.message == "The picture was drawn but is larger than the room that was reserved for it."
    assert caught.value.may_have_billed
    assert keeper.used_bytes == 100


async def test_fifty_at_once_fill_the_store_to_the_byte(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock, max_bytes=30 * 1000)

    outcomes = await asyncio.gather(*(keeper.keep(b"x" * 1000) for _ in range(50)), return_exceptions=True)

    links = [outcome for outcome in outcomes if isinstance(outcome, str)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, ImageError)]
    assert (len(set(links)), len(refused)) == (30, 20)
    assert keeper.used_bytes == sum(sizes(tmp_path).values()) == 30_000
    assert sizes(tmp_path).keys() == {parts(link)[0] for link in links}


async def test_surveys_among_writes_lose_and_double_nothing(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock)

    await asyncio.gather(*(keeper.sweep() if turn % 5 == 0 else keeper.keep(b"x" * 1000) for turn in range(50)))

    assert keeper.used_bytes == sum(sizes(tmp_path).values()) == 40_000


async def test_a_restarted_store_knows_what_is_used(tmp_path: Path, clock: Clock) -> None:
    await store(tmp_path, clock).keep(b"x" * 60)
    restarted = store(tmp_path, clock, max_bytes=100)

    with pytest.raises(ImageError, match="full"):
        await restarted.keep(b"x" * 41)

    assert restarted.used_bytes == 60


async def test_what_another_replica_writes_counts_after_ten_seconds(tmp_path: Path, clock: Clock) -> None:
    one, other = store(tmp_path, clock, max_bytes=100), store(tmp_path, clock, max_bytes=100)
    await one.keep(b"x" * 10)
    await other.keep(b"x" * 60)

    clock.now_s += 9.9
    async with one.reserving(90):
        assert one.used_bytes == 100
    clock.now_s += 0.1
    with pytest.raises(ImageError, match="full"):
        await one.keep(b"x" * 31)

    assert one.used_bytes == 70


async def test_expired_pictures_make_room_a_minute_after_their_links_end(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock, max_bytes=100)
    await keeper.keep(b"old" * 30)

    clock.now_s = NOW_S + 3660
    with pytest.raises(ImageError, match="full"):
        await keeper.keep(b"x" * 11)
    clock.now_s = NOW_S + 3660.001
    link = await keeper.keep(b"x" * 11)

    assert [*sizes(tmp_path)] == [parts(link)[0]]
    assert keeper.used_bytes == 11


async def test_a_sweep_removes_all_that_expired_and_nothing_else(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock)
    expired = NOW_S - 61
    for number in range(1100):
        (tmp_path / f"{expired}-{number:032x}.png").write_bytes(b"x")
    (tmp_path / f"{expired}-{'a' * 32}.png.part").write_bytes(b"left by a crash")
    (tmp_path / f"{NOW_S}-{'b' * 32}.png.part").write_bytes(b"being written")
    (tmp_path / "1-holiday.png").write_bytes(b"somebody's own")
    (tmp_path / f"{expired}-{'c' * 32}.txt").write_bytes(b"somebody's own")
    (tmp_path / f"{expired}-{'d' * 32}.png").mkdir()
    (tmp_path / f"{expired}-{'e' * 32}.png").symlink_to(tmp_path / "1-holiday.png")
    link = await keeper.keep(PNG)

    await keeper.sweep()

    assert sizes(tmp_path).keys() == {
        parts(link)[0],
        f"{NOW_S}-{'b' * 32}.png.part",
        "1-holiday.png",
        f"{expired}-{'c' * 32}.txt",
        f"{expired}-{'d' * 32}.png",
        f"{expired}-{'e' * 32}.png",
    }
    assert keeper.used_bytes == len(PNG) + len(b"being written")


async def test_room_is_asked_for_with_bounded_sweeping(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock)
    for number in range(1100):
        (tmp_path / f"{NOW_S - 61}-{number:032x}.png").write_bytes(b"x")

    await keeper.keep(PNG)

    assert len(sizes(tmp_path)) == 1100 - 512 + 1


async def test_a_directory_that_is_a_file_is_told_before_anything_is_drawn(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").write_bytes(b"")
    keeper = store(tmp_path / "file", clock)

    with pytest.raises(ImageError) as caught:
        await keeper.keep(PNG)

    assert caught.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert caught.value.message == "The gateway's picture store can't be used (FileExistsError); nothing was drawn."
    assert not caught.value.may_have_billed


async def test_a_write_that_fails_says_so_and_leaves_nothing_counted(tmp_path: Path, clock: Clock) -> None:
    directory = tmp_path / "pictures"
    keeper = store(directory, clock)

    async with keeper.reserving(1000) as reservation:
        directory.rmdir()
        with pytest.raises(ImageError) as caught:
            await reservation.keep(PNG)

    assert caught.value.code is ErrorCode.INTERNAL
    assert caught.value.message == "The picture was drawn but could not be written (FileNotFoundError)."
    assert caught.value.may_have_billed
    assert keeper.used_bytes == 0


async def test_what_a_cancelled_caller_left_is_counted(tmp_path: Path, clock: Clock) -> None:
    keeper = store(tmp_path, clock)
    await keeper.sweep()

    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(keeper.keep(PNG))
        await asyncio.sleep(0)  # it has begun to write
        keeping.cancel()

    assert keeping.cancelled()
    assert keeper.used_bytes == sum(sizes(tmp_path).values()) == len(PNG)


async def test_a_private_store_leaves_no_trace(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with private_store(public_url="http://127.0.0.1:8080", clock_s=clock) as keeper:
        assert sizes(tmp_path) == {}
        link = await keeper.keep(PNG)
        found = await keeper.find(*parts(link))
        assert found.path.read_bytes() == PNG
        assert found.path.parent.parent == tmp_path
        assert found.path.parent.stat().st_mode & 0o777 == 0o700

    assert link.startswith("http://127.0.0.1:8080/files/")
    assert sizes(tmp_path) == {}
