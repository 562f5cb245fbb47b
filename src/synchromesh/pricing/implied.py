"""Implied vols: what :func:`synchromesh.pricing.black76` has to be given to return a price."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from synchromesh import _native
from synchromesh._native import PricingError
from synchromesh.pricing.columns import ByteArray, FloatArray, flat, operands


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


def implied_vol(
    price: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    is_call: npt.ArrayLike,
    *,
    threads: int = 1,
) -> FloatArray:
    """Returns the vols at which :func:`~synchromesh.pricing.black76` gives ``price``, 1 = 100 %.

    Args:
        price: Price per unit of the underlying in the currency of the forward, not discounted.
        forward: Forward of the expiry, in [1e-150, 1e150].
        strike: Strike, in the same range.
        t: Years of 365 days to expiry, above 0.
        is_call: True for a call, False for a put.
        threads: Most threads to share long columns among; the results do not depend on it.

    Raises:
        ImpliedVolError: Names the first option (in flat order) whose price is below the intrinsic value or above the
            bound, or that has an input outside its domain.
        PricingError: When a column holds nulls.

    Example:
        >>> implied_vol([886.56, 1302.56], 70_000.0, [60_000.0, 80_000.0], 30 / 365, [False, True]).round(5)
        array([0.55, 0.55])
    """
    vol, _, failure = _solve(price, forward, strike, t, is_call, threads)
    if failure is not None:
        raise ImpliedVolError(failure)
    return vol


def implied_vol_status(
    price: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    is_call: npt.ArrayLike,
    *,
    threads: int = 1,
) -> tuple[FloatArray, ByteArray]:
    """Returns vols and a :class:`VolStatus` for each; arguments as in :func:`implied_vol`.

    For columns of raw quotes, some of which have no vol: the vol of those is 0, never NaN.

    Raises:
        PricingError: When a column holds nulls.
    """
    vol, status, _ = _solve(price, forward, strike, t, is_call, threads)
    return vol, status


def _solve(
    price: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    is_call: npt.ArrayLike,
    threads: int,
) -> tuple[FloatArray, ByteArray, str | None]:
    shape, numbers, calls = operands(is_call, price=price, forward=forward, strike=strike, t=t)
    vol, status = np.empty(shape), np.empty(shape, np.uint8)
    failure = _native.implied_vol_into(numbers, calls, flat(vol), flat(status), threads)
    return vol, status, failure
