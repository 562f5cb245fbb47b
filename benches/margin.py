"""Portfolio margin: of an order, of every account after a mark, of many portfolios; and what lanes cost a mark.

The engine's rows are those of ``crates/engine/examples/margin_check``: a venue of 1,000 options, signatures checked
before, nothing written. The time of an order's check is that of the same order under standard margin taken off. The
peers compute the scan alone, the worst of all cells and lanes, from scratch and in doubles: no open orders, no add-ons.
Their scans are compared with ours before they count.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from benches.cores import one_core
from benches.peers import reference
from benches.peers.libraries import NUMPY
from benches.pricing import PATHS
from benches.rows import BUDGET, Row, example, row
from synchromesh.protocol import (
    NANO_ONE,
    USD,
    ExpiryInputs,
    InstrumentKind,
    InstrumentSpec,
    MarkInputs,
    OptionType,
    SviSlice,
)
from synchromesh.risk.margin import MarginMarket, portfolio_margins
from synchromesh.risk.parameters import DEFAULT_RISK

FloatArray = npt.NDArray[np.float64]

DAY_NS = 86_400_000_000_000
START_NS = 1_700_000_000_000_000_000
INDEX = 100_000
EXPIRIES, STRIKES = 10, 50
"""Calls and puts of each: 1,000 options."""
VOL = 0.6
NODES, CELLS = 17, 16
ROW_LANES = 3 * NODES
SKEW = slice(59, 61)
LANES = 64

ACCOUNTS, POSITIONS = 10_000, 20
MAX_LOTS = 50
REPEATS, QUICK_REPEATS = 10, 3
SECONDS, QUICK_SECONDS = 1.0, 0.1
"""For each measurement of the native kernel."""
ROUNDS, QUICK_ROUNDS = 1_000, 200
"""Marks on the host's path."""

CHECK_BUDGET_NS = 300
"""The design's whole order path."""
SCAN_BUDGET_US = 5_000
"""All accounts of 20 positions after a mark."""
DENSE = f"NumPy {version('numpy')}, dense matrix product, the scan alone"
SPARSE = f"SciPy {version('scipy')}, sparse matrix product, the scan alone"
PRICES = f"{NUMPY}, the 64 lanes' prices alone"
PLAIN = "the same without lanes"


def rows(quick: bool = False) -> list[Row]:
    repeats = QUICK_REPEATS if quick else REPEATS
    market = listed_market()
    engine = {found["name"]: found for found in figures("synchromesh-engine", "margin_check", str(ACCOUNTS))}
    path = path_rows(QUICK_ROUNDS if quick else ROUNDS)
    with one_core():
        orders, portfolios = order_rows(engine, market, repeats), portfolio_rows(market, repeats)
        lanes = lane_rows(market, quick)
    return [*orders, *mark_rows(engine), *portfolios, *lanes, *path]


def figures(package: str, name: str, *arguments: str) -> list[dict[str, Any]]:
    """The JSON objects that an example prints, one a line."""
    return [json.loads(line) for line in example(package, name, *arguments) if line.startswith("{")]


