"""The LOBSTER hour, replayed through the native book and the naive one."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from book.lobster import DELETE, EXECUTE, REDUCE, SUBMIT, Hour, Message, Order
from book.naive import NaiveBook
from synchromesh import OrderBook


@pytest.fixture(scope="module")
def hour(market_data: Path) -> Hour:
    return Hour(market_data / "lobster")


class Replay:
    """Applies messages to a book. Executions name their order, so they are applied by id and not matched."""

    def __init__(self, hour: Hour, book: OrderBook | NaiveBook) -> None:
        self.hour = hour
        self.book = book
        self.ids: dict[int, int] = {}
        self.executed = self.out_of_turn = 0
        for order in hour.opening:
            self.add(order)

    def add(self, order: Order) -> None:
        self.ids[order.order] = len(self.ids) + 1
        placed = self.book.limit(order.side, order.price, order.size)
        fills = placed if isinstance(self.book, NaiveBook) else placed.fills
        assert not fills, "what is submitted to the visible book does not cross it"

    def apply(self, number: int, message: Message) -> None:
        if number > 0:  # the opening book is the one after message 0
            self._apply(message)
        for order in self.hour.late.get(number, ()):
            self.add(order)
        for gone in self.hour.removed.get(number, ()):
            self.book.cancel(self.ids[gone])

    def _apply(self, message: Message) -> None:
        if message.kind == SUBMIT:
            self.add(Order(message.order, message.side, message.price, message.size))
        elif message.kind == DELETE:
            assert self.book.cancel(self.ids[message.order]) == message.size
        elif message.kind in (REDUCE, EXECUTE):
            self.book.reduce(self.ids[message.order], message.size)

    def best(self) -> tuple[int, ...]:
        [(ask, ask_size, _)], [(bid, bid_size, _)] = self.book.levels("sell", 1), self.book.levels("buy", 1)
        return ask, ask_size, bid, bid_size


def test_every_ten_level_book_is_reproduced(hour: Hour) -> None:
    replay = Replay(hour, OrderBook())
    messages, books = hour.ten_level_books()
    wanted = zip(messages, books, strict=True)
    message, expected = next(wanted)
    same = 0
    for number, current in enumerate(hour.messages):
        replay.apply(number, current)
        if current == message:
            sides = zip(replay.book.levels("sell", 10), replay.book.levels("buy", 10), strict=True)
            assert [(*ask[:2], *bid[:2]) for ask, bid in sides] == expected, f"book after message {number}"
            same += 1
            if (following := next(wanted, None)) is None:
                break
            message, expected = following
    assert same == len(books) == 999


def test_every_best_quote_is_reproduced(hour: Hour) -> None:
    replay = Replay(hour, OrderBook())
    seen: list[tuple[int, ...]] = []
    for number, message in enumerate(hour.messages):
        replay.apply(number, message)
        if not seen or replay.best() != seen[-1]:
            seen.append(replay.best())
    assert len(seen) == 23_440
    assert seen == list(islice(hour.best_quotes(), len(seen)))


def test_executions_respect_the_queue(hour: Hour) -> None:
    replay = Replay(hour, OrderBook())
    executed = out_of_turn = 0
    for number, message in enumerate(hour.messages):
        if message.kind == EXECUTE:
            executed += 1
            out_of_turn += replay.book.orders(message.side)[0].order != replay.ids[message.order]
        replay.apply(number, message)
    assert executed > 4_000
    assert out_of_turn == 24, "all executions but these were of the first order in the queue"


def test_naive_book_agrees(hour: Hour) -> None:
    native, naive = Replay(hour, OrderBook()), Replay(hour, NaiveBook())
    for number, message in enumerate(hour.messages):
        native.apply(number, message)
        naive.apply(number, message)
        if number % 100 == 0:
            for side in ("buy", "sell"):
                assert native.book.levels(side, 5) == naive.book.levels(side, 5)
        if number % 5_000 == 0 or number == len(hour.messages) - 1:
            for side in ("buy", "sell"):
                orders = [(order.order, order.price, order.size, order.owner) for order in native.book.orders(side)]
                assert orders == naive.book.orders(side)


def test_a_batch_equals_the_calls(hour: Hour) -> None:
    class Recorder:
        """Takes the calls of a replay as rows of a batch."""

        def __init__(self) -> None:
            self.rows: list[tuple[int, int, int, int, int]] = []

        def limit(self, side: str, price: int, size: int) -> "Recorder":
            self.rows.append((OrderBook.LIMIT, int(side == "sell"), 0, price, size))
            return self

        def reduce(self, order: int, by: int) -> None:
            self.rows.append((OrderBook.REDUCE, 0, order, 0, by))

        def cancel(self, order: int) -> int:
            self.rows.append((OrderBook.CANCEL, 0, order, 0, 0))
            return hour.messages[number].size

        fills = ()

    recorder = Recorder()
    replay, recording = Replay(hour, OrderBook()), Replay(hour, recorder)
    for number, message in enumerate(hour.messages):
        replay.apply(number, message)
        recording.apply(number, message)
    kind, side, order, price, size = np.array(recorder.rows).T.copy()
    book = OrderBook()
    results, fills = book.batch(
        kind.astype(np.uint8), side.astype(np.uint8), order.astype(np.uint64), price.copy(), size.copy()
    )
    assert not results["status"].any()
    assert len(fills) == 0
    assert book.state_hash() == replay.book.state_hash()
