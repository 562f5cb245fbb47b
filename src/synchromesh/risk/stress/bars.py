"""Recorded prices as bars, and the path that a replay takes through them."""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO, cast

import numpy as np
import numpy.typing as npt

from synchromesh.clock import DAY_NS, SECOND, parse_iso

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

PRICES = ("open", "high", "low", "close")
TIMES = ("ts_ms", "timestamp", "time")
"""Names of the time column, the first that is there: ms since 1970 (or s, µs, ns, told apart by size), or ISO 8601."""
YEAR = 365 * 86_400
"""Seconds of the year that vols count in."""


class PriceDataError(ValueError):
    """A file that holds no usable price bars."""


@dataclass(frozen=True, slots=True)
class Bars:
    """OHLC bars, ascending by time. Prices in USD; ``time`` is the start of each bar, ns; ``step`` its length, ns.

    Attributes:
        dropped: Rows that were no bar: not a number, not positive, high below low, or a time seen before.
        gaps: Places where at least one bar is missing.
    """

    symbol: str
    step: int
    time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.time)

    @property
    def gaps(self) -> int:
        """Places where at least one bar is missing."""
        return int(np.count_nonzero(np.diff(self.time) > self.step))

    @property
    def end(self) -> int:
        """End of the last bar, ns."""
        return int(self.time[-1]) + self.step

    def between(self, begin: int, end: int) -> Bars:
        """Returns the bars that start at or after ``begin`` and before ``end``.

        Raises:
            PriceDataError: When there are fewer than two.
        """
        rows = (self.time >= begin) & (self.time < end)
        if np.count_nonzero(rows) < 2:
            span = f"{_moment(begin)} to {_moment(end)}"
            raise PriceDataError(f"no prices of {self.symbol} from {span}: the file has {self.describe()}")
        opened, high, low, close = (column[rows] for column in (self.open, self.high, self.low, self.close))
        return Bars(self.symbol, self.step, self.time[rows], opened, high, low, close, self.dropped)

    def describe(self) -> str:
        """Returns the span in words."""
        return f"{len(self)} bars from {_moment(int(self.time[0]))} to {_moment(self.end)}"

    def widest_day(self) -> int:
        """Returns the UTC midnight, ns, of the day with the deepest fall: a low below a high before it on that day."""
        days = self.time // DAY_NS
        falls = {}
        for day in np.unique(days):
            rows = days == day
            peak = np.maximum.accumulate(self.high[rows])
            falls[int(day)] = float(np.min(self.low[rows] / peak))
        return min(falls, key=falls.__getitem__) * DAY_NS


@dataclass(frozen=True, slots=True)
class IndexPath:
    """Index at some times: ns ascending, USD. Between two of them the log price is linear."""

    time: IntArray
    price: FloatArray

    def at(self, time: int) -> float:
        """Returns the index at a time; the first and the last price hold before and after."""
        return float(np.exp(np.interp(time, self.time, np.log(self.price))))


def read_bars(path: Path, symbol: str | None = None) -> Bars:
    """Returns the bars of a CSV file, gzipped or not, with a time and the columns open, high, low, close.

    Volume and other columns are not needed. Rows that are no bar are dropped and counted; order does not matter.

    Args:
        path: The file.
        symbol: What it prices; None: the part of the file's name before ``USD`` or the first mark that is no letter.

    Raises:
        PriceDataError: When a column is missing or fewer than two bars are left.
        OSError: When the file cannot be read.
    """
    rows: dict[int, tuple[float, ...]] = {}
    total = 0
    try:
        with _open(path) as file:
            reader = csv.DictReader(file)
            names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
            time_name = next((names[name] for name in TIMES if name in names), None)
            missing = [name for name in PRICES if name not in names]
            if time_name is None or missing:
                lacks = ", ".join(missing or [" or ".join(TIMES)])
                raise PriceDataError(f"{path.name} has no price bars: it has no column {lacks}")
            columns = [names[name] for name in PRICES]
            for row in reader:
                total += 1
                bar = _bar(row, time_name, columns)
                if bar is not None and bar[0] not in rows:
                    rows[bar[0]] = bar[1]
    except (EOFError, csv.Error, zlib.error, UnicodeDecodeError, gzip.BadGzipFile) as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
        raise PriceDataError(f"{path.name} has no price bars: {reason}") from error
    if len(rows) < 2:
        raise PriceDataError(f"{path.name} has no price bars: {len(rows)} of {total} rows are good")
    time = np.array(sorted(rows), dtype=np.int64)
    opened, high, low, close = np.array([rows[moment] for moment in time.tolist()]).T
    step = int(np.median(np.diff(time)))
    return Bars(symbol or _symbol(path.name), step, time, opened, high, low, close, total - len(rows))


