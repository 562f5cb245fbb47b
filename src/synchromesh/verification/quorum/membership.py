"""A verifier's place in the quorum: its stake goes in, and comes back after the delay."""

from __future__ import annotations

from web3.types import TxReceipt

from synchromesh.settlement.allowance import allow
from synchromesh.settlement.sender import Sender
from synchromesh.verification.quorum.contracts import QuorumContracts


class Membership:
    """One verifier's stake.

    Args:
        contracts: Settlement and quorum.
        secret: The verifier's key.
    """

    def __init__(self, contracts: QuorumContracts, secret: bytes) -> None:
        self._contracts = contracts
        self._sender = Sender(contracts.chain, secret)

    @property
    def address(self) -> str:
        """The verifier's address."""
        return self._sender.address

    async def join(self) -> TxReceipt:
        """Puts the stake in, and signs from now on.

        Raises:
            Reverted: When the account is not listed, has joined, or lacks the stake.
        """
        chain, quorum = self._contracts.chain, self._contracts.quorum
        stake, token = await chain.call(quorum.functions.requirement()), await chain.call(quorum.functions.token())
        await allow(chain, self._sender, token, quorum.address, stake)
        return await self._sender.send(quorum.functions.join())

    async def leave(self) -> TxReceipt:
        """Signs no more; the stake is free after the contract's delay.

        Raises:
            Reverted: When the account is no verifier.
        """
        return await self._sender.send(self._contracts.quorum.functions.leave())

    async def withdraw(self) -> TxReceipt:
        """Takes the stake of a verifier who left.

        Raises:
            Reverted: When it is not free.
        """
        return await self._sender.send(self._contracts.quorum.functions.withdraw())
