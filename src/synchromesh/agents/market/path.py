"""The market at any moment: a function of time, so that every process that asks sees the same.

Between two snapshots the log of the index follows a Brownian bridge at the at-the-money vol of the nearest expiry,
drawn once per interval from the seed and correlated between underlyings; forwards keep their basis rate, and smiles
their variance per year, both interpolated linearly. In ``jump`` mode everything keeps the value of the last snapshot
until the next one. After the last snapshot the index stands still. Inside an expiry's settlement window its forward
is the expected settlement price.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from synchromesh.agents.market.fitted import (
    FittedExpiry,
    FittedMarket,
    FittedUnderlying,
    RecordedQuote,
    load_bundled,
    load_recorded,
)
from synchromesh.agents.market.tokens import YIELD_TOKENS
from synchromesh.clock import SECOND
from synchromesh.execution.marks.settlement import (
    SAMPLE_NS,
    WINDOW_NS,
    expected_settlement,
    share_left,
    variance_years,
)
from synchromesh.pricing import black76, year_fraction
from synchromesh.protocol import (
    CONTRACT,
    USD,
    InstrumentKind,
    InstrumentSpec,
    OptionType,
)
from synchromesh.risk.surface import Smile

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BRIDGE_STEP = 60 * SECOND
"""Grid of the bridge, ns; between its points the log index is interpolated linearly."""
CORRELATION = 0.85
"""Of the bridges of any two underlyings."""
YEAR_SECONDS = 365 * 86_400
PREMIUM_HOURS = 8
"""The perpetual trades at the front basis over this many hours."""
PREMIUM_MAX = 0.005
"""Most that it trades away from the index, share of it."""
PERPETUAL_HALF_SPREAD = 5e-5
"""Half its bid-ask spread, share of the price."""
SIZE_OF_PERPETUAL = {"BTC": 2.0, "ETH": 30.0}
"""Contracts that its quotes show."""
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
            # A tick a lot: what lanes round away is what prices round away.
            lane_unit=contract.tick_size * contract.lot_size // CONTRACT,
        )


@dataclass(frozen=True, slots=True)
class Quote:
    """Bid and ask in USD, 0 where there is none, and contracts shown."""

    bid: float
    ask: float
    size: float


@dataclass(frozen=True, slots=True)
class ExpiryQuotes:
    """What is quoted for one expiry: columns of one length.

    Attributes:
        expiry: When, ns.
        strike: USD.
        is_call: Call or put.
        bid: USD, 0 where there is none.
        ask: USD, 0 where there is none.
        size: Contracts shown.
    """

    expiry: int
    strike: FloatArray
    is_call: BoolArray
    bid: FloatArray
    ask: FloatArray
    size: FloatArray


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

    def expiry(self, expiry: int, time: int) -> LiveExpiry:
        """Returns one expiry as it stands at ``time``; ``KeyError`` when it was not recorded."""
        fitted = {each.expiry: each for each in self.market.expiries}[expiry]
        return self._at(fitted, time, self.interval(time), self.index(time))

    def _at(self, expiry: FittedExpiry, time: int, interval: int, index: float) -> LiveExpiry:
        before = [found for found in expiry.slices if found.snapshot <= interval][-1]
        later = [found for found in expiry.slices if found.snapshot > interval]
        after = later[0] if later and not self._jump else before
        span = self.market.times[after.snapshot] - self.market.times[before.snapshot]
        share = min((time - self.market.times[before.snapshot]) / span, 1.0) if span > 0 else 0.0
        share = max(share, 0.0)
        rates, smiles = [], []
        for found in (before, after):
            snapshot = self.market.times[found.snapshot]
            basis = np.log(found.forward / self.market.index[found.snapshot])
            rates.append(basis / year_fraction(snapshot, expiry.expiry))
            smiles.append(found.smile.scaled(1 / variance_years(snapshot, expiry.expiry)))
        t = year_fraction(time, expiry.expiry)
        rate = rates[0] + (rates[1] - rates[0]) * share
        smile = smiles[0].mixed(smiles[1], share).scaled(variance_years(time, expiry.expiry))
        forward = self._settling(time, expiry.expiry, index * float(np.exp(rate * t)))
        return LiveExpiry(expiry, t, forward, smile, before.snapshot)

    def _settling(self, time: int, expiry: int, forward: float) -> float:
        """The forward; inside the settlement window the expected settlement price."""
        left = share_left(time, expiry)
        seen = range(expiry - WINDOW_NS + SAMPLE_NS // 2, time + 1, SAMPLE_NS)
        if left == 1 or not seen:
            return forward
        return expected_settlement(float(np.mean([self.index(each) for each in seen])), forward, left)

    def premium(self, time: int) -> float:
        """Returns how far the perpetual trades above the index, share of it."""
        index = self.index(time)
        front = next((live for live in self.live(time) if live.t > 1 / 365), None)
        rate = 0.0 if front is None else float(np.log(front.forward / index) / front.t)
        return min(max(rate * PREMIUM_HOURS / 24 / 365, -PREMIUM_MAX), PREMIUM_MAX)


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
        self._tokens = {symbol: token for symbol, token in YIELD_TOKENS.items() if token.base in self._paths}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that trade."""
        return tuple(self._paths)

    @property
    def tokens(self) -> tuple[str, ...]:
        """The underlyings that have an index and nothing else: tokens that serve as collateral."""
        return tuple(self._tokens)

    @property
    def start_ns(self) -> int:
        """When every underlying has begun."""
        return max(path.market.times[0] for path in self._paths.values())

    @property
    def end_ns(self) -> int:
        """The last snapshot."""
        return min(path.market.times[-1] for path in self._paths.values())

    def index(self, symbol: str, time: int) -> float:
        """Returns the index, USD; of a token, too."""
        token = self._tokens.get(symbol)
        if token is not None:
            return token.price(self._paths[token.base].index(time), time - self.start_ns)
        return self._paths[symbol].index(time)

    def live(self, symbol: str, expiry: int, time: int) -> LiveExpiry:
        """Returns one expiry as it stands at ``time``, whatever else is listed.

        Raises:
            KeyError: When the underlying or the expiry was not recorded.
        """
        return self._paths[symbol].expiry(expiry, time)

    def snapshots(self, symbol: str) -> list[tuple[int, float]]:
        """Returns time in ns and index in USD of every snapshot that the path goes through."""
        market = self._paths[symbol].market
        return list(zip(market.times, market.index, strict=True))

    def series(self, symbol: str, time: int) -> list[Series]:
        """Returns what is listed at ``time``: the perpetual, then options by expiry and strike, call before put.

        Nothing for a token.
        """
        if symbol in self._tokens:
            return []
        listed = [Series(f"{symbol}_USDC-PERPETUAL", symbol, InstrumentKind.PERPETUAL, OptionType.CALL, 0, 0)]
        for live in self._paths[symbol].live(time):
            expiry = live.fitted.expiry
            for strike in live.fitted.strikes:
                for option_type in (OptionType.CALL, OptionType.PUT):
                    name = series_name(symbol, expiry, strike, option_type)
                    listed.append(Series(name, symbol, InstrumentKind.OPTION, option_type, round(strike * USD), expiry))
        return listed

    def perpetual_quote(self, symbol: str, time: int) -> Quote | None:
        """Returns bid and ask of the perpetual; None for a token."""
        if symbol in self._tokens:
            return None
        path = self._paths[symbol]
        mid = path.index(time) * (1 + path.premium(time))
        half = mid * PERPETUAL_HALF_SPREAD
        return Quote(mid - half, mid + half, SIZE_OF_PERPETUAL[symbol])

    def option_quotes(self, symbol: str, time: int) -> list[ExpiryQuotes]:
        """Returns what is quoted for every expiry that is listed at ``time`` and lies ahead of it, ascending."""
        if symbol in self._tokens:
            return []
        return [_expiry_quotes(symbol, live) for live in self._paths[symbol].live(time)]

    def quotes(self, time: int) -> dict[str, Quote]:
        """Returns bid and ask of everything that was quoted, by instrument name."""
        quotes: dict[str, Quote] = {}
        for symbol in self._paths:
            perpetual = self.perpetual_quote(symbol, time)
            if perpetual is not None:
                quotes[f"{symbol}_USDC-PERPETUAL"] = perpetual
            for expiry in self.option_quotes(symbol, time):
                columns = (expiry.strike, expiry.is_call, expiry.bid, expiry.ask, expiry.size)
                for strike, is_call, bid, ask, size in zip(*(column.tolist() for column in columns), strict=True):
                    option_type = OptionType.CALL if is_call else OptionType.PUT
                    quotes[series_name(symbol, expiry.expiry, strike, option_type)] = Quote(bid, ask, size)
        return quotes


