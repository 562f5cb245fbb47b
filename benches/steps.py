"""The committer: engine, state trees, and the state root behind every step, on one core.

The workload is that of `benches.engine`, taken step by step by ``crates/commitment/examples/step_rate``. Beside the
budget stands a Jellyfish Merkle tree in memory with the same hash, which does the smaller part of the work: one tree of
as many leaves, as many of which change as in a step, and its root. The committer is timed by the processor, the tree by
the clock: compare them on an idle machine.
"""

from __future__ import annotations

import json

from benches.peers.native import jmt_crate
from benches.rows import BUDGET, Row, example, row

COMMANDS, QUICK_COMMANDS = 200_000, 20_000
ROUNDS, QUICK_ROUNDS = 20_000, 2_000
BUDGET_RATE = 50_000
CHANGED = 6
"""Leaves that a step of either workload changes: 6.3 and 6.6 on average."""
PEER = "jmt 0.12.0, in memory, keccak"


def rows(quick: bool = False) -> list[Row]:
    commands, rounds = (QUICK_COMMANDS, QUICK_ROUNDS) if quick else (COMMANDS, ROUNDS)
    result = []
    for line in example("synchromesh-commitment", "step_rate", str(commands)):
        found = json.loads(line)
        name, rate = f"committer, a state root behind every step: {found['name']}", found["steps_per_second"]
        result.append(row(name, rate, "steps/s", BUDGET, BUDGET_RATE, "higher"))
        peer = f"{PEER}: {CHANGED} of {found['leaves']:,} leaves and a root"
        result.append(row(name, rate, "steps/s", peer, 1e9 / jmt_crate(found["leaves"], CHANGED, rounds), "higher"))
    return result
