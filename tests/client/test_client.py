"""The SDK against a running venue."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from support.venue import CALL, DAY, PERPETUAL, TestVenue, secret, settled
from synchromesh.client import BookGap, Client, ClientError, ConnectionLost, LocalBook, RequestRefused, SyncClient
from synchromesh.client.types import BookUpdate
from synchromesh.client.units import scaled, units
from synchromesh.protocol import SignatureError, address_of

ALICE = secret("alice")


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        ("1.5", 6, 1_500_000),
        (0.1, 8, 10_000_000),
        (Decimal("1e2"), 6, 100_000_000),
        (-3, 6, -3_000_000),
        ("0.00000001", 8, 1),
        ("9223372036854.775807", 6, 2**63 - 1),
    ],
)
def test_units_are_exact(value: Any, places: int, expected: int) -> None:
    assert units(value, places) == expected


@pytest.mark.parametrize("value", ["1e-9", "9223372036854.775808", "1e300", "-1e-300", "0.1" + "0" * 60 + "1"])
def test_units_refuse_what_does_not_fit(value: str) -> None:
    assert scaled(Decimal(value), 6) is None
    with pytest.raises(ValueError, match="multiple"):
        units(value, 6)


@pytest.mark.parametrize("value", ["NaN", "inf", "one", ""])
def test_units_refuse_what_is_no_number(value: str) -> None:
    with pytest.raises(ValueError, match="number"):
        units(value, 6)


def update(kind: str, previous: int, change: int, bids: list[tuple[str, int, int]]) -> BookUpdate:
    levels = [(action, Decimal(price), Decimal(amount)) for action, price, amount in bids]
    return BookUpdate(kind, 0, "X", change, levels, [], previous)


def test_local_book_notices_gaps() -> None:
    book = LocalBook("X")
    with pytest.raises(BookGap):
        book.apply(update("change", 0, 1, []))
    book.apply(update("snapshot", 0, 5, [("new", 10, 1), ("new", 11, 2)]))
    book.apply(update("change", 5, 7, [("delete", 11, 0), ("change", 10, 3)]))
    assert book.bids == [(10, 3)]
    with pytest.raises(BookGap):
        book.apply(update("change", 8, 9, []))
    assert not book.ready
    book.apply(update("snapshot", 0, 9, []))
    assert (book.ready, book.bids, book.best_bid) == (True, [], None)


@pytest.fixture(scope="module")
def funded(shared_venue: TestVenue) -> TestVenue:
    shared_venue.deposit(address_of(ALICE))
    return shared_venue


def test_sync_client_does_everything(funded: TestVenue) -> None:
    with SyncClient(funded.config.websocket_url, ALICE) as client:
        assert {item.instrument_name for item in client.instruments()} == {spec.name for spec in funded.specs}
        assert client.venue.chain_id == funded.config.chain_id
        assert client.index_price("BTC") == 76_000
        assert len(client.book_summaries("BTC", "option")) == 6
        pushes: list[Any] = []
        client.subscribe(f"quote.{CALL}", lambda channel, data: pushes.append(data))
        order = client.buy(CALL, "0.1", 1900).order
        assert client.order(order.order_id).is_open
        assert client.open_orders(CALL)[0].order_id == order.order_id
        edited = client.edit(order.order_id, "0.2", 1895)
        assert edited.order.amount == Decimal("0.2")
        assert client.order_book(CALL).bids == [(1895, Decimal("0.2"))]
        book = client.book(CALL)
        assert book.best_bid == (1895, Decimal("0.2"))
        assert client.cancel(order.order_id).order_state == "cancelled"
        assert client.cancel_all().cancelled == 0
        assert pushes[-1].best_bid_amount == 0
        assert client.ticker(PERPETUAL).mark_price == 76_000
        assert client.positions() == []
        assert client.user_trades() == []
        assert client.last_trades(CALL) == []

        before = client.account().balance
        withdrawal = client.withdraw("1.5", address_of(ALICE))
        assert withdrawal.state == "queued"
        assert client.account().balance == before - Decimal("1.5")
        second = client.create_subaccount().id
        client.transfer(100, second)
        assert client.account(second).balance == 100
        assert client.subaccounts() == [1, second]
        key = secret("sync session")
        client.register_session_key(key, ["trade"], client.now_ns() + DAY, [second])
        with SyncClient(funded.config.websocket_url, key) as session:
            assert session.subaccount == second
            with pytest.raises(RequestRefused) as refused:
                session.buy(CALL, "1", 1900)
            assert (refused.value.code, refused.value.reason) == (10009, "not_enough_margin")
        client.revoke_session_key(address_of(key))
        client.raise_nonce_floor()
        receipt = client.receipt(withdrawal.sequence)
        receipt.verify(address_of(funded.operator), funded.domain)
        with pytest.raises(SignatureError):
            receipt.verify(address_of(ALICE), funded.domain)


async def test_reader_needs_no_key(funded: TestVenue) -> None:
    async with Client(funded.config.websocket_url) as client:
        assert (await client.ticker(CALL)).instrument_name == CALL
        with pytest.raises(ClientError, match="key"):
            await client.buy(CALL, "0.1", 1900, subaccount=1)
        with pytest.raises(ClientError, match="subaccount"):
            await client.buy(CALL, "0.1", 1900)
        with pytest.raises(RequestRefused):
            await client.positions()


async def test_nobody_listens(funded: TestVenue) -> None:
    with pytest.raises((OSError, ConnectionLost)):
        await Client("ws://127.0.0.1:9/ws/api/v2").connect()
    with pytest.raises(ConnectionLost):
        await Client(funded.config.websocket_url.replace("v2", "v1")).connect()
    with pytest.raises(ConnectionLost):
        await Client(funded.config.websocket_url).status()


async def test_lost_connection_heals_itself(funded: TestVenue) -> None:
    async with Client(funded.config.websocket_url, ALICE) as client:
        book = await client.book(CALL)
        pushes: list[Any] = []
        await client.subscribe("user.orders.any.any.raw", lambda channel, data: pushes.append(data))
        assert client._connection is not None
        assert client._connection._transport is not None
        client._connection._transport.underlying_transport.abort()
        with pytest.raises(ConnectionLost):
            await client.status()
        await settled(lambda: client.reconnects == 1 and client.connected)
        order = (await client.buy(CALL, "0.1", 1500)).order
        await settled(lambda: book.ready and book.best_bid == (1500, Decimal("0.1")))
        await settled(lambda: [push.order_id for push in pushes] == [order.order_id])
        await client.cancel_all()


async def test_a_gap_fetches_a_new_snapshot(funded: TestVenue) -> None:
    async with Client(funded.config.websocket_url, ALICE) as client:
        book = await client.book(CALL)
        await settled(lambda: book.ready)
        book.change_id -= 1  # as if a push had been lost
        await client.buy(CALL, "0.1", 1600)
        await settled(lambda: book.ready and book.best_bid == (1600, Decimal("0.1")))
        await client.cancel_all()
        await settled(lambda: book.bids == [])


async def test_orders_pipeline(funded: TestVenue) -> None:
    async with Client(funded.config.websocket_url, ALICE) as client:
        results = await asyncio.gather(*(client.buy(CALL, "0.01", 1000 + 5 * i) for i in range(100)))
        assert len({result.sequence for result in results}) == 100
        assert (await client.cancel_all()).cancelled == 100
