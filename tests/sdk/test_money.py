"""How amounts of money are shown."""

from decimal import Decimal

import pytest

from imageway.sdk.money import shown_usd


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.0000"),
        ("0.05295", "0.0530"),
        ("0.05285", "0.0529"),
        ("0.0001", "0.0001"),
        ("0.0000999", "0.0000999"),
        ("0.00001", "0.00001"),
        ("1234.5", "1234.5000"),
    ],
)
def test_four_decimals_and_more_where_they_would_hide_it(amount: str, shown: str) -> None:
    assert shown_usd(Decimal(amount)) == shown
