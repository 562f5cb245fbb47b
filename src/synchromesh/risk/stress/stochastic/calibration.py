"""Bates parameters of an option chain, calibrated with QuantLib, and the jumps of the variance that SVJJ adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from synchromesh.clock import SECOND
from synchromesh.risk.stress.stochastic.processes import BatesParameters, SvjjParameters
from synchromesh.risk.stress.vols import SPOT_VOL_RESPONSE
from synchromesh.risk.surface import Smile

DAYS_MIN, DAYS_MAX = 2.0, 120.0
"""Expiries that are calibrated to."""
DEVIATIONS = (-1.5, -0.75, 0.0, 0.75, 1.5)
"""Strikes, standard deviations from the forward."""
ITERATIONS = 400
JUMP_CORRELATION = -0.08
"""ρ_J: log return that goes with a jump of the variance of 1, beyond the mean jump. Jumps down raise the vol."""


class CalibrationError(RuntimeError):
    """A chain to which no Bates model fits, or QuantLib is not installed."""


class Quote(msgspec.Struct, frozen=True):
    """An expiry to calibrate to: its time (ns), forward in USD, smile."""

    expiry: int
    forward: float
    smile: Smile


class Calibration(msgspec.Struct, frozen=True):
    """A calibrated model.

    Attributes:
        parameters: What was found.
        options: Options calibrated to.
        error: Root mean square error, vol points.
    """

    parameters: BatesParameters
    options: int
    error: float


def calibrate_bates(time: int, index: float, quotes: Sequence[Quote]) -> Calibration:
    """Returns the Bates model whose implied vols lie nearest to those of some smiles.

    Args:
        time: Now, ns.
        index: USD.
        quotes: Expiries ascending.

    Raises:
        CalibrationError: When QuantLib is missing, no expiry is usable, or the optimiser finds nothing finite.
    """
    ql = _quantlib()
    usable = [each for each in quotes if DAYS_MIN <= (each.expiry - time) / SECOND / 86_400 <= DAYS_MAX]
    if not usable:
        raise CalibrationError(f"no expiry lies {DAYS_MIN:g} to {DAYS_MAX:g} days ahead")
    today = _date(ql, time)
    ql.Settings.instance().evaluationDate = today
    counter, calendar = ql.Actual365Fixed(), ql.NullCalendar()
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, counter))
    spot = ql.QuoteHandle(ql.SimpleQuote(1.0))
    helpers: list[Any] = []
    first = 0.25
    for each in usable:
        days = _date(ql, each.expiry) - today
        years = (each.expiry - time) / SECOND / 86_400 / 365
        middle = float(each.smile.vol(np.zeros(1), years)[0])
        first = middle**2 if not helpers else first
        for deviation in DEVIATIONS:
            k = deviation * middle * math.sqrt(years)
            vol = float(each.smile.vol(np.array([k]), years)[0])
            quote = ql.QuoteHandle(ql.SimpleQuote(vol))
            period = ql.Period(int(days), ql.Days)
            helper = ql.HestonModelHelper(
                period, calendar, 1.0, math.exp(k), quote, flat, flat, ql.BlackCalibrationHelper.ImpliedVolError
            )
            helpers.append(helper)
    process = ql.BatesProcess(flat, flat, spot, first, 4.0, first, 1.5, -0.3, 4.0, -0.05, 0.08)
    model = ql.BatesModel(process)
    engine = ql.BatesEngine(model, 128)
    for helper in helpers:
        helper.setPricingEngine(engine)
    try:
        model.calibrate(
            helpers,
            ql.LevenbergMarquardt(),
            ql.EndCriteria(ITERATIONS, 60, 1e-8, 1e-8, 1e-8),
            ql.NoConstraint(),
        )
        errors = np.array([helper.calibrationError() for helper in helpers])
    except RuntimeError as error:
        raise CalibrationError(f"QuantLib: {error}") from error
    theta, kappa, sigma, rho, v0, nu, delta, intensity = model.params()
    found = BatesParameters(v0, kappa, theta, sigma, rho, intensity, nu, abs(delta))
    if not all(map(math.isfinite, msgspec.structs.astuple(found))):
        raise CalibrationError("the calibration ended at parameters that are no numbers")
    return Calibration(found, len(helpers), float(np.sqrt(np.mean(errors**2)) * 100))


def with_variance_jumps(parameters: BatesParameters, symbol: str) -> SvjjParameters:
    """Returns SVJJ parameters: the variance jumps by what the recorded response of front vols makes of the mean jump.

    ``μ_v = (√v₀ + β·|ν|)² − v₀`` with β that of the shortest expiries
    (:data:`~synchromesh.risk.stress.vols.SPOT_VOL_RESPONSE`).
    """
    response = SPOT_VOL_RESPONSE.get(symbol, SPOT_VOL_RESPONSE["BTC"])
    beta = response[min(response)]
    raised = math.sqrt(parameters.v0) + beta * max(abs(parameters.jump_mean), parameters.jump_deviation / 2)
    return SvjjParameters(parameters, raised**2 - parameters.v0, JUMP_CORRELATION)


def _quantlib() -> Any:
    try:
        import QuantLib
    except ImportError as error:
        raise CalibrationError("calibration needs QuantLib: pip install QuantLib") from error
    return QuantLib


def _date(ql: Any, time: int) -> Any:
    day = datetime.fromtimestamp(time / SECOND, UTC)
    return ql.Date(day.day, day.month, day.year)
