"""The market at any moment: a function of time, so that every process that asks sees the same.

Between two snapshots the log of the index follows a Brownian bridge at the at-the-money vol of the nearest expiry,
drawn once per interval from the seed and correlated between underlyings; forwards keep their basis rate, and smiles
their variance per year, both interpolated linearly. In ``jump`` mode everything keeps the value of the last snapshot
until the next one. After the last snapshot the index stands still.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from synchromesh.agents.market.fitted import FittedExpiry, FittedMarket, FittedUnderlying, load_bundled, load_recorded
from synchromesh.clock import SECOND
from synchromesh.pricing import black76, year_fraction
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    USD,
    ExpiryInputs,
    InstrumentKind,
    InstrumentSpec,
    MarkInputs,
    OptionType,
)
from synchromesh.risk.surface import Smile

FloatArray = npt.NDArray[np.float64]

BRIDGE_STEP = 60 * SECOND
"""Grid of the bridge, ns; between its points the log index is interpolated linearly."""
CORRELATION = 0.85
"""Of the bridges of any two underlyings."""
YEAR_SECONDS = 365 * 86_400
TWAP_SECONDS = 1_800
"""Window of the settlement price."""
CONFIDENCE = NANO_ONE // 2_000
"""Half-width of the index's confidence, share of the index."""
SOURCES = 5
"""Sources that the replayed index stands for."""
PREMIUM_HOURS = 8
"""The perpetual trades at the front basis over this many hours, which is also its funding rate."""
MODES = ("bridge", "jump")


@dataclass(frozen=True, slots=True)
class Contract:
    """Tick and lot of one kind of instrument: micro-USDC, 1e-8 contracts."""

    tick_size: int
    lot_size: int


