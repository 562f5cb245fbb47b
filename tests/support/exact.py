"""Black-76 in 40-digit arithmetic: the textbook's formulas, and numerical derivatives of them."""

from __future__ import annotations

from typing import Any

import mpmath


def exact(forward: float, strike: float, t: float, sigma: float, is_call: bool) -> dict[str, Any]:
    """Price and Greeks with 40 digits, straight from the textbook."""
    with mpmath.workdps(40):
        f, k, years, vol = (mpmath.mpf(float(value)) for value in (forward, strike, t, sigma))
        deviation = vol * mpmath.sqrt(years)
        d1 = mpmath.log(f / k) / deviation + deviation / 2
        d2 = d1 - deviation
        sign = 1 if is_call else -1
        density = mpmath.npdf(d1)

        def cdf(x: Any) -> Any:
            return mpmath.erfc(-x / mpmath.sqrt(2)) / 2

        return {
            "price": sign * (f * cdf(sign * d1) - k * cdf(sign * d2)),
            "delta": sign * cdf(sign * d1),
            "gamma": density / (f * deviation),
            "vega": f * density * mpmath.sqrt(years) / 100,
            "theta": -f * density * vol / (2 * mpmath.sqrt(years)) / 365 * min(1, years * 365),
            "rho": sign * k * years * cdf(sign * d2) / 100,
        }


def exact_second_order(forward: float, strike: float, t: float, sigma: float) -> dict[str, Any]:
    """Vanna, volga, charm and speed to many digits, from differences of delta, vega and gamma.

    Differences of 80-digit values with steps far below any scale of the option, so no formula for them is assumed.
    """
    with mpmath.workdps(80):
        at = [mpmath.mpf(float(value)) for value in (forward, strike, t, sigma)]
        side = 1 if forward > strike else -1

        def first(f: Any, years: Any, vol: Any) -> dict[str, Any]:
            deviation = vol * mpmath.sqrt(years)
            d1 = mpmath.log(f / at[1]) / deviation + deviation / 2
            density = mpmath.npdf(d1)
            # The delta of the side that is out of the money, because that of the other one loses its digits to the 1.
            return {
                "delta": -side * mpmath.erfc(side * d1 / mpmath.sqrt(2)) / 2,
                "gamma": density / (f * deviation),
                "vega": f * density * mpmath.sqrt(years) / 100,
            }

        def slope(greek: str, place: int) -> Any:
            around = [at[0], at[2], at[3]]
            step = around[place] * mpmath.mpf(10) ** -30
            values = []
            for sign in (1, -1):
                moved = list(around)
                moved[place] += sign * step
                values.append(first(*moved)[greek])
            return (values[0] - values[1]) / (2 * step)

        deviation = at[3] * mpmath.sqrt(at[2])
        d1 = mpmath.log(at[0] / at[1]) / deviation + deviation / 2
        return {
            "d1": d1,
            "d2": d1 - deviation,
            "vanna": slope("delta", 2) / 100,
            "volga": slope("vega", 2) / 100,
            "charm": -slope("delta", 1) / 365 * min(1, at[2] * 365),
            "speed": slope("gamma", 0),
        }
