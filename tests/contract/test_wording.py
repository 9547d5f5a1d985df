"""Tests of imageway.contract.wording."""

import pytest

from imageway.contract.request import JsonValue
from imageway.contract.wording import characters, plain, quoted_list, shortened, type_word


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "nothing"),
        (["a"], "'a'"),
        (["a", "b"], "'a' and 'b'"),
        (["a", "b", "c"], "'a', 'b', and 'c'"),
        ([True, 1], "'true' and '1'"),
    ],
)
def test_values_are_listed_as_the_vendor_lists_them(values: list[object], sentence: str) -> None:
    assert quoted_list(values) == sentence


def test_alternatives_are_joined_with_or() -> None:
    assert quoted_list(["a", "b"], "or") == "'a' or 'b'"
    assert quoted_list(["a", "b", "c"], "or") == "'a', 'b', or 'c'"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "an integer"),
        (1.5, "a decimal number"),
        ("", "a string"),
        ([], "an array"),
        ({}, "an object"),
    ],
)
def test_types_have_the_vendors_words(value: JsonValue, word: str) -> None:
    assert type_word(value) == word


@pytest.mark.parametrize(
    ("value", "short"),
    [
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 64 + "…"),
        ([1, 2], "an array"),
        ({"a": 1}, "an object"),
        (7, 7),
        (None, None),
    ],
)
def test_a_value_is_repeated_in_short(value: JsonValue, short: object) -> None:
    assert shortened(value) == short


def test_plain_words() -> None:
    assert [plain(True), plain(False), plain(1), plain("Yes")] == ["true", "false", 1, "Yes"]


def test_limits_of_a_text_in_words() -> None:
    assert characters(1, 1000) == "1 to 1000 characters"
    assert characters(2, None) == "at least 2 characters"
