"""``synchromesh watch``, ``python -m synchromesh.verification.watch``: a watchtower as a process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import structlog
import typer

from synchromesh.config import ConfigError, read_key_file
from synchromesh.files import write_json
from synchromesh.options import KEY_VARIABLE, Beacon, Blobs, Contract, Rpc, State
from synchromesh.verification.command import EXIT_FRAUD, EXIT_UNKNOWN

if TYPE_CHECKING:
    from synchromesh.verification.alerts import Metrics
    from synchromesh.verification.watcher import Watcher

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""Real seconds between looks at the chain."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a watchtower is told.

    Attributes:
        rpc: JSON-RPC URL of the chain.
        contract: Settlement contract.
        key: File with the key of the account that challenges, hex; None: it only reports.
        webhook: URL that gets each alert.
        metrics: Port of its metrics.
        json: File for its status.
        beacon: Beacon API for blobs.
        blobs: Folder that keeps blobs, or the URL of somebody's.
        state: Folder where states are saved, to start from.
        until_proven: Whether it ends after the first fraud that it proved, or when it froze the venue.
    """

    rpc: str
    contract: str
    key: Path | None = None
    webhook: str | None = None
    metrics: int | None = None
    json: Path | None = None
    beacon: str | None = None
    blobs: str | None = None
    state: Path | None = None
    until_proven: bool = False


def watch(
    rpc: Rpc,
    contract: Contract,
    key: Annotated[
        Path | None,
        typer.Option(envvar=KEY_VARIABLE, help="File with the key that challenges, hex; else only reports."),
    ] = None,
    webhook: Annotated[str | None, typer.Option(help="Post each alert to this URL, as JSON.")] = None,
    metrics: Annotated[int | None, typer.Option(help="Serve Prometheus metrics on this port.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the status to this file, anew after each look.")] = None,
    beacon: Beacon = None,
    blobs: Blobs = None,
    state: State = None,
    until_proven: Annotated[bool, typer.Option(help="End after the first fraud proven, with exit status 1.")] = False,
) -> None:
    """Replays the chain, and proves fraud on it by itself. Runs until it is stopped."""
    plan = Plan(
        rpc=rpc,
        contract=contract,
        key=key,
        webhook=webhook,
        metrics=metrics,
        json=json,
        beacon=beacon,
        blobs=blobs,
        state=state,
        until_proven=until_proven,
    )
    try:
        proven = asyncio.run(run_watch(plan))
    except (ConfigError, OSError, ValueError) as error:
        typer.echo(f"cannot watch: {error}", err=True)
        raise typer.Exit(EXIT_UNKNOWN) from error
    if plan.until_proven and proven:
        raise typer.Exit(EXIT_FRAUD)


async def run_watch(plan: Plan) -> bool:
    """Watches until SIGTERM or SIGINT; returns whether fraud was proven.

    Raises:
        ConfigError: When the key file holds no key, or others may read it.
        OSError: When the port is taken.
    """
    from synchromesh.settlement.blob_sources import blob_source
    from synchromesh.settlement.chain import Chain
    from synchromesh.verification.alerts import Metrics, Webhook
    from synchromesh.verification.watcher import Watcher

    secret = None if plan.key is None else read_key_file(plan.key)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    figures = Metrics()
    if plan.metrics is not None:
        figures.serve(plan.metrics)
    webhook = None if plan.webhook is None else Webhook(plan.webhook, figures)
    chain = Chain(plan.rpc)
    blobs = blob_source(chain, plan.beacon, plan.blobs)
    watcher = Watcher(chain, plan.contract, secret, figures, webhook, blobs, plan.state)
    try:
        while not stop.is_set() and not (plan.until_proven and watcher.proven):
            await _look(watcher, figures)
            if plan.json is not None:
                write_json(plan.json, watcher.status)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
    finally:
        if webhook is not None:
            await webhook.close()
        await chain.close()
    return watcher.proven


async def _look(watcher: Watcher, figures: Metrics) -> None:
    from synchromesh.settlement.chain import ChainError

    try:
        await watcher.look()
        watcher.status.problem = ""
    except ChainError as error:
        log.warning("look_failed", reason=str(error))
        watcher.status.problem = str(error)
        figures.failed()
    except Exception as error:
        # A fault of ours in the face of one venue state must not leave it unwatched: the next look starts anew.
        log.exception("look_broken")
        watcher.status.problem = f"{type(error).__name__}: {error}"
        figures.failed()


def main() -> None:
    """The process."""
    typer.run(watch)


if __name__ == "__main__":
    main()
