"""Replay from chain data alone.

Every command that the chain holds is decoded, its signatures are recovered, and it is applied by the engine; every step
that was posted is compared with the step that follows. The first thing that an honest operator would not have committed
is the verdict. A choice that is the operator's own is followed, once the chain has judged every step of it.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import msgspec
import structlog

from synchromesh._native import Replica
from synchromesh.protocol import Receipt, TypedDomain
from synchromesh.settlement.batches import BatchHeader
from synchromesh.settlement.blob_sources import BlobSource
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.posted import PostedBatch
from synchromesh.settlement.trace import ChunkGone, posted_commands
from synchromesh.verification.checkpoints import Checkpoints
from synchromesh.verification.court import Court
from synchromesh.verification.examine import Examination, Home
from synchromesh.verification.findings import Case, Finding, Fraud
from synchromesh.verification.receipts import ReceiptBook
from synchromesh.verification.replay import replay
from synchromesh.verification.saved import SavedStates, Verified
from synchromesh.verification.source import ChainSource, ahead

log = structlog.get_logger(__name__)

SAVE_EVERY = 64
"""Batches between two states that are saved."""
HASHES_AT_ONCE = 16
"""Batches that the node is asked about at the same time."""


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
        deviations: Commands in which the operator chose otherwise than the engine does, and was followed.
        deviation: The first of them in the newest batch that has any.
        unjudged: Steps of deviations that the chain's node could not judge.
    """

    ok: bool = True
    batches: int = 0
    commands: int = 0
    root: str = ""
    inbox: int = 0
    receipts: int = 0
    receipts_pending: int = 0
    fraud: Finding | None = None
    deviations: int = 0
    deviation: Finding | None = None
    unjudged: int = 0


