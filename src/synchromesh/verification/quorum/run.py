"""What the commands do on a chain: each finds the quorum of the settlement contract, and works."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from synchromesh.config import read_key_file
from synchromesh.settlement.blob_sources import blob_source
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.sender import Sender
from synchromesh.verification.quorum.aggregate import Aggregator
from synchromesh.verification.quorum.contracts import QuorumContracts
from synchromesh.verification.quorum.finality import QuorumStatus, read_status
from synchromesh.verification.quorum.membership import Membership
from synchromesh.verification.quorum.node import VerifierNode
from synchromesh.verification.quorum.serve import serve


async def run_node(
    chain: Chain,
    contract: str,
    key: Path,
    port: int,
    folder: Path | None,
    confirmations: int | None,
    beacon: str | None,
    blobs: str | None,
    states: Path | None,
) -> None:
    """Runs a verifier's node until cancelled; it remembers what it signed in ``folder``, or beside the key.

    Raises:
        ChainError: When there is no quorum to sign for.
        RecordError: When what it signed before cannot be read, or another process has it.
        OSError: When the port is taken, or what is signed cannot be made durable.
    """
    contracts = await QuorumContracts.find(chain, contract)
    source = blob_source(chain, beacon, blobs)
    node = VerifierNode(contracts, read_key_file(key), folder or key.parent, confirmations, source, states)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(node, port))
            group.create_task(node.run())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    finally:
        node.close()


async def run_aggregator(chain: Chain, contract: str, nodes: Sequence[str], key: Path, folder: Path | None) -> None:
    """Collects signatures until cancelled; it keeps them in ``folder``, or beside the key.

    Raises:
        ChainError: When there is no quorum to collect for.
        RecordError: When the evidence cannot be read, or another process has it.
        OSError: When the evidence cannot be made durable.
    """
    contracts = await QuorumContracts.find(chain, contract)
    name = f"{contracts.domain.chain_id}-{contracts.domain.quorum.hex()}.evidence"
    sender = Sender(chain, read_key_file(key))
    aggregator = Aggregator(contracts, nodes, sender, (folder or key.parent) / name)
    try:
        await aggregator.run()
    finally:
        await aggregator.close()


async def move_stake(chain: Chain, contract: str, key: Path, move: Literal["join", "leave", "withdraw"]) -> str:
    """Joins, leaves or withdraws. Returns the verifier's address.

    Raises:
        ChainError: When the chain does not answer; Reverted when the contract refuses.
    """
    membership = Membership(await QuorumContracts.find(chain, contract), read_key_file(key))
    await getattr(membership, move)()
    return membership.address


async def quorum_status(chain: Chain, contract: str, last: int) -> QuorumStatus:
    """Returns how far the newest ``last`` batches are.

    Raises:
        ChainError: When the chain does not answer, or there is no quorum.
    """
    return await read_status(await QuorumContracts.find(chain, contract), last)
