"""Test money for local venues: ether for gas, minted USDC, deposited."""

from __future__ import annotations

from synchromesh.config import VenueConfig
from synchromesh.operations.launch import fund
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.wallet import Wallet

USDC_UNITS = 10**6


async def deposit_new(config: VenueConfig, secret: bytes, amount: int) -> None:
    """Gives a key ether and ``amount`` test USDC, and deposits all of it.

    Raises:
        ChainError: When the chain refuses.
    """
    chain = Chain(config.rpc_url)
    try:
        wallet = Wallet(chain, config.contract, config.assets[0].token, secret)
        await fund(config.rpc_url, wallet.address)
        await wallet.mint(amount * USDC_UNITS)
        await wallet.deposit(amount * USDC_UNITS)
    finally:
        await chain.close()
