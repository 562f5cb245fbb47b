"""What oracles would have said at any moment of a crash: index, forwards and smiles of one underlying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from synchromesh.agents.market import FittedMarket, MarketPath, Series
from synchromesh.agents.market.fitted import FittedUnderlying, fit_underlying
from synchromesh.agents.market.path import OPTION_CONTRACTS, series_name
from synchromesh.clock import DAY_NS, SECOND
from synchromesh.execution.marks.settlement import (
    SAMPLE_NS,
    WINDOW_NS,
    expected_settlement,
    share_left,
    variance_years,
)
from synchromesh.pricing import year_fraction
from synchromesh.protocol import NANO_ONE, USD, ExpiryInputs, InstrumentKind, MarkInputs, OptionType
from synchromesh.risk.chains import ChainError, ChainSnapshot, read_snapshots
from synchromesh.risk.stress.bars import Bars, IndexPath, PriceDataError, price_path
from synchromesh.risk.stress.vols import VolRule
from synchromesh.risk.surface import Smile

FloatArray = npt.NDArray[np.float64]

CONFIDENCE = 500_000
"""Half-width of the index that the oracles sign, 1e-9: five basis points."""
SOURCES = 5
HOUR_NS = 3_600 * SECOND
EXPIRY_HOUR = 8 * HOUR_NS
EXPIRY_DAYS = (0, 1, 2, 7, 14, 30, 90)
"""Expiries of a rule market: 08:00 UTC this many days after the start."""
AHEAD_MIN = 4 * HOUR_NS
"""Least time to the first of them."""
STANDARD_DEVIATIONS = (-5.0, -3.5, -2.5, -1.75, -1.25, -0.75, -0.35, 0.0, 0.35, 0.75, 1.25, 1.75, 2.5, 3.5)
"""Strikes of an expiry, in standard deviations to it."""
EXPIRIES_MAX = 7
"""Most expiries of a recorded chain that are listed: the nearest, and then every other one."""


@dataclass(frozen=True, slots=True)
class Quote:
    """An expiry at one moment: years to it, forward in USD, smile of the variance that is left."""

    expiry: int
    years: float
    forward: float
    smile: Smile


class Surfaces(Protocol):
    """Where forwards and smiles come from."""

    def basis(self, expiry: int, time: int) -> float:
        """Logarithm of forward over index, per year."""
        ...

    def smiles(self, expiries: Sequence[int], time: int, index: float) -> list[Smile]:
        """Smile of each expiry."""
        ...


class RuleSurfaces:
    """Smiles by :class:`VolRule`; forwards are the index."""

    def __init__(self, rule: VolRule) -> None:
        self._rule = rule

    def basis(self, expiry: int, time: int) -> float:
        """None."""
        return 0.0

    def smiles(self, expiries: Sequence[int], time: int, index: float) -> list[Smile]:
        """The rule's, over the variance time to each expiry."""
        return self._rule.smiles(time, index, [max(variance_years(time, expiry), 1e-9) for expiry in expiries])


class RecordedSurfaces:
    """Forwards and smiles fitted to recorded chains, interpolated in time; smiles stick to moneyness."""

    def __init__(self, path: MarketPath, symbol: str) -> None:
        self._path, self._symbol = path, symbol

    def basis(self, expiry: int, time: int) -> float:
        """That of the chains around the time."""
        live = self._path.live(self._symbol, expiry, time)
        return float(np.log(live.forward / self._path.index(self._symbol, time))) / max(live.t, 1e-6)

    def smiles(self, expiries: Sequence[int], time: int, index: float) -> list[Smile]:
        """Those of the chains around the time."""
        return [self._path.live(self._symbol, expiry, time).smile for expiry in expiries]


