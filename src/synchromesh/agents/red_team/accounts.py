"""The attackers' accounts, and what an attack has made: money out, and what is left, less money in."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec

from synchromesh.agents.base import Agent
from synchromesh.client.types import BookSummary, Instrument
from synchromesh.protocol import Side, TimeInForce

SCORE_NAME = "red_team.json"
"""File of the venue directory with the results by attack."""


class AttackResult(msgspec.Struct):
    """What an attack has come to.

    Attributes:
        requests: Requests that the venue took.
        refused: Requests that it refused, by reason.
        deposited: What the attackers brought, USDC.
        withdrawn: What the venue let go, USDC.
        profit: Withdrawn, and the equity left where it is positive, less deposited, USDC. An account in the red counts
            nothing: its owner walks away. Gains of the market itself are in it.
        best_profit: The highest that it was.
        owed: What the accounts in the red owe: what somebody else would have to pay, USDC.
        worst_owed: The highest that it was.
    """

    requests: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    deposited: Decimal = Decimal(0)
    withdrawn: Decimal = Decimal(0)
    profit: Decimal = Decimal(0)
    best_profit: Decimal = Decimal(0)
    owed: Decimal = Decimal(0)
    worst_owed: Decimal = Decimal(0)


class Attacker(Agent):
    """One account of an attack, under a key of its own: to the venue, a stranger to the others."""

    def __init__(self, directory: Path, name: str, seed: int, deposit: int) -> None:
        super().__init__(directory, name, seed)
        self.brought = deposit
        self.withdrawn = Decimal(0)

    async def start(self) -> None:
        """Opens the account with its deposit."""
        await self.open(self.brought)

    async def trade(self, side: Side, name: str, amount: Decimal, price: Decimal, *, rest: bool = False) -> bool:
        """Sends an order, immediate or resting; returns whether the venue took it."""
        force = TimeInForce.GTC if rest else TimeInForce.IOC
        result = await self.timed(self.client.place(side, name, amount, price, time_in_force=force))
        self.stats.orders += result is not None
        return result is not None

    async def pull(self, keep: Decimal) -> None:
        """Withdraws what the venue lets go, down to ``keep`` USDC."""
        free = (await self.client.account()).available_withdrawal_funds - keep
        if free > 0 and await self.timed(self.client.withdraw(free, self.client.signer.address)) is not None:
            self.withdrawn += free

    async def overdraw(self) -> None:
        """Asks for more than there is."""
        balance = (await self.client.account()).balance
        if balance <= 0:
            return
        asked = balance + 1
        if await self.timed(self.client.withdraw(asked, self.client.signer.address)) is not None:
            self.withdrawn += asked


class Market(msgspec.Struct):
    """What attackers see: instruments and the whole chain, by name."""

    instruments: dict[str, Instrument]
    lines: dict[str, BookSummary]

    @classmethod
    async def look(cls, attacker: Attacker) -> Market:
        """Asks the venue."""
        instruments = {line.instrument_name: line for line in await attacker.client.instruments()}
        lines = {line.instrument_name: line for line in await attacker.client.book_summaries()}
        return cls(instruments, {name: line for name, line in lines.items() if name in instruments})

    def thin(self) -> str | None:
        """The quoted option that the least would move: no open interest, the lowest mark, by name."""
        options = [line for name, line in self.lines.items() if name.count("-") == 3 and line.mark_price > 0]
        found = min(options, key=lambda line: (line.open_interest, line.mark_price, line.instrument_name), default=None)
        return None if found is None else found.instrument_name


async def account_for(result: AttackResult, attackers: list[Attacker]) -> None:
    """Brings the result of an attack up to date."""
    equities = [(await attacker.client.account()).equity for attacker in attackers]
    result.requests = sum(attacker.stats.orders for attacker in attackers)
    result.refused = {}
    for attacker in attackers:
        for reason, count in attacker.stats.refused.items():
            result.refused[reason] = result.refused.get(reason, 0) + count
    result.deposited = Decimal(sum(attacker.brought for attacker in attackers))
    result.withdrawn = sum((attacker.withdrawn for attacker in attackers), Decimal(0))
    left = sum((max(equity, Decimal(0)) for equity in equities), Decimal(0))
    result.profit = result.withdrawn + left - result.deposited
    result.best_profit = max(result.best_profit, result.profit)
    result.owed = sum((max(-equity, Decimal(0)) for equity in equities), Decimal(0))
    result.worst_owed = max(result.worst_owed, result.owed)


def read_score(directory: Path) -> dict[str, AttackResult]:
    """Returns the results by attack; empty before the first."""
    try:
        return msgspec.json.decode((directory / SCORE_NAME).read_bytes(), type=dict[str, AttackResult])
    except FileNotFoundError:
        return {}
