"""Scenario revaluation of a book: options × scenarios a second, in full, with shocks of spot, vol and time.

On one core ours stands beside the same sums in NumPy and beside the accelerator's program compiled by XLA for this
processor; on all cores beside ours on one; and where JAX finds a GPU, the GPU beside all cores.
"""

from __future__ import annotations

import os
from importlib.metadata import version

import numpy as np

from benches.cores import one_core
from benches.peers import reference
from benches.peers.libraries import NUMPY
from benches.rows import Row, row
from synchromesh.risk.revaluation import Accelerator, AcceleratorMissing, Backend, Native, Positions, Scenarios
from synchromesh.risk.revaluation.__main__ import fastest, random_book, random_scenarios
from synchromesh.risk.revaluation.book import DAYS_PER_YEAR, FloatArray

POSITIONS, SCENARIOS, ACCOUNTS = 50_000, 100, 500
LARGE_POSITIONS, LARGE_SCENARIOS = 1_000_000, 1_000
"""What a GPU is given."""
REPEATS, QUICK_REPEATS = 5, 2


class NumPyBackend:
    """The peer: one pass of NumPy and SciPy over the book for each scenario."""

    def account_pnl(self, book: Positions, scenarios: Scenarios) -> FloatArray:
        sign = np.where(book.is_call, 1.0, -1.0)
        now = reference.price(book.forward, book.strike, book.t, book.sigma, sign)
        result = np.empty((book.accounts, len(scenarios)))
        for at, (spot, vol, days) in enumerate(zip(scenarios.spot, scenarios.vol, scenarios.days, strict=True)):
            t = np.maximum(book.t - days / DAYS_PER_YEAR, 1e-12)
            then = reference.price(book.forward * (1 + spot), book.strike, t, book.sigma * (1 + vol), sign)
            result[:, at] = np.bincount(book.account, (then - now) * book.size, book.accounts)
        return result


def rows(quick: bool = False) -> list[Row]:
    repeats = QUICK_REPEATS if quick else REPEATS
    with one_core():
        ours, numpy, xla = (rate(backend, repeats) for backend in (Native(), NumPyBackend(), _xla_on_processor()))
    cores = os.cpu_count() or 1
    all_cores = rate(Native(cores), repeats)
    name = f"scenario revaluation, {POSITIONS:,} options × {SCENARIOS} scenarios"
    unit = "M options × scenarios/s"
    return [
        row(f"{name}, 1 thread", ours, unit, NUMPY, numpy, "higher"),
        row(f"{name}, 1 thread", ours, unit, f"JAX {version('jax')}, XLA on one core", xla, "higher"),
        row(f"{name}, {cores} threads", all_cores, unit, "ours, 1 thread", ours, "higher"),
        *_gpu_rows(cores, unit, repeats),
    ]


def rate(backend: Backend, repeats: int, positions: int = POSITIONS, scenarios: int = SCENARIOS) -> float:
    """Millions of options × scenarios a second, of the fastest run."""
    book, shocks = random_book(positions, ACCOUNTS), random_scenarios(scenarios)
    _, seconds = fastest(book, shocks, backend, repeats)
    return positions * scenarios / seconds / 1e6


def _xla_on_processor() -> Accelerator:
    import jax

    return Accelerator(jax.devices("cpu")[0], program="xla")


def _gpu_rows(cores: int, unit: str, repeats: int) -> list[Row]:
    """The GPU beside all cores, on a book worth sending there; nothing where there is no GPU."""
    size = LARGE_POSITIONS, LARGE_SCENARIOS
    try:
        found = {program: rate(Accelerator(program=program), repeats, *size) for program in ("pallas", "xla")}
    except AcceleratorMissing:
        return []
    native = rate(Native(cores), 1, *size)
    name = f"scenario revaluation, {LARGE_POSITIONS:,} options × {LARGE_SCENARIOS:,} scenarios, GPU"
    return [
        row(f"{name}, {program}", speed, unit, f"ours, {cores} threads", native, "higher")
        for program, speed in found.items()
    ]
