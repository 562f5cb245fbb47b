"""Replay from chain data alone.

Every batch is checked against the chain's own inbox and the batch before it; every command is decoded, its signatures
are recovered, and it is applied by the engine; every root is recomputed. The first thing that an honest operator would
not have done is the verdict.
"""

from __future__ import annotations

import msgspec

from synchromesh._native import ReplayError, Replica, keccak256, withdrawal_root
from synchromesh.protocol import CodecError, InboxItem, Receipt, TypedDomain, pack, unpack
from synchromesh.settlement.batches import PROTOCOL_VERSION, VERIFIER_VERSION
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.inbox import DeepReorg
from synchromesh.verification.receipts import ReceiptBook
from synchromesh.verification.source import ChainSource, PostedBatch

THREADS = 2
"""Threads that recover signatures."""
_INDEX = slice(9, 17)
"""Where an inbox record, ``kind u8 ‖ time u64 ‖ index u64 ‖ item``, has its index."""


class Finding(msgspec.Struct, frozen=True):
    """What is wrong, and where.

    Attributes:
        batch: Number of the batch.
        command: Sequence of the command, or 0 when the batch as a whole is wrong.
        code: A stable word.
        reason: What is wrong with it, with the values.
    """

    batch: int
    command: int
    code: str
    reason: str

    def __str__(self) -> str:
        where = f"batch {self.batch}" + (f", command {self.command}" if self.command else "")
        return f"{where}: {self.code}: {self.reason}"


class Fraud(Exception):
    """Something an honest operator would not have committed.

    Attributes:
        finding: What it is.
    """

    def __init__(self, batch: int, command: int, code: str, reason: str) -> None:
        self.finding = Finding(batch, command, code, reason)
        super().__init__(str(self.finding))


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


