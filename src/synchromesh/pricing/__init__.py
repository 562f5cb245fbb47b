"""Black-76 prices, Greeks and implied vols over arrays, whole chains, and the marks and scenario
lanes that an oracle's inputs give.

The formulas run natively, without the GIL, vectorised, with the venue's own deterministic functions: the same bits on
every machine and with any number of threads, and the very code that marks positions. Arguments broadcast like NumPy
operands; contiguous float64 columns and single numbers are used where they are, without a copy. Arrow columns come in
as they are (nulls are refused by name), results go out by ``to_arrow()``.

Conventions are Deribit's: ``t`` in years of 365 days, no discounting, delta undiscounted, vega per vol point, theta per
day (over the time left where that is less than a day), rho per 1 %.

Example:
    >>> import numpy as np
    >>> from synchromesh import pricing
    >>> greeks = pricing.black76(70_000.0, np.array([60_000.0, 80_000.0]), 30 / 365, 0.55, [False, True])
    >>> greeks.price.round(2)
    array([ 886.56, 1302.56])
"""

from synchromesh._native import MarkError, PricingError
from synchromesh.pricing.arrow import ArrowMissing
from synchromesh.pricing.black import Greeks, SecondOrder, black76, second_order
from synchromesh.pricing.chain import Chain, ChainExpiry
from synchromesh.pricing.implied import ImpliedVolError, VolStatus, implied_vol, implied_vol_status
from synchromesh.pricing.marks import RiskArrays, mark_arrays, risk_arrays, year_fraction

__all__ = [
    "ArrowMissing",
    "Chain",
    "ChainExpiry",
    "Greeks",
    "ImpliedVolError",
    "MarkError",
    "PricingError",
    "RiskArrays",
    "SecondOrder",
    "VolStatus",
    "black76",
    "implied_vol",
    "implied_vol_status",
    "mark_arrays",
    "risk_arrays",
    "second_order",
    "year_fraction",
]
