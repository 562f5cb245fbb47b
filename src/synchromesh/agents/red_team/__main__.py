"""``python -m synchromesh.agents.red_team``: plays all attacks side by side and keeps the score."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import structlog
import typer

from synchromesh.agents.market import open_market
from synchromesh.agents.red_team.accounts import SCORE_NAME
from synchromesh.agents.red_team.attacks import ATTACKS, Attack
from synchromesh.client import ClientError
from synchromesh.files import write_json
from synchromesh.operations.processes import run_until_signal

log = structlog.get_logger(__name__)

ROUND_SECONDS = 2.0
"""Real seconds between the rounds of an attack."""


async def play(attack: Attack) -> None:
    """Plays an attack until cancelled."""
    await attack.start()
    while True:
        try:
            await attack.play()
        except ClientError as error:
            log.warning("attack", name=attack.name, error=str(error))
        await asyncio.sleep(ROUND_SECONDS)


async def keep_score(directory: Path, attacks: list[Attack]) -> None:
    """Writes the score whenever a round may have ended."""
    while True:
        write_json(directory / SCORE_NAME, {attack.name: attack.result for attack in attacks})
        await asyncio.sleep(ROUND_SECONDS)


async def run(directory: Path, deposit: int, seed: int, data: Path | None) -> None:
    """Plays all attacks until cancelled."""
    market = open_market(data)
    attacks = [kind(directory, seed, deposit, market) for kind in ATTACKS]
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_score(directory, attacks))
        for attack in attacks:
            group.create_task(play(attack))


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory.")],
    deposit: Annotated[int, typer.Option(help="USDC that each account brings.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Of their choices.")] = 1,
    data: Annotated[Path | None, typer.Option(help="Recorded chains; without, the bundled set.")] = None,
) -> None:
    """Attacks the margin engine through the public API."""
    asyncio.run(run_until_signal(run(directory, deposit, seed, data)))


if __name__ == "__main__":
    typer.run(main)