@dataclass(frozen=True)
class StressMarket:
    """One underlying on its way through a crash.

    Attributes:
        symbol: ``BTC``.
        path: The index.
        surfaces: Forwards and smiles.
        expiries: Listed expiries, ns, ascending.
        strikes: Strikes of each expiry, USD.
        times: When the oracles sign, ns, ascending.
        source: Where prices and vols come from, in words.
        refresh: Time between the marks that come besides ``times`` while a liquidation runs, ns; 0: none come.
    """

    symbol: str
    path: IndexPath
    surfaces: Surfaces
    expiries: tuple[int, ...]
    strikes: dict[int, list[float]]
    times: npt.NDArray[np.int64]
    source: str
    refresh: int = 0

    def quotes(self, time: int) -> list[Quote]:
        """Returns the expiries that lie ahead of a time, ascending."""
        index = self.path.at(time)
        live = [expiry for expiry in self.expiries if expiry > time]
        found = []
        for expiry, smile in zip(live, self.surfaces.smiles(live, time, index), strict=True):
            years = year_fraction(time, expiry)
            forward = index * float(np.exp(self.surfaces.basis(expiry, time) * years))
            left = share_left(time, expiry)
            if left < 1:
                forward = expected_settlement(self.average(expiry, time), forward, left)
            found.append(Quote(expiry, years, forward, smile))
        return found

    def average(self, expiry: int, time: int) -> float:
        """Returns the average index over what has passed of an expiry's settlement window by ``time``."""
        end = max(min(time, expiry), expiry - WINDOW_NS + SAMPLE_NS)
        grid = np.arange(expiry - WINDOW_NS + SAMPLE_NS // 2, end, SAMPLE_NS)
        return float(np.mean(np.exp(np.interp(grid, self.path.time, np.log(self.path.price)))))

    def inputs(self, underlying: int, time: int, index: float | None = None) -> MarkInputs:
        """Returns what the oracles sign at ``time``; ``index`` replaces the path's where a jump is taken in steps."""
        price = self.path.at(time) if index is None else index
        share = price / self.path.at(time)
        expiries = tuple(
            ExpiryInputs(quote.expiry, round(quote.forward * share * NANO_ONE), 0, quote.smile.fixed())
            for quote in self.quotes(time)
        )
        fixed = round(price * NANO_ONE)
        return MarkInputs(underlying, time, fixed, CONFIDENCE, SOURCES, fixed, 0, expiries)

    def series(self) -> list[Series]:
        """Returns what is listed: the perpetual, then options by expiry and strike, call before put."""
        listed = [Series(f"{self.symbol}_USDC-PERPETUAL", self.symbol, InstrumentKind.PERPETUAL, OptionType.CALL, 0, 0)]
        for expiry in self.expiries:
            for strike in self.strikes[expiry]:
                for option_type in (OptionType.CALL, OptionType.PUT):
                    name = series_name(self.symbol, expiry, strike, option_type)
                    fixed = round(strike * USD)
                    listed.append(Series(name, self.symbol, InstrumentKind.OPTION, option_type, fixed, expiry))
        return listed

    @property
    def start(self) -> int:
        """First mark, ns."""
        return int(self.times[0])

    @property
    def end(self) -> int:
        """Last mark, ns."""
        return int(self.times[-1])


def rule_market(bars: Bars, begin: int, end: int, interval: int) -> StressMarket:
    """Returns the market of recorded prices alone, vols by :class:`VolRule`.

    Raises:
        PriceDataError: When there are no prices in the time.
    """
    shown = bars.between(begin, end)
    path, rule = price_path(shown, interval), VolRule(bars, int(shown.time[0]))
    start = int(path.time[0])
    midnight = start // DAY_NS * DAY_NS
    ahead = [midnight + days * DAY_NS + EXPIRY_HOUR for days in EXPIRY_DAYS]
    expiries = tuple(expiry for expiry in ahead if expiry - start >= AHEAD_MIN)
    index = path.at(start)
    strikes = {}
    for expiry in expiries:
        years = year_fraction(start, expiry)
        strikes[expiry] = _strikes(index, rule.at_the_money(rule.state(start), index, years) * np.sqrt(years))
    source = f"{shown.describe()}, vols by rule"
    return StressMarket(bars.symbol, path, RuleSurfaces(rule), expiries, strikes, path.time, source)


def recorded_market(
    part: FittedUnderlying, bars: Bars | None, begin: int | None, end: int | None, interval: int, seed: int
) -> StressMarket:
    """Returns the market of recorded chains, its index that of ``bars``, or a bridge between the snapshots.

    Raises:
        PriceDataError: When prices and chains have no time in common.
    """
    bridge = MarketPath(FittedMarket("recorded chains", [part]), seed=seed)
    first, last = max(bridge.start_ns, begin or 0), min(bridge.end_ns, end or bridge.end_ns)
    if bars is not None:
        shown = bars.between(max(first, int(bars.time[0])), min(last, bars.end))
        path, source = price_path(shown, interval), f"{shown.describe()}, recorded chains"
    else:
        times = np.arange(first, last + 1, interval)
        if len(times) < 2:
            raise PriceDataError(f"the chains of {part.symbol} span less than two marks")
        path = IndexPath(times, np.array([bridge.index(part.symbol, int(time)) for time in times]))
        source = f"recorded chains at {len(part.times)} moments, bridge between them, seed {seed}"
    start = int(path.time[0])
    # An expiry that the chains know from the start on; one that comes later could not be traded into the portfolios.
    known = [each for each in part.expiries if each.expiry - start >= AHEAD_MIN and part.times[0] <= start]
    known = [each for each in known if each.slices[0].snapshot == 0]
    kept = known if len(known) <= EXPIRIES_MAX else known[:3] + known[3 :: -(-(len(known) - 3) // (EXPIRIES_MAX - 3))]
    if not kept:
        raise PriceDataError(f"the chains of {part.symbol} have no expiry from the first snapshot on")
    index = path.at(start)
    strikes = {}
    for each in kept:
        years = year_fraction(start, each.expiry)
        wanted = _strikes(index, float(each.slices[0].smile.vol(np.zeros(1), years)[0]) * np.sqrt(years))
        listed = np.array(each.strikes)
        strikes[each.expiry] = sorted({float(listed[np.argmin(np.abs(listed - strike))]) for strike in wanted})
    expiries = tuple(each.expiry for each in kept)
    surfaces = RecordedSurfaces(bridge, part.symbol)
    return StressMarket(part.symbol, path, surfaces, expiries, strikes, path.time, source)


def read_chains(path: Path) -> list[FittedUnderlying]:
    """Returns the underlyings of a chain file, or of all the chain files of a folder, fitted.

    Raises:
        ChainError: When there is no chain.
        OSError: When a file cannot be read.
    """
    files = sorted(path.glob("*.csv*")) if path.is_dir() else [path]
    snapshots: list[ChainSnapshot] = []
    errors: list[str] = []
    for file in files:
        try:
            snapshots += read_snapshots(file)
        except ChainError as error:
            # A folder of recordings holds other tables beside the chains.
            errors.append(str(error))
    if not snapshots:
        raise ChainError("; ".join(errors) or f"{path} holds no chain file")
    snapshots.sort(key=lambda snapshot: snapshot.time)
    symbols = sorted({snapshot.symbol for snapshot in snapshots})
    return [fit_underlying(symbol, [each for each in snapshots if each.symbol == symbol]) for symbol in symbols]


def _strikes(index: float, deviation: float) -> list[float]:
    """Round strikes around the index, for a standard deviation to the expiry."""
    tick = 10.0 ** np.floor(np.log10(index / 100))
    step = float(min((tick * unit for unit in (1, 2, 2.5, 5, 10, 20, 25, 50)), key=lambda unit: abs(unit - index / 80)))
    wide = max(deviation, 0.03)
    wanted = index * np.exp(np.array(STANDARD_DEVIATIONS) * wide)
    return sorted({max(round(float(strike) / step) * step, step) for strike in wanted})


def tradable(symbol: str) -> bool:
    """Whether the venue knows tick and lot of an underlying."""
    return symbol in OPTION_CONTRACTS