def fastest(repeats: int, work: Callable[[], object]) -> float:
    """Microseconds of the fastest of a few runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter_ns()
        work()
        best = min(best, time.perf_counter_ns() - start)
    return best / 1e3


def order_rows(engine: dict[str, dict[str, Any]], market: MarginMarket, repeats: int) -> list[Row]:
    """What margin adds to an order that rests."""
    result = []
    scan = Scan(market)
    for count in (10, 100, 1_000):
        lots = books(1, count, len(market))
        book = Scan(market, np.flatnonzero(lots[0]))
        held = lots[:, lots[0] != 0].astype(np.float64)
        agree(book.dense(held), scan.dense(lots.astype(np.float64)))
        theirs = fastest(100 * repeats, partial(book.dense, held)) * 1e3
        name = f"portfolio margin of an order, {count:,} positions"
        ours = engine[f"order, {count} positions"]["check_ns"]
        result += [row(name, ours, "ns", BUDGET, CHECK_BUDGET_NS), row(name, ours, "ns", DENSE, theirs)]
    return result


def mark_rows(engine: dict[str, dict[str, Any]]) -> list[Row]:
    """A mark, after which all accounts are margined, and one after which those are that it may concern."""
    result = []
    for model in ("portfolio", "standard"):
        found = engine[f"mark, {ACCOUNTS} {model} accounts of {POSITIONS} positions"]
        name = f"mark of 1,000 options, {ACCOUNTS:,} {model} accounts × {POSITIONS} positions"
        full, indexed = found["full_us"], found["indexed_us"]
        result.append(row(f"{name}, all margined", full, "µs", BUDGET, SCAN_BUDGET_US))
        result.append(row(f"{name}, by the index of distances", indexed, "µs", "ours, all margined", full))
    return result


def portfolio_rows(market: MarginMarket, repeats: int) -> list[Row]:
    """Scan, initial and maintenance margin of many portfolios in one call, beside the scan alone."""
    lots = books(ACCOUNTS, POSITIONS, len(market))
    held = lots.astype(np.float64)
    sparse, scan = csr_array(held), Scan(market)
    ours = portfolio_margins([market], [lots]).scan
    agree(scan.dense(held), ours)
    agree(scan.sparse(sparse), ours)
    took = fastest(repeats, lambda: portfolio_margins([market], [lots]))
    name = f"margins of {ACCOUNTS:,} portfolios × {POSITIONS} positions, from Python"
    return [
        row(name, took, "µs", DENSE, fastest(repeats, lambda: scan.dense(held))),
        row(name, took, "µs", SPARSE, fastest(repeats, lambda: scan.sparse(sparse))),
    ]


def lane_rows(market: MarginMarket, quick: bool) -> list[Row]:
    """Lanes and gaps with marks and Greeks, of a thousand options, beside 64 prices of each."""
    forward, strike, t, sign = (np.broadcast_to(each, (LANES, len(market))).copy() for each in options(market))
    forward *= np.linspace(0.84, 1.16, LANES)[:, None]
    sigma = np.full_like(forward, VOL)
    theirs = fastest(10 * REPEATS, lambda: reference.price(forward, strike, t, sigma, sign)) * 1e3 / len(market)
    found = figures("synchromesh-pricing", "pricing_bench", str(QUICK_SECONDS if quick else SECONDS))
    return [
        row(
            f"64 lanes and 16 gaps, {line['options']:,} options, {PATHS[line['path']]}",
            line["ns_per_option"],
            "ns/option",
            PRICES,
            theirs,
        )
        for line in found
        if line["name"] == "risk_arrays"
    ]


def path_rows(rounds: int) -> list[Row]:
    """The steps of a mark in the host that lanes make longer."""
    with_lanes, plain = (
        {found["step"]: found["p50_us"] for found in figures("synchromesh-execution", "mark_path", *arguments)}
        for arguments in ((str(rounds),), (str(rounds), "plain"))
    )
    names = {
        "intake: all three": "signatures, marks, their hash",
        "engine": "engine",
        "replica": "replica",
    }
    return [
        row(f"mark of 1,000 options with lanes, {name}, p50", with_lanes[step], "µs", PLAIN, plain[step])
        for step, name in names.items()
    ]


class Scan:
    """The scan as a matrix product: lanes of each option as a row, in lane units."""

    def __init__(self, market: MarginMarket, places: npt.NDArray[np.intp] | None = None) -> None:
        chosen = slice(None) if places is None else places
        lanes = market.arrays.lanes[chosen].astype(np.float64)
        # The two skew lanes the other way round, rounded down as well.
        self.lanes = np.hstack((lanes, -lanes[:, SKEW] - 1))
        self.gaps = market.arrays.gaps[chosen].astype(np.float64)
        self.unit = market.specs[0].lane_unit

    def dense(self, lots: FloatArray) -> FloatArray:
        """Scans by portfolio; ``lots`` of shape (portfolios, options)."""
        shorts = np.minimum(lots, 0).sum(axis=1)
        return self._worst(lots @ self.lanes + shorts[:, None], np.maximum(lots, 0) @ self.gaps)

    def sparse(self, lots: csr_array) -> FloatArray:
        """The same of a sparse matrix."""
        shorts = np.asarray(lots.minimum(0).sum(axis=1))
        return self._worst(lots @ self.lanes + shorts[:, None], lots.maximum(0) @ self.gaps)

    def _worst(self, values: FloatArray, gaps: FloatArray) -> FloatArray:
        nodes = values[:, :ROW_LANES].reshape(-1, 3, NODES)
        cells = gaps[:, None, :] - np.minimum(nodes[:, :, :-1], nodes[:, :, 1:])
        worst = np.maximum(cells.max(axis=(1, 2)), -values[:, ROW_LANES:].min(axis=1))
        scans: FloatArray = np.maximum(worst, 0) * self.unit
        return scans


def agree(theirs: FloatArray, ours: npt.NDArray[np.int64] | FloatArray) -> None:
    """Raises an error when the peer computes something else."""
    if not np.array_equal(theirs, ours):
        raise ValueError("the peer's scans are not ours")


def books(count: int, positions: int, instruments: int) -> npt.NDArray[np.int64]:
    """Lots by portfolio and option, long and short, none of them 0 where there is a position."""
    rng = np.random.default_rng(20)
    lots = np.zeros((count, instruments), np.int64)
    for book in lots:
        held = rng.choice(instruments, positions, replace=False)
        book[held] = rng.integers(1, MAX_LOTS + 1, positions) * rng.choice((-1, 1), positions)
    return lots


def listed_market() -> MarginMarket:
    """Calls and puts of ten expiries about the index, all at one vol, by the venue's own risk table."""
    expiries = [START_NS + DAY_NS * days for days in (1, 2, 3, 7, 14, 30, 60, 90, 180, 360)]
    years = [(expiry - START_NS) / (365 * DAY_NS) for expiry in expiries]
    flat = [SviSlice(round(VOL * VOL * t * NANO_ONE), 0, 0, 0, NANO_ONE) for t in years]
    nano = INDEX * NANO_ONE
    covered = tuple(ExpiryInputs(expiry, nano, 0, smile) for expiry, smile in zip(expiries, flat, strict=True))
    inputs = MarkInputs(1, START_NS, nano, 0, 3, nano, 0, covered)
    specs: list[InstrumentSpec] = []
    for expiry in expiries:
        for strike in range(INDEX - 25_000, INDEX + 25_000, 50_000 // STRIKES):
            for kind in (OptionType.CALL, OptionType.PUT):
                terms = (InstrumentKind.OPTION, kind, strike * USD, expiry, USD, 1_000_000, 50_000)
                specs.append(InstrumentSpec(len(specs) + 1, f"OPTION-{len(specs) + 1}", 1, *terms))
    return MarginMarket(inputs, specs, DEFAULT_RISK["BTC"])


def options(market: MarginMarket) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Forward, strike, years and sign of each option."""
    strike = np.array([spec.strike / USD for spec in market.specs])
    t = np.array([(spec.expiry - market.inputs.time) / (365 * DAY_NS) for spec in market.specs])
    sign = np.array([1.0 if spec.option_type is OptionType.CALL else -1.0 for spec in market.specs])
    return np.full(len(strike), float(INDEX)), strike, t, sign
