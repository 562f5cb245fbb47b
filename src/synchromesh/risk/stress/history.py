"""Crash days: files in, reports out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from synchromesh.clock import DAY_NS, SECOND
from synchromesh.risk.stress.bars import Bars, PriceDataError, read_bars
from synchromesh.risk.stress.market import StressMarket, read_chains, recorded_market, rule_market, tradable
from synchromesh.risk.stress.replay import Replay, Settings
from synchromesh.risk.stress.report import Report

WHOLE_MAX = 36 * 3_600 * SECOND
"""A file of prices up to this long is replayed whole."""
INTERVAL = 20 * SECOND
"""Default time between two marks inside a bar."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class Source:
    """What is replayed.

    Attributes:
        prices: Price files, one for each underlying; none: the index of the chains.
        chain: Chain file or folder; None: vols by rule.
        begin: Start, ns; None: see :func:`markets_of`.
        end: End, ns.
        symbol: Underlying of a single price file; None: from its name.
        interval: Most ns between two marks.
    """

    prices: tuple[Path, ...] = ()
    chain: Path | None = None
    begin: int | None = None
    end: int | None = None
    symbol: str | None = None
    interval: int = INTERVAL


class HistoryReport(msgspec.Struct, frozen=True):
    """What the command writes: version of the layout, names of the files, settings in words, the replay."""

    version: int
    prices: list[str]
    chain: str | None
    settings: dict[str, float | bool | str | None]
    replay: Report


def markets_of(source: Source, seed: int = 1) -> list[StressMarket]:
    """Returns the markets of a source.

    Prices alone are replayed whole when they span up to 36 hours, else on the day with the deepest fall within it; the
    bars before serve the rule of vols. With chains the replay covers the time that both cover.

    Raises:
        PriceDataError: When a file has no prices, two are of one underlying, or nothing is left to replay.
        ChainError: When there is no chain.
        OSError: When a file cannot be read.
    """
    bars = _bars(source)
    if source.chain is None:
        if not bars:
            raise PriceDataError("there is nothing to replay: neither prices nor a chain")
        begin, end = _window(source, bars)
        return [rule_market(each, begin, end, source.interval) for each in bars.values()]
    parts = [part for part in read_chains(source.chain) if tradable(part.symbol)]
    if bars:
        parts = [part for part in parts if part.symbol in bars]
    if not parts:
        raise PriceDataError(f"the chains hold none of {', '.join(bars) or 'the underlyings of this venue'}")
    return [
        recorded_market(part, bars.get(part.symbol), source.begin, source.end, source.interval, seed) for part in parts
    ]


def replay_history(
    source: Source, settings: Settings, progress: Callable[[int, int], None] | None = None
) -> tuple[HistoryReport, Replay]:
    """Replays a source; the report, and the replay for its paths.

    Raises:
        PriceDataError, ChainError, OSError: As :func:`markets_of`.
    """
    replay = Replay(markets_of(source, settings.seed), settings)
    report = replay.run(progress)
    described: dict[str, float | bool | str | None] = {
        "accounts": settings.accounts,
        "seed": settings.seed,
        "insurance": settings.insurance,
        "makers": settings.makers,
        "bidders": settings.bidders,
        "depth": settings.depth,
        "portfolio": settings.portfolio,
        "adversaries": settings.adversaries is not None,
        "interval_seconds": source.interval / SECOND,
    }
    names = [path.name for path in source.prices]
    chain = source.chain.name if source.chain is not None else None
    return HistoryReport(VERSION, names, chain, described, report), replay


def day_bounds(day: str) -> tuple[int, int]:
    """Returns the bounds of a UTC day, ``2021-05-19``, ns.

    Raises:
        PriceDataError: When it is no day.
    """
    try:
        begin = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * SECOND
    except ValueError as error:
        raise PriceDataError(f"{day!r} is no day: {error}") from error
    return begin, begin + DAY_NS


def _bars(source: Source) -> dict[str, Bars]:
    found: dict[str, Bars] = {}
    for path in source.prices:
        bars = read_bars(path, source.symbol if len(source.prices) == 1 else None)
        if bars.symbol in found:
            raise PriceDataError(f"{path.name} is a second file of {bars.symbol}")
        if not tradable(bars.symbol):
            # Tick, lot and depth of an underlying that the venue does not list are those of BTC.
            bars = replace(bars, symbol="BTC")
        found[bars.symbol] = bars
    return found


def _window(source: Source, bars: dict[str, Bars]) -> tuple[int, int]:
    first, last = max(int(each.time[0]) for each in bars.values()), min(each.end for each in bars.values())
    if source.begin is not None or source.end is not None:
        return source.begin or first, source.end or last
    if last - first <= WHOLE_MAX:
        return first, last
    # The underlyings fell together: the first one's day is everyone's.
    begin = next(iter(bars.values())).widest_day()
    return begin, begin + DAY_NS


def write_report(report: HistoryReport, path: Path) -> None:
    """Writes a report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
