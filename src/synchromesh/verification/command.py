"""The ``verify`` command."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synchromesh.files import write_json
from synchromesh.options import Beacon, Blobs, Contract, Rpc
from synchromesh.protocol import Receipt
from synchromesh.verification.receipts import ReceiptError, read_receipts

if TYPE_CHECKING:
    from synchromesh.verification.verify import Verdict

FOLLOW_SECONDS = 0.5
"""Real seconds between looks at the chain while following."""
EXIT_FRAUD = 1
EXIT_UNKNOWN = 2
"""Nothing was found out: the chain did not answer, or the input is no good."""


def verify(
    rpc: Rpc,
    contract: Contract,
    receipts: Annotated[Path | None, typer.Option(help="Receipts to hold the operator to, one hex a line.")] = None,
    follow: Annotated[bool, typer.Option(help="Go on verifying new batches until fraud is found.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the verdict to this file, anew after each look.")] = None,
    beacon: Beacon = None,
    blobs: Blobs = None,
) -> None:
    """Replays every batch from the chain alone. Exits 0, or 1 with the first batch, command and reason."""
    from synchromesh.settlement.chain import ChainError

    try:
        known = read_receipts(receipts) if receipts is not None else []
        verdict = asyncio.run(_run(rpc, contract, known, follow, json, beacon, blobs))
    except (ChainError, ReceiptError, ValueError) as error:
        typer.echo(f"cannot verify: {error}", err=True)
        raise typer.Exit(EXIT_UNKNOWN) from error
    except Exception as error:
        # Python itself would exit with 1, which here says fraud: a fault of ours must not accuse anybody.
        traceback.print_exc()
        raise typer.Exit(EXIT_UNKNOWN) from error
    typer.echo(_sentence(verdict))
    if not verdict.ok:
        raise typer.Exit(EXIT_FRAUD)


async def _run(
    rpc: str,
    contract: str,
    receipts: list[Receipt],
    follow: bool,
    path: Path | None,
    beacon: str | None,
    blobs: str | None,
) -> Verdict:
    from synchromesh.settlement.blob_sources import blob_source
    from synchromesh.settlement.chain import Chain, ChainError
    from synchromesh.verification.verify import Verifier

    chain = Chain(rpc)
    try:
        await chain.wait_ready()
        verifier = Verifier(chain, contract, receipts, blobs=blob_source(chain, beacon, blobs))
        while True:
            try:
                verdict = await verifier.advance()
            except ChainError:
                if not follow:
                    raise
            else:
                if path is not None:
                    write_json(path, verdict)
                if not follow or not verdict.ok:
                    return verdict
            await asyncio.sleep(FOLLOW_SECONDS)
    finally:
        await chain.close()


def _sentence(verdict: Verdict) -> str:
    if verdict.fraud is not None:
        return f"FRAUD in {verdict.fraud}"
    pending = f" ({verdict.receipts_pending} more of commands not committed yet)" if verdict.receipts_pending else ""
    chosen = f"; {verdict.deviations} deviations, the newest in {verdict.deviation}" if verdict.deviation else ""
    return (
        f"verified {verdict.batches} batches, {verdict.commands} commands, {verdict.inbox} inbox items, "
        f"{verdict.receipts} receipts{pending}; state root {verdict.root or 'of the empty venue'}{chosen}"
    )
