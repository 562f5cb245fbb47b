"""Verifiers of a test venue: their keys, their processes, and one that lies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from support.local import LocalVenue
from support.venue import secret
from synchromesh._native import Entry, Step, pack_chunk, read_chunk
from synchromesh.config import read_key_file
from synchromesh.operations.processes import run_until_signal
from synchromesh.settlement.batches import Batch
from synchromesh.settlement.chain import Chain, address_from_secret
from synchromesh.settlement.packing import PackedChunk
from synchromesh.settlement.terms import VerifierTerms
from synchromesh.verification.quorum.contracts import QuorumContracts
from synchromesh.verification.quorum.membership import Membership
from synchromesh.verification.quorum.node import VerifierNode
from synchromesh.verification.quorum.serve import serve
from synchromesh.verification.quorum.vouch import SignedVouch

VERIFIERS = [secret(f"verifier-{number}") for number in range(4)]
AGGREGATOR = secret("aggregator")
STAKE = 1_000 * 10**6
EARLY_CAP = 500 * 10**6
WRONG_HASH = b"\x66" * 32


def verifier_terms(threshold: int) -> VerifierTerms:
    """Four listed verifiers."""
    listed = tuple(address_from_secret(key) for key in VERIFIERS)
    return VerifierTerms(listed=listed, threshold=threshold, stake=STAKE, early_cap=EARLY_CAP)


def with_root(batch: Batch, root: bytes) -> Batch:
    """The batch of one chunk with another root behind its last step: what a dishonest operator commits."""
    entries, _, _ = read_chunk(batch.start, batch.data[0])
    *steps, last = entries[-1].steps
    steps.append(Step(kind=last.kind, last=last.last, subject=last.subject, root=root))
    entries[-1] = Entry(entries[-1].record, steps)
    packed = PackedChunk(*pack_chunk(batch.start, entries))
    return Batch.make(batch.header.index, batch.start, [packed], batch.first_withdrawal, batch.withdrawals)


async def join_all(venue: LocalVenue, contracts: QuorumContracts) -> None:
    """Gives every verifier ether and its stake, and has it join."""
    for key in (*VERIFIERS, AGGREGATOR):
        await venue.local.node.rpc("anvil_setBalance", address_from_secret(key), hex(10**20))
    for key in VERIFIERS:
        await venue.wallet(key).mint(STAKE)
        await Membership(contracts, key).join()


def write_key(folder: Path, key: bytes) -> Path:
    """Writes a key as an operator would keep it."""
    folder.mkdir(exist_ok=True)
    path = folder / "key"
    path.touch(mode=0o600)
    path.write_text(key.hex())
    return path


@asynccontextmanager
async def process(folder: Path, *arguments: str, program: tuple[str, ...]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process until the end of the block."""
    with (folder / "log").open("ab") as log:
        tests = str(Path(__file__).parents[2])
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            *arguments,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": tests},
        )
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.terminate()
        await asyncio.wait_for(running.wait(), 30)


QUORUM = ("-c", "from synchromesh.cli import app; app()", "quorum")
LIAR = (__file__,)


class Liar(VerifierNode):
    """Serves what it verified, and another batch for each of the same places."""

    def vouches(self, first: int) -> list[SignedVouch]:
        honest = super().vouches(first)
        wrong = [msgspec.structs.replace(signed.vouch, batch_hash=WRONG_HASH) for signed in honest]
        return [*honest, *(self._contracts.domain.sign(vouch, self._secret) for vouch in wrong)]


async def lie(rpc: str, contract: str, key: Path, port: int) -> None:
    """The liar's process."""
    contracts = await QuorumContracts.find(Chain(rpc), contract)
    node = Liar(contracts, read_key_file(key), key.parent, confirmations=0)
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(node, port))
        group.create_task(node.run())


if __name__ == "__main__":
    asyncio.run(run_until_signal(lie(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
