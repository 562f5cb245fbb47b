"""``python -m synchromesh.agents.dishonest``: an operator who commits one wrong batch, and stands by it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import structlog
import typer

from synchromesh.agents.dishonest import FRAUDS, Conviction, Fraud
from synchromesh.agents.dishonest.operator import REFUSED_CODE, DishonestOperator, read_journal
from synchromesh.config import VenueDirectory
from synchromesh.operations.processes import run_until_signal
from synchromesh.settlement.chain import Chain, Reverted

log = structlog.get_logger(__name__)


async def cheat(directory: Path, fraud: Fraud, accomplice: str) -> None:
    """Commits the fraud, and answers whoever asks for what is under an asserted root, until cancelled.

    Raises:
        Reverted: When the contracts refuse the batch.
    """
    venue = VenueDirectory(directory)
    config = venue.read()
    chain = Chain(config.rpc_url)
    try:
        keys = venue.read_key("operator"), venue.read_key(accomplice)
        operator = DishonestOperator(chain, config.contract, *keys)
        await operator.commit([fraud], read_journal(venue.journal))
        await operator.answer_openings()
        await asyncio.Event().wait()
    finally:
        await chain.close()


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory, with the operator's key.")],
    fraud: Annotated[str, typer.Option(help="What to do.")],
    accomplice: Annotated[str, typer.Option(help="Name of the key of the user who gains.")],
) -> None:
    """Commits one wrong batch behind the chain's last one."""
    kind = FRAUDS.get(fraud)
    if kind is None or kind.conviction is Conviction.FREEZE:
        raise typer.BadParameter(f"no batch has a fraud {fraud!r}", param_hint="--fraud")
    try:
        asyncio.run(run_until_signal(cheat(directory, kind, accomplice)))
    except Reverted as error:
        log.warning("fraud_refused", fraud=fraud, error=str(error))
        raise typer.Exit(REFUSED_CODE) from error


if __name__ == "__main__":
    typer.run(main)