def _expiry_quotes(symbol: str, live: LiveExpiry) -> ExpiryQuotes:
    recorded = live.fitted.quotes.get(live.snapshot)
    return _model_quotes(symbol, live) if recorded is None else _recorded_quotes(live, recorded)


def _recorded_quotes(live: LiveExpiry, recorded: list[RecordedQuote]) -> ExpiryQuotes:
    strikes = np.array([row.strike for row in recorded])
    calls = np.array([row.is_call for row in recorded])
    marks = _prices(live, strikes, calls)[0]
    below, above = (
        np.array([np.nan if side is None else side for side in sides])
        for sides in ([row.below for row in recorded], [row.above for row in recorded])
    )
    bid, ask = (np.nan_to_num(np.maximum(side, 0.0)) for side in (marks - below, marks + above))
    return ExpiryQuotes(live.fitted.expiry, strikes, calls, bid, ask, np.array([row.size for row in recorded]))


def _model_quotes(symbol: str, live: LiveExpiry) -> ExpiryQuotes:
    strikes = np.repeat(np.array(live.fitted.strikes), 2)
    calls = np.tile(np.array([True, False]), len(live.fitted.strikes))
    marks, vegas = _prices(live, strikes, calls)
    tick = OPTION_CONTRACTS[symbol].tick_size / USD
    half = np.maximum(vegas * 100 * live.fitted.half_spread, tick / 2)
    bid = np.maximum(marks - half, 0.0)
    return ExpiryQuotes(live.fitted.expiry, strikes, calls, bid, marks + half, np.ones(len(strikes)))


def _prices(live: LiveExpiry, strikes: FloatArray, calls: BoolArray) -> tuple[FloatArray, FloatArray]:
    vols = live.smile.vol(np.log(strikes / live.forward), live.t)
    greeks = black76(live.forward, strikes, live.t, vols, calls)
    return np.asarray(greeks.price), np.asarray(greeks.vega)


def open_market(data: Path | None) -> FittedMarket:
    """Returns the fitted market of a folder of recorded chains or of a file of `open_path`; None: the bundled set."""
    if data is None:
        return load_bundled()
    if data.is_file():
        return msgspec.msgpack.decode(data.read_bytes(), type=FittedMarket)
    return load_recorded(data)


def open_path(data: Path | None, *, mode: str = "bridge", seed: int = 1, cache: Path | None = None) -> MarketPath:
    """Returns the market of a folder of recorded chains, or of the bundled set.

    Args:
        data: Folder of recorded chains, or a file written for ``cache``; None: the bundled set.
        mode: ``bridge`` or ``jump``.
        seed: Of the bridge.
        cache: File to write the fitted market to, for other processes.
    """
    market = open_market(data)
    if cache is not None:
        cache.write_bytes(msgspec.msgpack.encode(market))
    return MarketPath(market, mode, seed)
