"""Decimals to the integers that are signed, exactly."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

PRICE_PLACES = 6
"""Decimal places of prices and cash: micro-USDC."""
AMOUNT_PLACES = 8
"""Decimal places of amounts: 1e-8 contracts."""

NANO_PLACES = 9
"""Decimal places of shares, vols and deltas."""

Number = Decimal | int | str | float
"""What users give; a float means the shortest decimal that prints as it."""

_MAX = (1 << 63) - 1
_DIGITS_MAX = len(str(_MAX))


def decimal(value: Number) -> Decimal:
    """``value`` as a decimal; ValueError when it is no finite number."""
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    return number


def scaled(value: Decimal, places: int) -> int | None:
    """``value × 10^places`` when that is a whole number of at most 63 bits, else None."""
    # The comparison is exact whatever the context's precision, which the shift may have rounded to.
    if not value:
        return 0
    if not value.is_finite() or value.adjusted() + places > _DIGITS_MAX:
        return None
    number = int(value.scaleb(places))
    exact = Decimal(number).scaleb(-places) == value
    return number if exact and -_MAX <= number <= _MAX else None


def units(value: Number, places: int) -> int:
    """``value × 10^places``; ValueError when that is not whole."""
    number = scaled(decimal(value), places)
    if number is None:
        raise ValueError(f"{value} is not a multiple of 1e-{places}")
    return number
