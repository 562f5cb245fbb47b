"""`synchromesh.OrderBook`: what its documentation promises, and random streams against the naive book."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from book.naive import NaiveBook
from synchromesh import OrderBook
from synchromesh._native import InvalidSize, OrderBookError, UnknownOrder, WouldTrade

BUY, SELL = 0, 1


def batch(book: OrderBook, rows: list[tuple[int, int, int, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of kind, side, order, price, size."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    kind, side = columns[:2].astype(np.uint8)
    return book.batch(kind, side, columns[2].astype(np.uint64), columns[3].copy(), columns[4].copy())


def test_price_then_time() -> None:
    book = OrderBook()
    late, early = 2, 1
    assert book.limit("sell", 101, 5, owner=7).order == early
    assert book.limit("sell", 101, 5, owner=8).order == late
    book.limit("sell", 100, 1)
    placed = book.limit("buy", 101, 8, owner=9)
    assert (placed.order, placed.filled, placed.resting) == (4, 8, 0)
    assert [(fill.maker, fill.price, fill.size, fill.maker_owner) for fill in placed.fills] == [
        (3, 100, 1, 0),
        (early, 101, 5, 7),
        (late, 101, 2, 8),
    ]
    assert all((fill.taker, fill.taker_owner, fill.side) == (4, 9, "buy") for fill in placed.fills)
    assert book.levels("sell") == [(101, 3, 1)]


def test_lifetimes() -> None:
    book = OrderBook()
    book.limit("sell", 100, 5)
    assert book.limit("buy", 100, 6, lifetime="fill_or_kill").filled == 0
    immediate = book.limit("buy", 100, 6, lifetime="immediate_or_cancel")
    assert (immediate.filled, immediate.resting, len(book)) == (5, 0, 0)
    resting = book.limit("buy", 99, 6, lifetime="post_only")
    with pytest.raises(WouldTrade, match="at 98 would trade with the best price 99"):
        book.limit("sell", 98, 1, lifetime="post_only")
    assert book.next_order == resting.order + 1, "what is refused takes no number"


def test_market_order_drops_what_it_cannot_fill() -> None:
    book = OrderBook()
    book.limit("buy", 10, 2)
    book.limit("buy", 9, 2)
    placed = book.market("sell", 10)
    assert (placed.filled, placed.resting) == (4, 0)
    assert [fill.price for fill in placed.fills] == [10, 9]
    assert len(book) == 0
    assert book.best_bid is None


def test_reduce_keeps_the_place_and_growth_loses_it() -> None:
    book = OrderBook()
    first, second = (book.limit("buy", 10, 5).order for _ in range(2))
    assert book.reduce(first, 2) == 3
    assert [order.order for order in book.orders("buy")] == [first, second]
    assert book.move(first, 10, 2).resting == 2
    assert [order.order for order in book.orders("buy")] == [first, second]
    book.move(first, 10, 4)
    assert [order.order for order in book.orders("buy")] == [second, first]
    assert book.reduce(first, 99) == 0
    assert first not in book
    assert second in book


def test_a_move_may_trade() -> None:
    book = OrderBook()
    bid, ask = book.limit("buy", 10, 5).order, book.limit("sell", 12, 3).order
    placed = book.move(bid, 12)
    assert (placed.order, placed.filled, placed.resting) == (bid, 3, 2)
    assert placed.fills[0].maker == ask
    assert (book.best_bid, book.best_ask) == (12, None)


def test_reading_the_book() -> None:
    book = OrderBook()
    for price, size in ((10, 1), (10, 2), (8, 4), (9, 3)):
        book.limit("buy", price, size, owner=price)
    assert book.levels("buy", 2) == [(10, 3, 2), (9, 3, 1)]
    assert book.levels("sell") == []
    assert (book.volume("buy"), book.volume_at("buy", 10), book.volume_at("buy", 7)) == (10, 3, 0)
    order = book.get(3)
    assert order is not None
    assert (order.order, order.side, order.price, order.size, order.owner) == (3, "buy", 8, 4, 8)
    assert book.get(99) is None
    assert repr(book) == "OrderBook(4 orders, 10 / -)"


def test_refusals_are_typed_and_change_nothing() -> None:
    book = OrderBook()
    book.limit("buy", 10, 5)
    before = book.state_hash()
    refused: list[tuple[type[Exception], Any]] = [
        (UnknownOrder, lambda: book.cancel(2)),
        (UnknownOrder, lambda: book.reduce(0, 1)),
        (UnknownOrder, lambda: book.move(2**64 - 1, 5)),
        (InvalidSize, lambda: book.limit("buy", 10, 0)),
        (InvalidSize, lambda: book.market("sell", -1)),
        (InvalidSize, lambda: book.reduce(1, 0)),
        (InvalidSize, lambda: book.move(1, 10, 0)),
        (InvalidSize, lambda: book.limit("buy", 11, 2**63 - 1)),
        (ValueError, lambda: book.limit("bid", 10, 1)),
        (ValueError, lambda: book.limit("buy", 10, 1, lifetime="day")),
        (OverflowError, lambda: book.limit("buy", 2**63, 1)),
        (TypeError, lambda: book.limit("buy", 10.5, 1)),  # type: ignore[arg-type]
    ]
    for error, call in refused:
        with pytest.raises(error):
            call()
    assert issubclass(UnknownOrder, OrderBookError)
    assert issubclass(OrderBookError, ValueError)
    assert (book.state_hash(), book.next_order) == (before, 2)


def test_batch_reports_every_operation() -> None:
    book = OrderBook()
    results, fills = batch(
        book,
        [
            (OrderBook.LIMIT, BUY, 0, 10, 5),
            (OrderBook.LIMIT, BUY, 0, 9, 5),
            (OrderBook.POST_ONLY, SELL, 0, 10, 1),
            (OrderBook.MARKET, SELL, 0, 0, 2),
            (OrderBook.REDUCE, 0, 1, 0, 1),
            (OrderBook.MOVE, 0, 2, 10, 0),
            (OrderBook.IMMEDIATE, SELL, 0, 10, 3),
            (OrderBook.FILL_OR_KILL, SELL, 0, 10, 99),
            (OrderBook.CANCEL, 0, 2, 0, 0),
            (OrderBook.CANCEL, 0, 2, 0, 0),
            (OrderBook.LIMIT, BUY, 0, 10, 0),
        ],
    )
    assert results["status"].tolist() == [0, 0, 3, 0, 0, 0, 0, 0, 0, 1, 2]
    assert results["order"].tolist() == [1, 2, 0, 3, 1, 2, 4, 5, 2, 2, 0]
    assert results["filled"].tolist() == [0, 0, 0, 2, 0, 0, 3, 0, 0, 0, 0]
    assert results["resting"].tolist() == [5, 5, 0, 0, 2, 5, 0, 0, 0, 0, 0]
    assert fills[["operation", "taker", "maker", "price", "size", "side"]].tolist() == [
        (3, 3, 1, 10, 2, SELL),
        (6, 4, 1, 10, 2, SELL),
        (6, 4, 2, 10, 1, SELL),
    ]
    assert len(book) == 0


def test_a_malformed_batch_is_refused_whole() -> None:
    book = OrderBook()
    good: dict[str, Any] = {
        "kind": np.zeros(2, np.uint8),
        "side": np.zeros(2, np.uint8),
        "order": np.zeros(2, np.uint64),
        "price": np.ones(2, np.int64),
        "size": np.ones(2, np.int64),
    }
    bad: list[dict[str, Any]] = [
        {"kind": np.array([0, 8], np.uint8)},
        {"side": np.array([0, 2], np.uint8)},
        {"price": np.ones(3, np.int64)},
        {"price": np.ones((2, 1), np.int64)},
        {"size": np.ones(2)},
        {"order": [0, 0]},
        {"owner": np.ones(1, np.uint64)},
    ]
    for change in bad:
        with pytest.raises(ValueError, match=f"{next(iter(change))}"):
            book.batch(**good | change)
    assert book.next_order == 1
    book.batch(**good, owner=np.array([4, 5], np.uint64))
    assert [order.owner for order in book.orders("buy")] == [4, 5]


def test_a_batch_runs_without_the_gil_and_keeps_others_out() -> None:
    book, length = OrderBook(), 2_000_000
    kind, side, order = np.zeros(length, np.uint8), np.zeros(length, np.uint8), np.zeros(length, np.uint64)
    price, size = np.arange(length) % 100, np.ones(length, np.int64)
    refused = 0
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(book.batch, kind, side, order, price, size)
        while not done.done():
            try:
                len(book)
            except RuntimeError:
                refused += 1
    assert refused > 0, "this thread ran while the other one was inside the batch"
    assert len(book) == length


operations = st.one_of(
    st.tuples(st.just("limit"), st.sampled_from(("buy", "sell")), st.integers(-40, 40), st.integers(1, 20)),
    st.tuples(st.just("cancel"), st.integers(1, 60)),
    st.tuples(st.just("reduce"), st.integers(1, 60), st.integers(1, 20)),
    st.tuples(st.just("move"), st.integers(1, 60), st.integers(-40, 40)),
)


@given(st.lists(operations, max_size=120))
def test_agrees_with_the_naive_book(stream: list[tuple[Any, ...]]) -> None:
    native, naive, rows = OrderBook(), NaiveBook(), []
    fills = []
    for name, *arguments in stream:
        if name != "limit" and arguments[0] not in native:
            assert arguments[0] not in naive.places
            continue
        answer, expected = getattr(native, name)(*arguments), getattr(naive, name)(*arguments)
        if name in ("limit", "move"):
            answer = [(fill.taker, fill.maker, fill.price, fill.size) for fill in answer.fills]
            fills += answer
        assert answer == expected
        rows.append(row(name, *arguments))
    for side in ("buy", "sell"):
        assert [(at.order, at.price, at.size, at.owner) for at in native.orders(side)] == naive.orders(side)
    batched = OrderBook()
    results, batch_fills = batch(batched, rows)
    assert not results["status"].any()
    assert batch_fills[["taker", "maker", "price", "size"]].tolist() == fills
    assert batched.state_hash() == native.state_hash()


def row(name: str, *arguments: Any) -> tuple[int, int, int, int, int]:
    """The operation as a row of a batch."""
    if name == "limit":
        side, price, size = arguments
        return (OrderBook.LIMIT, int(side == "sell"), 0, price, size)
    if name == "cancel":
        return (OrderBook.CANCEL, 0, arguments[0], 0, 0)
    if name == "reduce":
        return (OrderBook.REDUCE, 0, arguments[0], 0, arguments[1])
    return (OrderBook.MOVE, 0, arguments[0], arguments[1], 0)
