"""Black-76: price and Greeks of first and second order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy.typing as npt

from synchromesh import _native
from synchromesh.pricing.arrow import ArrowTable
from synchromesh.pricing.columns import FloatArray, flat, operands, outputs


@dataclass(frozen=True, slots=True)
class Greeks(ArrowTable):
    """Price and Greeks per unit of the underlying, in the currency of the forward; arrays of one shape.

    The arrays share one block of memory, unless they were given: copy one to keep it alone.

    d1 = ln(F/K)/(σ√T) + σ√T/2, d2 = d1 − σ√T; upper sign: call.

    Attributes:
        price: ±(F·Φ(±d1) − K·Φ(±d2)).
        delta: ±Φ(±d1), undiscounted.
        gamma: φ(d1)/(F·σ√T), per unit of the forward.
        vega: F·φ(d1)·√T/100, per vol point.
        theta: −F·φ(d1)·σ/(2√T)/365·min(1, days left), per day.
        rho: ±K·T·Φ(±d2)/100, per 1 % of rate.
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    rho: FloatArray


@dataclass(frozen=True, slots=True)
class SecondOrder(ArrowTable):
    """Greeks of second and third order, the same for call and put; arrays of one shape.

    Attributes:
        vanna: ∂delta/∂σ = −φ(d1)·d2/σ/100, per vol point.
        volga: ∂vega/∂σ = vega·d1·d2/σ/100, per vol point.
        charm: ∂delta/∂time = φ(d1)·d2/(2T)/365·min(1, days left), per day.
        speed: ∂gamma/∂F = −gamma/F·(1 + d1/(σ√T)), per unit of the forward.
    """

    vanna: FloatArray
    volga: FloatArray
    charm: FloatArray
    speed: FloatArray


def black76(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    sigma: npt.ArrayLike,
    is_call: npt.ArrayLike,
    *,
    threads: int = 1,
    out: Greeks | None = None,
) -> Greeks:
    """Returns price and Greeks (Black 1976) of options of any broadcast shape.

    Args:
        forward: Forward of the expiry, in [1e-150, 1e150].
        strike: Strike, in the same range.
        t: Years of 365 days to expiry; 0 or less prices the intrinsic value.
        sigma: Implied vol, 1 = 100 %, not negative.
        is_call: True for a call, False for a put.
        threads: Most threads to share long columns among; the results do not depend on it.
        out: Arrays of the broadcast shape to write into and return, instead of new ones.

    Raises:
        PricingError: Names the first option (in flat order) with an input outside its domain.

    Example:
        >>> greeks = black76(70_000.0, [60_000.0, 80_000.0], 30 / 365, 0.55, [False, True])
        >>> greeks.price.round(2)
        array([ 886.56, 1302.56])
        >>> greeks.delta.round(4)
        array([-0.1454,  0.2212])
    """
    shape, numbers, calls = operands(is_call, forward=forward, strike=strike, t=t, sigma=sigma)
    columns = outputs(6, shape, None if out is None else _named(out))
    _native.black76_into(numbers, calls, tuple(map(flat, columns)), threads)
    return Greeks(*columns) if out is None else out


def second_order(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    threads: int = 1,
    out: SecondOrder | None = None,
) -> SecondOrder:
    """Returns vanna, volga, charm and speed of options of any broadcast shape; arguments as in :func:`black76`.

    Call and put share them, because their deltas differ by 1 and their vegas not at all. Without time or vol all are 0.

    Raises:
        PricingError: Names the first option (in flat order) with an input outside its domain.
    """
    shape, numbers, _ = operands(True, forward=forward, strike=strike, t=t, sigma=sigma)
    columns = outputs(4, shape, None if out is None else _named(out))
    _native.second_order_into(numbers, tuple(map(flat, columns)), threads)
    return SecondOrder(*columns) if out is None else out


def _named(table: ArrowTable) -> Iterator[tuple[str, FloatArray]]:
    return ((field.name, getattr(table, field.name)) for field in fields(table))
