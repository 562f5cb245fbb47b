"""Shows the chain who signed what no verifier may sign: two batches for one place, or a batch that was proven wrong."""

from __future__ import annotations

import structlog
from web3.contract.async_contract import AsyncContractFunction

from synchromesh.settlement.chain import REORG_BLOCKS, Reverted
from synchromesh.settlement.sender import Sender
from synchromesh.verification.quorum.contracts import QuorumContracts
from synchromesh.verification.quorum.pool import Pool

log = structlog.get_logger(__name__)


class Accuser:
    """Accuses verifiers; half of a forfeit stake is the accuser's.

    Args:
        contracts: Settlement and quorum.
        sender: Pays for the transactions.
    """

    def __init__(self, contracts: QuorumContracts, sender: Sender) -> None:
        self._contracts = contracts
        self._sender = sender
        # One accusation settles a verifier: it is slashed, or has nothing to lose.
        self._settled: set[bytes] = set()
        self._wrong: set[bytes] = set()
        self._next_block = 0

    async def look(self, pool: Pool) -> None:
        """Accuses those against whom the pool speaks.

        Raises:
            ChainError: When the chain does not answer.
        """
        prove = self._contracts.quorum.functions
        for found in pool.equivocations:
            pair = [(each.vouch.as_tuple(), each.signature) for each in (found.first, found.second)]
            await self._accuse(found.signer, prove.proveEquivocation(*pair[0], *pair[1]), "equivocation")
        await self._read_verdicts()
        for batch_hash in self._wrong:
            for vouch, signatures in pool.of_batch(batch_hash):
                for signer, signature in signatures.items():
                    await self._accuse(signer, prove.proveWrongVouch(vouch.as_tuple(), signature), "wrong_vouch")

    async def _read_verdicts(self) -> None:
        """Learns which batches were proven wrong. One that fell because nobody answered may have been right."""
        async for log_ in self._contracts.verdicts(max(self._next_block - REORG_BLOCKS, 0)):
            self._next_block = int(log_["blockNumber"])
            batch_hash = bytes(log_["args"]["batchHash"])
            if batch_hash not in self._wrong and await self._contracts.is_proven_wrong(batch_hash):
                self._wrong.add(batch_hash)

    async def _accuse(self, signer: bytes, call: AsyncContractFunction, offence: str) -> None:
        if signer in self._settled:
            return
        verifier = "0x" + signer.hex()
        try:
            receipt = await self._sender.send(call)
        except Reverted as error:
            # Somebody else was first, or it has no stake.
            log.info("accusation_refused", verifier=verifier, offence=offence, error=str(error))
        else:
            log.warning("verifier_slashed", verifier=verifier, offence=offence, gas=int(receipt["gasUsed"]))
        self._settled.add(signer)
