"""``python -m synchromesh.agents.liquidator``: buys what is liquidated once it is cheap enough, and works it off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from pathlib import Path
from typing import Annotated

import structlog
import typer

from synchromesh.agents.base import Agent
from synchromesh.client import ClientError
from synchromesh.client.types import BookSummary, Liquidation
from synchromesh.operations.processes import run_until_signal
from synchromesh.protocol import Side, TimeInForce

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 0.5
"""Real seconds between looks at the auctions."""
DISCOUNT = Decimal("0.04")
"""Share of the margin taken over that a bid must earn: what working the positions off may cost."""
SHARE_MIN = Decimal("0.001")
"""Smallest share worth a bid."""
SHARE_STEP, CASH_STEP = Decimal("1e-9"), Decimal("1e-6")
"""What shares and USDC are multiples of."""
SLIPPAGE = Decimal("0.02")
"""How much worse than seen the price of a bid may be when it arrives, as a share of the portfolio's size."""


class Liquidator(Agent):
    """Bids in liquidation auctions, and reduces in the book what it bought.

    Args:
        directory: The venue directory.
        name: Name of its key and of its figures.
        seed: Of its choices.
    """

    def __init__(self, directory: Path, name: str, seed: int) -> None:
        super().__init__(directory, name, seed)
        self._lot_of: dict[str, Decimal] = {}

    async def run(self, deposit: int) -> None:
        """Bids until cancelled."""
        await self.open(deposit)
        portfolio = False
        while True:
            try:
                portfolio = portfolio or await self.timed(self.client.set_margin_model("portfolio")) is not None
                running = await self.client.liquidations(running=True)
                for liquidation in running:
                    await self._consider(liquidation)
                if not running:
                    await self._reduce()
            except ClientError as error:
                log.warning("liquidator", error=str(error))
            self.write_stats()
            await asyncio.sleep(REFRESH_SECONDS)

    async def _consider(self, liquidation: Liquidation) -> None:
        """Bids for the largest share it can carry, when the price leaves enough."""
        auction = liquidation.auction
        if auction is None or auction.portfolio is None:
            return
        gain = auction.portfolio.value - auction.price
        if gain < DISCOUNT * liquidation.trigger.maintenance_margin:
            return
        share = auction.share_max
        while share >= SHARE_MIN and not await self._carries(liquidation, share):
            share = (share / 2).quantize(SHARE_STEP, ROUND_DOWN)
        if share < SHARE_MIN:
            return
        limit = (share * (auction.price + SLIPPAGE * abs(auction.portfolio.value))).quantize(CASH_STEP)
        result = await self.timed(self.client.liquidation_bid(liquidation.subaccount_id, share, limit))
        if result is not None:
            self.stats.orders += 1
            self.stats.fills += 1
            log.info("bought", liquidation=liquidation.liquidation_id, share=str(share), fill=str(result.fill))

    async def _carries(self, liquidation: Liquidation, share: Decimal) -> bool:
        """Whether its margin allows that share on top of what it has."""
        auction = liquidation.auction
        assert auction is not None
        assert auction.portfolio is not None
        sold = auction.portfolio
        # Of every position a bidder gets whole lots, rounded up.
        lots = await self._lots(sold.positions)
        bought = {name: whole_lots(amount * share, lots[name]) for name, amount in sold.positions.items()}
        # Simulated trades are made at the marks: what the bid earns against them comes on top.
        earned = (share * (sold.value - auction.price)).quantize(CASH_STEP, ROUND_DOWN)
        return (await self.client.simulate_account(bought, cash=earned)).accepted

    async def _lots(self, names: Iterable[str]) -> dict[str, Decimal]:
        """Lot of every instrument; asked for again when one is new."""
        if any(name not in self._lot_of for name in names):
            self._lot_of = {item.instrument_name: item.min_trade_amount for item in await self.client.instruments()}
        return self._lot_of

    async def _reduce(self) -> None:
        """Sells a little of the largest position, or buys it back, at the market."""
        positions = await self.client.positions()
        if not positions:
            return
        lines = {line.instrument_name: line for line in await self.client.book_summaries()}
        position = max(positions, key=lambda held: held.maintenance_margin)
        await self._close(position.instrument_name, position.size, lines)

    async def _close(self, name: str, size: Decimal, lines: dict[str, BookSummary]) -> None:
        line = lines.get(name)
        side = Side.SELL if size > 0 else Side.BUY
        price = None if line is None else line.bid_price if side is Side.SELL else line.ask_price
        if price is None:
            return
        result = await self.timed(
            self.client.place(side, name, abs(size), price, time_in_force=TimeInForce.IOC, reduce_only=True)
        )
        if result is not None:
            self.stats.orders += 1
            self.stats.fills += len(result.trades)


def whole_lots(amount: Decimal, lot: Decimal) -> Decimal:
    """Returns an amount in whole lots, rounded away from zero."""
    return (amount / lot).to_integral_value(ROUND_UP) * lot


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory.")],
    deposit: Annotated[int, typer.Option(help="USDC to deposit.")] = 20_000_000,
    seed: Annotated[int, typer.Option(help="Of its choices.")] = 1,
) -> None:
    """A liquidator with its own capital."""
    asyncio.run(run_until_signal(Liquidator(directory, "liquidator", seed).run(deposit)))


if __name__ == "__main__":
    typer.run(main)
