"""The vault's assets as users read them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec
from web3.contract import AsyncContract

from synchromesh.settlement.chain import Chain, ChainError


class VaultAsset(msgspec.Struct, frozen=True):
    """An asset of the vault.

    Attributes:
        asset: Its id.
        symbol: What its token calls itself.
        token: The ERC-20, hex.
        decimals: Decimals of the engine's unit.
    """

    asset: int
    symbol: str
    token: str
    decimals: int

    def amount(self, units: int) -> str:
        """An amount in engine units as whole ones, with its symbol."""
        return f"{Decimal(units).scaleb(-self.decimals):,f} {self.symbol}"

    def units(self, text: str) -> int:
        """Engine units of an amount of whole ones.

        Raises:
            ValueError: When it is no positive number, or has more digits than the engine counts.
        """
        try:
            units = Decimal(text).scaleb(self.decimals)
            whole = int(units)
        except (InvalidOperation, OverflowError, ValueError):
            raise ValueError(f"{text!r} is no amount") from None
        if whole <= 0 or whole != units:
            raise ValueError(f"{text} {self.symbol} is no positive amount with at most {self.decimals} decimals")
        return whole


async def read_assets(chain: Chain, settlement: AsyncContract) -> list[VaultAsset]:
    """Returns the assets of a vault, by id.

    Raises:
        ChainError: When the node does not answer.
    """
    found = []
    for asset in range(int(await chain.call(settlement.functions.assetCount()))):
        token, _, decimals, *_ = await chain.call(settlement.functions.assetAt(asset))
        found.append(VaultAsset(asset, await _symbol(chain, token, asset), str(token), int(decimals)))
    return found


async def _symbol(chain: Chain, token: str, asset: int) -> str:
    """A token's own word for itself; some have none, or another type of it."""
    try:
        return str(await chain.call(chain.contract("TestToken", token).functions.symbol()))
    except ChainError:
        return f"asset {asset}"
