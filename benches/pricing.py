"""Price and Greeks, implied vols, a whole chain, surfaces: ns per option on one core, each beside its peers.

Ours is called from Python, arrays and all, as the Python peers are; the rows called native are the Rust kernel alone,
on each path of this processor. Everything runs on one core; ours and the peers take turns and the fastest turn counts.
"""

from __future__ import annotations

import json
import os
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from benches.cores import one_core
from benches.peers.isolated import NAME as VOLLIB
from benches.peers.isolated import vollib
from benches.peers.libraries import greeks, implied_vols, second_order, timed
from benches.peers.native import gigahertz, implied_vol_crate
from benches.peers.workload import Call, Workload, greeks_workload, out_of_the_money
from benches.rows import BUDGET, Row, example, row
from synchromesh import pricing
from synchromesh.risk.chains import read_snapshots
from synchromesh.risk.surface import fit_surface

OPTIONS = 8_192
"""As many as stay in the second-level cache with all their columns."""
REPEATS, QUICK_REPEATS = 20, 5
CRATE = "implied-vol 2.1.0 (Rust)"
EXPIRIES, STRIKES = 8, 64
"""Of the chain priced from Python, calls and puts, as in the native benchmark."""
UPDATES = 100
SECONDS, QUICK_SECONDS = 2.0, 0.3
"""For each measurement of the native kernel."""
CHAIN_BUDGET_US = 10.0
"""A chain of 1,024 options on AVX2."""
VOL_BUDGET_NS = 350.0
SLICE_BUDGET_US, SURFACE_BUDGET_US = 300.0, 10_000.0
PATHS = {"scalar": "SSE2", "avx2": "AVX2", "avx512": "AVX-512"}


def rows(quick: bool = False) -> list[Row]:
    repeats = QUICK_REPEATS if quick else REPEATS
    with one_core():
        return [
            *python_rows(repeats),
            chain_row(repeats),
            *kernel_rows(quick),
            *implied_vol_rows(),
            *surface_rows(repeats),
        ]


def python_rows(repeats: int) -> list[Row]:
    """Ours from Python beside every peer."""
    options = greeks_workload(OPTIONS)
    quotes = out_of_the_money(options)
    terms, quoted_terms = columns(options), columns(quotes)
    prices, quoted = pricing.black76(*terms).price, pricing.black76(*quoted_terms).price
    found = implied_vol_crate(quotes, quoted, repeats)
    crate = {f"{CRATE}, {line['solver']} solver": _constant(line["ns"]) for line in found}
    with vollib(options, quotes, quoted) as (their_greeks, their_vols):
        return [
            *_beside(
                "price and Greeks from Python",
                timed(OPTIONS, lambda: pricing.black76(*terms)),
                {**greeks(options, prices), VOLLIB: their_greeks},
                repeats,
            ),
            *_beside(
                "second-order Greeks from Python",
                timed(OPTIONS, lambda: pricing.second_order(*terms[:4])),
                second_order(options),
                repeats,
            ),
            *_beside(
                "implied vol from Python",
                timed(OPTIONS, lambda: pricing.implied_vol(quoted, *quoted_terms[:3], quotes.is_call)),
                {**implied_vols(quotes, quoted), VOLLIB: their_vols, **crate},
                repeats,
            ),
        ]


def columns(options: Workload) -> tuple[Any, ...]:
    """What `pricing.black76` takes."""
    return options.forward, options.strike, options.t, options.sigma, options.is_call


def kernel_rows(quick: bool) -> list[Row]:
    """The kernel by path: options beside one at a time, a chain beside its budget, both beside the roofline."""
    found = {}
    for line in example("synchromesh-pricing", "pricing_bench", str(QUICK_SECONDS if quick else SECONDS)):
        result = json.loads(line)
        found[result["name"], result["path"]] = result
    clock, wide_clock = gigahertz()
    clocks = {"scalar": clock, "avx2": clock, "avx512": wide_clock}
    single = found["black76_scalar", "scalar"]["ns_per_option"]
    result = []
    for path, label in PATHS.items():
        if ("black76", path) not in found:
            continue
        options, chain = found["black76", path], found["chain", path]
        peak_ns = found["peak", path]["ns_per_option"]
        name = f"price and Greeks, native, {label}"
        result.append(row(name, options["ns_per_option"], "ns/option", "one option at a time", single))
        result.append(_roofline(name, options, peak_ns, clocks[path]))
        name = f"chain of {chain['options']:,} options, native, {label}"
        result.append(row(name, chain["ns_per_call"] / 1e3, "µs", BUDGET, CHAIN_BUDGET_US))
        result.append(_roofline(name, chain, peak_ns, clocks[path]))
    return result


