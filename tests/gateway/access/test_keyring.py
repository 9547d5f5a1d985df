"""Keys: only their hashes are known, and whoever has none is told how to send one."""

import re
from datetime import date
from hashlib import sha256

import pytest

from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.keyring import ANYONE, Keyring, KeySettings, new_key, presented_key

ALICE = KeySettings(name="alice", sha256=sha256(b"imw_a").hexdigest())
BOB = KeySettings(name="bob", sha256=sha256(b"imw_b").hexdigest())


def test_a_key_finds_its_holder() -> None:
    assert Keyring([ALICE, BOB]).holder("imw_b") is BOB


@pytest.mark.parametrize(
    ("presented", "message"),
    [
        (None, "No API key: send one as 'Authorization: Bearer KEY' or 'api-key: KEY'."),
        ("", "No API key: send one as 'Authorization: Bearer KEY' or 'api-key: KEY'."),
        ("imw_c", "Incorrect API key provided."),
        (ALICE.sha256, "Incorrect API key provided."),
        ("\udcff", "Incorrect API key provided."),
        ("x" * 100_000, "Incorrect API key provided."),
    ],
)
def test_no_key_and_a_wrong_one_are_refused(presented: str | None, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        Keyring([ALICE]).holder(presented)

    assert (caught.value.code, caught.value.upstream_code) == (ErrorCode.UNAUTHENTICATED, "invalid_api_key")
    assert caught.value.message == message


def test_without_keys_anyone_may_call() -> None:
    assert Keyring([]).holder(None) is ANYONE
    assert Keyring([]).holder("whatever") is ANYONE


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "Bearer k"}, "k"),
        ({"authorization": "bearer  k "}, "k"),
        ({"api-key": "k"}, "k"),
        ({"authorization": "Basic x", "api-key": "k"}, "k"),
        ({"authorization": "Bearer ", "api-key": ""}, None),
        ({"authorization": "k"}, None),
        ({}, None),
    ],
)
def test_a_key_comes_as_openai_or_as_azure_sends_it(headers: dict[str, str], key: str | None) -> None:
    assert presented_key(headers) == key


def test_a_new_key_opens_what_its_hash_is_configured_for() -> None:
    key, digest = new_key()

    assert re.fullmatch(r"imw_[A-Za-z0-9_-]{43}", key)
    assert Keyring([KeySettings(name="n", sha256=digest)]).holder(key).name == "n"
    assert new_key()[0] != key


def test_two_hashes_open_the_same_while_a_key_is_changed_for_another() -> None:
    both = KeySettings(name="team", sha256=[ALICE.hashes[0], BOB.hashes[0]])

    assert Keyring([both]).holder("imw_a") is both
    assert Keyring([both]).holder("imw_b") is both


def test_a_key_opens_nothing_from_the_day_on_that_it_expires() -> None:
    key = KeySettings(name="guest", sha256=ALICE.sha256, expires=date(2026, 12, 1))

    assert Keyring([key], today=lambda: date(2026, 11, 30)).holder("imw_a") is key
    with pytest.raises(ImageError) as caught:
        Keyring([key], today=lambda: date(2026, 12, 1)).holder("imw_a")
    assert (caught.value.code, caught.value.upstream_code) == (ErrorCode.UNAUTHENTICATED, "invalid_api_key")
    assert caught.value.message == "This API key expired on 2026-12-01."
