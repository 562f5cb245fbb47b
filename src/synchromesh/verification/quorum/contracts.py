"""The contracts of a quorum, found from the settlement contract alone, and what they say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Self

from web3.contract import AsyncContract
from web3.types import EventData

from synchromesh.config import address_bytes
from synchromesh.settlement.chain import Chain, ChainError, Reverted
from synchromesh.settlement.contracts import ZERO_ADDRESS
from synchromesh.verification.quorum.vouch import VouchDomain


class QuorumContracts:
    """A settlement contract, the reserve that pays withdrawals in advance, and the quorum by whose word it does.

    Attributes:
        chain: The chain.
        settlement: The settlement contract.
        advances: The reserve.
        quorum: The quorum's contract.
        domain: What its verifiers sign in.
    """

    def __init__(
        self,
        chain: Chain,
        settlement: AsyncContract,
        advances: AsyncContract,
        quorum: AsyncContract,
        chain_id: int,
    ) -> None:
        self.chain = chain
        self.settlement, self.advances, self.quorum = settlement, advances, quorum
        self.domain = VouchDomain(chain_id, address_bytes(quorum.address), address_bytes(settlement.address))
        self._final = 0

    @classmethod
    async def find(cls, chain: Chain, contract: str) -> Self:
        """Looks up the reserve that the settlement contract names, and its quorum.

        Args:
            chain: The chain.
            contract: Settlement contract, hex.

        Raises:
            ChainError: When the node does not answer, or the contract names no reserve.
        """
        settlement = chain.contract("BondedSettlement", contract)
        named = str(await chain.call(settlement.functions.advances()))
        if named == ZERO_ADDRESS:
            raise ChainError(f"{contract} listens to no quorum")
        advances = chain.contract("Advances", named)
        quorum = chain.contract("VerifierQuorum", str(await chain.call(advances.functions.quorum())))
        return cls(chain, settlement, advances, quorum, await chain.chain_id())

    async def batches(self) -> int:
        """Returns how many batches the chain holds."""
        return int(await self.chain.call(self.settlement.functions.batches()))

    async def batch_hash(self, index: int) -> bytes | None:
        """Returns the hash of a batch, None when there is no such batch (any more)."""
        try:
            record = await self.chain.call(self.settlement.functions.batchAt(index))
        except Reverted:
            return None
        return bytes(record[0])

    async def first_open(self) -> int:
        """Returns the number of the first batch that is not final."""
        # What is final stays it, so each batch is asked for until it is and never again.
        while await self.chain.call(self.settlement.functions.isFinal(self._final)):
            self._final += 1
        return self._final

    async def is_vouched_for(self, batch_hash: bytes) -> bool:
        """Whether enough verifiers signed a batch, by what the chain knows."""
        return bool(await self.chain.call(self.quorum.functions.isVouchedFor(batch_hash)))

    async def is_verifier(self, account: bytes) -> bool:
        """Whether an account is listed, has its stake, and is not leaving."""
        return bool(await self.chain.call(self.quorum.functions.isVerifier(self._checksummed(account))))

    async def is_listed(self, account: bytes) -> bool:
        """Whether an account may be a verifier."""
        return bool(await self.chain.call(self.quorum.functions.isListed(self._checksummed(account))))

    async def is_proven_wrong(self, batch_hash: bytes) -> bool:
        """Whether a batch was proven wrong before those whose word counts for the verifiers."""
        return bool(await self.chain.call((await self._challenges()).functions.isProvenWrong(batch_hash)))

    async def verdicts(self, from_block: int) -> AsyncIterator[EventData]:
        """Yields the events by which batches fell, from ``from_block`` on."""
        async for log in self.chain.logs((await self._challenges()).events.FraudProven, from_block):
            yield log

    async def _challenges(self) -> AsyncContract:
        return self.chain.contract("Challenges", await self.chain.call(self.quorum.functions.challenges()))

    async def threshold(self) -> int:
        """Returns how many verifiers must sign."""
        return int(await self.chain.call(self.quorum.functions.threshold()))

    def _checksummed(self, account: bytes) -> str:
        return str(self.chain.web3.to_checksum_address(account))