class Verifier:
    """Follows one settlement contract.

    Args:
        chain: The chain; the only thing that is trusted.
        contract: Settlement contract, hex.
        receipts: Receipts to hold the operator to.
        confirmations: Blocks on top of a batch's that make it worth a look; None: the node's ``finalized``.
        blobs: Where blobs are found; None: on a local chain itself.
        folder: Where states are saved, to start from; None: nowhere. Receipts of batches before such a state are not
            checked, so whoever has some starts from the first batch.
    """

    def __init__(
        self,
        chain: Chain,
        contract: str,
        receipts: list[Receipt] | None = None,
        confirmations: int | None = 0,
        blobs: BlobSource | None = None,
        folder: Path | None = None,
    ) -> None:
        assert folder is None or not receipts, "they would not be checked"
        self._chain, self._confirmations = chain, confirmations
        self._source = ChainSource(chain, contract, blobs)
        self._receipts = ReceiptBook(receipts or [])
        self._home: Home | None = None
        self._court = Court(chain)
        self._folder = folder
        self._saved: SavedStates | None = None
        # Behind the batches that were verified.
        self._replica = Replica()
        self._verified: list[Verified] = []
        self._checkpoints = Checkpoints()
        self._wrong: tuple[Fraud, PostedBatch | None] | None = None
        self.verdict = self._sum_up()

    @property
    def headers(self) -> list[BatchHeader]:
        """Headers of the batches that were verified and stand."""
        return [verified.header for verified in self._verified]

    @property
    def replica(self) -> Replica:
        """The state behind these batches; not to be changed."""
        return self._replica

    @property
    def verified(self) -> list[Verified]:
        """What is known of these batches."""
        return self._verified

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
        """Returns the state before a batch, when those before it were verified; of some old ones they are replayed.

        Raises:
            ChainError: When the chain does not answer.
        """
        start, kept = self._checkpoints.before(index)
        replica = kept.copy()
        if start == index:
            return replica
        async with aclosing(ahead(self._source.batches(start))) as batches:
            async for batch in batches:
                at = batch.header.index
                if at >= index:
                    break
                await asyncio.to_thread(replay, replica, posted_commands(batch), self._verified[at].chosen)
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
            if self._folder is not None:
                self._saved = SavedStates(self._folder, f"{chain_id}-{self._source.address.hex()}")
                await self._resume(self._saved)
        return self._home

    async def _resume(self, files: SavedStates) -> None:
        """Goes on from the newest saved state that the chain holds; older ones are checkpoints."""
        states: dict[int, Replica] = {}
        for saved in files.read():
            count = len(saved.verified)
            if self._verified[:count] != saved.verified and (self._verified or not await self._stands(saved.verified)):
                continue
            replica = await asyncio.to_thread(saved.replica)
            if replica is not None:
                self._verified = self._verified or saved.verified
                states[count] = replica
        for index, replica in sorted(states.items()):
            self._checkpoints.keep(index, replica)
            self._replica = replica
        log.info("resumed", batches=len(self._verified))

    async def _stands(self, verified: list[Verified]) -> bool:
        """Whether the chain holds all of these batches."""
        for start in range(0, len(verified), HASHES_AT_ONCE):
            part = verified[start : start + HASHES_AT_ONCE]
            hashes = await asyncio.gather(*(self._source.batch_hash(at) for at in range(start, start + len(part))))
            if any(
                each.header.hash() != each.hash or each.hash != held for each, held in zip(part, hashes, strict=True)
            ):
                return False
        return True

    async def _follow(self, home: Home) -> None:
        newest = await self._chain.finalized_block(self._confirmations)
        async with aclosing(ahead(self._source.batches(len(self._verified), newest))) as batches:
            async for batch in batches:
                # Whatever keeps us from the end of a batch, the next look begins it anew from here.
                before = self._checkpoints.keep(len(self._verified), self._replica)
                # Who chose otherwise in the last batch may do so in this one.
                at_once = not (self._verified and self._verified[-1].chosen)
                try:
                    await self._examine(batch, Examination(before, batch, home, at_once))
                except Fraud as fraud:
                    self._wrong = (fraud, batch)
                    return

    async def _examine(self, batch: PostedBatch, examination: Examination) -> None:
        chain, first, done = self._replica.chain_hash, None, False
        while not done:
            stopped: Fraud | ChunkGone | None = None
            try:
                done = await asyncio.to_thread(examination.run)
            except (Fraud, ChunkGone) as found:
                stopped = found
            # What the chain convicts of before that comes first in the journal.
            judged = await self._judge(examination.take_deviations())
            first = first or judged
            if stopped is not None:
                raise stopped
        disputed = self._receipts.check(batch.header.first_sequence, chain, examination.records)
        if disputed is not None:
            raise Fraud(Finding(batch.header.index, disputed[0], "receipt", disputed[1]))
        self._replica = examination.replica
        self._verified.append(Verified(batch.header, batch.hash, frozenset(examination.chosen), first))
        if self._saved is not None and len(self._verified) % SAVE_EVERY == 0:
            await asyncio.to_thread(self._saved.save, self._verified, self._replica)

    async def _judge(self, deviations: list[Case]) -> Finding | None:
        """Has the chain judge the choices that were followed, and returns the first of them.

        Raises:
            Fraud: When it would convict somebody of one.
            ChainError: When the chain does not answer.
        """
        if not deviations:
            return None
        guilty = await self._court.convicted(deviations, await self._source.challenges())
        if guilty is not None:
            raise Fraud(guilty.finding, guilty)
        return deviations[0].finding

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
        """Goes back to the state before batch ``stand``, or to an earlier one that is known."""
        stand, kept = self._checkpoints.before(stand)
        self._replica = kept.copy()
        del self._verified[stand:]
        self._checkpoints.cut(stand)

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
            deviations=sum(len(verified.chosen) for verified in self._verified),
            deviation=next((each.deviation for each in reversed(self._verified) if each.deviation), None),
            unjudged=self._court.unjudged,
        )
