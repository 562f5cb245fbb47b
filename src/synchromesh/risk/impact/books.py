"""Recorded order books as ladders: what could be traded at which price, and what it cost against the mid.

Three layouts are read: whole-chain dumps with ``bids`` and ``asks`` as lists of ``[price, amount]`` (prices in coin),
raw WebSocket messages of one exchange's ``book`` and ``ticker`` channels, and the depth stream of a perpetual.
"""

from __future__ import annotations

import ast
import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

VEGA_MIN = 1e-4
"""Least vega of an option whose book is used, share of the index per vol point: below it vol points mean nothing."""
DUST = 25.0
"""Distance from the mid beyond which a level is no liquidity, in vol points (options) or basis points (perpetuals)."""
SAMPLE_NS = 10**9
"""A depth stream is sampled this often."""


class BookDataError(ValueError):
    """A file that holds no usable order book."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """One side of a book at one moment.

    Attributes:
        group: Instrument or moment: ladders of one group share their fate, and stay on one side of a split.
        distance: Distance of each level from the mid, ascending. Options: vol points; perpetuals: basis points.
        size: Contracts at each level.
        half_spread: Distance of the best level.
        vol: Vol of the mark, 1 = 100 %; of a perpetual, its realised vol.
        vega: USD per contract and vol point; 0 for a perpetual.
        index: USD.
    """

    group: int
    distance: FloatArray
    size: FloatArray
    half_spread: float
    vol: float
    vega: float
    index: float

    @property
    def depth(self) -> float:
        """Contracts on the whole ladder."""
        return float(self.size.sum())

    def cost(self, sizes: FloatArray) -> FloatArray:
        """Returns the mean distance paid for each size; NaN where the ladder holds less."""
        ends = np.cumsum(self.size)
        paid = np.concatenate([[0.0], np.cumsum(self.size * self.distance)])
        place = np.minimum(np.searchsorted(ends, sizes * (1 - 1e-12)), len(ends) - 1)
        begins = ends - self.size
        total = paid[place] + (sizes - begins[place]) * self.distance[place]
        return np.where(sizes <= ends[-1] * (1 + 1e-12), total / sizes, np.nan)


def read_chain_books(path: Path) -> list[Ladder]:
    """Returns both sides of every option of a whole-chain dump that has them.

    Raises:
        BookDataError: When the file has other columns or no usable book.
        OSError: When it cannot be read.
    """
    ladders: list[Ladder] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file)):
                bids, asks = (ast.literal_eval(row[side]) for side in ("bids", "asks"))
                vega = float(ast.literal_eval(row["greeks"])["vega"])
                forward, vol = float(row["underlying_price"]), float(row["mark_iv"]) / 100
                ladders += _option_ladders(number, bids, asks, forward, vega, vol)
    except (KeyError, ValueError, SyntaxError, EOFError, csv.Error, zlib.error) as error:
        raise BookDataError(f"{path.name} is no dump of option books: {type(error).__name__}: {error}") from error
    if not ladders:
        raise BookDataError(f"{path.name} holds no option with both sides")
    return ladders


def read_raw_feed(path: Path) -> list[Ladder]:
    """Returns the first book of every option in a recording of raw messages, with the vol and vega of its ticker.

    Raises:
        BookDataError: When no option has both a book and a ticker.
        OSError: When it cannot be read.
    """
    books: dict[str, Mapping[str, Any]] = {}
    tickers: dict[str, Mapping[str, Any]] = {}
    for message in _messages(path):
        data = message.get("params", {}).get("data", {}) if isinstance(message, dict) else {}
        name = data.get("instrument_name") if isinstance(data, dict) else None
        if name and "bids" in data:
            books.setdefault(name, data)
        elif name and "greeks" in data:
            tickers.setdefault(name, data)
    ladders: list[Ladder] = []
    for number, name in enumerate(sorted(books.keys() & tickers.keys())):
        ticker = tickers[name]
        bids, asks = ([(price, size) for _, price, size in books[name][side]] for side in ("bids", "asks"))
        forward, vega, vol = ticker["underlying_price"], ticker["greeks"]["vega"], ticker["mark_iv"] / 100
        ladders += _option_ladders(number, bids, asks, forward, vega, vol)
    if not ladders:
        raise BookDataError(f"{path.name} holds no option with a book and a ticker")
    return ladders


def read_depth_stream(path: Path, vol: float) -> list[Ladder]:
    """Returns both sides of a perpetual's book, rebuilt from its depth stream, every second.

    Args:
        path: Recording: receipt time and one message a line, the first snapshot with ``lastUpdateId``.
        vol: Realised vol of the time, 1 = 100 %.

    Raises:
        BookDataError: When there is no snapshot to start from.
        OSError: When it cannot be read.
    """
    sides: dict[str, dict[float, float]] | None = None
    ladders: list[Ladder] = []
    due = 0
    for line_time, message in _timed_messages(path):
        if "lastUpdateId" in message:
            sides = {side: {float(price): float(size) for price, size in message[side]} for side in ("bids", "asks")}
            continue
        data = message.get("data", {})
        if sides is None or data.get("e") != "depthUpdate":
            continue
        for side, key in (("bids", "b"), ("asks", "a")):
            for price, size in data[key]:
                sides[side][float(price)] = float(size)
        if line_time >= due:
            due = line_time + SAMPLE_NS
            ladders += _perpetual_ladders(len(ladders) // 2, sides, vol)
    if not ladders:
        raise BookDataError(f"{path.name} holds no book: it has no snapshot, or no update after it")
    return ladders


def _option_ladders(
    number: int, bids: Iterable[Any], asks: Iterable[Any], forward: float, vega: float, vol: float
) -> Iterator[Ladder]:
    below, above = (np.array(list(side), dtype=float).reshape(-1, 2) for side in (bids, asks))
    if not len(below) or not len(above) or vega < VEGA_MIN * forward or vol <= 0:
        return
    mid = (below[0, 0] + above[0, 0]) / 2
    for sign, side in ((-1.0, below), (1.0, above)):
        distance = sign * (side[:, 0] - mid) * forward / vega
        yield from _ladder(number, distance, side[:, 1], vol, vega, forward)


def _perpetual_ladders(number: int, sides: Mapping[str, Mapping[float, float]], vol: float) -> Iterator[Ladder]:
    below, above = (
        np.array(sorted((price, size) for price, size in sides[side].items() if size > 0)) for side in ("bids", "asks")
    )
    if not len(below) or not len(above) or below[-1, 0] >= above[0, 0]:
        return
    mid = (below[-1, 0] + above[0, 0]) / 2
    for sign, side in ((-1.0, below[::-1]), (1.0, above)):
        yield from _ladder(number, sign * (side[:, 0] - mid) / mid * 1e4, side[:, 1], vol, 0.0, mid)


def _ladder(
    group: int, distance: FloatArray, size: FloatArray, vol: float, vega: float, index: float
) -> Iterator[Ladder]:
    near = (distance <= DUST) & (size > 0)
    if near.any() and distance[0] > 0:
        yield Ladder(group, distance[near], size[near], float(distance[0]), vol, vega, index)


def _messages(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            _, _, text = line.partition(": ")
            if text.startswith("{"):
                yield json.loads(text)


def _timed_messages(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                time, _, text = line.partition(" ")
                if "depth" in text or "lastUpdateId" in text:
                    yield int(time), json.loads(text)
    except (ValueError, EOFError, zlib.error) as error:
        raise BookDataError(f"{path.name} is no depth stream: {error}") from error
