"""``python -m benches [--json] [--only NAME] [--quick]``: runs the benchmarks, keeps the results, prints the table."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time

from rich.console import Console
from rich.table import Table

from benches.latest import keep, machine
from benches.rows import BUDGET, Row

MODULES = (
    "pricing",
    "revaluation",
    "marks",
    "book",
    "engine",
    "margin",
    "signatures",
    "journal",
    "order_entry",
    "replay",
    "steps",
)


def main() -> int:
    """Run what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benches", description="Speed, as ratios against named peers.")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--only", choices=MODULES, action="append", help="run this part alone; may be repeated")
    parser.add_argument("--quick", action="store_true", help="shorter runs, coarser figures")
    arguments = parser.parse_args()
    progress = Console(stderr=True)
    progress.print(f"[dim]{machine()}[/]")
    parts: dict[str, list[Row]] = {}
    for name in arguments.only or MODULES:
        start = time.monotonic()
        with progress.status(f"{name} …"):
            parts[name] = importlib.import_module(f"benches.{name}").rows(arguments.quick)
        progress.print(f"{name}: {time.monotonic() - start:.0f} s")
    keep(parts, quick=arguments.quick)
    rows = [row for part in parts.values() for row in part]
    if arguments.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        Console().print(_table(rows))
    return 0


def _table(rows: list[Row]) -> Table:
    table = Table(title="A ratio above 1: ours is better", title_justify="left")
    for heading in ("benchmark", "ours", "peer", "", "ratio"):
        table.add_column(heading, justify="right" if heading in ("ours", "ratio") else "left", overflow="fold")
    for row in rows:
        peer = row["peer"] if row["peer"] != BUDGET else f"[yellow]{BUDGET}[/]"
        color = "green" if row["ratio"] >= 1 else "red"
        ours, theirs = (f"{row[key]:,} {row['unit']}" for key in ("ours", "peer_value"))
        table.add_row(row["name"], ours, peer, theirs, f"[{color}]{row['ratio']:.2f}[/]")
    return table


if __name__ == "__main__":
    sys.exit(main())
