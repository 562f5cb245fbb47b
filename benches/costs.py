"""``python -m benches.costs [--quick]``: what batches cost on the chain; writes tables and plot of docs/costs.md.

The contracts are the venue's own on a local chain, and the journal is honest: two accounts that place, fill, replace
and cancel signed orders, and marks. Batches are cut as the settlement service cuts them, and gas is what receipts say.
Blob gas is bought on a market of its own, and stands beside gas, never in one sum with it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

from benches.report import replaced
from benches.rows import ROOT
from synchromesh._native import MAX_CHUNK_BYTES, Replica
from synchromesh.protocol import CancelOrder, ReplaceOrder, Side
from synchromesh.settlement.batches import Batch, Source
from synchromesh.settlement.committer import BATCH_BYTES_MAX
from synchromesh.settlement.packing import Packer

sys.path.append(str(ROOT / "tests"))
from support.ledger import ALICE, BOB
from support.local import LocalChain, LocalVenue

PAGE = ROOT / "docs" / "costs.md"
PLOT = ROOT / "docs" / "img" / "costs.png"
STEPS, QUICK_STEPS = (1, 100, 1_000, 10_000), (1, 100)
REPEATED, QUICK_REPEATED = 30, 10
"""Commands of a kind over whose number gas is divided."""
SWEPT = 10
"""Orders that one large order fills."""
DEPOSIT = 100_000_000 * 10**6
PRICE, FAR = 1_000, 10
"""USDC: where orders meet, and where nobody meets them."""
BLOB_GAS = 131_072
"""Blob gas of a blob, whatever is in it."""


@dataclass
class Cost:
    """What it took to bring steps onto the chain."""

    steps: int = 0
    commands: int = 0
    bytes: int = 0
    batches: int = 0
    gas: int = 0
    blob_gas: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Cost) -> Cost:
        return Cost(*(mine - its for mine, its in zip(astuple(self), astuple(other), strict=True)))


class Market:
    """Two accounts of an open venue, what they do, and the batches that it goes into."""

    def __init__(self, venue: LocalVenue) -> None:
        self.venue, self.ledger = venue, venue.ledger
        self._replica = Replica()
        self._batches = self._rounds = 0

    @classmethod
    async def open(cls, local: LocalChain) -> Market:
        """Opens one whose users have more than they need."""
        venue = await LocalVenue.new(local)
        await venue.open()
        for key, subaccount in ((ALICE, 1), (BOB, 2)):
            wallet = venue.wallet(key)
            await wallet.mint(DEPOSIT)
            await wallet.deposit(DEPOSIT, subaccount)
        await venue.credit()
        return cls(venue)

    def rest(self, price: int = FAR) -> int:
        """Places an order that rests, and returns its id."""
        self.ledger.place(ALICE, 1, Side.BUY, price)
        return len(self.ledger.records) << 10

    def take(self, lots: int) -> None:
        """Places an order that fills as many resting ones as it has lots."""
        lot = self.ledger.order(BOB, 2, Side.SELL, PRICE).amount
        self.ledger.submit(self.ledger.order(BOB, 2, Side.SELL, PRICE, amount=lots * lot))

    def replace(self, order: int) -> None:
        """Changes the price of a resting order."""
        old = self.ledger.order(ALICE, 1, Side.BUY, FAR)
        price = (FAR + 5) * 10**6
        changed = ReplaceOrder(1, order, old.amount, price, old.post_only, False, old.max_fee, old.auth)
        self.ledger.submit(self.ledger.domain.signed(changed, ALICE, self.ledger.names))

    def cancel(self, order: int) -> None:
        """Cancels a resting order; its session signed once, when it logged in."""
        self.ledger.submit(CancelOrder(1, order))

    def trade(self) -> None:
        """A round of everything. Who buys and who sells changes, so that positions stay small."""
        self._rounds += 1
        sides = (Side.BUY, Side.SELL) if self._rounds % 2 else (Side.SELL, Side.BUY)
        self.ledger.place(ALICE, 1, sides[0], PRICE)
        self.ledger.place(BOB, 2, sides[1], PRICE)
        order = self.rest()
        self.replace(order)
        self.cancel(order)
        if self._rounds % 50 == 0:
            self.ledger.mark()

    async def commit(self, source: Source = Source.CALLDATA, steps: int | None = None) -> Cost:
        """Commits a batch: all that the journal holds, or so many steps of trading, as far as one batch goes."""
        start = self._replica.progress()
        packer, taken, first_withdrawal = Packer(start), 0, self._replica.next_withdrawal
        while packer.bytes < BATCH_BYTES_MAX and (steps is None or taken < steps):
            if self._replica.sequence == len(self.ledger.records):
                if steps is None:
                    break
                self.trade()
            record = self.ledger.records[self._replica.sequence]
            its = self._replica.apply_steps(record)
            packer.add(record, its)
            taken += len(its)
        batch = Batch.make(self._batches, start, packer.finish(), first_withdrawal, [], source)
        self._batches += 1
        gas = self.venue.operator.used.gas
        await self.venue.commit(batch)
        return Cost(
            steps=taken,
            commands=self._replica.sequence - start.sequence,
            bytes=packer.bytes,
            batches=1,
            gas=self.venue.operator.used.gas - gas,
            blob_gas=BLOB_GAS * sum(chunk.source is Source.BLOB for chunk in batch.chunks),
        )


async def of_batches(market: Market, steps: int, source: Source) -> Cost:
    """What it costs to commit so many steps of trading."""
    total = Cost()
    while total.steps < steps:
        total = total + await market.commit(source, steps - total.steps)
    return total


async def of_command(market: Market, count: int, prepare: Callable[[], Any], act: Callable[[Any], object]) -> Cost:
    """What so many more commands of a kind cost in calldata than one alone."""
    costs = []
    for number in (1, 1 + count):
        prepared = [prepare() for _ in range(number)]
        await market.commit()
        for each in prepared:
            act(each)
        costs.append(await market.commit())
    return costs[1] - costs[0]


async def of_commands(market: Market, count: int) -> dict[str, Cost]:
    """What commands cost, by kind."""

    def resting(price: int, orders: int = 1) -> Callable[[], int]:
        return lambda: [market.rest(price) for _ in range(orders)][-1]

    def mark() -> None:
        """Something to commit where a command needs no preparation."""
        market.ledger.mark()

    kinds: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
        "order that rests": (mark, lambda _: market.rest()),
        "replace of an order": (resting(FAR), market.replace),
        "cancel of an order": (resting(FAR), market.cancel),
        "order that fills another": (resting(PRICE), lambda _: market.take(1)),
        f"order that fills {SWEPT} others": (resting(PRICE, SWEPT), lambda _: market.take(SWEPT)),
        "mark of an underlying": (mark, lambda _: market.ledger.mark()),
    }
    return {name: await of_command(market, count, *each) for name, each in kinds.items()}


def command_table(found: dict[str, Cost], count: int) -> str:
    """The table of commands; in blobs they cost their share of a full one."""
    lines = ["| command | steps | bytes | gas in calldata | blob gas in a full blob |", "|---|---|---|---|---|"]
    for name, cost in found.items():
        steps, size, gas = (value / count for value in (cost.steps, cost.bytes, cost.gas))
        lines.append(f"| {name} | {steps:.0f} | {size:,.0f} | {gas:,.0f} | {size * BLOB_GAS / MAX_CHUNK_BYTES:,.0f} |")
    return "\n".join(lines) + "\n"


def batch_table(found: dict[Source, list[Cost]]) -> str:
    """The table of batches."""
    lines = ["| steps | commands | data in | batches | bytes | gas | gas a step | blob gas | blob gas a step |"]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for source, costs in found.items():
        for cost in costs:
            sizes = f"{cost.steps:,} | {cost.commands:,} | {source.name.lower()} | {cost.batches} | {cost.bytes:,}"
            blobs = f"{cost.blob_gas:,} | {cost.blob_gas / cost.steps:,.0f}" if cost.blob_gas else "– | –"
            lines.append(f"| {sizes} | {cost.gas:,} | {cost.gas / cost.steps:,.0f} | {blobs} |")
    return "\n".join(lines) + "\n"


def draw(found: dict[Source, list[Cost]]) -> None:
    """Gas of a step by the number of steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    lines = {
        "gas, data in calldata": [(cost.steps, cost.gas / cost.steps) for cost in found[Source.CALLDATA]],
        "gas, data in blobs": [(cost.steps, cost.gas / cost.steps) for cost in found[Source.BLOB]],
        "blob gas, data in blobs": [(cost.steps, cost.blob_gas / cost.steps) for cost in found[Source.BLOB]],
    }
    for label, points in lines.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
    axes.set(xscale="log", yscale="log", xlabel="steps", ylabel="a step", title="What a step costs")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, dpi=80, metadata={"Software": None})


async def measure(steps: tuple[int, ...], count: int) -> tuple[dict[str, Cost], dict[Source, list[Cost]]]:
    """Costs of commands, and of batches by where their data are."""
    async with LocalChain() as local:
        market = await Market.open(local)
        await market.commit()
        commands = await of_commands(market, count)
        batches = {source: [await of_batches(market, number, source) for number in steps] for source in Source}
    return commands, batches


def main() -> int:
    """Measures, and writes page and plot; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benches.costs", description="What batches cost on the chain.")
    parser.add_argument("--quick", action="store_true", help="small batches; prints, and leaves the page as it is")
    quick = parser.parse_args().quick
    count = QUICK_REPEATED if quick else REPEATED
    commands, batches = asyncio.run(measure(QUICK_STEPS if quick else STEPS, count))
    tables = {"commands": command_table(commands, count), "batches": batch_table(batches)}
    if quick:
        print("\n".join(tables.values()))
        return 0
    text = PAGE.read_text()
    for name, table in tables.items():
        text = replaced(text, name, table)
    PAGE.write_text(text)
    draw(batches)
    return 0


if __name__ == "__main__":
    sys.exit(main())
