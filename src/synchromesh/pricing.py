"""Black-76 prices, Greeks and implied vols over arrays, and the marks that follow from an oracle's inputs.

The formulas run natively, without the GIL, with the venue's own deterministic functions: the same bits on every
machine, and the very code that marks positions. Every argument is broadcast like a NumPy operand; arguments that are
already C-contiguous float64 arrays of the result's shape are not copied.

Conventions are Deribit's: ``t`` in years of 365 days, no discounting, delta undiscounted, vega per vol point, theta per
day (over the time left where that is less than a day), rho per 1 %.

Example:
    >>> import numpy as np
    >>> from synchromesh import pricing
    >>> greeks = pricing.black76(70_000.0, np.array([60_000.0, 80_000.0]), 30 / 365, 0.55, [False, True])
    >>> greeks.price.round(2)
    array([ 886.56, 1302.56])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from synchromesh import _native
from synchromesh._native import MarkError, PricingError
from synchromesh.protocol import InstrumentSpec, MarkArrays, MarkInputs

__all__ = [
    "Greeks",
    "ImpliedVolError",
    "MarkError",
    "PricingError",
    "VolStatus",
    "black76",
    "implied_vol",
    "implied_vol_status",
    "mark_arrays",
    "year_fraction",
]

FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]

YEAR_NS = 365 * 86_400 * 1_000_000_000
"""Nanoseconds of the year that options count in."""


class ImpliedVolError(PricingError):
    """A price that no vol gives, or an input outside its domain."""


class VolStatus(IntEnum):
    """What became of one implied vol."""

    FOUND = 0
    """The vol is the answer; 0 when the price is the intrinsic value."""
    BELOW_INTRINSIC = 1
    """The price is below the intrinsic value."""
    ABOVE_BOUND = 2
    """The price is not below the forward (call) or strike (put), which no vol reaches."""
    BAD_INPUT = 3
    """Price, forward, strike or time is not a number in its domain."""


@dataclass(frozen=True, slots=True)
class Greeks:
    """Price and Greeks per unit of the underlying, in the currency of the forward; arrays of one shape.

    Attributes:
        price: F·Φ(d1) − K·Φ(d2) for a call, by parity for a put.
        delta: ±Φ(±d1).
        gamma: φ(d1)/(F·σ√T).
        vega: F·φ(d1)·√T/100, per vol point.
        theta: −F·φ(d1)·σ/(2√T)/365·min(1, days left), per day.
        rho: ±K·T·Φ(±d2)/100, per 1 %.
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    rho: FloatArray


def black76(
    forward: npt.ArrayLike, strike: npt.ArrayLike, t: npt.ArrayLike, sigma: npt.ArrayLike, is_call: npt.ArrayLike
) -> Greeks:
    """Returns price and Greeks (Black 1976) of options of any broadcast shape.

    Args:
        forward: Forward of the expiry, in [1e-150, 1e150].
        strike: Strike, in the same range.
        t: Years of 365 days to expiry; 0 or less prices the intrinsic value.
        sigma: Implied vol, 1 = 100 %, not negative.
        is_call: True for a call, False for a put.

    Raises:
        PricingError: Names the first option (in flat order) with an input outside its domain.
    """
    shape, (f, k, years, vol), calls = _columns((forward, strike, t, sigma), is_call)
    price, delta, gamma, vega, theta, rho = (np.empty(calls.size) for _ in range(6))
    _native.black76_into((f, k, years, calls), vol, (price, delta, gamma, vega, theta, rho))
    return Greeks(*(column.reshape(shape) for column in (price, delta, gamma, vega, theta, rho)))


def implied_vol(
    price: npt.ArrayLike, forward: npt.ArrayLike, strike: npt.ArrayLike, t: npt.ArrayLike, is_call: npt.ArrayLike
) -> FloatArray:
    """Returns the vols at which :func:`black76` gives ``price``; arguments as there.

    Raises:
        ImpliedVolError: Names the first price below the intrinsic value or above the bound, or the first bad input.
    """
    vol, _, failure = _solve(price, forward, strike, t, is_call)
    if failure is not None:
        raise ImpliedVolError(failure)
    return vol


def implied_vol_status(
    price: npt.ArrayLike, forward: npt.ArrayLike, strike: npt.ArrayLike, t: npt.ArrayLike, is_call: npt.ArrayLike
) -> tuple[FloatArray, ByteArray]:
    """Returns vols and a :class:`VolStatus` for each; a vol that was not found is 0, never NaN."""
    vol, status, _ = _solve(price, forward, strike, t, is_call)
    return vol, status


def mark_arrays(inputs: MarkInputs, specs: Sequence[InstrumentSpec]) -> MarkArrays:
    """Returns the marks that follow from ``inputs`` for instruments in ascending order.

    Raises:
        MarkError: When the inputs contradict themselves or do not cover an instrument.
    """
    return MarkArrays.decode(_native.mark_arrays(inputs.encode(), [spec.encode() for spec in specs]))


def year_fraction(now_ns: int, expiry_ns: int) -> float:
    """Returns years of 365 days from ``now_ns`` to ``expiry_ns``, 0 when it has passed."""
    return max(expiry_ns - now_ns, 0) / YEAR_NS


def _solve(
    price: npt.ArrayLike, forward: npt.ArrayLike, strike: npt.ArrayLike, t: npt.ArrayLike, is_call: npt.ArrayLike
) -> tuple[FloatArray, ByteArray, str | None]:
    shape, (value, f, k, years), calls = _columns((price, forward, strike, t), is_call)
    vol, status = np.empty(calls.size), np.empty(calls.size, np.uint8)
    failure = _native.implied_vol_into(value, (f, k, years, calls), vol, status)
    return vol.reshape(shape), status.reshape(shape), failure


def _columns(
    numbers: Sequence[npt.ArrayLike], is_call: npt.ArrayLike
) -> tuple[tuple[int, ...], list[FloatArray], ByteArray]:
    """The common shape, and the operands flat at that shape; a copy only where one is not so already."""
    operands = [np.asarray(number, np.float64) for number in numbers]
    calls = np.asarray(is_call, np.bool_).view(np.uint8)
    shape = np.broadcast_shapes(calls.shape, *(operand.shape for operand in operands))
    columns = [np.broadcast_to(operand, shape).ravel() for operand in operands]
    return shape, columns, np.broadcast_to(calls, shape).ravel()
