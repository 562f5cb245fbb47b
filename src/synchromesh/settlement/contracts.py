"""A venue's contracts, found from the address of the settlement contract."""

from __future__ import annotations

from dataclasses import dataclass

from web3.contract import AsyncContract
from web3.exceptions import BadFunctionCallOutput

from synchromesh.settlement.chain import Chain, ChainError

ZERO_ADDRESS = "0x" + 40 * "0"


@dataclass(frozen=True)
class VenueContracts:
    """The contracts of a venue; all but the settlement are what it names.

    Attributes:
        settlement: Custody, inbox, batches.
        batch_data: Where chunks are posted.
        bonds: Operators' stakes.
        challenges: Who judges what is said to be wrong.
        exits: The way out of a frozen venue.
        reconciliation: Where users demand to be shown their account.
        advances: The reserve that pays withdrawals before they are final; None if the venue has none.
    """

    settlement: AsyncContract
    batch_data: AsyncContract
    bonds: AsyncContract
    challenges: AsyncContract
    exits: AsyncContract
    reconciliation: AsyncContract
    advances: AsyncContract | None

    @classmethod
    async def find(cls, chain: Chain, address: str) -> VenueContracts:
        """Asks the settlement contract at ``address`` for the others.

        Raises:
            ChainError: When the node does not answer, or there is no such contract.
        """
        settlement = chain.contract("BondedSettlement", address)
        ask = settlement.functions
        try:
            advances = str(await chain.call(ask.advances()))
            return cls(
                settlement=settlement,
                batch_data=chain.contract("BatchData", await chain.call(ask.batchData())),
                bonds=chain.contract("Bonds", await chain.call(ask.bonds())),
                challenges=chain.contract("Challenges", await chain.call(ask.challenges())),
                exits=chain.contract("Exits", await chain.call(ask.exits())),
                reconciliation=chain.contract("Reconciliation", await chain.call(ask.reconciliation())),
                advances=None if advances == ZERO_ADDRESS else chain.contract("Advances", advances),
            )
        except ChainError as error:
            if isinstance(error.__cause__, BadFunctionCallOutput):
                raise ChainError(f"there is no settlement contract at {address}") from error
            raise
