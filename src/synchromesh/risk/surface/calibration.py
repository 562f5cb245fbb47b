"""Surfaces fitted to quotes: the native calibration behind types of Python."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from synchromesh import _native
from synchromesh.protocol import SviSlice
from synchromesh.risk.chains import ChainSlice, ChainSnapshot
from synchromesh.risk.surface.smile import Smile

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class Fate(IntEnum):
    """What became of one row of quotes."""

    USED = 0
    """It was fitted."""
    BAD_STRIKE = 1
    """The strike is not a positive number, or absurdly far from the forward."""
    BAD_QUOTE = 2
    """Bid, ask or age is negative or infinite."""
    EMPTY = 3
    """Neither bid nor ask."""
    NO_BID = 4
    """An ask alone, and the strike's other option gives no bid either."""
    NO_ASK = 5
    """A bid alone, and the strike's other option gives no ask either."""
    CROSSED = 6
    """The bid is not below the ask."""
    BELOW_INTRINSIC = 7
    """No vol gives a price this low."""
    ABOVE_BOUND = 8
    """No vol gives a price this high."""
    DUPLICATE = 9
    """A second row of the same option."""
    DISPARATE = 10
    """By parity it contradicts the strike's other option, which is fresher or, at equal ages, out of the money."""
    STALE = 11
    """Older than an hour."""


class Method(Enum):
    """How a slice came about."""

    SVI = 0
    """Raw SVI fitted to its quotes under all conditions."""
    BLENDED = 1
    """The fit had arbitrage: moved back towards a slice that has none."""
    ESSVI = 2
    """Too few quotes for five parameters: the eSSVI surface's shape."""
    EXTRAPOLATED = 3
    """No quotes: the eSSVI surface between or beyond the expiries that have some."""
    PREVIOUS = 4
    """Too few quotes, together with the slice of the previous surface."""


@dataclass(frozen=True, slots=True)
class ExpiryQuotes:
    """The quotes of one expiry: parallel arrays, in any order.

    Attributes:
        expiry: Expiry, ns since the Unix epoch.
        t: Years of 365 days to expiry.
        forward: Forward in USD.
        strike: Strikes in USD.
        is_call: Call or put.
        bid: Best bid, USD per unit of the underlying; 0 or NaN where there is none.
        ask: Best ask, likewise.
        age: Seconds since each quote was known to be good: at a minute it counts half, after an hour no more.
            None when all are fresh.
    """

    expiry: int
    t: float
    forward: float
    strike: FloatArray
    is_call: BoolArray
    bid: FloatArray
    ask: FloatArray
    age: FloatArray | None = None

    @classmethod
    def from_slice(cls, chain: ChainSlice) -> Self:
        """Returns the quotes of a recorded expiry, from coin to USD."""
        bid, ask = chain.bid * chain.forward, chain.ask * chain.forward
        return cls(chain.expiry, chain.t, chain.forward, chain.strike, chain.is_call, bid, ask)


@dataclass(frozen=True, slots=True)
class VolQuotes:
    """What a slice was fitted to, one row per strike, ascending: call and put of a strike are one quote by parity.

    Attributes:
        k: Log-moneyness ln(K/F).
        bid: Vol of the bid, 1 = 100 %.
        ask: Vol of the ask.
        weight: 1 for a fresh quote, less for an older one.
    """

    k: FloatArray
    bid: FloatArray
    ask: FloatArray
    weight: FloatArray

    @property
    def mid(self) -> FloatArray:
        """Vol half-way between bid and ask."""
        return (self.bid + self.ask) / 2

    def __len__(self) -> int:
        return len(self.k)


@dataclass(frozen=True, slots=True)
class Essvi:
    """One eSSVI slice: ``w(k) = ½(θ + ρψk + √((ψk + θρ)² + θ²(1 − ρ²)))``.

    Attributes:
        theta: Total variance at the money.
        rho: Skew, in (−1, 1).
        psi: Slope at the money, θφ(θ).
    """

    theta: float
    rho: float
    psi: float

    def variance(self, k: FloatArray) -> FloatArray:
        """Returns total implied variance at log-moneyness ``k``."""
        x, rest = self.psi * k + self.theta * self.rho, self.theta**2 * (1 - self.rho**2)
        w: FloatArray = (self.theta + self.rho * self.psi * k + np.sqrt(x * x + rest)) / 2
        return w