OPTION_CONTRACTS = {"BTC": Contract(5 * USD, CONTRACT // 100), "ETH": Contract(USD // 5, CONTRACT // 10)}
PERPETUAL_CONTRACTS = {"BTC": Contract(USD // 2, CONTRACT // 1000), "ETH": Contract(USD // 20, CONTRACT // 100)}


@dataclass(frozen=True, slots=True)
class Series:
    """Something to list."""

    name: str
    symbol: str
    kind: InstrumentKind
    option_type: OptionType
    strike: int
    expiry: int

    def spec(self, instrument: int, underlying: int) -> InstrumentSpec:
        """Returns what is listed, under the next id."""
        perpetual = self.kind == InstrumentKind.PERPETUAL
        contract = (PERPETUAL_CONTRACTS if perpetual else OPTION_CONTRACTS)[self.symbol]
        return InstrumentSpec(
            instrument=instrument,
            name=self.name,
            underlying=underlying,
            kind=self.kind,
            option_type=self.option_type,
            strike=self.strike,
            expiry=self.expiry,
            tick_size=contract.tick_size,
            lot_size=contract.lot_size,
            lane_unit=10,
        )


@dataclass(frozen=True, slots=True)
class Quote:
    """Bid and ask in USD, 0 where there is none, and contracts shown."""

    bid: float
    ask: float
    size: float


@dataclass(frozen=True, slots=True)
class LiveExpiry:
    """An expiry at one moment."""

    fitted: FittedExpiry
    t: float
    forward: float
    smile: Smile
    snapshot: int


def series_name(symbol: str, expiry: int, strike: float, option_type: OptionType) -> str:
    """Returns ``BTC_USDC-6FEB26-88000-P``."""
    day = datetime.fromtimestamp(expiry // SECOND, UTC)
    letter = "C" if option_type == OptionType.CALL else "P"
    return f"{symbol}_USDC-{day.day}{day:%b%y}-{strike:g}-{letter}".upper()


class _UnderlyingPath:
    """One underlying as a function of time."""

    def __init__(self, market: FittedUnderlying, seed: int, jump: bool) -> None:
        self.market = market
        self._times = np.array(market.times, dtype=np.int64)
        self._jump = jump
        self._bridges = [self._bridge(interval, seed) for interval in range(len(market.times) - 1)]

    def _bridge(self, interval: int, seed: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
        begin, end = self.market.times[interval], self.market.times[interval + 1]
        steps = max((end - begin) // BRIDGE_STEP, 1)
        times = np.linspace(begin, end, steps + 1).astype(np.int64)
        first, last = np.log(self.market.index[interval]), np.log(self.market.index[interval + 1])
        common = np.random.default_rng([seed, interval]).standard_normal(steps)
        own = np.random.default_rng([seed, interval, *self.market.symbol.encode()]).standard_normal(steps)
        shocks = np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * own
        scale = self._at_the_money(interval) * np.sqrt((end - begin) / SECOND / YEAR_SECONDS / steps)
        walk = np.concatenate([[0.0], np.cumsum(shocks * scale)])
        share = np.linspace(0.0, 1.0, steps + 1)
        return times, first + (last - first) * share + walk - share * walk[-1]

    def _at_the_money(self, snapshot: int) -> float:
        for expiry in self.market.expiries:
            for found in expiry.slices:
                t = year_fraction(self.market.times[snapshot], expiry.expiry)
                if found.snapshot == snapshot and t > 1 / 365:
                    return float(found.smile.vol(np.zeros(1), t)[0])
        return 0.5

    def interval(self, time: int) -> int:
        """Returns the index of the last snapshot at or before ``time``, the first one before it."""
        return max(int(np.searchsorted(self._times, time, side="right")) - 1, 0)

    def index(self, time: int) -> float:
        """Returns the index, USD."""
        interval = self.interval(time)
        if self._jump or interval >= len(self._bridges):
            return self.market.index[interval]
        times, logs = self._bridges[interval]
        return float(np.exp(np.interp(time, times, logs)))

    def live(self, time: int) -> list[LiveExpiry]:
        """Returns the expiries that are listed at ``time`` and lie ahead of it, ascending."""
        index, interval = self.index(time), self.interval(time)
        found = []
        for expiry in self.market.expiries:
            if expiry.expiry <= time or expiry.slices[0].snapshot > interval:
                continue
            found.append(self._at(expiry, time, interval, index))
        return found

    def _at(self, expiry: FittedExpiry, time: int, interval: int, index: float) -> LiveExpiry:
        before = [found for found in expiry.slices if found.snapshot <= interval][-1]
        later = [found for found in expiry.slices if found.snapshot > interval]
        after = later[0] if later and not self._jump else before
        span = self.market.times[after.snapshot] - self.market.times[before.snapshot]
        share = min((time - self.market.times[before.snapshot]) / span, 1.0) if span > 0 else 0.0
        share = max(share, 0.0)
        rates, smiles = [], []
        for found in (before, after):
            t = year_fraction(self.market.times[found.snapshot], expiry.expiry)
            rates.append(np.log(found.forward / self.market.index[found.snapshot]) / t)
            smiles.append(found.smile.scaled(1 / t))
        t = year_fraction(time, expiry.expiry)
        rate = rates[0] + (rates[1] - rates[0]) * share
        return LiveExpiry(
            expiry, t, index * float(np.exp(rate * t)), smiles[0].mixed(smiles[1], share).scaled(t), before.snapshot
        )


class MarketPath:
    """The market as a function of venue time.

    Args:
        market: Its parameters.
        mode: ``bridge`` or ``jump``.
        seed: Of the bridge.
    """

    def __init__(self, market: FittedMarket, mode: str = "bridge", seed: int = 1) -> None:
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is none of {', '.join(MODES)}")
        self.source = market.source
        self._paths = {part.symbol: _UnderlyingPath(part, seed, mode == "jump") for part in market.underlyings}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings."""
        return tuple(self._paths)

    @property
    def start_ns(self) -> int:
        """When every underlying has begun."""
        return max(path.market.times[0] for path in self._paths.values())

    @property
    def end_ns(self) -> int:
        """The last snapshot."""
        return min(path.market.times[-1] for path in self._paths.values())

    def index(self, symbol: str, time: int) -> float:
        """Returns the index, USD."""
        return self._paths[symbol].index(time)

    def snapshots(self, symbol: str) -> list[tuple[int, float]]:
        """Returns time in ns and index in USD of every snapshot that the path goes through."""
        market = self._paths[symbol].market
        return list(zip(market.times, market.index, strict=True))

    def settlement_price(self, symbol: str, expiry: int) -> float:
        """Returns the mean of the index over the half hour before ``expiry``, minute by minute, USD."""
        minutes = range(expiry - TWAP_SECONDS * SECOND, expiry, 60 * SECOND)
        return float(np.mean([self.index(symbol, time) for time in minutes]))

    def series(self, symbol: str, time: int) -> list[Series]:
        """Returns what is listed at ``time``: the perpetual, then options by expiry and strike, call before put."""
        listed = [Series(f"{symbol}_USDC-PERPETUAL", symbol, InstrumentKind.PERPETUAL, OptionType.CALL, 0, 0)]
        for live in self._paths[symbol].live(time):
            expiry = live.fitted.expiry
            for strike in live.fitted.strikes:
                for option_type in (OptionType.CALL, OptionType.PUT):
                    name = series_name(symbol, expiry, strike, option_type)
                    listed.append(Series(name, symbol, InstrumentKind.OPTION, option_type, round(strike * USD), expiry))
        return listed

    def inputs(self, symbol: str, underlying: int, time: int, expiries: set[int]) -> MarkInputs:
        """Returns what oracles sign at ``time`` for the listed ``expiries`` that lie ahead."""
        path = self._paths[symbol]
        index = path.index(time)
        live = path.live(time)
        front = next((found for found in live if found.t > 1 / 365), None)
        rate = 0.0 if front is None else float(np.log(front.forward / index) / front.t)
        premium = float(np.clip(rate * PREMIUM_HOURS / 24 / 365, -0.005, 0.005))
        return MarkInputs(
            underlying=underlying,
            time=time,
            index=round(index * NANO_ONE),
            confidence=CONFIDENCE,
            sources=SOURCES,
            perpetual_mark=round(index * (1 + premium) * NANO_ONE),
            funding_rate=round(premium * NANO_ONE),
            expiries=tuple(
                ExpiryInputs(found.fitted.expiry, round(found.forward * NANO_ONE), 0, found.smile.fixed())
                for found in live
                if found.fitted.expiry in expiries
            ),
        )

    def quotes(self, time: int) -> dict[str, Quote]:
        """Returns bid and ask of everything that was quoted, by instrument name."""
        quotes: dict[str, Quote] = {}
        for symbol, path in self._paths.items():
            index = path.index(time)
            quotes[f"{symbol}_USDC-PERPETUAL"] = Quote(index * 0.99995, index * 1.00005, SIZE_OF_PERPETUAL[symbol])
            for live in path.live(time):
                quotes.update(_expiry_quotes(symbol, live))
        return quotes


SIZE_OF_PERPETUAL = {"BTC": 2.0, "ETH": 30.0}


def _expiry_quotes(symbol: str, live: LiveExpiry) -> dict[str, Quote]:
    recorded = live.fitted.quotes.get(live.snapshot)
    if recorded is None:
        return _model_quotes(symbol, live)
    strikes = np.array([row.strike for row in recorded])
    calls = np.array([row.is_call for row in recorded])
    marks = _prices(live, strikes, calls)[0]
    return {
        _name(symbol, live, row.strike, row.is_call): Quote(
            0.0 if row.below is None else max(mark - row.below, 0.0),
            0.0 if row.above is None else max(mark + row.above, 0.0),
            row.size,
        )
        for row, mark in zip(recorded, marks.tolist(), strict=True)
    }


def _model_quotes(symbol: str, live: LiveExpiry) -> dict[str, Quote]:
    strikes = np.repeat(np.array(live.fitted.strikes), 2)
    calls = np.tile(np.array([True, False]), len(live.fitted.strikes))
    marks, vegas = _prices(live, strikes, calls)
    tick = OPTION_CONTRACTS[symbol].tick_size / USD
    half = np.maximum(vegas * 100 * live.fitted.half_spread, tick / 2)
    rows = zip(strikes.tolist(), calls.tolist(), (marks - half).tolist(), (marks + half).tolist(), strict=True)
    return {_name(symbol, live, strike, is_call): Quote(max(bid, 0.0), ask, 1.0) for strike, is_call, bid, ask in rows}


def _name(symbol: str, live: LiveExpiry, strike: float, is_call: bool) -> str:
    return series_name(symbol, live.fitted.expiry, strike, OptionType.CALL if is_call else OptionType.PUT)


def _prices(live: LiveExpiry, strikes: FloatArray, calls: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    vols = live.smile.vol(np.log(strikes / live.forward), live.t)
    greeks = black76(live.forward, strikes, live.t, vols, calls)
    return np.asarray(greeks.price), np.asarray(greeks.vega)


def open_path(data: Path | None, *, mode: str = "bridge", seed: int = 1, cache: Path | None = None) -> MarketPath:
    """Returns the market of a folder of recorded chains, or of the bundled set.

    Args:
        data: Folder of recorded chains, or a file written for ``cache``; None: the bundled set.
        mode: ``bridge`` or ``jump``.
        seed: Of the bridge.
        cache: File to write the fitted market to, for other processes.
    """
    if data is None:
        market = load_bundled()
    elif data.is_file():
        market = msgspec.msgpack.decode(data.read_bytes(), type=FittedMarket)
    else:
        market = load_recorded(data)
    if cache is not None:
        cache.write_bytes(msgspec.msgpack.encode(market))
    return MarketPath(market, mode, seed)
