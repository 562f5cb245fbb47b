"""Option chains as recorded: whole-chain snapshots of Deribit's inverse options.

The layout is a CSV (``.csv`` or ``.csv.gz``) with one row per instrument and the columns ``timestamp, instrument_name,
underlying, option_type, strike, expiry_datetime, bid_price, ask_price, mark_price, implied_volatility, delta,
open_interest, currency, index_price`` among others. Prices are in coin, ``underlying`` is the forward of the expiry,
``implied_volatility`` is the mark's, 1 = 100 %.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synchromesh.clock import parse_iso
from synchromesh.pricing import year_fraction

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

Row = Mapping[str, str]


class ChainError(ValueError):
    """A file that is no chain snapshot."""


@dataclass(frozen=True, slots=True)
class ChainSlice:
    """One expiry of a snapshot: parallel arrays, a row per option, ascending by strike, the put first.

    Attributes:
        expiry: Expiry, ns since the Unix epoch.
        t: Years of 365 days from the snapshot to the expiry.
        forward: Forward in USD, the median over the rows.
        strike: Strikes in USD.
        is_call: Call or put.
        bid: Best bid in coin, 0 where there is none.
        ask: Best ask in coin, 0 where there is none.
        mark_iv: Vol of the exchange's mark, 1 = 100 %, 0 where there is none.
        open_interest: Open interest in contracts.
    """

    expiry: int
    t: float
    forward: float
    strike: FloatArray
    is_call: BoolArray
    bid: FloatArray
    ask: FloatArray
    mark_iv: FloatArray
    open_interest: FloatArray


@dataclass(frozen=True, slots=True)
class ChainSnapshot:
    """The whole chain of one currency at one moment.

    Attributes:
        symbol: ``BTC``.
        time: Time of the snapshot, ns since the Unix epoch.
        index: Median of the index prices of the rows, USD; the rows were taken over some minutes.
        slices: Expiries in the future, ascending.
    """

    symbol: str
    time: int
    index: float
    slices: tuple[ChainSlice, ...]


def read_snapshots(path: Path) -> list[ChainSnapshot]:
    """Returns the snapshots of a file, ascending by time, then by currency.

    Raises:
        ChainError: When a column is missing or a value is no number.
        OSError: When the file cannot be read.
    """
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        try:
            for row in csv.DictReader(file):
                groups[row["timestamp"], row["currency"]].append(row)
            return [_snapshot(symbol, time, rows) for (time, symbol), rows in sorted(groups.items())]
        except (KeyError, ValueError) as error:
            raise ChainError(f"{path.name} is no chain snapshot: {error!r}") from error


def _snapshot(symbol: str, timestamp: str, rows: list[Row]) -> ChainSnapshot:
    time = parse_iso(timestamp)
    by_expiry: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_expiry[parse_iso(row["expiry_datetime"])].append(row)
    slices = tuple(_slice(time, expiry, by_expiry[expiry]) for expiry in sorted(by_expiry) if expiry > time)
    return ChainSnapshot(symbol, time, float(np.median(_column(rows, "index_price"))), slices)


def _slice(time: int, expiry: int, rows: list[Row]) -> ChainSlice:
    rows = sorted(rows, key=lambda row: (float(row["strike"]), row["option_type"] == "call"))
    return ChainSlice(
        expiry=expiry,
        t=year_fraction(time, expiry),
        forward=float(np.median(_column(rows, "underlying"))),
        strike=_column(rows, "strike"),
        is_call=np.array([row["option_type"] == "call" for row in rows]),
        bid=_column(rows, "bid_price"),
        ask=_column(rows, "ask_price"),
        mark_iv=_column(rows, "implied_volatility"),
        open_interest=_column(rows, "open_interest"),
    )


def _column(rows: Iterable[Row], name: str) -> FloatArray:
    """A column as numbers, 0 where it is empty."""
    return np.array([float(row[name] or 0) for row in rows])
