"""Orders from their placing to their end, through the API, across restarts and expiries."""

from __future__ import annotations

import asyncio
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from support.venue import CALL, DAY, EXPIRY, PERPETUAL, PUT, START, TestVenue, secret, settled
from synchromesh._native import JournalReader
from synchromesh.client import Client, ConnectionLost, RequestRefused
from synchromesh.clock import SECOND
from synchromesh.protocol import Clock, OrderType, Record, TimeInForce, address_of

ALICE, BOB = secret("alice"), secret("bob")


def fund(venue: TestVenue) -> None:
    venue.deposit(address_of(ALICE))
    venue.deposit(address_of(BOB))


async def test_life_of_an_order(venue: TestVenue) -> None:
    fund(venue)
    url = venue.config.websocket_url
    async with Client(url, ALICE) as alice, Client(url, BOB) as bob:
        placed = await alice.buy(CALL, "0.1", 1900, client_order_id="one")
        assert (placed.order.order_state, placed.sequence * 1024) == ("open", int(placed.order.order_id))
        again = await alice.buy(CALL, "0.1", 1900, client_order_id="one")
        assert (again.duplicate, again.order.order_id) == (True, placed.order.order_id)
        assert (await alice.status()).sequence == placed.sequence
        assert (await alice.order_by_client_id("one")).order_id == placed.order.order_id

        taken = await bob.sell(CALL, "0.03", 1900)
        [fill] = taken.trades
        assert (fill.price, fill.amount, fill.liquidity, fill.direction) == (1900, Decimal("0.03"), "T", "sell")
        assert fill.fee == Decimal("0.684"), "0.03 % of 0.03 contracts at an index of 76,000"
        order = await alice.order(placed.order.order_id)
        assert (order.filled_amount, order.average_price, order.is_open) == (Decimal("0.03"), 1900, True)

        edited = await alice.edit(order.order_id, "0.08", 1900)
        assert (edited.order.amount, edited.order.replaced) == (Decimal("0.08"), True)
        assert (await bob.order_book(CALL)).bids == [(1900, Decimal("0.05"))]
        moved = await alice.edit(order.order_id, "0.08", 1905)
        assert moved.order.price == 1905
        with pytest.raises(RequestRefused) as refused:
            await bob.edit(order.order_id, "0.08", 1905)
        assert refused.value.code in (10004, 13009)
        with pytest.raises(RequestRefused) as refused:
            await bob.order(order.order_id)
        assert refused.value.code == 10004

        assert [item.order_id for item in await alice.open_orders(CALL)] == [order.order_id]
        assert await alice.open_orders(PUT) == []
        ended = await alice.cancel(order.order_id)
        assert (ended.order_state, ended.cancel_reason) == ("cancelled", "cancelled")
        with pytest.raises(RequestRefused) as refused:
            await alice.cancel(order.order_id)
        assert refused.value.code == 10004

        [trade] = await alice.user_trades()
        assert (trade.liquidity, trade.order_id, trade.sequence) == ("M", order.order_id, taken.sequence)
        by_order = await alice.request("private/get_user_trades_by_order", order_id=order.order_id)
        assert [item["trade_id"] for item in by_order] == [trade.trade_id]
        [position] = await bob.positions()
        assert (position.size, position.instrument_name) == (Decimal("-0.03"), CALL)
        account = await bob.account()
        assert account.initial_margin > 0
        assert account.balance == 1_000_000 + Decimal("0.03") * 1900 - Decimal("0.684")
        ticker = await bob.ticker(CALL)
        assert (ticker.last_price, ticker.open_interest) == (1900, Decimal("0.03"))

        receipt = await alice.receipt(taken.sequence)
        receipt.verify(address_of(venue.operator), venue.domain)


async def test_immediate_orders(venue: TestVenue) -> None:
    fund(venue)
    url = venue.config.websocket_url
    async with Client(url, ALICE) as alice, Client(url, BOB) as bob:
        await alice.sell(PERPETUAL, "0.01", 76_010)
        result = await bob.buy(PERPETUAL, "0.05", 76_100, order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC)
        assert (result.order.filled_amount, result.order.cancel_reason) == (Decimal("0.01"), "immediate_or_cancel")
        with pytest.raises(RequestRefused) as refused:
            await bob.buy(PERPETUAL, "0.05", 76_100, time_in_force=TimeInForce.FOK)
        assert refused.value.reason == "fill_or_kill"
        closing = await bob.sell(PERPETUAL, "0.05", 75_000, reduce_only=True)
        assert closing.order.reduce_only


