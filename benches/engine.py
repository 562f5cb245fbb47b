"""The order path of the engine: authority, nonce, margin, matching, events and the journal's encoding of each command.

Nothing packaged does this work, so the reference is the design's budget. The workload is exchange-core's mix, drawn by
``crates/engine/examples/order_path``: every command is accepted, signatures were checked before, nothing is written.
"""

from __future__ import annotations

import json

from benches.rows import BUDGET, Row, example, row

COMMANDS, QUICK_COMMANDS = 1_000_000, 100_000
BUDGETS = {
    "hot book, 1 K orders, 1 K users": (300, 1_000),
    "1 K instruments, 100 K orders, 1 K users": (700, 2_000),
}
"""Mean and p99, ns."""


def rows(quick: bool = False) -> list[Row]:
    commands = QUICK_COMMANDS if quick else COMMANDS
    result = []
    for line in example("synchromesh-engine", "order_path", str(commands)):
        found = json.loads(line)
        mean, p99 = BUDGETS[found["name"]]
        name = f"engine with nonce, margin, events, encoding: {found['name']}"
        result.append(row(name, found["mean_ns"], "ns/command", BUDGET, mean))
        result.append(row(f"{name}, p99", found["p99_ns"], "ns", BUDGET, p99))
    return result
