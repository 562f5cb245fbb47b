"""Margin calls and liquidations through the API: notices, public records that outlive a restart, bids, who paid."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.venue import PERPETUAL, TestVenue, VenueError, secret, settled
from synchromesh.agents.liquidator import Liquidator
from synchromesh.client import Client, RequestRefused, SyncClient
from synchromesh.client.types import Liquidation, MarginCall
from synchromesh.protocol import PostOnly, address_of

SIZE = Decimal("0.1")
DEPOSIT = 320
"""What the victim has behind its position: 4 % of it are 304."""


class Tragedy:
    """A venue on which somebody holds a perpetual with hardly enough behind it, and somebody else stands against it."""

    def __init__(self, path: Path, **parameters: int) -> None:
        self.venue = TestVenue(path, parameters={"liquidation_interval": 0, **parameters})

    async def begin(self) -> None:
        for who, usdc in (("victim", DEPOSIT), ("maker", 1_000_000), ("bidder", 100_000)):
            self.venue.deposit(address_of(secret(who)), usdc)
        async with self.client("maker") as maker, self.client("victim") as victim:
            await maker.sell(PERPETUAL, SIZE, 76_000)
            await victim.buy(PERPETUAL, SIZE, 76_000)
            self.victim = victim.subaccount or 0

    def client(self, who: str) -> Client:
        return Client(self.venue.config.websocket_url, secret(who))

    def mark(self, index: float) -> None:
        self.venue.mark(BTC=index)


@pytest.fixture
def tragedy(tmp_path: Path) -> Iterator[Tragedy]:
    one = Tragedy(tmp_path / "venue")
    try:
        one.venue.up()
        yield one
    finally:
        one.venue.down()


async def test_calls_come_before_the_liquidation_and_slices_are_public(tragedy: Tragedy) -> None:
    await tragedy.begin()
    calls: list[MarginCall] = []
    foreign: list[MarginCall] = []
    records: list[Liquidation] = []
    async with tragedy.client("victim") as victim, tragedy.client("maker") as maker:
        await victim.subscribe("user.margin_calls", lambda _, call: calls.append(call))
        await maker.subscribe("user.margin_calls", lambda _, call: foreign.append(call))
        await maker.subscribe("liquidations.BTC", lambda _, record: records.append(record))
        tragedy.mark(75_000)
        await settled(lambda: len(calls) == 1)
        account = await victim.account()
        assert (calls[0].level, account.margin_call, account.liquidation_id) == ("initial", "initial", None)
        assert calls[0].equity == account.maintenance_balance < calls[0].initial_margin
        tragedy.mark(74_350)
        await settled(lambda: len(calls) == 2)
        assert calls[1].level == "maintenance"
        assert calls[1].equity > calls[1].maintenance_margin
        assert records == []

        await maker.buy(PERPETUAL, 1, 74_000, post_only=PostOnly.REJECT)
        await victim.sell(PERPETUAL, SIZE, 80_000)
        tragedy.mark(74_150)
        await settled(lambda: len(records) >= 1)
        first = records[0]
        assert (first.subaccount_id, first.state, first.outcome) == (tragedy.victim, "book", None)
        assert (first.trigger.currency, first.trigger.index_price) == ("BTC", 74_150)
        assert first.trigger.equity < first.trigger.maintenance_margin
        assert first.slices, "the mark that started it traded the first slice"
        assert (await victim.account()).liquidation_id == first.liquidation_id
        assert await victim.open_orders() == [], "open orders end first"
        with pytest.raises(RequestRefused) as refused:
            await victim.buy(PERPETUAL, "0.001", 74_000)
        assert refused.value.reason == "in_liquidation"
        for _ in range(12):
            tragedy.mark(74_150)
        await settled(lambda: records[-1].state == "ended")

    last = records[-1]
    assert last.liquidation_id == first.liquidation_id
    assert last.outcome == "recovered"
    assert last.end_timestamp is not None
    assert last.auctions == last.auction_fills == last.deleveraged == []
    assert sum(part.fee for part in last.slices) == last.fees > 0
    assert sum(part.amount for part in last.slices) < SIZE
    for part in last.slices:
        assert (part.instrument_name, part.direction, part.average_price) == (PERPETUAL, "sell", 74_000)
        assert part.limit_price <= part.average_price <= part.mark_price == 74_150
    assert foreign == []
    assert calls[-1].level == "none"
    with SyncClient(tragedy.venue.config.websocket_url) as reader:
        assert reader.liquidations() == [last]
        assert reader.liquidations("ETH") == reader.liquidations(running=True) == []
        assert reader.insurance().balance == last.fees


async def test_a_portfolio_that_the_book_does_not_take_is_auctioned(tragedy: Tragedy) -> None:
    await tragedy.begin()
    url = tragedy.venue.config.websocket_url
    async with tragedy.client("bidder") as bidder:
        tragedy.mark(74_100)
        [running] = await bidder.liquidations(running=True)
        auction = running.auction
        assert auction is not None
        assert (running.state, running.subaccount_id, auction.insolvent) == ("auction", tragedy.victim, False)
        assert auction.portfolio.positions == {PERPETUAL: SIZE}
        assert 0 < auction.share_max <= 1
        assert auction.price < auction.portfolio.value
        assert [opening.insolvent for opening in running.auctions] == [False]

        for share, limit, reason in ((1, -1_000, "bid_limit"), ("1.5", 0, "invalid_param"), (0, 0, "invalid_amount")):
            with pytest.raises(RequestRefused) as refused:
                await bidder.liquidation_bid(tragedy.victim, share, limit)
            assert refused.value.reason == reason
        with pytest.raises(RequestRefused) as refused:
            await bidder.liquidation_bid(bidder.subaccount or 0, 1, 1_000)
        assert refused.value.reason == "not_in_auction"

        done = await bidder.liquidation_bid(tragedy.victim, 1, auction.price + 50)
        assert done.liquidation_id == running.liquidation_id
        assert done.sequence == tragedy.venue.sequence
        assert done.fill.bidder == bidder.subaccount
        assert done.fill.insurance == 0
        [position] = await bidder.positions()
        assert (position.instrument_name, position.average_price) == (PERPETUAL, 74_100)
        [ended] = await bidder.liquidations()
    assert (ended.state, ended.outcome, ended.auction) == ("ended", "recovered", None)
    assert ended.auction_fills == [done.fill]
    [moved] = ended.moved
    assert (moved.instrument_name, moved.amount, moved.counterparty) == (PERPETUAL, position.size, done.fill.bidder)
    assert moved.price == 74_100

    tragedy.venue.stop()
    tragedy.venue.start()
    with SyncClient(url) as reader:
        assert reader.liquidations() == [ended], "records outlive the process"
        assert reader.liquidations(before=ended.liquidation_id) == []


async def test_the_liquidator_takes_what_is_auctioned(tragedy: Tragedy) -> None:
    await tragedy.begin()
    agent = Liquidator(tragedy.venue.path, "liquidator", 1)
    tragedy.venue.deposit(address_of(tragedy.venue.directory.read_key("liquidator")), 100_000)
    tragedy.mark(74_100)
    await agent.open(0)
    [running] = await agent.client.liquidations(running=True)
    await agent._consider(running)
    assert (agent.stats.fills, agent.stats.refused) == (1, {})
    [ended] = await agent.client.liquidations()
    assert ended.auction_fills[0].bidder == agent.client.subaccount
    await agent.client.close()


def test_liquidations_are_selected_by_name(shared_venue: TestVenue) -> None:
    assert shared_venue.call("public/get_liquidations") == {"liquidations": [], "has_more": False}
    assert shared_venue.call("public/get_liquidations", liquidation_id=7)["liquidations"] == []
    bad: list[dict[str, Any]] = [
        {"count": 0},
        {"count": 201},
        {"currency": "DOGE"},
        {"before": -1},
        {"liquidation_id": 0},
    ]
    for params in bad:
        with pytest.raises(VenueError) as refused:
            shared_venue.call("public/get_liquidations", **params)
        assert (refused.value.code, refused.value.reason) == (-32602, "invalid_param")


async def test_channels_of_strangers_and_of_nothing_are_refused(shared_venue: TestVenue) -> None:
    async with Client(shared_venue.config.websocket_url) as reader:
        for name in ("user.margin_calls", "liquidations.DOGE"):
            with pytest.raises(RequestRefused):
                await reader.subscribe(name, lambda _, data: None)