async def test_good_till_date_ends_by_itself(tmp_path: Path) -> None:
    venue = TestVenue(tmp_path / "venue", speed=60.0)
    try:
        venue.up()
        venue.deposit(address_of(ALICE))
        async with Client(venue.config.websocket_url, ALICE) as alice:
            end = venue.now + 60 * SECOND
            order = (await alice.buy(CALL, "0.1", 1500, time_in_force=TimeInForce.GTD, valid_until=end)).order

            async def ended() -> bool:
                return not (await alice.order(order.order_id)).is_open

            await settled(ended)
            assert (await alice.order(order.order_id)).cancel_reason == "expired"
            assert venue.now >= end
    finally:
        venue.down()


async def test_a_venue_in_which_nothing_happens_journals_the_time(tmp_path: Path) -> None:
    venue = TestVenue(tmp_path / "venue", speed=60.0)
    try:
        venue.start()
        opened = venue.sequence
        await settled(lambda: venue.sequence >= opened + 2)
        frames = JournalReader(venue.directory.journal)
        commands = [Record.decode(record).command for frame in frames for record in frame.records]
        assert {type(command) for command in commands[opened:]} == {Clock}
    finally:
        venue.down()


async def test_series_expire_and_settle(tmp_path: Path) -> None:
    venue = TestVenue(
        tmp_path / "venue", speed=20_000.0, parameters={"nonce_past": 7 * DAY, "mark_staleness": 30 * DAY}
    )
    try:
        venue.up()
        fund(venue)
        url = venue.config.websocket_url
        async with Client(url, ALICE) as alice, Client(url, BOB) as bob:
            await alice.buy(CALL, "0.1", 1900)
            await bob.sell(CALL, "0.1", 1900)
            resting = (await alice.buy(PUT, "0.1", 1000)).order
            await settled(lambda: venue.now > EXPIRY)
            await asyncio.to_thread(venue.expire, 1, EXPIRY, 78_000 * 10**6)

            async def flat() -> bool:
                return not await alice.positions()

            await settled(flat)
            assert (await alice.order(resting.order_id)).cancel_reason == "instrument_expired"
            fee = Decimal("2.28")
            assert (await alice.account()).balance == 1_000_000 - 190 - fee + 200
            names = {item.instrument_name for item in await alice.instruments("BTC", "option", expired=True)}
            assert CALL in names
            with pytest.raises(RequestRefused) as refused:
                await alice.buy(CALL, "0.1", 1900)
            assert refused.value.code == 10012
    finally:
        venue.down()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_restart_loses_nothing(venue: TestVenue, number: signal.Signals) -> None:
    fund(venue)
    url = venue.config.websocket_url
    async with Client(url, ALICE) as alice:
        book = await alice.book(CALL)
        kept = (await alice.buy(CALL, "0.1", 1900, client_order_id="kept")).order
        gone = (await alice.buy(CALL, "0.1", 1895)).order
        await alice.cancel(gone.order_id)
        before = await alice.status()
        status = await asyncio.to_thread(venue.stop, number)
        assert status == (0 if number == signal.SIGTERM else -signal.SIGKILL)
        with pytest.raises(ConnectionLost):
            await alice.status()
        await asyncio.to_thread(venue.start)
        await settled(lambda: alice.connected and alice.reconnects > 0)
        after = await alice.status()
        assert (after.sequence, after.chain_hash) == (before.sequence, before.chain_hash)
        assert after.epoch == before.epoch + 1
        again = await alice.buy(CALL, "0.1", 1900, client_order_id="kept")
        assert (again.duplicate, again.order.order_id) == (True, kept.order_id)
        await alice.buy(CALL, "0.1", 1890)
        # Subscriptions come back by themselves.
        await settled(lambda: book.ready and book.bids == [(1900, Decimal("0.1")), (1890, Decimal("0.1"))])


def test_clock_starts_where_it_was_told(shared_venue: TestVenue) -> None:
    assert 0 <= shared_venue.call("public/get_time") - START // 10**6 < 120_000
