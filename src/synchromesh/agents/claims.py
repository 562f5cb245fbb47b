"""Claims withdrawals once their batch is final."""

from __future__ import annotations

import structlog

from synchromesh.config import VenueConfig
from synchromesh.settlement.batches import BatchStore
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.wallet import Wallet

log = structlog.get_logger(__name__)


class Claims:
    """One account's claims.

    Args:
        config: The venue.
        secret: The key that pays for gas.
        batches: Where the settlement service keeps its batches; anybody could derive them from the chain.
    """

    def __init__(self, config: VenueConfig, secret: bytes, batches: BatchStore) -> None:
        self._chain = Chain(config.rpc_url)
        self._contract = self._chain.contract("BondedSettlement", config.contract)
        self._wallet = Wallet(self._chain, config.contract, config.assets[0].token, secret)
        self._batches = batches

    @property
    def address(self) -> str:
        """The account's address."""
        return self._wallet.address

    async def close(self) -> None:
        """Closes the connection."""
        await self._chain.close()

    async def claim(self, numbers: list[int]) -> list[int]:
        """Claims those of the withdrawals ``numbers`` that are in a final batch, and returns the others.

        Raises:
            ChainError: When the chain refuses.
        """
        waiting = list(numbers)
        for index in reversed(self._batches.indices()):
            if not waiting:
                break
            batch = self._batches.load(index)
            if batch is None or not any(found.number in waiting for found in batch.withdrawals):
                continue
            if not await self._contract.functions.isFinal(index).call():
                continue
            for withdrawal in batch.withdrawals:
                if withdrawal.number in waiting:
                    await self._wallet.claim(batch, withdrawal)
                    waiting.remove(withdrawal.number)
                    log.info("withdrawal_claimed", number=withdrawal.number, amount=withdrawal.amount)
        return waiting
