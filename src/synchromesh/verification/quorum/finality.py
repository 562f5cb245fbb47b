"""What a batch is good for: committed, vouched for, final."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from synchromesh.verification.quorum.contracts import QuorumContracts


class Stage(StrEnum):
    """How far a batch is."""

    COMMITTED = "committed"
    """On the chain, and open to challenge: nothing is paid."""
    VOUCHED = "vouched"
    """Enough verifiers signed it: withdrawals are paid early, up to the cap. Still open to challenge."""
    FINAL = "final"
    """The challenge window has passed: withdrawals are paid, nothing takes it back."""


class BatchFinality(msgspec.Struct, frozen=True):
    """One batch.

    Attributes:
        index: Its number.
        batch_hash: Hash of its header, hex.
        stage: How far it is.
        final_at: When it becomes or became final, s, unless it is proven wrong before.
    """

    index: int
    batch_hash: str
    stage: Stage
    final_at: int


class QuorumStatus(msgspec.Struct, frozen=True):
    """A quorum and the newest batches.

    Attributes:
        quorum: The quorum's contract, hex.
        threshold: How many verifiers must sign.
        early_caps: What may be paid early in a challenge window, engine units, by asset.
        batches: The newest batches, ascending.
    """

    quorum: str
    threshold: int
    early_caps: list[int]
    batches: list[BatchFinality]


async def read_status(contracts: QuorumContracts, last: int) -> QuorumStatus:
    """Returns how far the newest ``last`` batches are.

    Raises:
        ChainError: When the chain does not answer.
    """
    call, settlement = contracts.chain.call, contracts.settlement.functions
    window = int(await call(settlement.challengeWindow()))
    count = await contracts.batches()
    assets = int(await call(settlement.assetCount()))
    return QuorumStatus(
        quorum=str(contracts.quorum.address),
        threshold=await contracts.threshold(),
        early_caps=[int(await call(contracts.advances.functions.earlyCap(asset))) for asset in range(assets)],
        batches=[await _finality(contracts, index, window) for index in range(max(count - last, 0), count)],
    )


async def _finality(contracts: QuorumContracts, index: int, window: int) -> BatchFinality:
    call, settlement = contracts.chain.call, contracts.settlement.functions
    batch_hash, _, committed_at, *_ = await call(settlement.batchAt(index))
    if await call(settlement.isFinal(index)):
        stage = Stage.FINAL
    elif await contracts.is_vouched_for(bytes(batch_hash)):
        stage = Stage.VOUCHED
    else:
        stage = Stage.COMMITTED
    return BatchFinality(index, "0x" + bytes(batch_hash).hex(), stage, int(committed_at) + window)
