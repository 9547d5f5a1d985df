"""How amounts of money are shown to people: alike in every command."""

from decimal import ROUND_HALF_UP, Decimal

__all__ = ("shown_usd",)

_LEAST_USD = Decimal("0.0001")


def shown_usd(amount: Decimal) -> str:
    """Dollars with four decimals, the half rounded up; as they are where that would make nothing of something."""
    if 0 < amount < _LEAST_USD:
        return f"{amount.normalize():f}"
    return f"{amount.quantize(_LEAST_USD, rounding=ROUND_HALF_UP):f}"
