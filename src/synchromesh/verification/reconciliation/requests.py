"""What is asked and answered on chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import msgspec
from web3.contract import AsyncContract
from web3.logs import DISCARD
from web3.types import EventData, TxReceipt

from synchromesh.settlement.allowance import allow
from synchromesh.settlement.batches import BatchHeader
from synchromesh.settlement.chain import Chain, ChainError, Reverted
from synchromesh.settlement.contracts import ZERO_ADDRESS
from synchromesh.settlement.exits.leaves import AccountLeaf
from synchromesh.settlement.sender import Sender


class Request(msgspec.Struct, frozen=True):
    """A question that waits for its answer.

    Attributes:
        subaccount: The account asked for.
        made_at: Only batches committed later answer it, s.
        deadline: Until when it has to be answered, s.
    """

    subaccount: int
    made_at: int
    deadline: int


class Answer(msgspec.Struct, frozen=True):
    """What was shown of an account.

    Attributes:
        subaccount: The account.
        batch: The batch behind which the state is.
        leaf: What the account is there; None: there is no such account.
    """

    subaccount: int
    batch: int
    leaf: AccountLeaf | None


class Reconciliations:
    """The contract of one venue.

    Args:
        chain: The chain.
        settlement: The settlement contract.
        contract: The contract for reconciliation that it names.
    """

    def __init__(self, chain: Chain, settlement: AsyncContract, contract: AsyncContract) -> None:
        self._chain = chain
        self._settlement = settlement
        self._contract = contract

    @classmethod
    async def find(cls, chain: Chain, settlement: str) -> Self:
        """Looks up the contract that the settlement contract names.

        Raises:
            ChainError: When the node does not answer, or the settlement names none.
        """
        venue = chain.contract("BondedSettlement", settlement)
        named = str(await chain.call(venue.functions.reconciliation()))
        if named == ZERO_ADDRESS:
            raise ChainError(f"{settlement} answers no requests")
        return cls(chain, venue, chain.contract("Reconciliation", named))

    @property
    def address(self) -> str:
        """The contract's address."""
        return str(self._contract.address)

    async def request(self, subaccount: int) -> Request | None:
        """Returns the open request for an account, None when there is none."""
        read = self._contract.functions
        requester, made_at = await self._chain.call(read.requestOf(subaccount))
        if requester == ZERO_ADDRESS:
            return None
        try:
            deadline = await self._chain.call(read.deadlineOf(subaccount))
        except Reverted:
            # Answered between the two looks.
            return None
        return Request(subaccount, int(made_at), int(deadline))

    async def committed_at(self, index: int) -> int:
        """Returns when a batch was committed, s."""
        _, _, committed_at, *_ = await self._chain.call(self._settlement.functions.batchAt(index))
        return int(committed_at)

    async def is_frozen(self) -> bool:
        """Whether the venue is frozen: nobody answers any more, and everybody leaves."""
        return bool(await self._chain.call(self._settlement.functions.frozen()))

    async def asked(self, from_block: int) -> list[tuple[int, int]]:
        """Returns (account, block) of the requests from ``from_block`` on, answered or not."""
        return [
            (int(log["args"]["subaccount"]), int(log["blockNumber"]))
            async for log in self._chain.logs(self._contract.events.ReconciliationRequested, from_block)
        ]

    async def ask(self, sender: Sender, subaccount: int) -> TxReceipt:
        """Asks for an account, for the stake, which comes back unless there is an answer.

        Raises:
            Reverted: When it is asked for already, the venue is frozen, or the stake is missing.
        """
        stake = await self._chain.call(self._contract.functions.stakeNow())
        bonds = self._chain.contract("Bonds", await self._chain.call(self._contract.functions.bonds()))
        token = await self._chain.call(bonds.functions.token())
        await allow(self._chain, sender, token, self._contract.address, stake)
        return await sender.send(self._contract.functions.requestReconciliation(subaccount))

    async def answer(self, sender: Sender, header: BatchHeader, paths: Mapping[int, Any]) -> list[int]:
        """Shows accounts, or that there are none, in the state behind a batch; brings a part of their stakes. Returns
        those that somebody was still asking for.

        Args:
            sender: Whose account answers.
            header: The batch.
            paths: The leaves, by account.

        Raises:
            Reverted: When the batch does not stand.
            ChainError: When the node does not answer.
        """
        call = self._contract.functions.answerMany(list(paths), header.as_tuple(), list(paths.values()))
        receipt = await sender.send(call)
        shown = self._contract.events.ReconciliationAnswered().process_receipt(receipt, errors=DISCARD)
        return [int(event["args"]["subaccount"]) for event in shown]

    async def punish(self, sender: Sender, subaccount: int) -> TxReceipt:
        """Freezes a venue that did not answer in time; the requester gets the stake back.

        Raises:
            Reverted: When there is time to answer, nothing was asked, or batches are paused.
        """
        return await sender.send(self._contract.functions.punishSilence(subaccount))

    async def reclaim(self, sender: Sender, subaccount: int) -> TxReceipt:
        """Gives the stake of a question back that a venue, frozen for another reason, leaves open.

        Raises:
            Reverted: When the venue is not frozen, or nothing is asked.
        """
        return await sender.send(self._contract.functions.reclaimStake(subaccount))

    async def answered(self, subaccount: int, from_block: int) -> Answer | None:
        """Returns the newest answer about an account from ``from_block`` on, None when there is none."""
        found: EventData | None = None
        events = self._contract.events.ReconciliationAnswered
        async for log in self._chain.logs(events, from_block, subaccount=subaccount):
            found = log
        if found is None:
            return None
        told = found["args"]
        leaf = AccountLeaf.decode(bytes(told["path"]["value"])) if told["present"] else None
        return Answer(subaccount, int(told["batch"]), leaf)
