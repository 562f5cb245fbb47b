"""What happens at a venue before its operator cheats: a little honest trading, told once for every kind of venue."""

from __future__ import annotations

from typing import Protocol

from synchromesh.protocol import Side

ACCOMPLICE = "mallory"
"""The user who is in league with the operator."""
DEPOSITS = {"alice": 100_000, "bob": 100_000, "carol": 15_000, ACCOMPLICE: 100_000}
"""What users bring, USDC."""
INDEX = 76_000
"""Index at the opening, USD."""
CALM, RALLY = 76_100, 87_000
"""Index of the two marks that the operator may betray: after the second carol lacks maintenance margin."""
WITHDRAWAL = 40
"""What bob takes out, USDC."""
CONTRACT_LOTS = 100
"""Lots of one contract of the option that is traded."""


class Floor(Protocol):
    """A venue that is open, and its users. Amounts are lots of one call at the money, prices USDC per contract."""

    async def deposit(self, user: str, usdc: int) -> None:
        """A user brings money, and it is credited."""

    async def order(self, user: str, side: Side, lots: int, usdc: int) -> None:
        """A user places a limit order."""

    async def withdraw(self, user: str, usdc: int) -> None:
        """A user takes money out."""

    async def mark(self, index: int) -> None:
        """The oracles sign a mark at an index, USD."""


async def trade(floor: Floor) -> None:
    """Everybody trades; carol sells more than is good for her, and alice's offers stay in the book."""
    for user, usdc in DEPOSITS.items():
        await floor.deposit(user, usdc)
    await floor.order("bob", Side.BUY, CONTRACT_LOTS, 1_000)
    await floor.order("carol", Side.SELL, CONTRACT_LOTS, 1_000)
    await floor.order("alice", Side.SELL, 1, 1_000)
    await floor.order("alice", Side.SELL, 1, 1_050)


async def go_on(floor: Floor) -> None:
    """What the operator still owes the chain: bob buys what alice offers, and takes money out; the market moves."""
    await floor.order("bob", Side.BUY, 2, 1_100)
    await floor.withdraw("bob", WITHDRAWAL)
    await floor.mark(CALM)
    await floor.mark(RALLY)
