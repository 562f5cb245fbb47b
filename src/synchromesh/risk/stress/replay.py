"""A crash, mark by mark, through the real engine."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from synchromesh._native import Engine, EngineRefused
from synchromesh.clock import SECOND
from synchromesh.protocol import (
    NANO_ONE,
    USD,
    Event,
    LiquidationStarted,
    MarkInputs,
    Parameter,
)
from synchromesh.risk.parameters import DEFAULT_RISK
from synchromesh.risk.stress import report as out
from synchromesh.risk.stress.ledger import Ledger, Samples
from synchromesh.risk.stress.liquidity import Capital, Liquidity
from synchromesh.risk.stress.market import StressMarket
from synchromesh.risk.stress.population import Legs, Population, add_portfolios, use_of_margin
from synchromesh.risk.stress.venue import ORACLE, Orders, StressVenue

FloatArray = npt.NDArray[np.float64]

LOAD = 10
"""Multiple of the quote flow under which the time to the first action is measured."""
NEAR = 1.15
"""Books are quoted for accounts whose equity is below this multiple of their maintenance margin."""
CLOCK = 10 * SECOND
"""Time between two clocks while every liquidation is an auction, whose prices move in minutes."""
CLOSE = 1.1
"""Below this multiple some account may be liquidated at the next mark."""
JUMP_USED = 0.95
"""Share of the allowed move that one step of a jump takes."""
SAMPLES = 400
"""Moments of the equity paths."""

Adversaries = Callable[[StressVenue, StressMarket, int], Sequence[Legs]]
"""Portfolios to hold in one underlying of a venue, by its market and id."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a replay is set up.

    Attributes:
        accounts: Size of the population.
        seed: Of its draws.
        insurance: Insurance fund, share of the population's initial margin.
        makers: Capital of the makers, in the same measure.
        bidders: Capital of the bidders, in the same measure.
        depth: Multiple of the recorded depth of the books.
        portfolio: Whether portfolio margin is on.
        adversaries: Portfolios chosen against the margin model of an underlying, if any.
        loaded: Measurements under load, each of which applies some ten thousand orders to a copy of the venue.
        parameters: Parameters of the venue that differ from its defaults.
    """

    accounts: int = 300
    seed: int = 1
    insurance: float = 0.02
    makers: float = 1.0
    bidders: float = 0.5
    depth: float = 1.0
    portfolio: bool = True
    adversaries: Adversaries | None = None
    loaded: int = 20
    parameters: dict[Parameter, int] = field(default_factory=dict)


class Replay:
    """Builds the venue of some markets at their first moment and takes it through the crash.

    Args:
        markets: One for each underlying.
        settings: How it is set up.
    """

    def __init__(self, markets: Sequence[StressMarket], settings: Settings) -> None:
        assert markets, "there is something to replay"
        self.markets, self.settings = tuple(markets), settings
        self.start = max(market.start for market in markets)
        self.end = min(market.end for market in markets)
        self.ledger, self.samples = Ledger(), Samples()
        self.venue = StressVenue([market.symbol for market in markets], self.start, settings.parameters)
        self._last: list[tuple[int, float]] = []
        self._pending = [list(market.expiries) for market in markets]
        self._begin()
        self._open()

    def _open(self) -> None:
        venue, settings = self.venue, self.settings
        for number, market in enumerate(self.markets, 1):
            venue.list_series(number, market.series())
            if settings.portfolio:
                risk = DEFAULT_RISK[market.symbol] if market.symbol in DEFAULT_RISK else DEFAULT_RISK["BTC"]
                venue.set_risk(number, risk)
        for number, market in enumerate(self.markets, 1):
            index = market.path.at(self.start)
            venue.mark(market.inputs(number, self.start, index))
            self._last.append((self.start, index))
        self.population = Population(venue, settings.seed, settings.portfolio)
        if settings.adversaries is not None:
            for number, market in enumerate(self.markets, 1):
                add_portfolios(self.population, settings.adversaries(venue, market, number))
        self.population.draw(max(settings.accounts - len(self.population.holders), 0))
        self.holders = self.population.holders
        self.counted = {holder.subaccount for holder in self.holders}
        standings = venue.engine.standings()
        required = sum(int(standings[holder.subaccount - 1]["initial"]) for holder in self.holders) / USD
        capital = Capital(max(required * settings.makers, 1.0), max(required * settings.bidders, 1.0))
        self.liquidity = Liquidity(venue, capital, self.population.street, settings.portfolio, settings.depth)
        if settings.insurance > 0:
            venue.fund_insurance(max(required * settings.insurance, 1.0))
        self.insurance_start = venue.engine.insurance / USD
        self.margin_use = use_of_margin(venue, self.holders)
        self.value_start = self._values(standings)
        self._sample(standings)

    def branch(self, markets: Sequence[StressMarket]) -> Replay:
        """Returns a replay of other markets from the same start: venue, accounts and capital as they are here now.

        The markets must list what these list.
        """
        other = copy(self)
        other.markets = tuple(markets)
        other.start = max(self.venue.time, *(market.start for market in markets))
        other.end = min(market.end for market in markets)
        other.venue = self.venue.copy()
        other.liquidity = self.liquidity.copy(other.venue)
        other.ledger, other.samples = Ledger(), Samples()
        other._last = list(self._last)
        other._pending = [list(market.expiries) for market in markets]
        other._begin()
        return other

    def _begin(self) -> None:
        self._marks: list[Counter[str]] = [Counter() for _ in self.markets]
        self._engine_ns: list[int] = []
        self._acted: list[tuple[int, int]] = []
        self._loaded: list[int] = []
        self._load_orders = 0
        self._least_depth = 1.0

    # The way through

    def schedule(self) -> list[tuple[int, int]]:
        """Returns when which underlying is marked: (ns, place), ascending, all after the start."""
        times = [
            (int(moment), place)
            for place, market in enumerate(self.markets)
            for moment in market.times
            if self.start < moment <= self.end
        ]
        return sorted(times)

    def run(self, progress: Callable[[int, int], None] | None = None) -> out.Report:
        """Goes through all marks; ``progress`` hears how many are done, of how many."""
        begun = time.perf_counter()
        schedule = self.schedule()
        every = max(len(schedule) // SAMPLES, 1)
        near = self._watch()
        for done, (moment, place) in enumerate(schedule, 1):
            near = self._refresh(moment, near)
            self._rounds(moment)
            self._settle(place, moment)
            for inputs in self._steps(place, moment):
                self._mark(place, inputs, near)
            if done % len(self.markets) == 0:
                near = self._watch()
            if done % every == 0:
                self._sample(self.venue.engine.standings())
            if progress is not None:
                progress(done, len(schedule))
        self._rounds(self.end)
        self._sample(self.venue.engine.standings())
        return self._report(time.perf_counter() - begun)

    def _refresh(self, until: int, near: float) -> float:
        """Marks again and again before ``until`` while a liquidation runs, where the markets say so."""
        step = min(market.refresh for market in self.markets)
        while step and self.venue.engine.liquidations and self.venue.time + step < until:
            moment = self.venue.time + step
            self._rounds(moment)
            for place in range(len(self.markets)):
                self._settle(place, moment)
                for inputs in self._steps(place, moment):
                    self._mark(place, inputs, near)
            near = self._watch()
        return near

    def _steps(self, place: int, moment: int) -> Iterator[MarkInputs]:
        """The marks that take the index to its place at ``moment``: one, or several where it jumps."""
        market, (last, before) = self.markets[place], self._last[place]
        price = market.path.at(moment)
        jump = self.venue.parameters[Parameter.MAX_INDEX_JUMP] / NANO_ONE * JUMP_USED
        # Downwards a step of the same size is larger in logs.
        steps = max(math.ceil(abs(math.log(price / before)) / math.log1p(jump)), 1)
        for step in range(1, steps + 1):
            at = last + (moment - last) * step // steps
            index = before * (price / before) ** (step / steps)
            yield market.inputs(place + 1, at, index)

    def _mark(self, place: int, inputs: MarkInputs, near: float) -> None:
        before = self.venue.engine.copy() if near < CLOSE and len(self._loaded) < self.settings.loaded else None
        try:
            marked = self.venue.mark(inputs)
        except EngineRefused as refused:
            self._marks[place][refused.code] += 1
            return
        self._marks[place]["taken"] += 1
        self._last[place] = (inputs.time, inputs.index / NANO_ONE)
        self._engine_ns.append(marked.engine_ns)
        self._note(marked.events)
        if any(isinstance(event, LiquidationStarted) for event in marked.events):
            self._acted.append((marked.arrays_ns, marked.engine_ns))
            if before is not None:
                self._loaded.append(self._under_load(before, inputs))

    def _rounds(self, until: int) -> None:
        """Lets the clock strike when rounds are due before ``until``, every :data:`CLOCK` while all are auctions."""
        engine = self.venue.engine
        while (due := engine.liquidation_due) is not None and due < until:
            in_book = len(engine.liquidations) > len(engine.auctions())
            strike = max(due, self.venue.time if in_book else self.venue.time + CLOCK)
            if strike >= until:
                return
            self.venue.at(strike)
            self._note(self.venue.clock())

    def _settle(self, place: int, moment: int) -> None:
        pending = self._pending[place]
        while pending and pending[0] <= moment:
            expiry = pending.pop(0)
            self.venue.at(max(expiry, self._last[place][0]))
            price = self.markets[place].average(expiry, expiry)
            self._note(self.venue.settle(place + 1, expiry, round(price, 6)))

    def _watch(self) -> float:
        """Quotes the books that may be needed; returns the least equity over maintenance margin of an account."""
        standings = self.venue.engine.standings()
        self._deficits(standings)
        maintenance = np.maximum(standings["maintenance"], 1)
        ratio = standings["equity"] / maintenance
        concerned = np.array([number in self.counted for number in standings["subaccount"].tolist()])
        required = concerned & (standings["maintenance"] > 0)
        near = set(standings["subaccount"][required & (ratio < NEAR)].tolist())
        near |= set(self.venue.engine.liquidations)
        near -= set(self.venue.engine.auctions()["subaccount"].tolist())
        positions = self.venue.engine.positions()
        held = positions[np.isin(positions["subaccount"], list(near))]["instrument"]
        self.liquidity.quote(set(held.tolist()))
        if near:
            shrinks = [self.liquidity.shrink(number) for number in range(1, len(self.markets) + 1)]
            self._least_depth = min(self._least_depth, *shrinks)
        self._note(self.liquidity.bid())
        self.liquidity.hedge()
        return float(ratio[required].min()) if required.any() else math.inf

    def _under_load(self, engine: Engine, inputs: MarkInputs) -> int:
        """Wall-clock ns of the same mark behind ``LOAD`` requotes of every book, in a copy of the venue before it."""
        orders: Orders = self.liquidity.requote()
        columns = orders.columns()
        self._load_orders = LOAD * len(orders)
        begun = time.perf_counter_ns()
        for _ in range(LOAD):
            engine.place(max(engine.time, self.venue.time), *columns)
        engine.mark(max(engine.time, inputs.time), inputs.encode(), [ORACLE])
        return time.perf_counter_ns() - begun

    # What is noted

    def _note(self, events: Sequence[Event]) -> None:
        self.ledger.take(self.venue.time, events, self.counted)

    def _deficits(self, standings: npt.NDArray[Any]) -> None:
        negative = standings[standings["value"] < 0]
        for row in negative:
            number = int(row["subaccount"])
            if number != self.population.street:
                self.ledger.deficit[number] = max(self.ledger.deficit.get(number, 0.0), -int(row["value"]) / USD)

    def _values(self, standings: npt.NDArray[Any]) -> FloatArray:
        rows = [holder.subaccount - 1 for holder in self.holders]
        values: FloatArray = standings["value"][rows] / USD
        return values

    def _sample(self, standings: npt.NDArray[Any]) -> None:
        self._deficits(standings)
        self.samples.times.append(self.venue.time)
        self.samples.index.append([index for _, index in self._last])
        self.samples.values.append(self._values(standings))
        self.samples.running.append(len(self.venue.engine.liquidations))

    def _report(self, seconds: float) -> out.Report:
        ledger, engine = self.ledger, self.venue.engine
        counted = self.counted
        standings = engine.standings()
        ended = {int(row["subaccount"]) for row in standings[standings["value"] < 0]} & counted
        ledger.outcomes["running"] = len(engine.liquidations)
        deficits = {number: deficit for number, deficit in ledger.deficit.items() if number in counted}
        return out.Report(
            begin=_iso(self.start),
            end=_iso(self.end),
            seed=self.settings.seed,
            accounts=len(self.holders),
            margin_use=out.Spread.of(self.margin_use[np.isfinite(self.margin_use)].tolist()),
            called=len(ledger.ever_called & counted),
            liquidated=len(ledger.liquidated & counted),
            insolvent=len(deficits),
            insolvent_at_end=len(ended),
            deepest_deficit=round(max(deficits.values(), default=0.0), 2),
            insurance_start=self.insurance_start,
            insurance_used=ledger.sums["insurance"] / USD,
            insurance_end=engine.insurance / USD,
            adl=ledger.counts["adl"],
            adl_cash=ledger.sums["adl"] / USD,
            lead_time=out.Spread.of(ledger.lead),
            resolved=out.Spread.of(ledger.resolved),
            outcomes={word: count for word, count in sorted(ledger.outcomes.items()) if count},
            book=out.Book(
                slices=ledger.counts["slice"],
                cash=ledger.sums["cash"] / USD,
                fees=ledger.sums["fee"] / USD,
                least_depth=round(self._least_depth, 4),
                quotes_refused=dict(self.liquidity.quotes_refused),
            ),
            auctions=out.Auctions(
                opened=ledger.counts["auction"],
                insolvent=ledger.counts["insolvent auction"],
                fills=ledger.counts["fill"],
                cash=ledger.sums["sold"] / USD,
                insurance=ledger.sums["fill_insurance"] / USD,
            ),
            latency=self._latency(),
            paths=[self._path(place) for place in range(len(self.markets))],
            kinds=self._kinds(),
            refused_portfolios=dict(self.population.refused),
            bids_refused=dict(self.liquidity.bids_refused),
            conserved=self._audit(),
            seconds=round(seconds, 2),
        )

    def _latency(self) -> out.Latency:
        def milliseconds(values: Sequence[int]) -> out.Spread:
            return out.Spread.of([value / 1e6 for value in values])

        return out.Latency(
            arrays=milliseconds([arrays for arrays, _ in self._acted]),
            engine=milliseconds([engine for _, engine in self._acted]),
            marks=milliseconds(self._engine_ns),
            load=LOAD,
            load_orders=self._load_orders,
            loaded=milliseconds(self._loaded),
        )

    def _path(self, place: int) -> out.Path:
        market = self.markets[place]
        prices = market.path.price[(market.path.time >= self.start) & (market.path.time <= self.end)]
        refused = {code: count for code, count in self._marks[place].items() if code != "taken"}
        return out.Path(
            symbol=market.symbol,
            source=market.source,
            first=round(float(prices[0]), 2),
            lowest=round(float(prices.min()), 2),
            highest=round(float(prices.max()), 2),
            last=round(float(prices[-1]), 2),
            marks=self._marks[place]["taken"] + 1,
            refused_marks=refused,
            instruments=len(market.series()),
            expired=len(market.expiries) - len(self._pending[place]),
        )

    def _kinds(self) -> list[out.Kind]:
        values = self._values(self.venue.engine.standings())
        kinds = []
        pairs = {(holder.kind, holder.model) for holder in self.holders}
        for kind, model in sorted(pairs, key=lambda pair: (pair[0], pair[1].value)):
            places = [
                place for place, holder in enumerate(self.holders) if (holder.kind, holder.model) == (kind, model)
            ]
            numbers = {self.holders[place].subaccount for place in places}
            deficits = [self.ledger.deficit[number] for number in numbers if number in self.ledger.deficit]
            kinds.append(
                out.Kind(
                    kind=kind,
                    model=model.word,
                    accounts=len(places),
                    called=len(self.ledger.ever_called & numbers),
                    liquidated=len(self.ledger.liquidated & numbers),
                    insolvent=len(deficits),
                    deepest_deficit=round(max(deficits, default=0.0), 2),
                    equity_start=round(float(self.value_start[places].sum()), 2),
                    equity_end=round(float(values[places].sum()), 2),
                )
            )
        return kinds

    def _audit(self) -> bool:
        try:
            self.venue.engine.check_invariants()
        except RuntimeError:
            return False
        return True


def _iso(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"