class Verifier:
    """Follows one settlement contract.

    Args:
        chain: The chain; the only thing that is trusted.
        contract: Settlement contract, hex.
        receipts: Receipts to hold the operator to.
    """

    def __init__(self, chain: Chain, contract: str, receipts: list[Receipt] | None = None) -> None:
        self._source = ChainSource(chain, contract)
        self._receipts = ReceiptBook(receipts or [])
        self._operators: list[bytes] = []
        self._domain: TypedDomain | None = None
        self._reset()

    def _reset(self) -> None:
        self._replica = Replica()
        self._next_block = 0
        self._last_hash: bytes | None = None
        self._receipts.reset()
        self._source.forget_inbox()
        self.verdict = Verdict(receipts_pending=self._receipts.pending)

    async def advance(self) -> Verdict:
        """Verifies the batches committed since the last call, and returns the verdict so far.

        Raises:
            ChainError: When the chain does not answer.
            ReceiptError: When a receipt was not signed by the operator.
        """
        try:
            await self._begin()
            await self._rewind()
            if not self.verdict.ok:
                return self.verdict
            await self._source.read_inbox()
            async for batch in self._source.batches(self._next_block):
                if batch.header.index >= self.verdict.batches:
                    inbox = await self._source.inbox(batch.header.inbox_cursor)
                    self._check(batch, inbox)
                    self._last_hash = batch.hash
                self._next_block = batch.block
        except DeepReorg:
            # The inbox was replaced while it was read; all of it is read anew.
            self._reset()
        except Fraud as fraud:
            self.verdict.ok, self.verdict.fraud = False, fraud.finding
        self.verdict.receipts, self.verdict.receipts_pending = self._receipts.honoured, self._receipts.pending
        return self.verdict

    async def _begin(self) -> None:
        if self._domain is not None:
            return
        operators = await self._source.operators()
        domain = TypedDomain(await self._source.chain_id(), self._source.address)
        self._receipts.authenticate(operators, domain)
        root = await self._source.genesis_root()
        self._operators, self._domain = operators, domain
        if root != self._replica.state_root():
            raise Fraud(0, 0, "genesis_root", f"the contract starts from {_show(root)}, which is not the empty state")

    async def _rewind(self) -> None:
        """Starts over when a reorg has replaced what was verified."""
        if self._last_hash is None:
            return
        if await self._source.batch_hash(self.verdict.batches - 1) != self._last_hash:
            self._reset()

    def _check(self, batch: PostedBatch, inbox: list[bytes]) -> None:
        header, replica = batch.header, self._replica
        data = self._check_seam(batch)
        records = _records(batch, data)
        chain = replica.chain_hash
        self._check_genesis(batch, records[0])
        self._replay(batch, records, inbox)
        disputed = self._receipts.check(header.first_sequence, chain, records)
        if disputed is not None:
            raise Fraud(header.index, disputed[0], "receipt", disputed[1])
        self._check_roots(batch)
        self.verdict.batches += 1
        self.verdict.commands += len(records)
        self.verdict.root = _show(header.new_root)
        self.verdict.inbox = replica.inbox_cursor

    def _check_seam(self, batch: PostedBatch) -> bytes:
        """The header continues the batch before it, and is of the data, which is returned."""
        header, replica = batch.header, self._replica
        if batch.data is None:
            raise Fraud(header.index, 0, "data", "it was not committed by a plain call that carries its data")
        expected: dict[str, tuple[bytes | int, bytes | int]] = {
            "index": (header.index, self.verdict.batches),
            "protocol_version": (header.protocol_version, PROTOCOL_VERSION),
            "verifier_version": (header.verifier_version, VERIFIER_VERSION),
            "first_sequence": (header.first_sequence, replica.sequence + 1),
            "previous_root": (header.previous_root, replica.state_root()),
            "previous_chain_hash": (header.previous_chain_hash, replica.chain_hash),
            "data_hash": (header.data_hash, keccak256(batch.data)),
        }
        for name, (found, wanted) in expected.items():
            if found != wanted:
                raise Fraud(header.index, 0, "header", f"{name} is {_show(found)}, {_show(wanted)} was expected")
        return batch.data

    def _check_genesis(self, batch: PostedBatch, first: bytes) -> None:
        """The venue's first command names this contract on this chain, and an operator of it."""
        if batch.header.index != 0:
            return
        self._apply(batch, pack([first]))
        venue = self._replica.venue
        assert venue is not None, "no other command applies first"
        assert self._domain is not None, "it was set before the first batch"
        chain_id, contract, operator = venue
        if (chain_id, contract) != (self._domain.chain_id, self._domain.contract):
            raise Fraud(
                0, 1, "genesis", f"signatures are for {_show(contract)} on chain {chain_id}, not for this venue"
            )
        if operator not in self._operators:
            raise Fraud(0, 1, "genesis", f"{_show(operator)} was never the contract's operator")

    def _replay(self, batch: PostedBatch, records: list[bytes], inbox: list[bytes]) -> None:
        """Applies what was not applied yet, up to the first record that claims an inbox item the chain does not have.

        What applies before it is seen first, so that the verdict names the first fault.
        """
        rest = records[self._replica.sequence + 1 - batch.header.first_sequence :]
        for offset, record in enumerate(rest):
            reason = _foreign(record, inbox)
            if reason is not None:
                self._apply(batch, pack(rest[:offset]))
                raise Fraud(batch.header.index, self._replica.sequence + 1, "inbox", reason)
        self._apply(batch, pack(rest))

    def _apply(self, batch: PostedBatch, data: bytes) -> None:
        try:
            self._replica.apply_many(data, verify=True, threads=THREADS)
        except ReplayError as error:
            raise Fraud(batch.header.index, error.sequence, error.code, error.reason) from error

    def _check_roots(self, batch: PostedBatch) -> None:
        header, replica = batch.header, self._replica
        expected: dict[str, tuple[bytes | int, bytes | int]] = {
            "state_root": (header.new_root, replica.state_root()),
            "chain_hash": (header.chain_hash, replica.chain_hash),
            "inbox_cursor": (header.inbox_cursor, replica.inbox_cursor),
            "inbox_hash": (header.inbox_hash, replica.inbox_hash),
            "withdrawal_root": (header.withdrawal_root, withdrawal_root(replica.withdrawals_since(0))),
            "trace_root": (header.trace_root, bytes(32)),
            "last_time": (header.last_time, replica.time),
        }
        for name, (found, wanted) in expected.items():
            if found != wanted:
                raise Fraud(
                    header.index, 0, name, f"{_show(found)} is committed, {_show(wanted)} follows from the data"
                )
        replica.forget_withdrawals(replica.next_withdrawal)


def _records(batch: PostedBatch, data: bytes) -> list[bytes]:
    header = batch.header
    try:
        records = list(unpack(data))
    except CodecError as error:
        raise Fraud(header.index, 0, "data", str(error)) from error
    count = header.last_sequence - header.first_sequence + 1
    if len(records) != count:
        raise Fraud(header.index, 0, "data", f"{len(records)} records where the header says {count}")
    return records


def _foreign(record: bytes, inbox: list[bytes]) -> str | None:
    """Returns what is wrong with an inbox record by the chain's inbox; None for a good one, and for other records.

    The bytes are compared, not what they mean; what cannot be decoded is left to the replay.
    """
    if record[:1] != bytes([InboxItem.KIND]) or len(record) < _INDEX.stop:
        return None
    index, item = int.from_bytes(record[_INDEX], "big"), record[_INDEX.stop :]
    if index >= len(inbox):
        return f"the chain has no inbox item {index}"
    if item != inbox[index]:
        return f"inbox item {index} is {_show(inbox[index])} on the chain, and {_show(item)} here"
    return None


def _show(value: bytes | int) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
