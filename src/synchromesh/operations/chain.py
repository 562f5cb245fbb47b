"""``python -m synchromesh.operations.chain``: the local chain as a process that follows the venue's clock."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from synchromesh.clock import SECOND, VenueClock
from synchromesh.operations.processes import run_until_signal
from synchromesh.settlement.anvil import AnvilConfig, run_chain


def main(
    port: Annotated[int, typer.Option(help="Port on loopback.")],
    state: Annotated[Path, typer.Option(help="File that the chain's state is kept in.")],
    venue_start_ns: Annotated[int, typer.Option(help="Venue time at the real start, ns.")],
    real_start_ns: Annotated[int, typer.Option(help="Real start, ns.")],
    speed: Annotated[float, typer.Option(help="Venue seconds per real second.")] = 1.0,
    chain_id: Annotated[int, typer.Option(help="EIP-155 chain id.")] = 31337,
    block_ms: Annotated[int, typer.Option(help="Real milliseconds between blocks.")] = 250,
) -> None:
    """Runs a local chain whose timestamps are venue time."""
    clock = VenueClock(venue_start_ns=venue_start_ns, real_start_ns=real_start_ns, speed=speed)
    config = AnvilConfig(chain_id=chain_id, timestamp=venue_start_ns // SECOND, port=port, state=state)
    asyncio.run(run_until_signal(run_chain(config, clock, block_ms)))


if __name__ == "__main__":
    typer.run(main)