def price_path(bars: Bars, interval: int) -> IndexPath:
    """Returns the path of the index through the bars.

    A bar that does not close below its open goes open, low, high, close; any other open, high, low, close. The four
    stand at 0, 1/3, 2/3 and the end of the bar. The path is then sampled every ``interval`` ns and at each of the four,
    so that no extreme is missed. Nothing is invented over a gap: there the path has no points.

    Args:
        bars: The bars.
        interval: Most ns between two points inside a bar.
    """
    rising = bars.close >= bars.open
    first, second = np.where(rising, bars.low, bars.high), np.where(rising, bars.high, bars.low)
    corners = np.log(np.column_stack([bars.open, first, second, bars.close]))
    # A bar ends just before the next one begins, whose open is a price of its own.
    places = np.array([0, bars.step // 3, 2 * bars.step // 3, bars.step - SECOND])
    grid = np.union1d(np.arange(0, bars.step - SECOND, interval), places)
    weights = np.array([np.interp(grid, places, unit) for unit in np.eye(4)])
    time = (bars.time[:, None] + grid[None, :]).ravel()
    return IndexPath(time.astype(np.int64), np.exp(corners @ weights).ravel())


def realised_vol(bars: Bars) -> float:
    """Returns the realised vol of the closes, 1 = 100 % a year, over the bars that follow one another."""
    following = np.diff(bars.time) == bars.step
    returns = np.diff(np.log(bars.close))[following]
    if not len(returns):
        return 0.0
    return float(np.sqrt(np.mean(returns**2) * YEAR * SECOND / bars.step))


def _open(path: Path) -> TextIO:
    encoding = "utf-8-sig"
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if packed:
        return cast(TextIO, gzip.open(path, "rt", encoding=encoding, newline=""))
    return path.open(encoding=encoding, newline="")


def _bar(row: Mapping[str, str], time_name: str, columns: list[str]) -> tuple[int, tuple[float, ...]] | None:
    time = _time(row[time_name] or "")
    try:
        prices = [float(row[name]) for name in columns]
    except (TypeError, ValueError):
        return None
    opened, high, low, close = prices
    if time is None or not all(math.isfinite(price) and price > 0 for price in prices) or high < low:
        return None
    # A high that misses the open or close is a recorder's rounding: the bar reaches what it traded.
    return time, (opened, max(prices), min(prices), close)


def _time(text: str) -> int | None:
    """Nanoseconds since 1970 of a number in s, ms, µs or ns, or of ISO 8601 text (UTC when it says nothing)."""
    try:
        number = float(text)
    except ValueError:
        try:
            return parse_iso(text if text.endswith("Z") or "+" in text else text.replace(" ", "T") + "+00:00")
        except ValueError:
            return None
    if not math.isfinite(number) or number <= 0:
        return None
    for unit in (10**9, 10**6, 10**3, 1):
        if number * unit < 10**19:
            return int(number * unit)
    return None


def _symbol(name: str) -> str:
    letters = ""
    for letter in name.upper():
        if not letter.isalpha() or letters.endswith("USD"):
            break
        letters += letter
    return letters.partition("USD")[0] or "BTC"


def _moment(time: int) -> str:
    return f"{datetime.fromtimestamp(time / SECOND, UTC):%Y-%m-%d %H:%M}"
