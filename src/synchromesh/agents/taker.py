"""``python -m synchromesh.agents.taker``: users who trade, and who move money in and out over the chain."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import structlog
import typer

from synchromesh.agents.base import Agent
from synchromesh.client import ClientError
from synchromesh.client.types import BookSummary, Instrument
from synchromesh.operations.processes import run_until_signal
from synchromesh.protocol import Side, TimeInForce
from synchromesh.settlement.batches import BatchStore

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 1.0
"""Real seconds between looks at the whole chain."""
RESTING_SHARE = 0.25
"""Share of orders that rest inside the spread instead of taking."""
RESTING_MAX = 20
"""Resting orders of one user; the oldest is cancelled first."""
WITHDRAW_SECONDS = 10.0
"""Real seconds between withdrawals of one user."""


class Taker(Agent):
    """One user: takes liquidity at random over the chain, rests an order now and then, withdraws and claims."""

    def __init__(self, directory: Path, name: str, seed: int, rate: float) -> None:
        super().__init__(directory, name, seed)
        self._rate = rate
        self._chain_lines: list[BookSummary] = []
        self._instruments: dict[str, Instrument] = {}
        self._resting: list[str] = []
        self._batches = BatchStore(directory / "settlement" / "batches")
        self._unclaimed: list[int] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self, deposit: int) -> None:
        """Trades until cancelled."""
        await self.open(deposit)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self._trade())
            group.create_task(self._move_money())

    async def _watch(self) -> None:
        while True:
            try:
                if not self._instruments or self.rng.random() < 0.1:
                    self._instruments = {line.instrument_name: line for line in await self.client.instruments()}
                self._chain_lines = [
                    line for line in await self.client.book_summaries() if line.ask_price and line.bid_price
                ]
                self.write_stats()
            except ClientError as error:
                log.warning("taker_watch", error=str(error))
            await asyncio.sleep(REFRESH_SECONDS)

    async def _trade(self) -> None:
        while True:
            await asyncio.sleep(self.rng.expovariate(self._rate))
            if not self._chain_lines:
                continue
            line = self.rng.choice(self._chain_lines)
            instrument = self._instruments.get(line.instrument_name)
            if instrument is None:
                continue
            # Not awaited: a user's next order does not wait for the last one's ack.
            task = asyncio.create_task(self._send(line, instrument))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, line: BookSummary, instrument: Instrument) -> None:
        try:
            await self._order(line, instrument)
        except ClientError as error:
            log.warning("taker_order", error=str(error))

    async def _order(self, line: BookSummary, instrument: Instrument) -> None:
        assert line.bid_price is not None
        assert line.ask_price is not None
        side = self.rng.choice((Side.BUY, Side.SELL))
        amount = instrument.min_trade_amount * self.rng.randint(1, 20)
        if self.rng.random() < RESTING_SHARE:
            middle = (line.bid_price + line.ask_price) / 2
            price = max(instrument.tick_size, middle // instrument.tick_size * instrument.tick_size)
            result = await self.timed(self.client.place(side, line.instrument_name, amount, price))
            if result is not None and result.order.is_open:
                self._resting.append(result.order.order_id)
            if len(self._resting) > RESTING_MAX:
                cancelled = await self.timed(self.client.cancel(self._resting.pop(0)))
                self.stats.cancels += cancelled is not None
        else:
            price = line.ask_price if side is Side.BUY else line.bid_price
            result = await self.timed(
                self.client.place(side, line.instrument_name, amount, price, time_in_force=TimeInForce.IOC)
            )
        if result is not None:
            self.stats.orders += 1
            self.stats.fills += len(result.trades)

    async def _move_money(self) -> None:
        # The chain's library takes seconds to import; trading begins without it.
        await asyncio.sleep(WITHDRAW_SECONDS / 3)
        from synchromesh.agents.claims import Claims
        from synchromesh.settlement.chain import ChainError

        claims = Claims(self.config, self._secret, self._batches)
        try:
            recipient = bytes.fromhex(claims.address.removeprefix("0x"))
            while True:
                await asyncio.sleep(self.rng.uniform(0.5, 1.0) * WITHDRAW_SECONDS)
                try:
                    result = await self.timed(self.client.withdraw(Decimal(self.rng.randint(100, 1000)), recipient))
                    if result is not None:
                        self._unclaimed.append(result.withdrawal_id)
                    self._unclaimed = await claims.claim(self._unclaimed)
                except (ClientError, ChainError) as error:
                    log.warning("taker_money", error=str(error))
        finally:
            await claims.close()


async def run_takers(directory: Path, users: int, rate: float, deposit: int, seed: int) -> None:
    """Runs ``users`` takers that send ``rate`` orders a real second between them."""
    started = time.monotonic()
    takers = [Taker(directory, f"taker-{number}", seed, rate / users) for number in range(users)]
    log.info("takers_start", users=users, after=round(time.monotonic() - started, 2))
    async with asyncio.TaskGroup() as group:
        for taker in takers:
            group.create_task(taker.run(deposit))


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory.")],
    users: Annotated[int, typer.Option(help="Users.")] = 4,
    rate: Annotated[float, typer.Option(help="Orders a real second, all users together.")] = 60.0,
    deposit: Annotated[int, typer.Option(help="USDC that each deposits.")] = 5_000_000,
    seed: Annotated[int, typer.Option(help="Of their choices.")] = 1,
) -> None:
    """Users who take liquidity, rest orders, deposit and withdraw."""
    asyncio.run(run_until_signal(run_takers(directory, users, rate, deposit, seed)))


if __name__ == "__main__":
    typer.run(main)
