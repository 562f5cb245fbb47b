"""Reads the LOBSTER hour: AAPL, 2012-06-21, 09:30 to 10:30, every order message within fifty levels.

Prices are in 1e-4 USD. The book after message 0 is given by level only, and 80 orders that messages refer to were never
submitted: 36 rested before the open, 44 came from outside the fifty levels. A derived file lists them, another one the
order that left without a message.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

HOUR = "AAPL_2012-06-21_0930-1030_message_50.csv.gz"
ABSENT = (9999999999, -9999999999)

SUBMIT, REDUCE, DELETE, EXECUTE, EXECUTE_HIDDEN = 1, 2, 3, 4, 5

Quote = tuple[int, ...]


class Message(NamedTuple):
    time: str
    kind: int
    order: int
    size: int
    price: int
    direction: int

    @property
    def side(self) -> str:
        return side_of(self.direction)


class Order(NamedTuple):
    """An order to insert; anonymous ones, known by their level only, carry a negative id."""

    order: int
    side: str
    price: int
    size: int


def side_of(direction: int) -> str:
    return "buy" if direction == 1 else "sell"


def rows(path: Path) -> Iterator[list[str]]:
    with gzip.open(path, "rt") as file:
        yield from csv.reader(file)


def messages(path: Path) -> list[Message]:
    return [Message(time, *map(int, rest)) for time, *rest in rows(path)]


class Hour:
    """The hour's messages, with what else happens after each of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.messages = messages(folder / HOUR)
        self.late: dict[int, list[Order]] = defaultdict(list)
        self.removed: dict[int, list[int]] = defaultdict(list)
        known: list[Order] = []
        with (folder / "AAPL_2012-06-21_unsubmitted_orders.csv").open() as file:
            for row in csv.DictReader(file):
                order = Order(int(row["order_id"]), side_of(int(row["direction"])), int(row["price"]), int(row["size"]))
                after = int(row["insert_after_msg"])
                (known if after < 0 else self.late[after]).append(order)
        with (folder / "AAPL_2012-06-21_silent_removals.csv").open() as file:
            for row in csv.DictReader(file):
                self.removed[int(row["remove_after_msg"])].append(int(row["order_id"]))
        first = self.messages[0]
        known.append(Order(first.order, first.side, first.price, first.size))
        self.opening = self._anonymous(known) + known

    def _anonymous(self, known: list[Order]) -> list[Order]:
        """What the opening levels hold beyond the known orders, one order per level."""
        text = (self.folder / "AAPL_2012-06-21_start_book_50.csv").read_text()
        left = {}
        for level, (ask, ask_size, bid, bid_size) in enumerate(quotes([int(word) for word in text.split(",")])):
            left["sell", ask] = (-1 - 2 * level, ask_size)
            left["buy", bid] = (-2 - 2 * level, bid_size)
        for order in known:
            number, size = left.get((order.side, order.price), (0, order.size))
            left[order.side, order.price] = (number, size - order.size)
        assert all(size >= 0 for _, size in left.values()), "the known orders are part of the opening levels"
        return [
            Order(number, side, price, size)
            for (side, price), (number, size) in left.items()
            if size > 0 and price not in ABSENT
        ]

    def ten_level_books(self) -> tuple[list[Message], list[list[tuple[int, ...]]]]:
        """The first messages within ten levels, and the book after each."""
        stem = self.folder / "AAPL_2012-06-21_first999"
        books = [quotes([int(word) for word in row]) for row in rows(Path(f"{stem}_orderbook_10.csv.gz"))]
        return messages(Path(f"{stem}_message_10.csv.gz")), books

    def best_quotes(self) -> list[Quote]:
        """Distinct successive best quotes of the whole day: ask, size, bid, size."""
        path = self.folder / "AAPL_2012-06-21_fullday_orderbook_1.csv.gz"
        return [quote for quote, _ in groupby(tuple(map(int, row)) for row in rows(path))]


def quotes(words: list[int]) -> list[tuple[int, ...]]:
    """Splits a row into levels of ask, size, bid, size."""
    return [tuple(words[at : at + 4]) for at in range(0, len(words), 4)]
