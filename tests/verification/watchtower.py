"""A watchtower as a clean process of its own: it is told an RPC URL, a contract and a key file, and shares nothing."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from pathlib import Path

import msgspec

from synchromesh.verification.command import EXIT_FRAUD
from synchromesh.verification.status import WatchStatus
from synchromesh.verification.watch import Plan, run_watch

PATIENCE_SECONDS = 60
"""Real seconds that a watchtower may take."""
# Its imports take longer than its work: every process is forked from one that has done nothing but import.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "synchromesh.verification.watcher"])


async def convict(rpc: str, contract: str, key: Path, folder: Path) -> WatchStatus:
    """Runs a watchtower until it has ended a fraud, and returns its report; fails when it does not."""
    report, log = folder / "watch.json", folder / "watch.log"
    plan = Plan(rpc=rpc, contract=contract, key=key, json=report, until_proven=True)
    process = _FORKS.Process(target=_run, args=(plan, log))
    process.start()
    await asyncio.to_thread(process.join, PATIENCE_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
    assert process.exitcode == EXIT_FRAUD, log.read_text()
    return msgspec.json.decode(report.read_bytes(), type=WatchStatus)


def _run(plan: Plan, log: Path) -> None:
    with log.open("wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    raise SystemExit(EXIT_FRAUD if asyncio.run(run_watch(plan)) else 0)
