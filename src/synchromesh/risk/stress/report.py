"""What a replay reports. Money in USDC, times in seconds unless a name says otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np


class Spread(msgspec.Struct, frozen=True):
    """A distribution: how many, least, quartiles, 99th percentile, most; None without any."""

    count: int
    least: float | None
    lower: float | None
    median: float | None
    upper: float | None
    p99: float | None
    most: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Returns the distribution of some values."""
        if not len(values):
            return cls(0, None, None, None, None, None, None)
        found = np.quantile(np.asarray(values, dtype=float), [0, 0.25, 0.5, 0.75, 0.99, 1])
        return cls(len(values), *(round(float(value), 6) for value in found))


class Path(msgspec.Struct, frozen=True):
    """The index of one underlying over the replay, and the marks that carried it."""

    symbol: str
    source: str
    first: float
    lowest: float
    highest: float
    last: float
    marks: int
    refused_marks: dict[str, int]
    instruments: int
    expired: int


class Kind(msgspec.Struct, frozen=True):
    """Accounts of one kind: how many, and what became of them."""

    kind: str
    model: str
    accounts: int
    called: int
    liquidated: int
    insolvent: int
    deepest_deficit: float
    equity_start: float
    equity_end: float


class Book(msgspec.Struct, frozen=True):
    """What the liquidations traded in the book, and how thin it was."""

    slices: int
    cash: float
    fees: float
    least_depth: float
    quotes_refused: dict[str, int]


class Auctions(msgspec.Struct, frozen=True):
    """What was sold in auctions."""

    opened: int
    insolvent: int
    fills: int
    cash: float
    insurance: float


class Latency(msgspec.Struct, frozen=True):
    """Wall-clock time from a mark to the first liquidation that it causes, milliseconds.

    Attributes:
        arrays: Scenario arrays of the mark, which a host computes beside the engine.
        engine: The engine's command: marks in, the liquidation's first action out.
        marks: All marks in the engine, whether or not they cause one.
        load: Multiple of the quote flow that waits in front of the mark.
        load_orders: Orders in it.
        loaded: From the last of a full queue's arrival to the first action: queue, arrays and engine.
    """

    arrays: Spread
    engine: Spread
    marks: Spread
    load: int
    load_orders: int
    loaded: Spread


class Report(msgspec.Struct, frozen=True):
    """One replay.

    Attributes:
        begin: Start, ISO 8601.
        end: End, ISO 8601.
        seed: Of the population.
        accounts: Accounts of the population.
        margin_use: Initial margin over equity at the start.
        called: Accounts that got a margin call.
        liquidated: Accounts of which a liquidation began.
        insolvent: Accounts whose value was negative at some time.
        insolvent_at_end: Those whose value is negative at the end.
        deepest_deficit: Most negative value of one account, as a positive number.
        insurance_start: The fund at the start.
        insurance_used: What it paid.
        insurance_end: The fund at the end.
        adl: Times that a counterparty's position was closed for a liquidation.
        adl_cash: Value of those positions.
        lead_time: From an account's first margin call to the breach of its maintenance margin.
        resolved: From a liquidation's start to its end.
        outcomes: How liquidations ended, by word; ``running`` at the end of the replay.
        conserved: Whether the engine's audit found all money, positions and books in order.
        seconds: What the replay took.
    """

    begin: str
    end: str
    seed: int
    accounts: int
    margin_use: Spread
    called: int
    liquidated: int
    insolvent: int
    insolvent_at_end: int
    deepest_deficit: float
    insurance_start: float
    insurance_used: float
    insurance_end: float
    adl: int
    adl_cash: float
    lead_time: Spread
    resolved: Spread
    outcomes: dict[str, int]
    book: Book
    auctions: Auctions
    latency: Latency
    paths: list[Path]
    kinds: list[Kind]
    refused_portfolios: dict[str, int]
    bids_refused: dict[str, int]
    conserved: bool
    seconds: float
