"""Who trades with the liquidations: a finite book that thins out in the crash, and bidders with finite capital.

The shape of the books is recorded. Options: the median ladder of the books of 21 May 2020, in multiples of the half
spread; the half spread is that of the fits of February 2026, half a vol point at 30 days and 60 % vol, growing with the
vol and falling with the square of time as fitted there. Perpetuals: the median ladder of a depth stream of August 2024.
ETH books hold the contracts that its open interest and turnover say.

In the crash a book holds the share ``max(0.05, min(1, (σ₀/σ)²))`` of this, with σ the vol at the money of the front
expiries now and σ₀ at the start: when the vol doubles a quarter of the depth is left, and option spreads, which are in
proportion to the vol, have doubled. What was traded comes back with the next mark, never in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synchromesh._native import EngineRefused
from synchromesh.clock import SECOND
from synchromesh.pricing import year_fraction
from synchromesh.protocol import NANO_ONE, USD, Event, InstrumentKind, InstrumentSpec, MarginModel
from synchromesh.risk.stress.venue import Orders, StressVenue

OPTION_LADDER = ((1.1, 10.0), (1.5, 10.0), (2.2, 15.0), (3.7, 8.0))
"""Distance in half spreads, contracts of BTC there."""
PERPETUAL_LADDER = ((0.1, 3.4), (1.0, 3.8), (5.0, 46.7), (10.0, 87.3), (25.0, 285.0))
"""Distance in basis points, contracts of BTC there."""
CONTRACTS = {"BTC": (1.0, 1.0), "ETH": (5.5, 8.0)}
"""Contracts of an option book and of a perpetual's for each of BTC's."""
HALF_SPREAD, SPREAD_VOL, SPREAD_YEARS, SPREAD_POWER = 0.5, 0.6, 30 / 365, -0.39
"""Half spread in vol points, at which vol and time, and the exponent of the time."""
SHRINK_POWER, SHRINK_MIN = 2.0, 0.05
MAKERS = 2
BIDDER_FACTORS = (0.94, 0.90, 0.85)
"""A bidder takes a share when the price has fallen to this part of its value."""
BIDDER_OFFERS = (0.10, 0.20, 0.35)
"""The same bidders take an insolvent portfolio when the fund offers this part of its most."""
SHARES = (1.0, 0.5, 0.2, 0.05, 0.01)
"""Parts of the largest share that a bidder tries, as far as his margin goes."""


def half_spread(vol: float, years: float) -> float:
    """Returns the half spread of an option in vol points, never above a fifth of its vol."""
    widening = float((max(years, 1 / 365) / SPREAD_YEARS) ** SPREAD_POWER)
    return min(HALF_SPREAD * vol / SPREAD_VOL * widening, vol * 20)


@dataclass(frozen=True, slots=True)
class Capital:
    """USDC of all makers and of all bidders together."""

    makers: float
    bidders: float


HEDGE_SPREAD = 5.0
"""What makers and bidders pay to hedge outside the venue, basis points, in a calm market."""
HEDGE_MIN = 0.02
"""Net delta that they bear, share of what their capital buys."""


class Liquidity:
    """Quotes the books that liquidations may need, and bids in auctions.

    Args:
        venue: The venue.
        capital: What makers and bidders have.
        street: The account that trades with them what they hedge outside the venue.
        portfolio: Whether they are portfolio-margined.
        depth: Multiple of the recorded depth.
    """

    def __init__(
        self, venue: StressVenue, capital: Capital, street: int, portfolio: bool = True, depth: float = 1.0
    ) -> None:
        self._venue, self._street, self._depth = venue, street, depth
        self._quoting: list[int] = []
        self.makers = [venue.deposit(capital.makers / MAKERS) for _ in range(MAKERS)]
        self.bidders = [venue.deposit(capital.bidders / len(BIDDER_FACTORS)) for _ in BIDDER_FACTORS]
        if portfolio:
            for subaccount in [*self.makers, *self.bidders]:
                venue.set_model(subaccount, MarginModel.PORTFOLIO)
        self._front = {number: self._front_vol(number) for number in range(1, len(venue.symbols) + 1)}
        perpetuals = [spec for spec in venue.specs if spec.kind == InstrumentKind.PERPETUAL]
        self._perpetuals = {spec.underlying: spec.instrument for spec in perpetuals}
        self.quotes_refused: dict[str, int] = {}
        self.bids_refused: dict[str, int] = {}

    def copy(self, venue: StressVenue) -> Liquidity:
        """Returns the same makers and bidders in a copy of the venue."""
        other = copy(self)
        other._venue, other._quoting = venue, list(self._quoting)
        other.quotes_refused, other.bids_refused = {}, {}
        return other

    def shrink(self, underlying: int) -> float:
        """Returns the share of the recorded depth that is left now."""
        now, start = self._front_vol(underlying), self._front[underlying]
        return float(np.clip((start / now) ** SHRINK_POWER, SHRINK_MIN, 1.0)) if now > 0 and start > 0 else 1.0

    def quote(self, instruments: Iterable[int]) -> int:
        """Puts fresh quotes into the books of these instruments, and takes all others out; returns how many rest."""
        for maker in self._quoting:
            self._venue.cancel_all(maker)
        orders = self.ladders(instruments)
        self._quoting = sorted(set(orders.subaccount))
        codes = self._venue.place(orders)
        for code in codes:
            if code is not None:
                self.quotes_refused[code] = self.quotes_refused.get(code, 0) + 1
        return codes.count(None)

    def ladders(self, instruments: Iterable[int]) -> Orders:
        """Returns the quotes of these instruments as they would stand now."""
        orders = Orders()
        shrink = {underlying: self.shrink(underlying) for underlying in self._front}
        marks = self._venue.engine.marks()
        for instrument in sorted(instruments):
            spec = self._venue.specs[instrument - 1]
            if not spec.expiry or spec.expiry > self._venue.time:
                self._ladder(orders, spec, marks[instrument - 1], shrink[spec.underlying])
        return orders

    def requote(self) -> Orders:
        """Returns the quotes of every instrument that is open."""
        return self.ladders(spec.instrument for spec in self._venue.specs)

    def bid(self) -> list[Event]:
        """Bids in every auction whose price suits somebody who is not being liquidated himself."""
        events: list[Event] = []
        running = set(self._venue.engine.liquidations)
        able = [(place, bidder) for place, bidder in enumerate(self.bidders) if bidder not in running]
        for auction in self._venue.engine.auctions() if able else ():
            factor = int(auction["factor"]) / NANO_ONE
            if int(auction["subaccount"]) in self.bidders:
                continue
            for place, bidder in able:
                ready = factor >= BIDDER_OFFERS[place] if auction["insolvent"] else factor <= BIDDER_FACTORS[place]
                if ready and (taken := self._take(bidder, auction)):
                    events += taken
                    break
        return events

    def hedge(self) -> None:
        """Lets makers and bidders bring their delta to zero, in perpetuals, as they would on other venues.

        They trade with the street at the mark and :data:`HEDGE_SPREAD`, more where the books are thinner.
        """
        marks, positions = self._venue.engine.marks(), self._venue.engine.positions()
        standings = self._venue.engine.standings()
        running = set(self._venue.engine.liquidations)
        orders = Orders()
        for number in self._front:
            perpetual = self._perpetuals[number]
            price = int(marks[perpetual - 1]["mark"]) / USD
            away = price * HEDGE_SPREAD / 1e4 / self.shrink(number)
            for subaccount in {*self.makers, *self.bidders} - running:
                delta = self._delta(subaccount, number, positions, marks)
                capital = max(int(standings[subaccount - 1]["value"]) / USD, 0.0)
                if abs(delta) * price <= HEDGE_MIN * capital:
                    continue
                side = 1 if delta > 0 else 0
                amount = self._venue.lots(perpetual, abs(delta))
                limit = self._venue.tick(perpetual, price - away if side else price + away, up=side == 0)
                if amount > 0:
                    orders.add(self._street, perpetual, 1 - side, amount, limit)
                    orders.add(subaccount, perpetual, side, amount, limit)
        if len(orders):
            self._venue.place(orders)
            for subaccount in {self._street, *orders.subaccount}:
                self._venue.cancel_all(subaccount)

    def _delta(self, subaccount: int, underlying: int, positions: npt.NDArray[Any], marks: npt.NDArray[Any]) -> float:
        """Contracts of net delta of an account in an underlying."""
        held = positions[positions["subaccount"] == subaccount]
        total = 0.0
        for row in held:
            spec = self._venue.specs[int(row["instrument"]) - 1]
            if spec.underlying == underlying:
                total += int(row["lots"]) * spec.lot_size / 1e8 * int(marks[spec.instrument - 1]["delta"]) / NANO_ONE
        return total

    def _take(self, bidder: int, auction: np.void) -> list[Event]:
        most = int(auction["share_max"]) / NANO_ONE
        net = (int(auction["price"]) - int(auction["insurance"])) / USD
        for part in SHARES:
            share = most * part
            if share < 1e-6:
                break
            # A little above what it shows: the price of a part is rounded against the bidder.
            limit = net * share + abs(net * share) * 1e-6 + 0.01
            try:
                return self._venue.bid(bidder, int(auction["subaccount"]), share, limit)
            except EngineRefused as refused:
                self.bids_refused[refused.code] = self.bids_refused.get(refused.code, 0) + 1
        return []

    def _ladder(self, orders: Orders, spec: InstrumentSpec, mark: np.void, shrink: float) -> None:
        symbol = self._venue.symbols[spec.underlying - 1]
        ladder: tuple[tuple[float, float], ...]
        option_scale, perpetual_scale = CONTRACTS.get(symbol, CONTRACTS["BTC"])
        price = int(mark["mark"]) / USD
        if spec.kind == InstrumentKind.PERPETUAL:
            unit, ladder, scale = price / 1e4, PERPETUAL_LADDER, perpetual_scale
        else:
            years = year_fraction(self._venue.time, spec.expiry)
            unit = half_spread(int(mark["iv"]) / NANO_ONE, years) * int(mark["vega"]) / USD
            ladder, scale = OPTION_LADDER, option_scale
        tick = spec.tick_size / USD
        for level, (distance, contracts) in enumerate(ladder):
            size = contracts * scale * shrink * self._depth / MAKERS
            amount = self._venue.lots(spec.instrument, size)
            away = max(distance * unit, tick * (level + 1) / 2)
            if amount <= 0:
                continue
            for maker in self.makers:
                if price - away >= tick:
                    bid = self._venue.tick(spec.instrument, price - away, up=False)
                    orders.add(maker, spec.instrument, 0, amount, bid)
                orders.add(maker, spec.instrument, 1, amount, self._venue.tick(spec.instrument, price + away, up=True))

    def _front_vol(self, underlying: int) -> float:
        """Median vol of the options that expire within 45 days and are near the money."""
        marks = self._venue.engine.marks()
        horizon = self._venue.time + 45 * 86_400 * SECOND
        specs = [spec for spec in self._venue.specs if spec.underlying == underlying and spec.expiry]
        near = [marks[spec.instrument - 1] for spec in specs if self._venue.time < spec.expiry <= horizon]
        vols = [int(mark["iv"]) / NANO_ONE for mark in near if 0.25 <= abs(int(mark["delta"])) / NANO_ONE <= 0.75]
        return float(np.median(vols)) if vols else 0.0