def _roofline(name: str, measured: dict[str, Any], peak_ns: float, clock: float) -> Row:
    """Cycles per option beside those that its arithmetic would take at the speed of independent multiplications."""
    flops, peak = measured["flops_per_option"], 1 / (peak_ns * clock)
    cycles = measured["ns_per_option"] * clock
    peer = f"roofline: {flops:g} flops, {peak:.1f} a cycle at {clock:.2f} GHz"
    return row(f"{name}, cycles", cycles, "cycles/option", peer, flops / peak)


def chain_row(repeats: int) -> Row:
    """`pricing.Chain` from Python: all forwards move, and everything is priced again."""
    strikes = {expiry: 30_000.0 + 1_500.0 * np.arange(STRIKES) for expiry in range(EXPIRIES)}
    chain = pricing.Chain(strikes, forward=70_000.0, t=2.0 ** np.arange(EXPIRIES) / 365, sigma=0.6)
    ticks = [np.full(EXPIRIES, 70_000.0 + tick) for tick in range(UPDATES)]

    def updates() -> None:
        for tick in ticks:
            chain.update(forward=tick)

    microseconds = min(timed(UPDATES, updates)() for _ in range(repeats)) / 1e3
    name = f"chain of {2 * STRIKES * EXPIRIES:,} options, forwards moved from Python"
    return row(name, microseconds, "µs", BUDGET, CHAIN_BUDGET_US)


def implied_vol_rows() -> list[Row]:
    """The solver alone, by path, on the out-of-the-money options of a chain."""
    found = {}
    for line in example("synchromesh-pricing", "implied_bench"):
        result = json.loads(line)
        found[result["name"]] = result["ns"]
    labels = {"one_by_one": "one at a time", **PATHS}
    return [
        row(f"implied vol, native, {label}", found[name], "ns/option", BUDGET, VOL_BUDGET_NS)
        for path, label in labels.items()
        if (name := f"implied_vol/chain/{path}") in found
    ]


def surface_rows(repeats: int) -> list[Row]:
    """Fits beside their budgets: made quotes natively, recorded chains from Python where there are any."""
    budgets = {"slice of 40 quotes": SLICE_BUDGET_US, "chain of 904 options": SURFACE_BUDGET_US}
    found = {line["name"]: line["us"] for line in map(json.loads, example("synchromesh-surface", "surface_bench"))}
    rows = [row(f"surface fit, {name}, native", found[name], "µs", BUDGET, budget) for name, budget in budgets.items()]
    if folder := os.environ.get("SYNCHROMESH_DATA"):
        rows.append(_recorded_surface(Path(folder), repeats))
    return rows


def _recorded_surface(folder: Path, repeats: int) -> Row:
    """The largest of the recorded BTC chains of a day, from quotes to a surface with its report."""
    path = sorted((folder / "deribit" / "snapshots_2026").glob("BTC_ETH_*.csv.gz"))[-1]
    chains = [chain for chain in read_snapshots(path) if chain.symbol == "BTC"]
    sizes = [sum(len(expiry.strike) for expiry in chain.slices) for chain in chains]
    size, chain = max(zip(sizes, chains, strict=True), key=itemgetter(0))
    fit = timed(1, lambda: fit_surface(chain))
    name = f"surface fit, recorded BTC chain of {size} options, from Python"
    return row(name, min(fit() for _ in range(repeats)) / 1e3, "µs", BUDGET, SURFACE_BUDGET_US)


def _beside(name: str, ours: Call, peers: dict[str, Call], repeats: int) -> list[Row]:
    """One row for each peer. The calls take turns, so that all meet the same machine."""
    best = dict.fromkeys(("", *peers), float("inf"))
    for _ in range(repeats):
        for peer, call in {"": ours, **peers}.items():
            best[peer] = min(best[peer], call())
    return [row(f"{name}, {OPTIONS:,} options", best[""], "ns/option", peer, best[peer]) for peer in peers]


def _constant(ns: float) -> Call:
    """A peer that was timed elsewhere."""
    return lambda: ns
