"""``python -m synchromesh.agents.leveraged``: users who take as much risk as their margin allows, and hold it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 0.5
"""Real seconds between looks at account and chain."""
TARGET_MIN, TARGET_MAX = 0.80, 0.95
"""Share of the balance that an account wants used as initial margin; each draws its own in between."""
SLICE = 0.5
"""Share of the missing margin that one order goes for: books are finite."""
HOLD_SECONDS = 20.0
"""Real seconds over which a book is built; after that it is only held."""

NEEDED = {"option": Decimal("0.15"), "future": Decimal("0.045")}
"""Initial margin of a contract as a share of the underlying's price, roughly, by the API's word for its kind."""

Choice = Callable[["Leveraged", list[BookSummary]], list[tuple[Side, BookSummary]]]


def _options(lines: list[BookSummary], letter: str, low: float, high: float) -> list[BookSummary]:
    """Options of a type with a strike between ``low`` and ``high`` of the forward, quoted on both sides."""
    found = []
    for line in lines:
        words = line.instrument_name.split("-")
        if len(words) == 4 and words[3] == letter and line.underlying_price:
            moneyness = float(words[2]) / float(line.underlying_price)
            if low <= moneyness <= high:
                found.append(line)
    return found


def _perpetuals(lines: list[BookSummary]) -> list[BookSummary]:
    return [line for line in lines if line.instrument_name.endswith("PERPETUAL")]


def long_perpetual(user: Leveraged, lines: list[BookSummary]) -> list[tuple[Side, BookSummary]]:
    """Long the perpetual, and nothing else."""
    return [(Side.BUY, line) for line in _perpetuals(lines)]


def short_puts(user: Leveraged, lines: list[BookSummary]) -> list[tuple[Side, BookSummary]]:
    """Short puts out of the money: pays a little every day, until it does not."""
    return [(Side.SELL, line) for line in _options(lines, "P", 0.80, 0.97)]


def short_strangles(user: Leveraged, lines: list[BookSummary]) -> list[tuple[Side, BookSummary]]:
    """Short out-of-the-money options on both sides."""
    wings = _options(lines, "P", 0.80, 0.95) + _options(lines, "C", 1.05, 1.25)
    return [(Side.SELL, line) for line in wings]


STYLES: dict[str, tuple[Choice, str]] = {
    "long_perpetual": (long_perpetual, "standard"),
    "short_puts": (short_puts, "standard"),
    "short_strangles": (short_strangles, "portfolio"),
}
"""What an account does, and under which margin model."""


class Leveraged(Agent):
    """One user who fills his margin with one kind of position.

    Args:
        directory: The venue directory.
        name: Name of its key and of its figures.
        seed: Of its choices.
        style: One of `STYLES`.
    """

    def __init__(self, directory: Path, name: str, seed: int, style: str) -> None:
        super().__init__(directory, name, seed)
        self._choose, self._model = STYLES[style]
        self._target = self.rng.uniform(TARGET_MIN, TARGET_MAX)

    async def run(self, deposit: int) -> None:
        """Builds the book, then holds it until cancelled."""
        await self.open(deposit)
        loop = asyncio.get_running_loop()
        until: float | None = None
        chosen = self._model == "standard"
        while True:
            try:
                chosen = chosen or await self._switch()
                lines = [line for line in await self.client.book_summaries() if line.bid_price and line.ask_price]
                if chosen and lines and (until is None or loop.time() < until):
                    until = until or loop.time() + HOLD_SECONDS
                    await self._build(lines)
            except ClientError as error:
                log.warning("leveraged", name=self.name, error=str(error))
            self.write_stats()
            await asyncio.sleep(REFRESH_SECONDS)

    async def _switch(self) -> bool:
        """Goes over to portfolio margin; the venue allows it once it has the parameters and a mark made with them."""
        return await self.timed(self.client.set_margin_model(self._model)) is not None

    async def _build(self, lines: list[BookSummary]) -> None:
        account = await self.client.account()
        balance = account.margin_balance
        missing = Decimal(self._target) * balance - account.initial_margin
        if balance <= 0 or missing < balance / 50:
            return
        wanted = self._choose(self, lines)
        if not wanted:
            return
        side, line = self.rng.choice(wanted)
        instruments = {each.instrument_name: each for each in await self.client.instruments()}
        instrument = instruments.get(line.instrument_name)
        if instrument is not None:
            await self._trade(side, line, instrument, missing * Decimal(SLICE))

    async def _trade(self, side: Side, line: BookSummary, instrument: Instrument, margin: Decimal) -> None:
        """One immediate order that needs about ``margin``."""
        price = line.ask_price if side is Side.BUY else line.bid_price
        assert price is not None
        needed = NEEDED[instrument.kind] * (line.underlying_price or line.mark_price)
        lot = instrument.min_trade_amount
        amount = max(lot, margin / needed // lot * lot)
        result = await self.timed(
            self.client.place(side, line.instrument_name, amount, price, time_in_force=TimeInForce.IOC)
        )
        if result is not None:
            self.stats.orders += 1
            self.stats.fills += len(result.trades)


async def run_users(directory: Path, users: int, deposit: int, seed: int) -> None:
    """Runs ``users`` users, the styles in turn."""
    styles = list(STYLES)
    async with asyncio.TaskGroup() as group:
        for number in range(users):
            user = Leveraged(directory, f"leveraged-{number}", seed, styles[number % len(styles)])
            group.create_task(user.run(deposit))


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory.")],
    users: Annotated[int, typer.Option(help="Users.")] = 6,
    deposit: Annotated[int, typer.Option(help="USDC that each deposits.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Of their choices.")] = 1,
) -> None:
    """Users with as much leverage as the venue gives."""
    asyncio.run(run_until_signal(run_users(directory, users, deposit, seed)))


if __name__ == "__main__":
    typer.run(main)
