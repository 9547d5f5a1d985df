"""The count of a store's bytes, while files are written and the directory is read at the same time."""

import pytest

from imageway.gateway.media.room import Room

A = f"1800000000-{'a' * 32}.png"
B = f"1800000001-{'b' * 32}.png"


@pytest.fixture
def room() -> Room:
    room = Room(100)
    room.reserve(10)
    return room


def test_a_file_that_is_still_being_written_counts_once(room: Room) -> None:
    room.write_begins(A)
    room.survey_begins()
    room.survey_ends({f"{A}.part": 7})

    assert room.used_bytes == 10


@pytest.mark.parametrize("listed", [{f"{A}.part": 7}, {f"{A}.part": 10, A: 10}, {A: 10}, {}])
def test_a_file_that_is_finished_during_a_survey_counts_once(room: Room, listed: dict[str, int]) -> None:
    room.write_begins(A)
    room.survey_begins()
    room.write_ends(A, 10, kept=True)
    room.survey_ends(listed)

    assert room.used_bytes == 10


@pytest.mark.parametrize("listed", [{f"{A}.part": 7}, {}])
def test_a_file_that_came_to_nothing_during_a_survey_counts_nothing(room: Room, listed: dict[str, int]) -> None:
    room.survey_begins()
    room.write_begins(A)
    room.write_ends(A, 10, kept=False)
    room.survey_ends(listed)

    assert room.used_bytes == 0


def test_the_next_survey_knows_best(room: Room) -> None:
    room.write_begins(A)
    room.write_ends(A, 10, kept=True)
    room.survey_begins()
    room.survey_ends({B: 3, f"{A}.part": 2})

    assert room.used_bytes == 5


def test_the_first_expiry_is_that_of_the_oldest_file(room: Room) -> None:
    nothing = room.first_expiry_s()
    room.survey_begins()
    room.survey_ends({B: 3, f"{A}.part": 2})

    assert (nothing, room.first_expiry_s()) == (None, 1_800_000_000)
