"""Option chains as recorded: whole-chain snapshots of Deribit's inverse options.

The layout is a CSV (``.csv`` or ``.csv.gz``) with one row per instrument and the columns ``timestamp, instrument_name,
underlying, option_type, strike, expiry_datetime, bid_price, ask_price, mark_price, implied_volatility, delta,
open_interest, currency, index_price`` among others. Prices are in coin, ``underlying`` is the forward of the expiry,
``implied_volatility`` is the mark's, 1 = 100 %.
"""

from __future__ import annotations

import csv
import gzip
import zlib
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

    A cell that is no number is NaN in its column; who uses the rows says what is wrong with them.
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
        unreadable: Rows that belong to no expiry, because theirs is no time.
    """

    symbol: str
    time: int
    index: float
    slices: tuple[ChainSlice, ...]
    unreadable: int = 0


def read_snapshots(path: Path) -> list[ChainSnapshot]:
    """Returns the snapshots of a file, ascending by time, then by currency.

    Left out are rows whose timestamp is none, expiries of which no row has a forward, and snapshots without an expiry.

    Raises:
        ChainError: When the file is no CSV, a column is missing, or nothing is left.
        OSError: When the file cannot be read.
    """
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    encoding = "utf-8-sig"  # Spreadsheets put a byte order mark before the first column's name.
    with gzip.open(path, "rt", encoding=encoding) if path.suffix == ".gz" else path.open(encoding=encoding) as file:
        try:
            for row in csv.DictReader(file):
                groups[row["timestamp"] or "", row["currency"] or ""].append(row)
            found = [_snapshot(symbol, text, rows) for (text, symbol), rows in sorted(groups.items())]
        except KeyError as error:
            raise ChainError(f"{path.name} is no chain snapshot: it has no column {error}") from error
        except (ValueError, EOFError, csv.Error, zlib.error) as error:
            # A decoding error's own text carries the whole file.
            reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
            raise ChainError(f"{path.name} is no chain snapshot: {reason}") from error
    snapshots = [snapshot for snapshot in found if snapshot is not None]
    if not snapshots:
        raise ChainError(f"{path.name} is no chain snapshot: no row has a time and an expiry after it")
    return snapshots


def _snapshot(symbol: str, timestamp: str, rows: list[Row]) -> ChainSnapshot | None:
    by_expiry: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_expiry[row["expiry_datetime"] or ""].append(row)
    time = _time(timestamp)
    expiries = {text: _time(text) for text in by_expiry}
    dated = sorted((expiry, text) for text, expiry in expiries.items() if expiry is not None)
    if time is None:
        return None
    slices = (_slice(time, expiry, by_expiry[text]) for expiry, text in dated if expiry > time)
    with_forward = tuple(found for found in slices if found.forward > 0)
    if not with_forward:
        return None
    unreadable = sum(len(by_expiry[text]) for text, expiry in expiries.items() if expiry is None)
    return ChainSnapshot(symbol, time, _median(rows, "index_price"), with_forward, unreadable)


def _time(text: str) -> int | None:
    try:
        return parse_iso(text)
    except ValueError:
        return None


def _slice(time: int, expiry: int, rows: list[Row]) -> ChainSlice:
    strike = _column(rows, "strike")
    is_call = np.array([row["option_type"] == "call" for row in rows])
    order = np.lexsort((is_call, strike))
    return ChainSlice(
        expiry=expiry,
        t=year_fraction(time, expiry),
        forward=_median(rows, "underlying"),
        strike=strike[order],
        is_call=is_call[order],
        bid=_column(rows, "bid_price")[order],
        ask=_column(rows, "ask_price")[order],
        mark_iv=_column(rows, "implied_volatility")[order],
        open_interest=_column(rows, "open_interest")[order],
    )


def _median(rows: Iterable[Row], name: str) -> float:
    """The median of the positive numbers of a column, 0 when there is none."""
    values = _column(rows, name)
    positive = values[(values > 0) & np.isfinite(values)]
    return float(np.median(positive)) if len(positive) else 0.0


def _column(rows: Iterable[Row], name: str) -> FloatArray:
    """A column as numbers: 0 where it is empty, NaN where it is no number."""
    return np.array([_number(row[name]) for row in rows])


def _number(text: str) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return float("nan")
