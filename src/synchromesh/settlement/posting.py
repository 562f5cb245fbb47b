"""Brings a batch onto the chain: posts its chunks, and commits it."""

from __future__ import annotations

from web3.types import TxReceipt

from synchromesh.settlement.batches import Batch, Source
from synchromesh.settlement.blobs import Blob, blob_of
from synchromesh.settlement.chain import chain_errors
from synchromesh.settlement.contracts import VenueContracts
from synchromesh.settlement.sender import Sender, action_of


async def post_batch(
    sender: Sender, contracts: VenueContracts, batch: Batch, blobs: tuple[Blob, ...] | None = None
) -> TxReceipt:
    """Posts the chunks that are not on the chain yet and commits the batch; returns the receipt of the commit.

    Nothing of it is sent twice to an effect: a chunk that was posted is not posted again, and a batch that was
    committed no longer continues the tip.

    Args:
        sender: The operator.
        contracts: The venue's contracts.
        batch: What is committed, whatever it says.
        blobs: Its blobs; None: those that carry its data.

    Raises:
        Reverted: When a contract refuses.
        ChainError: When the node does not answer, or takes no transaction.
    """
    missing = []
    for number, chunk in enumerate(batch.chunks):
        start = batch.start_of(number).as_tuple()
        functions = contracts.batch_data.functions
        if chunk.source is Source.CALLDATA:
            with chain_errors():
                posted = await functions.isPosted(start, chunk.as_tuple()).call()
            if not posted:
                missing.append(action_of(functions.post(start, batch.data[number])))
    if missing:
        await sender.send_all(missing)
    if blobs is None:
        pairs = zip(batch.chunks, batch.data, strict=True)
        blobs = tuple(blob_of(data) for chunk, data in pairs if chunk.source is Source.BLOB)
    commit = contracts.settlement.functions.commitBatch(
        batch.start.root,
        [chunk.as_tuple() for chunk in batch.chunks],
        [withdrawal.as_tuple() for withdrawal in batch.withdrawals],
    )
    (receipt,) = await sender.send_all([action_of(commit, blobs=blobs)])
    return receipt
