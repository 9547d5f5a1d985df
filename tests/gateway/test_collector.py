"""What is loaded once and for all is spared the search for garbage; what comes later isn't."""

import gc
from collections.abc import Iterator

import pytest

from imageway.gateway.collector import nothing_collected


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def searched(thing: object) -> bool:
    return any(found is thing for found in gc.get_objects())


def test_only_what_comes_later_is_looked_through() -> None:
    with nothing_collected():
        assert not gc.isenabled()
        loaded: list[object] = []
    later: list[object] = []

    assert (gc.isenabled(), searched(loaded), searched(later)) == (True, False, True)


def test_a_start_that_fails_leaves_the_search_on() -> None:
    with pytest.raises(ValueError, match="no start"), nothing_collected():
        raise ValueError("no start")

    assert gc.isenabled()
