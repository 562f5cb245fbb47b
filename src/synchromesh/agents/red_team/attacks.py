"""The attacks. Each plays one round after the other until the demo ends; what it may gain is counted elsewhere."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import numpy as np

from synchromesh.agents.market.fitted import FittedMarket
from synchromesh.agents.red_team.accounts import Attacker, AttackResult, Market, account_for
from synchromesh.protocol import CONTRACT, Side
from synchromesh.risk.adversary.market import LabMarket
from synchromesh.risk.adversary.moves import Move
from synchromesh.risk.adversary.program import Adversary
from synchromesh.risk.adversary.requirement import Requirement
from synchromesh.risk.parameters import DEFAULT_RISK

CRASH = Move(spot=-0.20, row=0.5)
"""Beyond the grid's range, and between its rows of vols."""
LOSS = 100_000.0
"""USD that the portfolio is solved for; it is traded as large as margin allows."""
STRIKES = 12
"""Strikes of each expiry that the attacker considers."""


class Attack(ABC):
    """An attack with accounts of its own.

    Args:
        directory: The venue directory.
        seed: Of its choices.
        deposit: USDC that each of its accounts brings.
        market: What is traded, as those know it who study the venue beforehand.
    """

    name: ClassVar[str]
    accounts: ClassVar[int] = 2

    def __init__(self, directory: Path, seed: int, deposit: int, market: FittedMarket) -> None:
        self.market = market
        self.attackers = [
            Attacker(directory, f"red-{self.name}-{number}", seed, deposit) for number in range(self.accounts)
        ]
        self.result = AttackResult()

    async def start(self) -> None:
        """Opens the accounts."""
        for attacker in self.attackers:
            await attacker.start()

    async def play(self) -> None:
        """One round, and its account."""
        await self.round(await Market.look(self.attackers[0]))
        for attacker in self.attackers:
            await attacker.pull(keep=Decimal(attacker.brought))
        await account_for(self.result, self.attackers)

    @abstractmethod
    async def round(self, market: Market) -> None:
        """One round of the attack."""


class SelfTrade(Attack):
    """Two accounts trade with each other far from the mark: the winner withdraws, the loser walks away (Mango)."""

    name = "self_trade"

    async def round(self, market: Market) -> None:
        """The loser sells cheap what nobody else trades, and buys it back dear."""
        thin = market.thin()
        if thin is None:
            return
        winner, loser = self.attackers
        line, instrument = market.lines[thin], market.instruments[thin]
        tick, lot = instrument.tick_size, instrument.min_trade_amount
        low, high = tick, max(2 * tick, (line.mark_price * Decimal("1.9")) // tick * tick)
        for buyer, seller, price in ((winner, loser, low), (loser, winner, high)):
            if await seller.trade(Side.SELL, thin, 50 * lot, price, rest=True):
                await buyer.trade(Side.BUY, thin, 50 * lot, price)
            await seller.client.cancel_all()


class Squeeze(Attack):
    """Holds a thin option and paints its book, so that its mark, the collateral, rises (YFI, JELLY)."""

    name = "mark_squeeze"

    async def round(self, market: Market) -> None:
        """One account bids up what the other holds, then the holder sells risk against the mark."""
        thin = market.thin()
        if thin is None:
            return
        holder, painter = self.attackers
        line, instrument = market.lines[thin], market.instruments[thin]
        tick, lot = instrument.tick_size, instrument.min_trade_amount
        price = max(tick, line.mark_price // tick * tick)
        if await painter.trade(Side.SELL, thin, 20 * lot, price, rest=True):
            await holder.trade(Side.BUY, thin, 20 * lot, price)
        for step in (2, 5, 20):
            await painter.trade(Side.BUY, thin, lot, price * step, rest=True)
        await painter.client.cancel_all()


class MarginPull(Attack):
    """Takes the largest position that margin allows, and asks for its margin back, and for more than there is."""

    name = "margin_pull"
    accounts = 1

    async def round(self, market: Market) -> None:
        """Buys a perpetual with all there is, and overdraws."""
        (attacker,) = self.attackers
        perpetual = next((name for name in market.lines if name.endswith("PERPETUAL")), None)
        if perpetual is None:
            return
        line, lot = market.lines[perpetual], market.instruments[perpetual].min_trade_amount
        account = await attacker.client.account()
        free = account.available_funds
        if line.ask_price is not None and free > 0:
            amount = free / (line.mark_price * Decimal("0.05")) // lot * lot
            if amount > 0:
                await attacker.trade(Side.BUY, perpetual, amount, line.ask_price)
        await attacker.pull(keep=Decimal(0))
        await attacker.overdraw()


class WorstPortfolio(Attack):
    """Fills its portfolio margin with the portfolio that it covers worst in a crash that the model does not name.

    The portfolio is the solution of the risk lab's linear program on the chain that is traded.
    """

    name = "worst_portfolio"
    accounts = 1

    def __init__(self, directory: Path, seed: int, deposit: int, market: FittedMarket) -> None:
        super().__init__(directory, seed, deposit, market)
        self._portfolio = False
        self._wanted: dict[str, Decimal] = {}

    async def start(self) -> None:
        """Opens the account, and solves."""
        await super().start()
        self._wanted = await asyncio.to_thread(worst_portfolio, self.market)

    async def round(self, market: Market) -> None:
        """Trades towards the portfolio, at half of what its margin still allows."""
        (attacker,) = self.attackers
        if not self._portfolio:
            self._portfolio = await attacker.timed(attacker.client.set_margin_model("portfolio")) is not None
        free = (await attacker.client.account()).available_funds
        wanted = {name: size for name, size in self._wanted.items() if name in market.lines}
        if not self._portfolio or not wanted or free < attacker.brought / 20:
            return
        needed = (await attacker.client.simulate_margin(wanted, model="portfolio")).initial_margin
        scale = free / max(needed, Decimal(1)) / 2
        # The long wings first: what they cover is not margined when the short ones are sold.
        for name, size in sorted(wanted.items(), key=lambda leg: -leg[1]):
            line, lot = market.lines[name], market.instruments[name].min_trade_amount
            amount = abs(size) * scale // lot * lot
            price = line.ask_price if size > 0 else line.bid_price
            if amount > 0 and price is not None:
                await attacker.trade(Side.BUY if size > 0 else Side.SELL, name, amount, price)


def worst_portfolio(market: FittedMarket) -> dict[str, Decimal]:
    """Returns the worst covered portfolio at `CRASH` for a loss of `LOSS`: contracts in whole lots, by instrument."""
    lab = LabMarket.from_fitted(market.underlyings[0], 0, "venue").thinned(STRIKES)
    risk = DEFAULT_RISK[lab.symbol]
    worst = Adversary(Requirement.of(lab, risk)).worst(lab.pnl(CRASH, risk.scenario))
    if worst is None:
        return {}
    lots = np.round(worst.contracts * (LOSS / lab.index) / lab.lot).astype(int).tolist()
    units = [Decimal(spec.lot_size) / CONTRACT for spec in lab.specs]
    return {name: lot * unit for name, lot, unit in zip(lab.names, lots, units, strict=True) if lot}


ATTACKS: tuple[type[Attack], ...] = (SelfTrade, Squeeze, MarginPull, WorstPortfolio)
"""All of them."""
