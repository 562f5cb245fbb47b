"""Black-76 in 40-digit arithmetic, straight from the textbook."""

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
