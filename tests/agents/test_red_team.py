"""The red team and the leveraged users against a real venue: they are understood, and nothing is got out."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from support.risk import RiskVenue
from support.venue import CALL, PERPETUAL, PUT, secret, settled
from synchromesh.agents.leveraged import Leveraged
from synchromesh.agents.market import open_market
from synchromesh.agents.red_team.accounts import Market
from synchromesh.agents.red_team.attacks import (
    Attack,
    MarginPull,
    SelfTrade,
    Squeeze,
    WorstPortfolio,
    worst_portfolio,
)
from synchromesh.client import Client
from synchromesh.client.types import BookSummary
from synchromesh.protocol import address_of

DEPOSIT = 20_000


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RiskVenue]:
    one = RiskVenue(tmp_path_factory.mktemp("red") / "venue")
    try:
        one.up()
        one.deposit(address_of(secret("maker")), 10_000_000)
        yield one
    finally:
        one.down()


async def quote(venue: RiskVenue) -> None:
    """A market in the perpetual and in two options, wide around the marks."""
    async with Client(venue.config.websocket_url, secret("maker")) as maker:
        await maker.login()
        await maker.cancel_all() if await maker.open_orders() else None
        for name in (PERPETUAL, CALL, PUT):
            ticker = await maker.ticker(name)
            instrument = next(line for line in await maker.instruments() if line.instrument_name == name)
            tick = instrument.tick_size
            low = ticker.mark_price * Decimal("0.999") // tick * tick
            await maker.buy(name, 5, low)
            await maker.sell(name, 5, low + tick * (2 + ticker.mark_price // (500 * tick)))

        async def is_quoted() -> bool:
            return len(await quoted(maker)) == 3

        # The public summary follows the acknowledgement, from the publisher's thread.
        await settled(is_quoted)


async def quoted(client: Client) -> list[BookSummary]:
    """The instruments that have both sides."""
    return [line for line in await client.book_summaries() if line.bid_price and line.ask_price]


async def started(venue: RiskVenue, kind: type[Attack]) -> Attack:
    attack = kind(Path(venue.path), 1, DEPOSIT, open_market(None))
    for attacker in attack.attackers:
        venue.deposit(address_of(venue.directory.read_key(attacker.name)), DEPOSIT)
        await attacker.start()
    return attack


async def ended(attack: Attack) -> None:
    for attacker in attack.attackers:
        await attacker.client.close()


@pytest.mark.parametrize("kind", [SelfTrade, Squeeze, MarginPull])
async def test_an_attack_is_taken_seriously_and_gets_nothing(venue: RiskVenue, kind: type[Attack]) -> None:
    await quote(venue)
    attack = await started(venue, kind)
    for _ in range(3):
        await attack.play()
    await ended(attack)
    result = attack.result
    assert result.requests > 0
    assert result.deposited == DEPOSIT * len(attack.attackers)
    # Between two accounts of one attacker nothing is made; a perpetual at a standing mark earns nothing either.
    assert result.best_profit <= 0
    assert result.worst_owed == 0
    if kind is MarginPull:
        assert "insufficient_funds" in result.refused
        assert 0 < result.withdrawn < DEPOSIT


async def test_the_worst_portfolio_is_solved_for_and_traded_within_margin(venue: RiskVenue) -> None:
    wanted = worst_portfolio(open_market(None))
    assert any(size < 0 for size in wanted.values()), "somebody has to be short to lose most"
    await quote(venue)
    attack = await started(venue, WorstPortfolio)
    assert isinstance(attack, WorstPortfolio)
    attack._wanted = {CALL: Decimal(-2), PUT: Decimal(1)}
    (attacker,) = attack.attackers
    await attack.round(await Market.look(attacker))
    account = await attacker.client.account()
    held = {position.instrument_name: position.size for position in await attacker.client.positions()}
    assert account.model == "portfolio"
    assert held[CALL] < 0 < held[PUT]
    assert 0 < account.initial_margin <= account.margin_balance
    await ended(attack)


@pytest.mark.parametrize("style", ["long_perpetual", "short_puts", "short_strangles"])
async def test_a_leveraged_user_fills_his_margin(venue: RiskVenue, style: str) -> None:
    await quote(venue)
    user = Leveraged(Path(venue.path), f"leveraged-{style}", 1, style)
    venue.deposit(address_of(venue.directory.read_key(user.name)), DEPOSIT)
    await user.open(0)
    lines = await quoted(user.client)
    if style == "long_perpetual":
        await user._build(lines)
        account = await user.client.account()
        assert user.stats.fills > 0
        assert account.initial_margin > account.margin_balance / 5
    else:
        # The two strikes of this venue are at the money: nothing that these styles want.
        assert await user._switch() if style == "short_strangles" else True
        await user._build(lines)
        assert user.stats.orders == 0
    await user.client.close()
