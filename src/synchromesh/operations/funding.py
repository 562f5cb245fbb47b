"""Test money for local venues: ether for gas, minted USDC, deposited."""

from __future__ import annotations

import asyncio

from synchromesh.client import Client, ClientError
from synchromesh.config import VenueConfig
from synchromesh.operations.launch import fund
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.wallet import Wallet

CREDIT_SECONDS = 60.0
"""Real seconds that a deposit may take until it is credited."""


async def deposit_new(config: VenueConfig, secret: bytes, amount: int, symbol: str = "USDC") -> None:
    """Gives a key ether and ``amount`` whole units of a test token, and deposits all of it.

    Raises:
        ChainError: When the chain refuses.
        ConfigError: When the venue holds no such asset.
    """
    asset = config.asset_id(symbol)
    token = config.assets[asset]
    units = amount * 10**token.decimals
    chain = Chain(config.rpc_url)
    try:
        wallet = Wallet(chain, config.contract, token.token, secret, asset)
        await fund(config.rpc_url, wallet.address)
        await wallet.mint(units)
        await wallet.deposit(units)
    finally:
        await chain.close()


async def fund_insurance(config: VenueConfig, secret: bytes, amount: int) -> None:
    """Waits until a deposit of ``amount`` USDC is credited, and gives it to the insurance fund.

    Raises:
        ClientError: When the venue refuses, or the deposit is not credited in time.
    """
    async with Client(config.websocket_url, secret) as client:
        deadline = asyncio.get_running_loop().time() + CREDIT_SECONDS
        while not await client.subaccounts():
            if asyncio.get_running_loop().time() > deadline:
                raise ClientError(f"the insurance deposit was not credited within {CREDIT_SECONDS:.0f} s")
            await asyncio.sleep(0.2)
        await client.login()
        await client.fund_insurance(amount)
