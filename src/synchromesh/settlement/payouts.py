"""Withdrawals as the chain lists them: whose, since when they can be claimed, and the claim itself."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from web3.contract.async_contract import AsyncContractFunction
from web3.types import TxReceipt

from synchromesh.settlement.batches import QueuedWithdrawal
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.contracts import ZERO_ADDRESS, VenueContracts
from synchromesh.settlement.posted import PostedBatch
from synchromesh.settlement.sender import Outcome, Sender, action_of


class PayoutState(StrEnum):
    """Where a withdrawal is."""

    PENDING = "pending"
    """Its batch is not final."""
    VOUCHED = "vouched for"
    """Its batch is not final, but the quorum signed it: the venue's reserve advances it, up to the asset's cap."""
    FINAL = "final"
    """It can be claimed."""
    PAID = "paid"
    """Its recipient has it: it was claimed, or somebody advanced it, who now waits in the recipient's stead."""


class Payout(msgspec.Struct, frozen=True):
    """A withdrawal that a batch lists.

    Attributes:
        withdrawal: It.
        batch: Index of the batch.
        position: Its place among the batch's withdrawals.
        count: How many the batch has.
        siblings: Its inclusion proof.
        state: Where it is.
        final_at: When the batch is final, seconds by the chain's clock.
    """

    withdrawal: QueuedWithdrawal
    batch: int
    position: int
    count: int
    siblings: list[bytes]
    state: PayoutState
    final_at: int


class Payouts:
    """Withdrawals of a venue.

    Args:
        chain: The chain.
        contracts: The venue's contracts.
    """

    def __init__(self, chain: Chain, contracts: VenueContracts) -> None:
        self._chain = chain
        self._contract, self._advances = contracts.settlement, contracts.advances

    async def of(self, recipient: bytes, batches: Sequence[PostedBatch]) -> list[Payout]:
        """Returns the withdrawals to ``recipient`` (20 bytes), by number.

        Raises:
            ChainError: When the node does not answer.
        """
        found = []
        for batch in batches:
            mine = [each for each in batch.withdrawals if each.recipient == recipient]
            if not mine:
                continue
            final_at, state = await self._state(batch)
            for withdrawal in mine:
                position, siblings = batch.proof(withdrawal.number)
                paid = await self._is_paid(withdrawal)
                found.append(
                    Payout(
                        withdrawal=withdrawal,
                        batch=batch.header.index,
                        position=position,
                        count=len(batch.withdrawals),
                        siblings=siblings,
                        state=PayoutState.PAID if paid else state,
                        final_at=final_at,
                    )
                )
        return found

    async def claim(self, sender: Sender, payout: Payout) -> TxReceipt:
        """Claims a withdrawal, early if that is how it can be; its recipient is paid, whoever sends this.

        Raises:
            Reverted: When it cannot be claimed (now), or the reserve has no more for it.
            ChainError: When the node does not answer.
        """
        return await sender.send(self._call(payout))

    async def claim_each(self, sender: Sender, payouts: Sequence[Payout]) -> list[Outcome]:
        """Claims withdrawals as `claim` does, none of which stops the others; returns what became of each.

        Raises:
            ChainError: When the node does not answer.
        """
        return await sender.send_each([action_of(self._call(payout)) for payout in payouts])

    def _call(self, payout: Payout) -> AsyncContractFunction:
        if payout.state is PayoutState.VOUCHED and self._advances is not None:
            claim = self._advances.functions.claimEarly
        else:
            claim = self._contract.functions.claimWithdrawal
        leaf = payout.withdrawal.as_tuple()
        call: AsyncContractFunction = claim(payout.batch, leaf, payout.position, payout.count, payout.siblings)
        return call

    async def _state(self, batch: PostedBatch) -> tuple[int, PayoutState]:
        """When a batch is final, and what that says of its withdrawals."""
        call, read = self._chain.call, self._contract.functions
        index = batch.header.index
        _, _, committed, *_ = await call(read.batchAt(index))
        final_at = int(committed) + int(await call(read.challengeWindow()))
        if await call(read.isFinal(index)):
            return final_at, PayoutState.FINAL
        if self._advances is None:
            return final_at, PayoutState.PENDING
        signers = self._chain.contract("VerifierQuorum", str(await call(self._advances.functions.quorum())))
        vouched = await call(signers.functions.isVouchedFor(batch.hash))
        return final_at, PayoutState.VOUCHED if vouched else PayoutState.PENDING

    async def _is_paid(self, withdrawal: QueuedWithdrawal) -> bool:
        """Whether its recipient has it. Of withdrawals with one number, in batches that were taken back, say, each can
        have been advanced.
        """
        read = self._contract.functions
        if await self._chain.call(read.isClaimed(withdrawal.number)):
            return True
        return str(await self._chain.call(read.advancedBy(withdrawal.leaf()))) != ZERO_ADDRESS
