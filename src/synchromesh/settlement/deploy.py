"""Deploys a venue's contracts."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from synchromesh._native import Replica
from synchromesh.settlement.chain import Sender

USDC_DECIMALS = 6
"""Decimals of USDC on chain."""
TEST_TOKENS = {"WETH": 18, "WBTC": 8, "WSTETH": 18}
"""Decimals on chain of the collateral that a local venue may take, by symbol."""


class Deployment(msgspec.Struct, frozen=True):
    """Where a venue's contracts are, as checksummed hex; ``tokens`` by symbol, in the order of their assets."""

    settlement: str
    usdc: str
    tokens: dict[str, str] = {}


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
    tokens: Mapping[str, int] | None = None,
) -> Deployment:
    """Deploys the settlement contract, adds USDC as asset 0, and test tokens behind it.

    Args:
        sender: Deployer; becomes the owner.
        operator: Address that may commit batches.
        guardian: Address that may pause deposits and new batches.
        challenge_window: Seconds from a batch's commit to its finality.
        max_time_lead: Seconds that venue time may lead the chain's.
        deposit_cap: Most USDC that the vault takes, token units; of other assets as many whole units as of USDC.
        usdc: Token to use; None deploys the mintable test token.
        tokens: Decimals of further assets, by symbol; a mintable test token each.

    Raises:
        ChainError: When a transaction is refused.
    """
    token = usdc if usdc is not None else (await sender.deploy("TestUSDC")).address
    arguments = (sender.address, guardian, operator, genesis_root(), challenge_window, max_time_lead)
    settlement = await sender.deploy("Settlement", arguments)
    await sender.send(settlement.functions.addAsset(token, deposit_cap))
    addresses = {}
    for symbol, decimals in (tokens or {}).items():
        further = (await sender.deploy("TestToken", f"Test {symbol}", f"t{symbol}", decimals)).address
        await sender.send(settlement.functions.addAsset(further, deposit_cap * 10**decimals // 10**USDC_DECIMALS))
        addresses[symbol] = str(further)
    return Deployment(settlement=str(settlement.address), usdc=str(token), tokens=addresses)
