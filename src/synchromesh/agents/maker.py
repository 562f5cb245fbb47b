"""``python -m synchromesh.agents.maker``: quotes the whole chain around the recorded bid and ask."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import structlog
import typer

from synchromesh.agents.base import Agent
from synchromesh.agents.market import MarketPath, Quote, open_path
from synchromesh.agents.spread import Spread
from synchromesh.client import ClientError
from synchromesh.client.types import Instrument
from synchromesh.operations.processes import run_until_signal
from synchromesh.protocol import PostOnly, Side

log = structlog.get_logger(__name__)

IN_FLIGHT = 8
"""Requests under way at once: a maker that floods its own venue only waits longer."""
REQUOTE_SHARE = 0.2
"""A quote is replaced once its price is off by more than this share of the spread, and by more than a tick."""
EDGE_TICKS = 1
"""Each further maker of the same chain quotes this many ticks wider."""


class Resting:
    """An order that rests, as the maker remembers it."""

    def __init__(self, order_id: str, price: Decimal) -> None:
        self.order_id = order_id
        self.price = price


class Maker(Agent):
    """Quotes every instrument on both sides with signed post-only orders, and follows the recorded quotes.

    It takes as many subaccounts as the venue's bound of instruments per account asks for.

    Args:
        directory: The venue directory.
        number: Which maker; the first one is the tightest.
        path: The recorded market.
        share: Quotes only every ``share``-th pair of instruments, a call and its put, from ``offset`` on.
        offset: See ``share``.
        seed: Of its random choices.
    """

    def __init__(self, directory: Path, number: int, path: MarketPath, share: int, offset: int, seed: int) -> None:
        super().__init__(directory, f"maker-{number}", seed)
        self._path = path
        self._edge = number * EDGE_TICKS
        self._share, self._offset = share, offset
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._resting: dict[tuple[str, Side], Resting] = {}
        self._spread = Spread(self.client)

    async def run(self, deposit: int, cycle_seconds: float) -> None:
        """Quotes until cancelled; orders from before, or from before a lost connection, are cancelled first."""
        await self.open(deposit)
        loop = asyncio.get_running_loop()
        known = False
        while True:
            due = loop.time() + cycle_seconds
            try:
                if not known:
                    await self.client.cancel_all()
                    self._resting.clear()
                    known = True
                await self._cycle()
            except ClientError as error:
                # What rests after a lost connection is not known: the next cycle starts from nothing.
                log.warning("maker_cycle", error=str(error))
                known = False
                await asyncio.sleep(1.0)
            self.write_stats()
            await asyncio.sleep(max(due - loop.time(), 0.0))

    async def _cycle(self) -> None:
        listed = [line for line in await self.client.instruments() if line.is_active]
        mine = {line.instrument_name: line for line in listed if line.instrument_id // 2 % self._share == self._offset}
        await self._spread.cover(mine.keys())
        quotes = self._path.quotes(self.client.now_ns())
        requests = [
            self._quote(line, side, quotes[name])
            for name, line in mine.items()
            if name in quotes
            for side in (Side.BUY, Side.SELL)
        ]
        # All of them end before an error is raised: none may touch what the next cycle remembers.
        for outcome in await asyncio.gather(*requests, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _quote(self, line: Instrument, side: Side, quote: Quote) -> None:
        price = self._price(line, side, quote)
        known = self._resting.get((line.instrument_name, side))
        slack = max(line.tick_size, Decimal(REQUOTE_SHARE * max(quote.ask - quote.bid, 0.0)))
        if price is None or (known is not None and abs(known.price - price) <= slack):
            return
        amount = max(line.min_trade_amount, Decimal(quote.size) // line.min_trade_amount * line.min_trade_amount)
        async with self._slots:
            if known is not None and await self._move(known, line, side, amount, price):
                return
            result = await self.timed(
                self.client.place(
                    side,
                    line.instrument_name,
                    amount,
                    price,
                    post_only=PostOnly.SLIDE,
                    subaccount=self._spread.home(line.instrument_name),
                )
            )
        if result is not None:
            self.stats.orders += 1
            if result.order.is_open:
                self._resting[line.instrument_name, side] = Resting(result.order.order_id, price)

    async def _move(self, known: Resting, line: Instrument, side: Side, amount: Decimal, price: Decimal) -> bool:
        """Replaces a resting order; when it is gone, or cannot be, the slot is free."""
        home = self._spread.home(line.instrument_name)
        result = await self.timed(
            self.client.edit(known.order_id, amount, price, post_only=PostOnly.SLIDE, subaccount=home)
        )
        if result is not None and result.order.is_open:
            self.stats.edits += 1
            known.price = price
            return True
        del self._resting[line.instrument_name, side]
        if result is None:
            cancelled = await self.timed(self.client.cancel(known.order_id))
            self.stats.cancels += cancelled is not None
        return False

    def _price(self, line: Instrument, side: Side, quote: Quote) -> Decimal | None:
        """The recorded price on the tick grid, away from the market; None where nothing was quoted."""
        tick = line.tick_size
        raw = quote.bid if side is Side.BUY else quote.ask
        if raw <= 0:
            return None
        ticks = int(Decimal(raw) / tick) - self._edge if side is Side.BUY else -int(-Decimal(raw) // tick) + self._edge
        return ticks * tick if ticks > 0 else None


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory.")],
    number: Annotated[int, typer.Option(help="Which maker this is; 0 is the tightest.")] = 0,
    share: Annotated[int, typer.Option(help="Quote every n-th pair of call and put only.")] = 1,
    offset: Annotated[int, typer.Option(help="Start with this pair.")] = 0,
    deposit: Annotated[int, typer.Option(help="USDC to deposit.")] = 500_000_000,
    cycle_seconds: Annotated[float, typer.Option(help="Real seconds between looks at all quotes.")] = 3.0,
    data: Annotated[Path | None, typer.Option(help="Recorded chains; without, the bundled set.")] = None,
    mode: Annotated[str, typer.Option(help="bridge or jump.")] = "bridge",
    seed: Annotated[int, typer.Option(help="Of the bridge.")] = 1,
) -> None:
    """A market maker on the whole chain."""
    maker = Maker(directory, number, open_path(data, mode=mode, seed=seed), share, offset, seed)
    asyncio.run(run_until_signal(maker.run(deposit, cycle_seconds)))


if __name__ == "__main__":
    typer.run(main)
