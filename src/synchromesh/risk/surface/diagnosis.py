"""What a fitted surface is worth: arbitrage on a dense grid, distance to quotes in vols and ticks, what was dropped.

It is worked out from the slices as marks carry them, by formulas of its own; only the list of dropped quotes, and the
lowest g and calendar excess over all strikes, are the calibration's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from synchromesh.clock import SECOND
from synchromesh.pricing import VolStatus, black76, implied_vol_status
from synchromesh.risk.chains import ChainSlice, ChainSnapshot
from synchromesh.risk.surface.calibration import Fate, Surface, SurfaceSlice
from synchromesh.risk.surface.smile import Smile

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

GRID_NODES = 1_201
"""Log-moneyness at which arbitrage is counted, from end to end."""
GRID_REACH = 1.5
"""Log-moneyness that the grid reaches at least."""
GRID_DEVIATIONS = 6.0
"""Standard deviations of the longest expiry that it reaches at least."""
CENTRAL_DELTA = (0.05, 0.95)
"""Size of delta of the options that the fit is judged by."""
CENTRAL_DAYS = 1.0
"""Days to expiry beyond which they are."""
CENTRAL_SPREAD = 0.10
"""Widest quote, in vol, that they may have."""
COIN_TICKS = (0.0001, 0.0005)
"""Tick of the recorded venue in coin, below and from :data:`COIN_TICK_STEP` on."""
COIN_TICK_STEP = 0.005
YEAR_DAYS = 365.0


class DroppedQuote(msgspec.Struct, frozen=True):
    """A row that was not fitted: strike in USD (None when it is no number), type, reason."""

    strike: float | None
    type: str
    reason: str


class CentralFit(msgspec.Struct, frozen=True):
    """The fit where it matters: |delta| in 5–95 %, more than a day to expiry, both sides quoted, within 10 vol points.

    Attributes:
        quotes: How many options.
        inside: Share whose fitted vol lies between the vols of bid and ask; None without options.
        mark_error: Median distance to the vol of the exchange's mark, vol points; None where the file has no mark.
    """

    quotes: int
    inside: float | None
    mark_error: float | None


class SliceDiagnosis(msgspec.Struct, frozen=True):
    """One expiry.

    Attributes:
        expiry: ISO 8601.
        days: Days to expiry.
        forward: USD.
        method: How the slice came about.
        smile: Raw SVI parameters.
        fixed: The same on the fixed point of marks, 1e-9.
        essvi: Parameters of the eSSVI surface.
        worst_g: Lowest Durrleman g, wherever it is.
        worst_g_at: Log-moneyness where it is.
        calendar: Lowest excess of total variance over the expiry before; None for the first.
        calendar_at: Log-moneyness where it is.
        violations: Points of the dense grid with arbitrage, and wings that are too steep or flatter than before.
        rows: Rows given.
        quotes: Strikes fitted; the call and the put of a strike are one.
        error_vol: Median distance to mid vols, vol points; None without quotes.
        error_ticks: Median distance to mid prices in ticks of the venue; None without two-sided rows.
        inside: Share of strikes fitted between bid and ask; None without quotes.
        central: The fit where it matters.
        drops: How many rows were dropped, by reason.
        dropped: Which.
    """

    expiry: str
    days: float
    forward: float
    method: str
    smile: dict[str, float]
    fixed: tuple[int, int, int, int, int]
    essvi: dict[str, float]
    worst_g: float
    worst_g_at: float
    calendar: float | None
    calendar_at: float | None
    violations: int
    rows: int
    quotes: int
    error_vol: float | None
    error_ticks: float | None
    inside: float | None
    central: CentralFit
    drops: dict[str, int]
    dropped: list[DroppedQuote]


class SurfaceDiagnosis(msgspec.Struct, frozen=True):
    """One snapshot of one currency; the fields are the sums, shares and medians over its slices.

    Attributes:
        symbol: Currency.
        time: ISO 8601.
        index: USD.
        milliseconds: Time of the fit, vols from prices included.
        unreadable: Rows of no expiry.
        violations: See :class:`SliceDiagnosis`.
        central: The fit where it matters, over all expiries.
        slices: Expiries.
    """

    symbol: str
    time: str
    index: float
    milliseconds: float
    unreadable: int
    violations: int
    central: CentralFit
    slices: list[SliceDiagnosis]


def diagnose(chain: ChainSnapshot, surface: Surface) -> SurfaceDiagnosis:
    """Returns what ``surface``, fitted to ``chain``, is worth."""
    grid = arbitrage_grid(surface)
    slices, samples = [], []
    before: Smile | None = None
    for quotes, fitted in zip(chain.slices, surface, strict=True):
        sample = _central(quotes, fitted)
        slices.append(_slice(quotes, fitted, count_violations(fitted.smile, before, grid), sample))
        samples.append(sample)
        before = fitted.smile
    return SurfaceDiagnosis(
        symbol=chain.symbol,
        time=iso(chain.time),
        index=chain.index,
        milliseconds=surface.seconds * 1_000,
        unreadable=chain.unreadable,
        violations=sum(each.violations for each in slices),
        central=summarise(samples),
        slices=slices,
    )


def arbitrage_grid(surface: Surface) -> FloatArray:
    """Returns the log-moneyness at which arbitrage is counted."""
    deviation = float(np.sqrt(surface.slices[-1].smile.variance(np.zeros(1))[0]))
    reach = max(GRID_REACH, GRID_DEVIATIONS * deviation)
    return np.linspace(-reach, reach, GRID_NODES)


def count_violations(smile: Smile, before: Smile | None, grid: FloatArray) -> int:
    """Returns how many points of ``grid`` have butterfly arbitrage, or calendar arbitrage against the slice ``before``,
    and how many wings are steeper than 2 or flatter than before."""
    wings = np.array(smile.wings)
    found = int((smile.durrleman(grid) < 0).sum()) + int((wings > 2).sum())
    if before is not None:
        found += int((smile.variance(grid) < before.variance(grid)).sum()) + int((wings < before.wings).sum())
    return found


class Sample(msgspec.Struct, frozen=True):
    """The central options of one expiry: whether each is inside, and distances to the marks that there are, in vol."""

    inside: BoolArray
    mark_error: FloatArray


def _central(quotes: ChainSlice, fitted: SurfaceSlice) -> Sample:
    usable = _usable(quotes)
    vol = np.where(usable, fitted.vol(np.where(usable, quotes.strike, quotes.forward)), 0.0)
    rows = np.flatnonzero(usable)
    strike, is_call, sides = quotes.strike[rows], quotes.is_call[rows], (quotes.bid[rows], quotes.ask[rows])
    delta = np.abs(black76(quotes.forward, strike, quotes.t, vol[rows], is_call).delta)
    (bid, ask), status = implied_vol_status(np.stack(sides) * quotes.forward, quotes.forward, strike, quotes.t, is_call)
    central = np.all(status == VolStatus.FOUND, axis=0) & (ask - bid <= CENTRAL_SPREAD)
    central &= (delta >= CENTRAL_DELTA[0]) & (delta <= CENTRAL_DELTA[1]) & (quotes.t * YEAR_DAYS > CENTRAL_DAYS)
    own, mark = vol[rows][central], quotes.mark_iv[rows][central]
    inside = (own >= bid[central]) & (own <= ask[central])
    return Sample(inside, np.abs(own - mark)[(mark > 0) & np.isfinite(mark)])


def _usable(quotes: ChainSlice) -> BoolArray:
    """Rows with a strike and 0 < bid < ask."""
    sound: BoolArray = (quotes.strike > 0) & (quotes.bid > 0) & (quotes.ask > quotes.bid)
    return sound & np.isfinite(quotes.strike) & np.isfinite(quotes.ask)


def summarise(samples: list[Sample]) -> CentralFit:
    """Returns shares and medians over the options of several expiries."""
    inside = np.concatenate([sample.inside for sample in samples])
    errors = np.concatenate([sample.mark_error for sample in samples])
    return CentralFit(
        quotes=len(inside),
        inside=float(np.mean(inside)) if len(inside) else None,
        mark_error=float(np.median(errors)) * 100 if len(errors) else None,
    )


def _ticks(quotes: ChainSlice, fitted: SurfaceSlice) -> float | None:
    """Median distance of fitted prices to mid prices, in ticks of the venue at the mid."""
    rows = np.flatnonzero(_usable(quotes))
    if not len(rows):
        return None
    strike = quotes.strike[rows]
    price = black76(quotes.forward, strike, quotes.t, fitted.vol(strike), quotes.is_call[rows]).price
    mid = (quotes.bid[rows] + quotes.ask[rows]) / 2
    tick = np.where(mid < COIN_TICK_STEP, *COIN_TICKS)
    return float(np.median(np.abs(price / quotes.forward - mid) / tick))


def _slice(quotes: ChainSlice, fitted: SurfaceSlice, violations: int, sample: Sample) -> SliceDiagnosis:
    report, smile = fitted.report, fitted.smile
    has_quotes = len(report.quotes) > 0
    fixed = smile.fixed()
    return SliceDiagnosis(
        expiry=iso(fitted.expiry),
        days=fitted.t * YEAR_DAYS,
        forward=fitted.forward,
        method=report.method.name.lower(),
        smile=dict(zip(("a", "b", "rho", "m", "sigma"), smile.parameters, strict=True)),
        fixed=(fixed.a, fixed.b, fixed.rho, fixed.m, fixed.sigma),
        essvi={"theta": fitted.essvi.theta, "rho": fitted.essvi.rho, "psi": fitted.essvi.psi},
        worst_g=report.worst_g,
        worst_g_at=report.worst_g_at,
        calendar=report.calendar,
        calendar_at=report.calendar_at,
        violations=violations,
        rows=len(quotes.strike),
        quotes=len(report.quotes),
        error_vol=report.error * 100 if has_quotes else None,
        error_ticks=_ticks(quotes, fitted),
        inside=report.inside if has_quotes else None,
        central=summarise([sample]),
        drops={fate.name.lower(): count for fate, count in report.drops.items()},
        dropped=[_dropped(quotes, row, Fate(report.fates[row])) for row in np.flatnonzero(report.fates)],
    )


def _dropped(quotes: ChainSlice, row: Any, fate: Fate) -> DroppedQuote:
    strike = float(quotes.strike[row])
    kind = "call" if quotes.is_call[row] else "put"
    return DroppedQuote(strike if np.isfinite(strike) else None, kind, fate.name.lower())


def iso(time: int) -> str:
    """Returns the ISO 8601 form of ns since the Unix epoch, to the millisecond."""
    return datetime.fromtimestamp(time / SECOND, UTC).isoformat(timespec="milliseconds")
