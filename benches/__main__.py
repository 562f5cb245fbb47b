"""``python -m benches [--json] [--only NAME] [--quick]``: runs the benchmarks, keeps the results, prints the table."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benches.rows import BUDGET, Row

MODULES = ("book", "engine", "signatures", "journal", "order_entry", "replay")
RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> int:
    """Run what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benches", description="Speed, as ratios against named peers.")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--only", choices=MODULES, action="append", help="run this part alone; may be repeated")
    parser.add_argument("--quick", action="store_true", help="shorter runs, coarser figures")
    arguments = parser.parse_args()
    progress = Console(stderr=True)
    progress.print(f"[dim]{_machine()}[/]")
    rows: list[Row] = []
    for name in arguments.only or MODULES:
        start = time.monotonic()
        with progress.status(f"{name} …"):
            rows += importlib.import_module(f"benches.{name}").rows(arguments.quick)
        progress.print(f"{name}: {time.monotonic() - start:.0f} s")
    _keep(rows, partial=bool(arguments.only))
    if arguments.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        Console().print(_table(rows))
    return 0


def _keep(rows: list[Row], partial: bool) -> None:
    """Writes the results; those of a partial run replace the rows of the same name."""
    kept: list[Row] = json.loads(RESULTS.read_text()) if partial and RESULTS.exists() else []
    fresh = {row["name"]: row for row in rows}
    merged = [fresh.pop(row["name"], row) for row in kept] + list(fresh.values())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(merged, indent=1, ensure_ascii=False) + "\n")


def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = "unknown processor"
    return f"{model}, {os.cpu_count()} logical cores, load {os.getloadavg()[0]:.1f}"


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
