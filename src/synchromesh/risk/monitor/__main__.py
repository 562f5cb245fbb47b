"""``python -m synchromesh.risk.monitor``: the risk monitor of a venue directory."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from synchromesh.operations.processes import run_until_signal
from synchromesh.risk.monitor import Guard, Limits, Monitor, MonitorPlan


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory.")],
    paths: Annotated[int, typer.Option(help="Simulated paths of a report.")] = 500,
    days: Annotated[float, typer.Option(help="Horizon, days.")] = 1.0,
    interval: Annotated[float, typer.Option(help="Real seconds between reports.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 1,
    act: Annotated[bool, typer.Option(help="Move the venue's mode when the fund falls short.")] = False,
) -> None:
    """Simulates the next day over the live accounts, over and over."""
    plan = MonitorPlan(paths=paths, days=days, interval=interval, seed=seed)
    monitor = Monitor(directory, plan, Guard(Limits()) if act else None)
    asyncio.run(run_until_signal(monitor.run()))


if __name__ == "__main__":
    typer.run(main)
