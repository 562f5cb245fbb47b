"""Replay from chain data alone.

Every command that the chain holds is decoded, its signatures are recovered, and it is applied by the engine; every step
that was posted is compared with the step that follows. The first thing that an honest operator would not have committed
is the verdict.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import msgspec

from synchromesh._native import Replica
from synchromesh.protocol import Receipt, TypedDomain, pack
from synchromesh.settlement.batches import BatchHeader
from synchromesh.settlement.blobs import BlobSource
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.posted import PostedBatch
from synchromesh.verification.examine import Examination, Home
from synchromesh.verification.findings import Case, Finding, Fraud
from synchromesh.verification.receipts import ReceiptBook
from synchromesh.verification.source import ChainSource
from synchromesh.verification.trace import posted_commands

CHECKPOINTS = 4
"""States before the newest batches that are kept, for when the chain takes some of them back."""


class Verdict(msgspec.Struct, kw_only=True):
    """What a verification found.

    Attributes:
        ok: Whether everything checked out.
        batches: Batches verified.
        commands: Commands replayed.
        root: The state root after them, hex.
        inbox: Inbox items credited.
        receipts: Receipts that the batches honour.
        receipts_pending: Receipts of commands that no batch holds yet.
        fraud: The first fault.
    """

    ok: bool = True
    batches: int = 0
    commands: int = 0
    root: str = ""
    inbox: int = 0
    receipts: int = 0
    receipts_pending: int = 0
    fraud: Finding | None = None


class _Verified(NamedTuple):
    """A batch that was verified."""

    header: BatchHeader
    hash: bytes


class Verifier:
    """Follows one settlement contract.

    Args:
        chain: The chain; the only thing that is trusted.
        contract: Settlement contract, hex.
        receipts: Receipts to hold the operator to.
        confirmations: Blocks on top of a batch's that make it worth a look; None: the node's ``finalized``.
        blobs: Where blobs are found; None: on a local chain itself.
    """

    def __init__(
        self,
        chain: Chain,
        contract: str,
        receipts: list[Receipt] | None = None,
        confirmations: int | None = 0,
        blobs: BlobSource | None = None,
    ) -> None:
        self._chain, self._confirmations = chain, confirmations
        self._source = ChainSource(chain, contract, blobs)
        self._receipts = ReceiptBook(receipts or [])
        self._home: Home | None = None
        self._replica = Replica()
        self._verified: list[_Verified] = []
        # The state before a batch, by its number.
        self._checkpoints: dict[int, Replica] = {}
        self._wrong: tuple[Fraud, PostedBatch | None] | None = None
        self.verdict = self._sum_up()

    @property
    def headers(self) -> list[BatchHeader]:
        """Headers of the batches that were verified and stand."""
        return [verified.header for verified in self._verified]

    @property
    def replica(self) -> Replica:
        """The state behind these batches; not to be changed."""
        index = len(self._verified)
        # In a wrong batch the replica itself has gone as far as the batch was right.
        return self._replica if self._wrong is None else self._checkpoints.get(index, self._replica)

    @property
    def case(self) -> Case | None:
        """What a dispute starts from, while the chain holds a wrong batch that it can judge."""
        return None if self._wrong is None else self._wrong[0].case

    @property
    def hashes(self) -> list[bytes]:
        """Hashes of these batches."""
        return [verified.hash for verified in self._verified]

    async def batch(self, index: int) -> PostedBatch | None:
        """Returns a batch that stands, None when there is none.

        Raises:
            ChainError: When the chain does not answer.
        """
        async for batch in self._source.batches(index):
            return batch
        return None

    async def state_before(self, index: int) -> Replica:
        """Returns the state before a batch, when those before it were verified; of old ones they are replayed.

        Raises:
            ChainError: When the chain does not answer.
        """
        start = max((known for known in self._checkpoints if known <= index), default=0)
        replica = self._checkpoints[start].copy() if start in self._checkpoints else Replica()
        if start == index:
            return replica
        async for batch in self._source.batches(start):
            if batch.header.index >= index:
                break
            records = [command.record for command in posted_commands(batch)]
            await asyncio.to_thread(replica.apply_many, pack(records), verify=False)
        return replica

    async def advance(self) -> Verdict:
        """Verifies the batches committed since the last call, and returns the verdict so far.

        A wrong batch that the chain has taken back is wrong no more: what stands in its place is verified.

        Raises:
            ChainError: When the chain does not answer.
            ReceiptError: When a receipt was not signed by the operator.
        """
        try:
            home = await self._begin()
            await self._rewind()
            if self._wrong is None:
                await self._follow(home)
        except Fraud as fraud:
            self._wrong = (fraud, None)
        self.verdict = self._sum_up()
        return self.verdict

    async def _begin(self) -> Home:
        if self._home is None:
            chain_id, operators = await self._source.chain_id(), await self._source.operators()
            self._receipts.authenticate(operators, TypedDomain(chain_id, self._source.address))
            root = await self._source.genesis_root()
            self._home = Home(chain_id, self._source.address, operators)
            if root != self._replica.state_root():
                reason = f"the contract starts from 0x{root.hex()}, which is not the empty state"
                raise Fraud(Finding(0, 0, "genesis_root", reason))
        return self._home

    async def _follow(self, home: Home) -> None:
        newest = await self._chain.finalized_block(self._confirmations)
        async for batch in self._source.batches(len(self._verified), newest):
            self._keep_checkpoint()
            try:
                await asyncio.to_thread(self._examine, batch, home)
            except Fraud as fraud:
                self._wrong = (fraud, batch)
                return
            except BaseException:
                # Whatever keeps us from the end of a batch, the next look begins it anew.
                self._replica = self._checkpoints[len(self._verified)].copy()
                raise
            self._verified.append(_Verified(batch.header, batch.hash))

    def _examine(self, batch: PostedBatch, home: Home) -> None:
        chain = self._replica.chain_hash
        examination = Examination(self._replica, batch, home)
        examination.run()
        disputed = self._receipts.check(batch.header.first_sequence, chain, examination.records)
        if disputed is not None:
            raise Fraud(Finding(batch.header.index, disputed[0], "receipt", disputed[1]))

    async def _rewind(self) -> None:
        """Forgets what the chain holds no more: a reorg replaced it, or a challenge took it back."""
        stand = len(self._verified)
        while stand and await self._source.batch_hash(stand - 1) != self._verified[stand - 1].hash:
            stand -= 1
        if self._wrong is not None:
            _, batch = self._wrong
            if batch is None or await self._source.batch_hash(batch.header.index) == batch.hash:
                return
        elif stand == len(self._verified):
            return
        self._wrong = None
        self._go_back(stand)

    def _go_back(self, stand: int) -> None:
        """Goes back to the state before batch ``stand``, or to the first when it is known no more."""
        if stand not in self._checkpoints:
            stand = 0
        self._replica = self._checkpoints[stand].copy() if stand else Replica()
        del self._verified[stand:]
        self._checkpoints = {index: state for index, state in self._checkpoints.items() if index <= stand}

    def _keep_checkpoint(self) -> None:
        index = len(self._verified)
        self._checkpoints[index] = self._replica.copy()
        self._checkpoints.pop(index - CHECKPOINTS, None)

    def _sum_up(self) -> Verdict:
        last = self._verified[-1].header if self._verified else None
        commands = last.last_sequence if last else 0
        return Verdict(
            ok=self._wrong is None,
            batches=len(self._verified),
            commands=commands,
            root=f"0x{last.new_root.hex()}" if last else "",
            inbox=last.inbox_cursor if last else 0,
            receipts=self._receipts.honoured(commands),
            receipts_pending=self._receipts.pending(commands),
            fraud=self._wrong[0].finding if self._wrong else None,
        )
