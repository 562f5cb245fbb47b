"""Replay of a venue's journal, as settlement and verifiers do it: engine, command chain and state trees of a `Replica`.

The journal is the one that the orders of `benches.order_entry` left. Without signatures the reference is the design's
budget; with them it is what recovery alone does on the same threads.
"""

from __future__ import annotations

import os
import time

from benches.order_entry import measure
from benches.rows import BUDGET, Row, row
from benches.signatures import ceiling
from synchromesh._native import Replica

REPEATS, QUICK_REPEATS = 5, 2
BUDGET_RATE = 1e6


def rows(quick: bool = False) -> list[Row]:
    run = measure(quick)
    cores = os.cpu_count() or 1

    def rate(verify: bool, root: bool, repeats: int) -> float:
        best = float("inf")
        for _ in range(repeats):
            replica = Replica()
            start = time.perf_counter()
            replica.apply_many(run.journal, verify=verify, threads=cores)
            if root:
                replica.state_root()
            best = min(best, time.perf_counter() - start)
        return run.commands / best

    repeats = QUICK_REPEATS if quick else REPEATS
    peer = f"signature recovery alone, {cores} threads"
    name = "replay of signed orders"
    return [
        row(f"{name}, no signatures", rate(False, False, repeats), "commands/s", BUDGET, BUDGET_RATE, "higher"),
        row(f"{name}, with the state root", rate(False, True, repeats), "commands/s", BUDGET, BUDGET_RATE, "higher"),
        row(f"{name}, every signature checked", rate(True, True, 1), "commands/s", peer, ceiling(cores, 3), "higher"),
    ]
