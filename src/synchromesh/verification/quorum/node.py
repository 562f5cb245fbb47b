"""A verifier's node: it replays every batch by itself, and signs those that it found right."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

import msgspec
import structlog

from synchromesh.protocol import address_of
from synchromesh.settlement.blob_sources import BlobSource
from synchromesh.settlement.chain import ChainError
from synchromesh.verification.findings import Finding
from synchromesh.verification.quorum.contracts import QuorumContracts
from synchromesh.verification.quorum.record import SignedRecord
from synchromesh.verification.quorum.vouch import SignedVouch, Vouch
from synchromesh.verification.verify import Verifier

log = structlog.get_logger(__name__)

ANSWER_MAX = 256
"""Most vouches in one answer."""
LOOK_SECONDS = 0.5
"""Real seconds between looks at the chain."""


class NodeStatus(msgspec.Struct, kw_only=True):
    """How far a node is.

    Attributes:
        verifier: Its address.
        verified: Batches that it has verified.
        fraud: The fault for which it stands still; nothing behind it is signed.
        deviation: The choice of the operator's for which nothing is signed until its batch is final.
        problem: Why it does not get on at the moment; empty when it does.
    """

    verifier: str
    verified: int = 0
    fraud: Finding | None = None
    deviation: Finding | None = None
    problem: str = ""


class VerifierNode:
    """Holds one verifier's key.

    It signs no batch in which the operator chose otherwise than the engine, and none behind it until that is final.

    It signs batches of final blocks only: a place has one batch for good then, unless the batch is proven wrong, and a
    wrong batch was never signed. Should even a final block go back, what stands in its place is not signed.

    Args:
        contracts: Settlement and quorum.
        secret: The verifier's key.
        folder: Where it remembers what it has signed.
        confirmations: Blocks on top that make one final; None: what the chain's node calls ``finalized``.
        blobs: Where blobs come from; None: batches with blobs cannot be verified.
        states: Where states are saved, to start from; None: nowhere.

    Raises:
        RecordError: When its memory cannot be used, or another process of the same key has it.
    """

    def __init__(
        self,
        contracts: QuorumContracts,
        secret: bytes,
        folder: Path,
        confirmations: int | None = None,
        blobs: BlobSource | None = None,
        states: Path | None = None,
    ) -> None:
        self._contracts = contracts
        self._secret = secret
        self.address = address_of(secret)
        settlement = str(contracts.settlement.address)
        self._verifier = Verifier(contracts.chain, settlement, None, confirmations, blobs, states)
        self._record = SignedRecord(folder / record_name(contracts, self.address))
        self._refused: set[Vouch] = set()
        self.status = NodeStatus(verifier="0x" + self.address.hex())

    async def run(self) -> None:
        """Looks at the chain until cancelled.

        Raises:
            OSError: When what is signed cannot be made durable.
        """
        while True:
            try:
                await self.look()
                self.status.problem = ""
            except ChainError as error:
                log.warning("node_retry", error=str(error))
                self.status.problem = str(error)
            except Exception as error:
                if isinstance(error, OSError):
                    raise
                # A fault of ours in the face of one venue state must not end the node: the next look starts anew.
                log.exception("look_broken")
                self.status.problem = f"{type(error).__name__}: {error}"
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Verifies what is new, and signs what is right and not final yet.

        Raises:
            ChainError: When the chain does not answer.
            OSError: When what is signed cannot be made durable.
        """
        verdict = await self._verifier.advance()
        self.status.verified, self.status.fraud = verdict.batches, verdict.fraud
        self.status.deviation = None
        # A signature under a batch that is final already is good for nothing.
        for verified in self._verifier.verified[await self._contracts.first_open() :]:
            if verified.deviation is not None:
                # The chain convicts nobody of it, and that is all that is known: whether users may have money by it at
                # once is not for a machine to say.
                self.status.deviation = verified.deviation
                return
            header = verified.header
            self._admit(Vouch(header.index, header.previous_root, header.hash()))

    def vouches(self, first: int) -> list[SignedVouch]:
        """Returns what this node has signed of batches from number ``first`` on, ascending: the first `ANSWER_MAX`."""
        found = islice(self._record.since(first), ANSWER_MAX)
        return [self._contracts.domain.sign(vouch, self._secret) for vouch in found]

    def close(self) -> None:
        """Lets its memory go."""
        self._record.close()

    def _admit(self, vouch: Vouch) -> None:
        if not self._record.admit(vouch) and vouch not in self._refused:
            self._refused.add(vouch)
            log.error("second_batch_for_a_place", index=vouch.index, batch="0x" + vouch.batch_hash.hex())


def record_name(contracts: QuorumContracts, verifier: bytes) -> str:
    """Returns the name of the file in which a verifier remembers what it signed for one quorum."""
    return f"{verifier.hex()}-{contracts.domain.chain_id}-{contracts.domain.quorum.hex()}.vouches"
