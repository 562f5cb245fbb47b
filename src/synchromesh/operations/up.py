"""A venue on a local chain, quoted by makers on the recorded market at real speed, until it is stopped."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from synchromesh.agents.market import open_path
from synchromesh.operations.funding import deposit_new
from synchromesh.operations.launch import LaunchPlan, VenueStack
from synchromesh.operations.market_terms import market_terms
from synchromesh.operations.processes import ProcessSpec
from synchromesh.operations.watchtower import start_watchtower
from synchromesh.settlement.terms import Windows

MAKER_DEPOSIT = 500_000_000
CHALLENGE_SECONDS = 60
"""Challenge window of a local venue, venue seconds: short enough to watch a withdrawal being paid."""
SERVE_SECONDS = 86_400
"""In which an inbox item must be in a batch, venue seconds: the venue may be down for a night."""


async def run_up(directory: Path, data: Path | None, port: int, makers: int, say: Callable[[str], None]) -> None:
    """Brings a venue up, or continues the one in ``directory``, and keeps it running until SIGINT or SIGTERM."""
    directory.mkdir(parents=True, exist_ok=True)
    market_file = directory / "market.msgpack"
    fresh = not (directory / "venue.json").exists()
    path = open_path(data if fresh else market_file, cache=market_file)
    plan = LaunchPlan(
        directory=directory,
        venue_start_ns=path.start_ns,
        websocket_port=port,
        windows=Windows.of(CHALLENGE_SECONDS, SERVE_SECONDS),
        **market_terms(path),
    )
    stack = VenueStack(plan)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        config = await stack.start()
        common = ("--directory", str(directory), "--data", str(market_file))
        await stack.start_oracles("--data", str(market_file))
        for number in range(makers):
            if fresh:
                await deposit_new(config, stack.venue.ensure_key(f"maker-{number}"), MAKER_DEPOSIT)
            part = ("--number", str(number), "--share", str(makers), "--offset", str(number), "--deposit", "0")
            await stack.supervisor.start(
                ProcessSpec(name=f"maker-{number}", module="synchromesh.agents.maker", arguments=(*common, *part))
            )
        await start_watchtower(stack)
        say(f"API       {config.websocket_url}\nHTTP      {config.http_url}")
        say(f"chain     {config.rpc_url}\ncontract  {config.contract}")
        say(f"verify    synchromesh verify --rpc {config.rpc_url} --contract {config.contract}")
        await stop.wait()
    finally:
        await stack.stop()
