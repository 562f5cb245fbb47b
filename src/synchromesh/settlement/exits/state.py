"""The venue's last committed state, rebuilt from what was posted on the chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from synchromesh._native import ReplayError, Replica, pack_records
from synchromesh.protocol import Deposit, Genesis, InboxItem, ListInstruments, Record
from synchromesh.settlement.blob_sources import BlobSource
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.exits.errors import BlobsGone, StateUnknown
from synchromesh.settlement.exits.valuation import Reason, accounts_of, reasons_of
from synchromesh.settlement.posted import PostedBatch, PostedBatches
from synchromesh.settlement.trace import ChunkGone, ChunkUntrue, PostedCommand, posted_commands, step_opening

if TYPE_CHECKING:
    from synchromesh._native import StateOpening

TOTALS = b"\x09" + bytes(31)
"""Where the leaf of what came in and went out is, in the tree of globals."""
COMMANDS_BEHIND_MAX = 50_000
"""Commands after which a copy of the state is made anew: to copy it takes far longer than to apply a command."""


class RefusedDeposit(msgspec.Struct, frozen=True):
    """A deposit that a batch served without crediting it: the venue's assets do not have this one.

    Attributes:
        batch: The batch.
        sequence: The command that served it.
    """

    batch: int
    sequence: int


class CommittedState:
    """Follows the batches that stand, and replays them.

    What the operator was free to choose is taken as it was posted, and neither that nor signatures are checked: a root
    that the chain made final counts, however it was come by.

    Args:
        chain: The chain.
        settlement: Settlement contract, hex.
        blobs: Where blobs are found; None: on the node itself, as a local chain keeps them.

    Attributes:
        fault: Why the state behind the last batch is not known; None when it is, and only then roots, leaves and proofs
            are of that state.
        paying: The batches that let withdrawals out, without their data.
        refused_deposits: Deposits that were served and credited to nobody, by inbox index.
    """

    def __init__(self, chain: Chain, settlement: str, blobs: BlobSource | None = None) -> None:
        self._where = chain, settlement, blobs
        self._posted = PostedBatches(chain, settlement, blobs)
        self._start_anew()

    def _start_anew(self) -> None:
        self._replica = Replica()
        # A state before the present one, and the batches between, all of which went as the replica itself goes.
        self._kept, self._since, self._commands_since = Replica(), list[bytes](), 0
        self._hashes: list[bytes] = []
        self._opening: StateOpening | None = None
        self._names: dict[int, str] = {}
        self.fault: StateUnknown | None = None
        self.paying: list[PostedBatch] = []
        self.refused_deposits: dict[int, RefusedDeposit] = {}
        self._assets: set[int] = set()

    @property
    def batches(self) -> int:
        """How many batches it holds."""
        return len(self._hashes)

    @property
    def root(self) -> bytes:
        """The state root."""
        return self._replica.state_root()

    async def follow(self, end: int | None = None) -> None:
        """Takes the batches that came since the last call; starts anew when some of those before were taken back.

        A batch that cannot be replayed is `fault`, and what follows it is not replayed.

        Args:
            end: Number of the first batch that is not taken; None: all are.

        Raises:
            ChainError: When the node does not answer.
        """
        if self._hashes and await self._posted.hash_of(self.batches - 1) != self._hashes[-1]:
            self._start_anew()
        async for batch in self._posted.read(self.batches):
            if batch.header.index == end:
                break
            self._hashes.append(batch.hash)
            if batch.withdrawals:
                self.paying.append(msgspec.structs.replace(batch, data=[], blobs=[]))
            if self.fault is None:
                try:
                    self._apply(batch)
                except StateUnknown as fault:
                    self.fault = fault

    def _apply(self, batch: PostedBatch) -> None:
        commands = _commands_of(batch)
        self._opening = None
        packed = pack_records([command.record for command in commands])
        if self._agrees(packed, batch.header.new_root):
            self._since.append(packed)
            self._commands_since += len(commands)
        else:
            self._replica = self._follow_choices(batch.header.index, commands)
            self._commands_since = COMMANDS_BEHIND_MAX
        if self._commands_since >= COMMANDS_BEHIND_MAX:
            self._kept, self._since, self._commands_since = self._replica.copy(), [], 0
        self._note(batch.header.index, commands)

    def _agrees(self, packed: bytes, root: bytes) -> bool:
        """Applies a batch as the replica itself goes, and returns whether that leads to its root."""
        try:
            self._replica.apply_many(packed, verify=False)
        except ReplayError:
            return False
        return self.root == root

    def _follow_choices(self, index: int, commands: Sequence[PostedCommand]) -> Replica:
        """Returns the state behind commands of batch ``index``, the next one, each taken as posted where necessary."""
        replica = self._kept.copy()
        for packed in self._since:
            replica.apply_many(packed, verify=False)
        before, since = replica.copy(), list[bytes]()
        for command in commands:
            if not _goes_as_posted(replica, command):
                replica = before
                replica.apply_many(pack_records(since), verify=False)
                _take_as_posted(replica, index, command)
                before, since = replica.copy(), []
            else:
                since.append(command.record)
        return replica

    def _note(self, batch: int, commands: Sequence[PostedCommand]) -> None:
        """Notes names of instruments, and deposits of what is not among the venue's assets."""
        for posted in commands:
            if posted.record[0] not in (Genesis.KIND, ListInstruments.KIND, InboxItem.KIND):
                continue
            match Record.decode(posted.record).command:
                case Genesis(assets=assets):
                    self._assets = {spec.asset for spec in assets}
                case ListInstruments(instruments=instruments):
                    self._names.update({spec.instrument: spec.name for spec in instruments})
                case InboxItem(index=index, body=Deposit(asset=asset)) if asset not in self._assets:
                    self.refused_deposits[index] = RefusedDeposit(batch, posted.sequence)

    async def show_refused(self, deposit: RefusedDeposit) -> tuple[Any, ...]:
        """Returns what shows the chain that a deposit was served and not credited: arguments of ``reclaimDeposit``.

        Everything before it is replayed once more.

        Raises:
            StateUnknown: When the state before it cannot be rebuilt.
            ChainError: When the node does not answer.
        """
        before = CommittedState(*self._where)
        await before.follow(end=deposit.batch)
        if before.fault is not None:
            raise before.fault
        batch = await anext(self._posted.read(deposit.batch))
        commands = _commands_of(batch)
        at = deposit.sequence - batch.header.first_sequence
        replica, command = before._follow_choices(deposit.batch, commands[:at]), commands[at]
        opening = step_opening(batch, *command.place(0))
        paths = replica.prove("globals", TOTALS), replica.prove("globals", TOTALS, command.record, 1)
        return batch.opening(), opening, command.record, *paths

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


def _commands_of(batch: PostedBatch) -> list[PostedCommand]:
    try:
        return list(posted_commands(batch))
    except ChunkGone as gone:
        raise BlobsGone(str(gone)) from gone
    except ChunkUntrue as untrue:
        raise StateUnknown(f"batch {batch.header.index} cannot be replayed: {untrue}") from untrue


def _goes_as_posted(replica: Replica, command: PostedCommand) -> bool:
    """Applies a command as the replica itself goes, and returns whether that leads to the root that was posted."""
    try:
        return replica.apply_steps(command.record)[-1].root == command.steps[-1].root
    except ReplayError:
        return False


def _take_as_posted(replica: Replica, index: int, command: PostedCommand) -> None:
    """Applies a command of batch ``index`` by the steps that were posted."""
    where, posted = f"command {command.sequence} of batch {index}", command.steps[-1].root
    try:
        root = replica.apply_named(command.record, command.named)[-1].root
    except ReplayError as error:
        raise StateUnknown(f"{where} cannot be replayed: {error}") from error
    if root != posted:
        raise StateUnknown(f"{where} leads to the root 0x{root.hex()}, and says 0x{posted.hex()}")
