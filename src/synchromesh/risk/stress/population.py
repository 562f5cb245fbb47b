"""The accounts of a stress test: who they are, what they hold, and that they use 80 to 100 % of their margin.

Every portfolio is built by trades in the engine, against a street account that is funded to take any size; then the
owner withdraws what is above the initial margin, so that margin over equity lies between 0.8 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synchromesh._native import EngineRefused
from synchromesh.protocol import USD, InstrumentKind, InstrumentSpec, MarginModel, OptionType
from synchromesh.risk.stress.venue import Orders, StressVenue

USE = (0.80, 1.00)
"""Initial margin over equity at the start, uniform."""
BUILD_CASH = 1e9
"""USDC that an account is lent while its portfolio is built."""
STREET_CASH = 1e11
"""USDC of the street."""
REQUIREMENT = (10_000.0, 400_000.0)
"""Initial margin that a portfolio is scaled to, USDC, log-uniform."""
CASH_MIN = 100.0
"""Least USDC that an owner leaves, where a portfolio needs no margin."""
ROUNDS = 3
"""Attempts to scale a portfolio to its requirement."""

Legs = dict[int, float]
"""Contracts by instrument id."""


@dataclass(frozen=True, slots=True)
class Contract:
    """An instrument as strategies see it: years to expiry, strike over forward in logs, delta; 0 for the perpetual."""

    instrument: int
    underlying: int
    call: bool
    expiry: int
    strike: float
    delta: float
    perpetual: bool


@dataclass(frozen=True, slots=True)
class Board:
    """What can be held in one underlying: its perpetual, and options by expiry ascending."""

    underlying: int
    index: float
    perpetual: Contract
    options: tuple[Contract, ...]

    @property
    def expiries(self) -> list[int]:
        """Expiries, ascending."""
        return sorted({option.expiry for option in self.options})

    def option(self, expiry: int, call: bool, delta: float) -> Contract:
        """Returns the option of an expiry whose delta lies nearest."""
        found = [each for each in self.options if each.expiry == expiry and each.call == call]
        return min(found, key=lambda each: abs(abs(each.delta) - delta))

    def strike(self, expiry: int, call: bool, strike: float) -> Contract:
        """Returns the option of an expiry whose strike lies nearest."""
        found = [each for each in self.options if each.expiry == expiry and each.call == call]
        return min(found, key=lambda each: abs(each.strike - strike))


@dataclass(frozen=True, slots=True)
class Holder:
    """An account of the population.

    Attributes:
        subaccount: Its id.
        kind: Kind of portfolio, a key of :data:`KINDS`, or ``adversarial``.
        model: How it is margined.
    """

    subaccount: int
    kind: str
    model: MarginModel


Random = np.random.Generator
Strategy = Callable[[Board, Random], Legs]


def _expiry(board: Board, random: Random, near: int = 0) -> int:
    return board.expiries[min(near + int(random.integers(0, 3)), len(board.expiries) - 1)]


def _long_perpetual(board: Board, random: Random) -> Legs:
    return {board.perpetual.instrument: 1.0}


def _short_perpetual(board: Board, random: Random) -> Legs:
    return {board.perpetual.instrument: -1.0}


def _short_puts(board: Board, random: Random) -> Legs:
    expiry = _expiry(board, random)
    return {board.option(expiry, False, float(delta)).instrument: -1.0 for delta in random.uniform(0.05, 0.45, 2)}


def _short_calls(board: Board, random: Random) -> Legs:
    expiry = _expiry(board, random)
    return {board.option(expiry, True, float(delta)).instrument: -1.0 for delta in random.uniform(0.05, 0.45, 2)}


def _short_strangle(board: Board, random: Random) -> Legs:
    expiry, delta = _expiry(board, random, 1), float(random.uniform(0.1, 0.4))
    return {board.option(expiry, side, delta).instrument: -1.0 for side in (False, True)}


def _long_option(board: Board, random: Random) -> Legs:
    side = bool(random.integers(0, 2))
    option = board.option(_expiry(board, random, 1), side, float(random.uniform(0.2, 0.5)))
    return {option.instrument: 1.0, board.perpetual.instrument: 0.3 if side else -0.3}


def _hedged_straddle(board: Board, random: Random) -> Legs:
    expiry = _expiry(board, random, 1)
    call = board.option(expiry, True, 0.5)
    put = board.strike(expiry, False, call.strike)
    delta = call.delta + put.delta
    return {call.instrument: -1.0, put.instrument: -1.0, board.perpetual.instrument: delta}


def _put_spread(board: Board, random: Random) -> Legs:
    expiry = _expiry(board, random)
    near, far = board.option(expiry, False, 0.45), board.option(expiry, False, float(random.uniform(0.05, 0.2)))
    return {near.instrument: -1.0, far.instrument: 1.0} if near != far else {near.instrument: -1.0}


def _calendar(board: Board, random: Random) -> Legs:
    near, far = board.expiries[0], _expiry(board, random, 2)
    call = board.option(far, True, 0.5)
    return {board.strike(near, True, call.strike).instrument: -1.5, call.instrument: 1.0}


def _maker(board: Board, random: Random) -> Legs:
    count = min(int(random.integers(10, 40)), len(board.options))
    chosen = random.choice(len(board.options), count, replace=False)
    legs = {board.options[int(place)].instrument: float(random.normal()) for place in chosen}
    delta = sum(legs[option.instrument] * option.delta for option in board.options if option.instrument in legs)
    return legs | {board.perpetual.instrument: -delta}


KINDS: dict[str, tuple[Strategy, MarginModel, float]] = {
    "retail long": (_long_perpetual, MarginModel.STANDARD, 0.17),
    "retail short": (_short_perpetual, MarginModel.STANDARD, 0.08),
    "put seller": (_short_puts, MarginModel.STANDARD, 0.14),
    "call seller": (_short_calls, MarginModel.STANDARD, 0.05),
    "strangle": (_short_strangle, MarginModel.STANDARD, 0.06),
    "option buyer": (_long_option, MarginModel.STANDARD, 0.05),
    "leveraged": (_long_perpetual, MarginModel.PORTFOLIO, 0.08),
    "short strangle": (_short_strangle, MarginModel.PORTFOLIO, 0.08),
    "hedged straddle": (_hedged_straddle, MarginModel.PORTFOLIO, 0.09),
    "put spread": (_put_spread, MarginModel.PORTFOLIO, 0.06),
    "calendar": (_calendar, MarginModel.PORTFOLIO, 0.04),
    "maker": (_maker, MarginModel.PORTFOLIO, 0.10),
}
"""Strategy, margin model and share of the population."""


def boards(venue: StressVenue) -> list[Board]:
    """Returns what can be held, with the deltas of the last marks."""
    marks = venue.engine.marks()
    found = []
    for number in range(1, len(venue.symbols) + 1):
        specs = [spec for spec in venue.specs if spec.underlying == number]
        contracts = [_contract(spec, float(marks[spec.instrument - 1]["delta"]) / 1e9) for spec in specs]
        perpetual = next(each for each in contracts if each.perpetual)
        options = tuple(each for each in contracts if not each.perpetual)
        index = float(marks[perpetual.instrument - 1]["mark"]) / USD
        found.append(Board(number, index, perpetual, options))
    return found


class Population:
    """Builds the accounts, one after the other.

    Args:
        venue: Listed and marked.
        seed: Of the draws.
        portfolio: Whether portfolio margin may be used; where not, every account is standard-margined.
    """

    def __init__(self, venue: StressVenue, seed: int, portfolio: bool = True) -> None:
        self._venue, self._portfolio = venue, portfolio
        self._random = np.random.default_rng(seed)
        self._boards = boards(venue)
        self.street = venue.deposit(STREET_CASH)
        self.holders: list[Holder] = []
        self.refused: dict[str, int] = {}

    def draw(self, count: int) -> None:
        """Adds accounts of the kinds of :data:`KINDS`, in their shares."""
        names = list(KINDS)
        shares = np.array([KINDS[name][2] for name in names])
        for name in self._random.choice(names, count, p=shares / shares.sum()).tolist():
            strategy, model, _ = KINDS[name]
            board = self._boards[int(self._random.integers(0, len(self._boards)))]
            self.add(name, strategy(board, self._random), model)

    def add(self, kind: str, legs: Legs, model: MarginModel) -> Holder | None:
        """Adds one account, scaled to a requirement; None when the engine refuses its trades."""
        model = model if self._portfolio else MarginModel.STANDARD
        venue = self._venue
        subaccount = venue.deposit(BUILD_CASH)
        if model == MarginModel.PORTFOLIO:
            venue.set_model(subaccount, model)
        low, high = np.log(REQUIREMENT)
        requirement = float(np.exp(self._random.uniform(low, high)))
        if not self._build(subaccount, legs, requirement):
            return None
        self._withdraw(subaccount, float(self._random.uniform(*USE)))
        holder = Holder(subaccount, kind, model)
        self.holders.append(holder)
        return holder

    def _build(self, subaccount: int, legs: Legs, requirement: float) -> bool:
        """Trades a probe of one unit per leg, then the rest, so that the initial margin is about the requirement."""
        gross = sum(abs(size) * self._boards[self._underlying(leg)].index for leg, size in legs.items())
        unit = requirement / gross
        held = dict.fromkeys(legs, 0)
        scale = unit
        for _ in range(ROUNDS):
            targets = {leg: self._signed(leg, size * scale) for leg, size in legs.items()}
            if not self._trade(subaccount, {leg: targets[leg] - held[leg] for leg in legs}):
                return False
            held = targets
            initial = self._initial(subaccount) / USD
            if initial <= 0 or 0.7 < initial / requirement < 1.4:
                break
            scale = min(scale * requirement / initial, unit * 60)
        return True

    def _underlying(self, instrument: int) -> int:
        return self._venue.specs[instrument - 1].underlying - 1

    def _signed(self, instrument: int, contracts: float) -> int:
        lot = self._venue.specs[instrument - 1].lot_size
        amount = max(self._venue.lots(instrument, abs(contracts)), lot)
        return amount if contracts >= 0 else -amount

    def _trade(self, subaccount: int, changes: Legs | dict[int, int]) -> bool:
        marks = self._venue.engine.marks()
        orders = Orders()
        for instrument, change in sorted(changes.items()):
            if not change:
                continue
            price = self._venue.tick(instrument, float(marks[instrument - 1]["mark"]) / USD, up=False)
            side = 0 if change > 0 else 1
            orders.add(self.street, instrument, 1 - side, abs(int(change)), price)
            orders.add(subaccount, instrument, side, abs(int(change)), price)
        codes = [code for code in self._venue.place(orders) if code is not None]
        for code in codes:
            self.refused[code] = self.refused.get(code, 0) + 1
        self._venue.cancel_all(self.street)
        self._venue.cancel_all(subaccount)
        return not codes

    def _initial(self, subaccount: int) -> float:
        return float(self._venue.engine.standings()[subaccount - 1]["initial"])

    def _withdraw(self, subaccount: int, use: float) -> None:
        standing = self._venue.engine.standings()[subaccount - 1]
        kept = max(int(standing["initial"]) / use, CASH_MIN * USD)
        surplus = min(int(standing["initial_equity"] - kept), self._venue.engine.withdrawable(subaccount))
        if surplus > 0:
            self._venue.withdraw(subaccount, surplus)


def add_portfolios(population: Population, portfolios: Iterable[Legs], kind: str = "adversarial") -> int:
    """Adds portfolio-margined accounts that hold these; returns how many the engine took."""
    taken = 0
    for legs in portfolios:
        try:
            taken += population.add(kind, legs, MarginModel.PORTFOLIO) is not None
        except EngineRefused:
            continue
    return taken


def use_of_margin(venue: StressVenue, holders: Sequence[Holder]) -> npt.NDArray[np.float64]:
    """Returns initial margin over equity of each holder, NaN where it needs none."""
    standings = venue.engine.standings()
    rows = standings[[holder.subaccount - 1 for holder in holders]]
    initial = rows["initial"].astype(float)
    return np.where(initial > 0, initial / np.maximum(rows["initial_equity"], 1), np.nan)


def _contract(spec: InstrumentSpec, delta: float) -> Contract:
    perpetual = spec.kind == InstrumentKind.PERPETUAL
    call = spec.option_type == OptionType.CALL
    delta = 1.0 if perpetual else delta
    return Contract(spec.instrument, spec.underlying, call, spec.expiry, spec.strike / USD, delta, perpetual)
