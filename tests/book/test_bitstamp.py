"""The Bitstamp day, replayed by matching.

The feed shows an aggressive order at full size before it shows what the order traded, so a copy of its events would be
crossed in between. The book is fed the orders instead and matches them itself:

* created: a limit order; what crosses trades at once;
* changed to another price: a move, which may trade too;
* changed, or deleted with nothing left: confirms fills, and takes off what we did not trade ourselves;
* deleted with something left: a cancel.
"""

from collections import Counter
from pathlib import Path

import pytest

from book.bitstamp import Day, Event
from book.naive import NaiveBook
from synchromesh import OrderBook


@pytest.fixture(scope="module")
def day(market_data: Path) -> Day:
    return Day(market_data / "l3_bitstamp")


class Replay:
    def __init__(self, day: Day, book: OrderBook) -> None:
        self.book = book
        self.naive = NaiveBook()
        self.ids: dict[int, int] = {}
        self.traded: Counter[tuple[int, int]] = Counter()
        for event in day.earlier():
            self._create(event)
        assert not self.traded, "what rested before the day is not crossed"

    def apply(self, event: Event) -> None:
        if event.action == "created":
            self._create(event)
            return
        order = self.book.get(self.ids.get(event.order, 0))
        if order is None:
            return  # traded already, or unknown: 22 orders of the day before show up only when they are filled
        left = order.size
        if event.action == "changed" and event.price != order.price:
            placed = self.book.move(order.order, event.price)
            self._compare(placed.fills, self.naive.move(order.order, event.price))
            left = placed.resting
        if event.action == "deleted" and event.size:
            assert self.book.cancel(order.order) == self.naive.cancel(order.order) == left
        elif left > event.size:
            by = left - event.size
            assert self.book.reduce(order.order, by) == self.naive.reduce(order.order, by) == event.size

    def _create(self, event: Event) -> None:
        placed = self.book.limit(event.side, event.price, event.size, event.order)
        self.ids[event.order] = placed.order
        self._compare(placed.fills, self.naive.limit(event.side, event.price, event.size, event.order))

    def _compare(self, fills: list, expected: list) -> None:
        assert [(fill.taker, fill.maker, fill.price, fill.size) for fill in fills] == expected
        for fill in fills:
            self.traded[fill.maker_owner, fill.taker_owner] += fill.size


def test_the_day_replays_without_a_crossed_book(day: Day) -> None:
    assert len(day.events) == 50_414
    book = OrderBook()
    replay = Replay(day, book)
    for number, event in enumerate(day.events):
        replay.apply(event)
        bid, ask = book.best_bid, book.best_ask
        assert bid is None or ask is None or bid < ask, f"crossed after event {number}"
        assert (bid, ask) == (replay.naive.best("buy"), replay.naive.best("sell"))

    for side in ("buy", "sell"):
        orders = [(order.order, order.price, order.size, order.owner) for order in book.orders(side)]
        assert orders == replay.naive.orders(side)
    ours = {order.owner: order.size for side in ("buy", "sell") for order in book.orders(side)}
    theirs = day.live_at_end()
    assert len(theirs) == 185
    differing = {order for order in ours.keys() | theirs.keys() if ours.get(order, 0) != theirs.get(order, 0)}
    assert len(differing) == 2, "one order is reported changed after its end, another is a satoshi off"
    assert all(theirs.get(order, 0) >= ours.get(order, 0) for order in differing)


def test_our_matching_makes_the_trades_that_were_reported(day: Day) -> None:
    replay = Replay(day, OrderBook())
    for event in day.events:
        replay.apply(event)
    pairs = replay.traded.keys() & day.trades.keys()
    assert len(day.trades) == 482
    assert len(pairs) == 477, "same maker, same taker"
    assert sum(replay.traded[pair] == day.trades[pair] for pair in pairs) == 462, "and to the satoshi the same size"
