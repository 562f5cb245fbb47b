"""Deploys a venue's contracts."""

from __future__ import annotations

import msgspec

from synchromesh._native import Replica
from synchromesh.settlement.chain import Sender


class Deployment(msgspec.Struct, frozen=True):
    """Where a venue's contracts are, as checksummed hex."""

    settlement: str
    usdc: str


def genesis_root() -> bytes:
    """Returns the state root of the empty venue, a constant of the protocol."""
    return Replica().state_root()


async def deploy(
    sender: Sender,
    *,
    operator: str,
    guardian: str,
    challenge_window: int,
    max_time_lead: int,
    deposit_cap: int,
    usdc: str | None = None,
) -> Deployment:
    """Deploys the settlement contract and adds USDC as asset 0.

    Args:
        sender: Deployer; becomes the owner.
        operator: Address that may commit batches.
        guardian: Address that may pause deposits and new batches.
        challenge_window: Seconds from a batch's commit to its finality.
        max_time_lead: Seconds that venue time may lead the chain's.
        deposit_cap: Most USDC that the vault takes, token units.
        usdc: Token to use; None deploys the mintable test token.

    Raises:
        ChainError: When a transaction is refused.
    """
    token = usdc if usdc is not None else (await sender.deploy("TestUSDC")).address
    arguments = (sender.address, guardian, operator, genesis_root(), challenge_window, max_time_lead)
    settlement = await sender.deploy("Settlement", arguments)
    await sender.send(settlement.functions.addAsset(token, deposit_cap))
    return Deployment(settlement=str(settlement.address), usdc=str(token))