@dataclass(frozen=True)
class SliceReport:
    """How a slice came about and how good it is.

    Attributes:
        method: How it was made.
        quotes: What it was fitted to.
        fates: A :class:`Fate` per row given, uint8.
        worst_g: Lowest Durrleman g, over all strikes; below 0 would be butterfly arbitrage.
        worst_g_at: Log-moneyness where it is.
        calendar: Lowest excess of total variance over the slice before, None for the first.
        calendar_at: Log-moneyness where it is.
        error: Median distance of fitted vols to mid vols, 1 = 100 vol points; 0 without quotes.
        inside: Share of fitted vols between bid and ask; 1 without quotes.
    """

    method: Method
    quotes: VolQuotes
    fates: npt.NDArray[np.uint8]
    worst_g: float
    worst_g_at: float
    calendar: float | None
    calendar_at: float | None
    error: float
    inside: float

    @cached_property
    def drops(self) -> Mapping[Fate, int]:
        """How many rows were dropped, by reason."""
        counts = np.bincount(self.fates, minlength=len(Fate))
        return {fate: int(counts[fate]) for fate in Fate if fate is not Fate.USED and counts[fate]}


@dataclass(frozen=True)
class SurfaceSlice:
    """One expiry of a surface.

    Attributes:
        expiry: Expiry, ns since the Unix epoch.
        t: Years of 365 days to expiry when it was fitted.
        forward: Forward in USD.
        smile: The slice, on the fixed point of marks: ``smile.fixed()`` changes nothing.
        essvi: Its slice of the eSSVI surface.
        report: How it came about.
    """

    expiry: int
    t: float
    forward: float
    smile: Smile
    essvi: Essvi
    report: SliceReport

    def vol(self, strike: npt.ArrayLike) -> FloatArray:
        """Returns implied vol at strikes in USD."""
        return self.smile.vol(np.log(np.asarray(strike, np.float64) / self.forward), self.t)


@dataclass(frozen=True)
class Surface:
    """A surface without static arbitrage.

    Attributes:
        slices: One per expiry that was given, ascending.
        seconds: Time that the fit took.
    """

    slices: tuple[SurfaceSlice, ...]
    seconds: float

    def __iter__(self) -> Iterator[SurfaceSlice]:
        return iter(self.slices)

    def find(self, expiry: int) -> SurfaceSlice | None:
        """Returns the slice of an expiry, None when there is none."""
        return self._by_expiry.get(expiry)

    @cached_property
    def _by_expiry(self) -> dict[int, SurfaceSlice]:
        return {each.expiry: each for each in self.slices}

    def variance(self, k: npt.ArrayLike, t: npt.ArrayLike) -> FloatArray:
        """Returns total implied variance at log-moneyness ``k`` and ``t`` years, of the broadcast shape.

        Linear in t between slices at equal k; before the first and after the last in proportion to t, which is the
        vol of the first and of the last slice.
        """
        k, t = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(t, np.float64))
        times = np.array([each.t for each in self.slices])
        table = np.stack([each.smile.variance(k) for each in self.slices])
        after = np.clip(np.searchsorted(times, t), 0, len(times) - 1)
        before = np.clip(after - 1, 0, None)
        outside = (t <= times[0]) | (t >= times[-1]) | (before == after)
        here = np.take_along_axis(table, after[None], 0)[0]
        low = np.take_along_axis(table, before[None], 0)[0]
        gap = np.where(outside, 1.0, times[after] - times[before])
        inner = low + (here - low) * (t - times[before]) / gap
        result: FloatArray = np.where(outside, here * t / times[after], inner)
        return result

    def forward(self, t: npt.ArrayLike) -> FloatArray:
        """Returns the forward at ``t`` years, log-linear between the expiries and flat beyond them."""
        times, forwards = zip(*((each.t, np.log(each.forward)) for each in self.slices), strict=True)
        result: FloatArray = np.exp(np.interp(np.asarray(t, np.float64), times, forwards))
        return result

    def vol(self, t: npt.ArrayLike, strike: npt.ArrayLike) -> FloatArray:
        """Returns implied vol at ``t`` years and strikes in USD, of the broadcast shape."""
        years = np.asarray(t, np.float64)
        k = np.log(np.asarray(strike, np.float64) / self.forward(years))
        result: FloatArray = np.sqrt(self.variance(k, years) / years)
        return result


