"""The venue's last committed state, rebuilt from what was posted on the chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from synchromesh._native import CodecError, ReplayError, Replica, pack_records, read_chunk
from synchromesh.protocol import ListInstruments, Record
from synchromesh.settlement.blobs import BlobSource
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.exits.errors import StateUnknown
from synchromesh.settlement.exits.valuation import Reason, accounts_of, reasons_of
from synchromesh.settlement.posted import PostedBatch, PostedBatches

if TYPE_CHECKING:
    from synchromesh._native import StateOpening


class CommittedState:
    """Follows the batches that stand, and replays them.

    Signatures are not checked: a root that the chain made final counts, whoever signed what leads to it.

    Args:
        chain: The chain.
        settlement: Settlement contract, hex.
        blobs: Where blobs are found; None: on the node itself, as a local chain keeps them.

    Attributes:
        fault: Why the state behind the last batch is not known; None when it is, and only then roots, leaves and proofs
            are of that state.
        paying: The batches that let withdrawals out, without their data.
    """

    def __init__(self, chain: Chain, settlement: str, blobs: BlobSource | None = None) -> None:
        self._posted = PostedBatches(chain, settlement, blobs)
        self._start_anew()

    def _start_anew(self) -> None:
        self._replica = Replica()
        self._hashes: list[bytes] = []
        self._opening: StateOpening | None = None
        self._names: dict[int, str] = {}
        self.fault: StateUnknown | None = None
        self.paying: list[PostedBatch] = []

    @property
    def batches(self) -> int:
        """How many batches it holds."""
        return len(self._hashes)

    @property
    def root(self) -> bytes:
        """The state root."""
        return self._replica.state_root()

    async def follow(self) -> None:
        """Takes the batches that came since the last call; starts anew when some of those before were taken back.

        A batch that cannot be replayed is `fault`, and what follows it is not replayed.

        Raises:
            ChainError: When the node does not answer.
        """
        if self._hashes and await self._posted.hash_of(self.batches - 1) != self._hashes[-1]:
            self._start_anew()
        async for batch in self._posted.read(self.batches):
            self._hashes.append(batch.hash)
            if batch.withdrawals:
                self.paying.append(msgspec.structs.replace(batch, data=[], blobs=[]))
            if self.fault is None:
                try:
                    self._apply(batch)
                except StateUnknown as fault:
                    self.fault = fault

    def _apply(self, batch: PostedBatch) -> None:
        index, progress = batch.header.index, batch.start
        self._opening = None
        for data in batch.data:
            if data is None:
                raise StateUnknown(f"the data of batch {index} are not on the chain any more")
            try:
                entries, _, progress = read_chunk(progress, data)
                records = [entry.record for entry in entries if entry.record is not None]
                self._note_names(records)
                self._replica.apply_many(pack_records(records), verify=False)
            except (CodecError, ReplayError) as error:
                raise StateUnknown(f"batch {index} cannot be replayed: {error}") from error
        if self.root != batch.header.new_root:
            raise StateUnknown(
                f"batch {index} leads to the root 0x{self.root.hex()}, and says 0x{batch.header.new_root.hex()}"
            )

    def _note_names(self, records: list[bytes]) -> None:
        for record in records:
            if record[0] == ListInstruments.KIND:
                command = Record.decode(record).command
                assert isinstance(command, ListInstruments)
                self._names.update({spec.instrument: spec.name for spec in command.instruments})

    def accounts_of(self, owner: bytes) -> list[int]:
        """The accounts of an owner (20 bytes), ascending."""
        return accounts_of(self._leaves(), owner)

    def reasons(self, subaccount: int, prices: Sequence[int]) -> list[Reason]:
        """What an account's claim comes from, at the prices that the state gives the assets."""
        return reasons_of(self._leaves(), subaccount, prices, self._names)

    def witness(self, *subaccounts: int) -> bytes:
        """The proof that the contract asks for: of what these accounts have, or of what the venue holds as a whole."""
        return self._replica.witness_state(list(subaccounts), [])

    def _leaves(self) -> StateOpening:
        if self._opening is None:
            self._opening = self._replica.opening()
        return self._opening
