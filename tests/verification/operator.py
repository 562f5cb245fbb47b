"""An operator who commits whatever it likes. The contract checks seams only, so it takes all of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from support.ledger import OPERATOR
from support.local import LocalVenue
from synchromesh._native import ReplayError, Replica, chain_hash, keccak256, record_hash, withdrawal_root
from synchromesh.protocol import Frame, Receipt, command_path, command_root, pack, sign
from synchromesh.settlement.batches import PROTOCOL_VERSION, VERIFIER_VERSION, BatchHeader


class Operator:
    """Builds headers that are as right as they can be for any records, and commits them.

    Args:
        venue: The venue that it betrays.
    """

    def __init__(self, venue: LocalVenue) -> None:
        self.venue = venue
        self.batches = 0
        self._replica = Replica()
        self._chain = bytes(32)
        self._sequence = 0

    async def header(self, records: Sequence[bytes], data: bytes | None = None) -> BatchHeader:
        """The header of the next batch: what applies is applied, unsigned or not, and the inbox is the contract's."""
        data = pack(records) if data is None else data
        replica, previous_chain, first = self._replica, self._chain, self._sequence + 1
        previous_root = replica.state_root()
        for record in records:
            self._chain = chain_hash(self._chain, record_hash(record))
            try:
                replica.apply(record, verify=False)
            except ReplayError:
                continue
        self._sequence += len(records)
        contract, tip = self.venue.contract, await self.venue.tip()
        # A cursor that the contract's own inbox bears out, whatever was credited.
        length = int(await self.venue.chain.call(contract.functions.inboxLength()))
        cursor = min(replica.inbox_cursor, length)
        inbox_hash = await self.venue.chain.call(contract.functions.inboxHashAt(cursor))
        header = BatchHeader(
            index=self.batches,
            previous_root=previous_root,
            new_root=replica.state_root(),
            protocol_version=PROTOCOL_VERSION,
            verifier_version=VERIFIER_VERSION,
            first_sequence=first,
            last_sequence=self._sequence,
            previous_chain_hash=previous_chain,
            chain_hash=self._chain,
            inbox_cursor=cursor,
            inbox_hash=bytes(inbox_hash),
            trace_root=bytes(32),
            withdrawal_root=withdrawal_root(replica.withdrawals_since(0)),
            data_hash=keccak256(data),
            last_time=max(replica.time, int(tip[5])),
        )
        replica.forget_withdrawals(replica.next_withdrawal)
        return header

    async def commit(self, records: Sequence[bytes], data: bytes | None = None, **lies: object) -> BatchHeader:
        """Commits records, or ``data`` in their place, with a header in which ``lies`` stand instead of the truth."""
        header = msgspec.structs.replace(await self.header(records, data), **lies)
        await self.venue.commit(header, pack(records) if data is None else data)
        self.batches += 1
        return header

    def acknowledge(self, records: Sequence[bytes], index: int) -> Receipt:
        """A receipt for record ``index`` of a frame that follows what was committed."""
        hashes = [record_hash(record) for record in records]
        chain = self._chain
        for command in hashes:
            chain = chain_hash(chain, command)
        frame = Frame(1, 7, self._sequence + 1, len(records), command_root(hashes), chain)
        signature = sign(frame.digest(self.venue.ledger.domain), OPERATOR)
        path = command_path(hashes, index)
        return Receipt(frame, signature, self._sequence + 1 + index, hashes[index], path)
