"""Decimal text to integers and back, exactly: no number of the API passes through a float."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from msgspec import Raw

from synchromesh.client.units import AMOUNT_PLACES, PRICE_PLACES, scaled
from synchromesh.execution.errors import ApiError, ErrorCode, invalid_param

NANO_PLACES = 9
"""Decimal places of vols, deltas, forwards and rates."""
GAMMA_PLACES = 12
"""Decimal places of gammas."""

_SCALES = {places: 10**places for places in range(13)}


def price_of(value: Decimal, param: str = "price") -> int:
    """A price or fee in micro-USDC; `ApiError` when it is negative, too large or finer than a micro-USDC."""
    number = _finite(value, param) and scaled(value, PRICE_PLACES)
    if number is None:
        raise ApiError(
            ErrorCode.PRICE_PRECISION_EXCEEDED,
            "price_precision",
            f"{param} {value} is not whole micro-USDC",
            param=param,
        )
    if number < 0:
        raise ApiError(ErrorCode.INVALID_PRICE, "invalid_price", f"{param} {value} is negative", param=param)
    return number


def amount_of(value: Decimal, param: str = "amount", places: int = AMOUNT_PLACES) -> int:
    """An amount in units of ``10^-places``; `ApiError` when it is not positive, too large or finer than that."""
    number = _finite(value, param) and scaled(value, places)
    if number is None or number <= 0:
        detail = f"{param} {value} is not a positive multiple of 1e-{places}"
        raise ApiError(ErrorCode.INVALID_AMOUNT, "invalid_amount", detail, param=param)
    return number


def signed_of(value: Decimal, places: int, param: str) -> int:
    """A signed number in units of ``10^-places``; `ApiError` when it is too large or finer than that."""
    number = scaled(value, places) if _finite(value, param) else None
    if number is None:
        raise invalid_param(param, f"{param} {value} is not a multiple of 1e-{places} of 63 bits")
    return number


def _finite(value: Decimal, param: str) -> bool:
    if not value.is_finite():
        raise invalid_param(param, f"{param} {value} is not a number")
    return True


def text(value: int, places: int) -> str:
    """``value × 10^-places`` as decimal text without trailing zeros."""
    if value < 0:
        return "-" + text(-value, places)
    whole, part = divmod(value, _SCALES[places])
    if not part:
        return str(whole)
    return f"{whole}.{part:0{places}d}".rstrip("0")


@lru_cache(maxsize=65_536)
def number(value: int, places: int) -> Raw:
    """``value × 10^-places`` as a JSON number. Remembered: prices, sizes and fees come back all the time."""
    return Raw(text(value, places).encode())


def price(value: int) -> Raw:
    """Micro-USDC as a JSON number of USDC."""
    return number(value, PRICE_PLACES)


def amount(value: int) -> Raw:
    """1e-8 contracts as a JSON number of contracts."""
    return number(value, AMOUNT_PLACES)


def nano(value: int) -> Raw:
    """A 1e-9 fixed-point value as a JSON number."""
    return number(value, NANO_PLACES)


def gamma(value: int) -> Raw:
    """A 1e-12 fixed-point gamma as a JSON number."""
    return number(value, GAMMA_PLACES)


def quoted_vol(value: int) -> Raw:
    """A vol of a best price, 0.01 %, as a JSON number of per cent."""
    return number(value, 2)


def percent(value: int) -> Raw:
    """A 1e-9 fixed-point vol as a JSON number of per cent."""
    return number(value, NANO_PLACES - 2)
