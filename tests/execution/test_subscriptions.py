"""Channels: snapshots and changes that add up, conflation, and nobody else's private data."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from support.venue import CALL, PERPETUAL, PUT, TestVenue, secret, settled
from synchromesh.client import Client, LocalBook, RequestRefused
from synchromesh.client.types import Order
from synchromesh.execution.channels import merge
from synchromesh.protocol import PostOnly, Side, TimeInForce, address_of


@pytest.fixture
async def traders(venue: TestVenue) -> AsyncIterator[tuple[Client, Client]]:
    for who in ("alice", "bob"):
        venue.deposit(address_of(secret(who)), 10_000_000)
    url = venue.config.websocket_url
    async with Client(url, secret("alice")) as alice, Client(url, secret("bob")) as bob:
        yield alice, bob


async def random_flow(clients: tuple[Client, ...], count: int, seed: int) -> None:
    """Orders, edits and cancels around one price, some of which trade."""
    generator = random.Random(seed)
    mine: dict[Client, list[str]] = {client: [] for client in clients}

    async def step(client: Client) -> None:
        side = generator.choice([Side.BUY, Side.SELL])
        offset = generator.randint(-3, 12) * (1 if side == Side.SELL else -1)
        price = 76_000 + Decimal(offset) / 2
        amount = Decimal(generator.randint(1, 30)) / 1000
        try:
            match generator.random():
                case x if x < 0.6 or not mine[client]:
                    limit = generator.choice([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC])
                    result = await client.place(side, PERPETUAL, amount, price, time_in_force=limit)
                    if result.order.is_open:
                        mine[client].append(result.order.order_id)
                case x if x < 0.8:
                    await client.edit(generator.choice(mine[client]), amount, price)
                case _:
                    await client.cancel(mine[client].pop(generator.randrange(len(mine[client]))))
        except RequestRefused:
            pass

    for _ in range(count // 10):
        await asyncio.gather(*(step(generator.choice(clients)) for _ in range(10)))


async def test_local_books_equal_the_venues(traders: tuple[Client, Client]) -> None:
    alice, bob = traders
    books = [await alice.book(PERPETUAL, interval) for interval in ("raw", "100ms")]
    late: list[LocalBook] = []

    async def join_late() -> None:
        for _ in range(3):
            await asyncio.sleep(0.1)
            async with Client(alice._url) as reader:
                late.append(await reader.book(PERPETUAL, "100ms"))
                await asyncio.sleep(0.3)

    await asyncio.gather(random_flow((alice, bob), 400, seed=1), join_late())
    books.append(await bob.book(PERPETUAL, "100ms"))
    reference = await alice.order_book(PERPETUAL, depth=10_000)
    assert reference.bids, "the flow left a book"
    assert reference.asks
    await settled(lambda: all(book.change_id >= reference.change_id for book in books))
    for book in books:
        assert book.ready
        assert book.bids == reference.bids
        assert book.asks == reference.asks
        assert book.best_bid == reference.bids[0]
        assert book.best_ask == reference.asks[0]
    assert all(book.ready for book in late), "books that joined in the middle never saw a gap"


def test_merge_keeps_the_net_effect() -> None:
    new, change, delete = 0, 1, 2
    frames = [
        [(0, new, 10, 5), (0, new, 11, 5), (0, change, 12, 5), (0, delete, 13, 0), (0, change, 14, 1)],
        [(0, change, 10, 6), (0, delete, 11, 0), (0, delete, 12, 0), (0, new, 13, 7), (1, new, 10, 1)],
    ]
    assert merge(frames) == [
        (0, new, 10, 6),
        (0, delete, 12, 0),
        (0, change, 13, 7),
        (0, change, 14, 1),
        (1, new, 10, 1),
    ]


async def test_market_channels(traders: tuple[Client, Client], venue: TestVenue) -> None:
    alice, bob = traders
    pushes: dict[str, list[Any]] = {}
    channels = [
        f"ticker.{CALL}.raw",
        f"ticker.{CALL}.100ms",
        f"quote.{CALL}",
        f"trades.{CALL}.raw",
        "trades.option.BTC.100ms",
        "trades.future.any.raw",
        f"book.{CALL}.none.10.100ms",
        "deribit_price_index.btc_usdc",
        "markprice.options.btc_usdc",
        "markprice.options.eth_usdc",
    ]
    await bob.subscribe(channels, lambda channel, data: pushes.setdefault(channel, []).append(data))
    await settled(lambda: len(pushes) == 7)
    assert pushes[f"quote.{CALL}"][0].best_bid_amount == 0
    await alice.buy(CALL, "0.1", 1900)
    await bob.sell(CALL, "0.03", 1900)
    await asyncio.to_thread(venue.mark, BTC=77_000)
    await settled(
        lambda: (
            pushes["deribit_price_index.btc_usdc"][-1].price == 77_000
            and {f"trades.{CALL}.raw", "trades.option.BTC.100ms"} <= pushes.keys()
            and pushes[f"ticker.{CALL}.100ms"][-1].index_price == 77_000
            and len(pushes["markprice.options.eth_usdc"]) == 2
        )
    )
    assert "trades.future.any.raw" not in pushes
    [[trade]] = pushes["trades.option.BTC.100ms"]
    assert (trade.price, trade.amount, trade.direction) == (1900, Decimal("0.03"), "sell")
    assert pushes[f"trades.{CALL}.raw"] == [[trade]]
    quote = pushes[f"quote.{CALL}"][-1]
    assert (quote.best_bid_price, quote.best_bid_amount) == (1900, Decimal("0.07"))
    depth = pushes[f"book.{CALL}.none.10.100ms"][-1]
    assert depth.bids == [(1900, Decimal("0.07"))]
    for interval in ("raw", "100ms"):
        ticker = pushes[f"ticker.{CALL}.{interval}"][-1]
        assert (ticker.index_price, ticker.best_bid_amount) == (77_000, Decimal("0.07"))
        assert ticker.greeks is not None
        assert ticker.greeks.gamma > 0
    assert len(pushes[f"ticker.{CALL}.100ms"]) < len(pushes[f"ticker.{CALL}.raw"])
    chain = pushes["markprice.options.btc_usdc"][-1]
    assert {mark.instrument_name for mark in chain} == {
        spec.name for spec in venue.specs if spec.underlying == 1 and spec.expiry
    }
    assert len(pushes["markprice.options.eth_usdc"]) == 2, "the snapshot, and the mark of both underlyings"


async def test_user_channels_show_own_data_only(traders: tuple[Client, Client]) -> None:
    alice, bob = traders
    seen: dict[Client, list[tuple[str, Any]]] = {alice: [], bob: []}
    channels = [
        "user.orders.any.any.raw",
        f"user.trades.{CALL}.raw",
        "user.portfolio.usdc",
        "user.orders.option.BTC.100ms",
    ]
    for client in traders:
        mine = seen[client]
        await client.subscribe(channels, lambda channel, data, mine=mine: mine.append((channel, data)))
    order = (await alice.buy(CALL, "0.1", 1900, client_order_id="first")).order
    await bob.sell(CALL, "0.04", 1900)
    await alice.cancel(order.order_id)

    def pushed(client: Client, channel: str) -> list[Any]:
        return [data for name, data in seen[client] if name == channel]

    def orders(client: Client) -> list[Order]:
        return pushed(client, "user.orders.any.any.raw")

    async def told() -> bool:
        """What happened last is in the channels that tell it late."""
        batches = pushed(alice, "user.orders.option.BTC.100ms")
        if not batches or batches[-1][-1].order_state != "cancelled":
            return False
        portfolios = [pushed(client, "user.portfolio.usdc")[-1:] for client in traders]
        balances = [(await client.account()).balance for client in traders]
        return [[portfolio.balance for portfolio in shown] for shown in portfolios] == [[one] for one in balances]

    await settled(told)
    assert [(item.order_state, item.filled_amount) for item in orders(alice)] == [
        ("open", 0),
        ("open", Decimal("0.04")),
        ("cancelled", Decimal("0.04")),
    ]
    assert [item.order_state for item in orders(bob)] == ["filled"]
    fills = {client: [data[0] for data in pushed(client, f"user.trades.{CALL}.raw")] for client in traders}
    assert [(fill.direction, fill.liquidity, fill.client_order_id) for fill in fills[alice]] == [("buy", "M", "first")]
    assert [(fill.direction, fill.liquidity, fill.client_order_id) for fill in fills[bob]] == [("sell", "T", "")]
    for client, subaccount in ((alice, 1), (bob, 2)):
        assert {portfolio.subaccount_id for portfolio in pushed(client, "user.portfolio.usdc")} == {subaccount}


async def test_unsubscribe_and_limits(venue: TestVenue) -> None:
    async with Client(venue.config.websocket_url) as client:
        got: list[Any] = []
        await client.subscribe([f"quote.{CALL}", f"quote.{PUT}"], lambda channel, data: got.append(channel))
        with pytest.raises(RequestRefused) as refused:
            await client.subscribe([f"ticker.{CALL}.raw", "nonsense"], lambda channel, data: got.append(channel))
        assert refused.value.code == 11052
        await client.unsubscribe(f"quote.{CALL}")
        count = len(got)
        await asyncio.to_thread(venue.mark, BTC=76_100)
        await settled(lambda: len(got) > count)
        assert set(got[count:]) == {f"quote.{PUT}"}, "all or nothing of the refused request, nothing of the ended one"
        assert await client.request("public/unsubscribe_all") == "ok"


async def test_post_only_slide_shows_the_price_it_rests_at(traders: tuple[Client, Client]) -> None:
    alice, bob = traders
    await alice.sell(CALL, "0.1", 2000)
    order = (await bob.buy(CALL, "0.1", 2100, post_only=PostOnly.SLIDE)).order
    assert order.is_open
    book = await bob.order_book(CALL)
    assert book.bids == [(1995, Decimal("0.1"))]
    assert book.asks == [(2000, Decimal("0.1"))]


async def test_ticker_vols_and_greeks_fit_its_prices(traders: tuple[Client, Client]) -> None:
    alice, _ = traders
    before = await alice.ticker(CALL)
    assert before.mark_iv is not None
    step = Decimal(5)
    mark = before.mark_price // step * step
    await alice.buy(CALL, "0.1", mark - 100)
    await alice.sell(CALL, "0.1", mark + step)
    ticker = await alice.ticker(CALL)
    assert ticker.bid_iv is not None
    assert ticker.ask_iv is not None
    assert ticker.greeks is not None
    assert 0 < ticker.bid_iv < before.mark_iv < ticker.ask_iv
    # The vol of the bid is where vega says it is, to first order.
    assert ticker.bid_iv == pytest.approx(
        before.mark_iv - (before.mark_price - mark + 100) / ticker.greeks.vega, abs=Decimal("0.2")
    )
    assert ticker.greeks.gamma > 0 > ticker.greeks.theta
