"""``python -m synchromesh.risk.revaluation``: how fast each backend of this machine revalues a large book.

Prints one JSON line for each backend: options × scenarios a second of the fastest repeat, transfers included, and how
far its result is from the native one in units of `TOLERANCE`. A backend that this machine lacks says so.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import numpy as np

from synchromesh.risk.revaluation.accelerator import Accelerator, AcceleratorMissing
from synchromesh.risk.revaluation.book import FloatArray, Positions, Scenarios
from synchromesh.risk.revaluation.native import Native
from synchromesh.risk.revaluation.revalue import TOLERANCE, Backend, account_pnl


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m synchromesh.risk.revaluation", description=__doc__)
    parser.add_argument("--positions", type=int, default=100_000)
    parser.add_argument("--scenarios", type=int, default=1_000)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    book = random_book(arguments.positions, arguments.accounts)
    scenarios = random_scenarios(arguments.scenarios)
    reference = account_pnl(book, scenarios, backend=Native(os.cpu_count() or 1))
    for name, backend in backends().items():
        try:
            found, seconds = fastest(book, scenarios, backend, arguments.repeats)
        except AcceleratorMissing as missing:
            print(json.dumps({"backend": name, "skipped": str(missing)}))
            continue
        rate = len(book) * len(scenarios) / seconds
        apart = float(np.max(np.abs(found - reference) / _scale(book, scenarios)))
        line = {"backend": name, "options_x_scenarios_per_second": round(rate), "seconds": round(seconds, 4)}
        print(json.dumps({**line, "tolerances_from_native": round(apart / TOLERANCE, 3)}), flush=True)


def backends() -> dict[str, Backend]:
    """Every backend, whether this machine has it or not."""
    cores = os.cpu_count() or 1
    return {
        "native, 1 thread": Native(),
        f"native, {cores} threads": Native(cores),
        "gpu, Pallas kernel": Accelerator(),
        "gpu, XLA": Accelerator(program="xla"),
    }


def fastest(book: Positions, scenarios: Scenarios, backend: Backend, repeats: int) -> tuple[FloatArray, float]:
    """Returns the result, and the seconds of the fastest of some runs after one that compiles."""
    result = account_pnl(book, scenarios, backend=backend)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        result = account_pnl(book, scenarios, backend=backend)
        best = min(best, time.perf_counter() - start)
    return result, best


def random_book(positions: int, accounts: int) -> Positions:
    """Returns options as an exchange lists them, a day to a year, held by accounts at random, long and short."""
    random = np.random.default_rng(7)
    t = random.integers(1, 366, positions) / 365
    sigma = random.uniform(0.3, 1.2, positions)
    forward = random.uniform(60_000.0, 75_000.0, positions)
    return Positions(
        forward=forward,
        strike=forward * np.exp(random.uniform(-2.5, 2.5, positions) * sigma * np.sqrt(t)),
        t=t,
        sigma=sigma,
        is_call=random.random(positions) < 0.5,
        size=random.normal(0.0, 10.0, positions),
        account=np.sort(random.integers(0, accounts, positions)),
        accounts=accounts,
    )


def random_scenarios(count: int) -> Scenarios:
    """Returns shocks of spot by up to 30 %, of vol by up to half, and of up to ten days."""
    random = np.random.default_rng(8)
    spot, vol, days = random.uniform(-0.3, 0.3, count), random.uniform(-0.5, 0.5, count), random.uniform(0, 10, count)
    return Scenarios(spot=spot, vol=vol, days=days)


def _scale(book: Positions, scenarios: Scenarios) -> FloatArray:
    """Returns what `TOLERANCE` is in units of, for each account under the largest move, above 0 in any case."""
    largest = max(1.0, 1.0 + float(scenarios.spot.max()))
    each = np.abs(book.size) * np.maximum(book.forward * largest, book.strike)
    held = np.bincount(book.account, each, book.accounts)
    return np.maximum(held, np.finfo(np.float64).tiny)[:, None]


if __name__ == "__main__":
    main()