def fit_surface(chain: ChainSnapshot, *, previous: Surface | None = None) -> Surface:
    """Fits a recorded chain.

    Args:
        chain: The chain; only bids, asks and forwards are looked at, never the exchange's marks.
        previous: An earlier surface, which stands in where an expiry has too few quotes.

    Raises:
        SurfaceError: When there is no expiry, or no sound quote and no earlier surface.
    """
    return fit_quotes([ExpiryQuotes.from_slice(each) for each in chain.slices], previous=previous)


def fit_quotes(expiries: Sequence[ExpiryQuotes], *, previous: Surface | None = None) -> Surface:
    """Fits quotes, expiries ascending by time.

    Bad rows are dropped with a reason (:class:`Fate`); they never raise.

    Args:
        expiries: The quotes.
        previous: An earlier surface, which stands in where an expiry has too few quotes.

    Raises:
        SurfaceError: When there is no expiry; when times do not rise or a forward is not positive; when columns of an
            expiry differ in length; when there is no sound quote and no earlier surface.
    """
    columns = [_columns(each, previous) for each in expiries]
    start = time.perf_counter()
    fitted = _native.fit_surface(columns)
    seconds = time.perf_counter() - start
    return Surface(tuple(_slice(each, found) for each, found in zip(expiries, fitted, strict=True)), seconds)


def _columns(
    quotes: ExpiryQuotes, previous: Surface | None
) -> tuple[
    float, float, FloatArray, npt.NDArray[np.uint8], FloatArray, FloatArray, FloatArray | None, _native._Svi | None
]:
    def column(values: npt.ArrayLike) -> FloatArray:
        return np.ascontiguousarray(values, np.float64)

    before = previous.find(quotes.expiry) if previous is not None else None
    return (
        quotes.forward,
        quotes.t,
        column(quotes.strike),
        np.ascontiguousarray(quotes.is_call, np.bool_).view(np.uint8),
        column(quotes.bid),
        column(quotes.ask),
        column(quotes.age) if quotes.age is not None else None,
        # The earlier slice at the same vols: its total variance has shrunk with the time to expiry.
        before.smile.scaled(quotes.t / before.t).parameters if before is not None else None,
    )


def _slice(quotes: ExpiryQuotes, found: _native.SurfaceSlice) -> SurfaceSlice:
    smile = Smile.from_fixed(SviSlice(*found.parameters))
    theta, right, left = found.essvi
    essvi = Essvi(theta, (right - left) / (right + left), right + left)
    vols = VolQuotes(*np.frombuffer(found.quotes, np.float64).reshape(-1, 4).T)
    fitted = smile.vol(vols.k, quotes.t)
    calendar, calendar_at = found.calendar or (None, None)
    report = SliceReport(
        method=Method(found.method),
        quotes=vols,
        fates=np.frombuffer(found.fates, np.uint8),
        worst_g=found.butterfly[0],
        worst_g_at=found.butterfly[1],
        calendar=calendar,
        calendar_at=calendar_at,
        error=float(np.median(np.abs(fitted - vols.mid))) if len(vols) else 0.0,
        inside=float(np.mean((fitted >= vols.bid) & (fitted <= vols.ask))) if len(vols) else 1.0,
    )
    return SurfaceSlice(quotes.expiry, quotes.t, quotes.forward, smile, essvi, report)
