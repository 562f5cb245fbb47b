"""The book: native structures beside the naive ones, and `OrderBook` from Python beside bourse, each pair in one run.

The native workload is exchange-core's published mix of commands, made by the generator of
``crates/engine/examples/book_bench``; that program checks that both books end in the same state before it reports. The
Python rows run the same mix on about 1,000 resting orders, drawn here, on both libraries from the same commands.
"""

from __future__ import annotations

import json
import time
from typing import Any, Literal

import numpy as np

from benches.rows import Row, example, row
from synchromesh import OrderBook

NATIVE, QUICK_NATIVE = 3_000_000, 300_000
"""Commands of the native workload."""
COMMANDS = 200_000
RESTING = 1_000
REPEATS, QUICK_REPEATS = 5, 2
BATCH = 10_000
BOURSE = "bourse 0.4.0"
NAIVE = "naive BTreeMap book"

Command = tuple[int, int, int, int, int]
"""Kind, side, order, price, size, as `OrderBook.batch` takes them."""


def rows(quick: bool = False) -> list[Row]:
    return native_rows(quick) + python_rows(quick)


def native_rows(quick: bool) -> list[Row]:
    lines = [
        line
        for shape in ("hot", "medium")
        for line in example("synchromesh-engine", "book_bench", shape, str(QUICK_NATIVE if quick else NATIVE))
    ]
    found = {result["name"]: result for result in map(json.loads, lines)}
    hot, medium = found["hot"], found["medium"]
    wide = "book only, the same mix, 10 K symbols, 1 M orders"
    return [
        row("book only, exchange-core's mix, 1 K orders", hot["ns_per_op"], "ns/op", NAIVE, hot["naive_ns_per_op"]),
        row(wide, medium["ns_per_op"], "ns/op", NAIVE, medium["naive_ns_per_op"]),
        row(f"{wide}, warmed by 32", medium["warmed_ns_per_op"], "ns/op", NAIVE, medium["naive_ns_per_op"]),
    ]


def python_rows(quick: bool) -> list[Row]:
    fill, run = _commands()
    # Taking turns, so that both meet the same machine.
    turns = range(QUICK_REPEATS if quick else REPEATS)
    times = [(_call_ours(fill, run), _batch_ours(fill, run), _call_bourse(fill, run)) for _ in turns]
    call, batch, peer = map(min, zip(*times, strict=True))
    return [
        row("OrderBook, one Python call per order", call, "ns/op", BOURSE, peer),
        row(f"OrderBook.batch, {BATCH:,} orders a call", batch, "ns/op", BOURSE, peer),
    ]


def _commands() -> tuple[list[Command], list[Command]]:
    """Commands that fill a book, and the mix that then keeps it at about its size. Orders are numbered from 1."""
    random = np.random.default_rng(7)
    book = OrderBook()
    live: list[int] = []
    last = 100_000

    def send(item: Command) -> Command:
        nonlocal last
        results, fills = book.batch(*columns([item]))
        if len(fills):
            last = int(fills["price"][-1])
        if item[0] == OrderBook.LIMIT and results["resting"][0]:
            live.append(int(results["order"][0]))
        return item

    def place(kind: int) -> Command:
        side = int(random.integers(2))
        away = int(random.random() ** 2 * abs(random.normal(0, 500)))
        price = last + (away + 1 if side else -away - 1)
        if kind == OrderBook.IMMEDIATE:
            price = 1 if side else 10**6
        return kind, side, 0, price, 1 + int(np.prod(random.integers(0, 6, 3)))

    def touch(dice: int) -> Command | None:
        while live:
            at = int(random.integers(len(live)))
            if (order := book.get(live[at])) is None:
                live[at] = live[-1]
                live.pop()
                continue
            if dice == 0:
                return OrderBook.CANCEL, 0, order.order, 0, 0
            if dice == 1 and order.size > 1:
                return OrderBook.REDUCE, 0, order.order, 0, int(random.integers(1, order.size))
            away = last - order.price
            step = int(np.sign(away)) * -(-abs(away) // 100) or 1
            return OrderBook.MOVE, 0, order.order, order.price + step, 0
        return None

    fill = [send(place(OrderBook.LIMIT)) for _ in range(RESTING)]
    run: list[Command] = []
    while len(run) < COMMANDS:
        growing = len(book) < RESTING
        draw = int(random.integers(10 if growing else 40))
        if draw < 2:
            item: Command | None = place(OrderBook.LIMIT if growing else OrderBook.IMMEDIATE)
        else:
            item = touch(draw - 2)
        if item is not None:
            run.append(send(item))
    return fill, run


def columns(rows: list[Command]) -> list[np.ndarray[Any, Any]]:
    kind, side, order, price, size = np.array(rows, dtype=np.int64).T
    return [kind.astype(np.uint8), side.astype(np.uint8), order.astype(np.uint64), price.copy(), size.copy()]


def _call_ours(fill: list[Command], run: list[Command]) -> float:
    book = OrderBook()
    book.batch(*columns(fill))
    sides: tuple[Literal["buy"], Literal["sell"]] = ("buy", "sell")
    rest: Literal["good_til_cancelled"] = "good_til_cancelled"
    immediate: Literal["immediate_or_cancel"] = "immediate_or_cancel"
    limit, cancel, reduce, move = book.limit, book.cancel, book.reduce, book.move
    start = time.perf_counter_ns()
    for kind, side, order, price, size in run:
        if kind == OrderBook.MOVE:
            move(order, price)
        elif kind == OrderBook.CANCEL:
            cancel(order)
        elif kind == OrderBook.REDUCE:
            reduce(order, size)
        else:
            lifetime = rest if kind == OrderBook.LIMIT else immediate
            limit(sides[side], price, size, 1, lifetime)
    return (time.perf_counter_ns() - start) / len(run)


def _batch_ours(fill: list[Command], run: list[Command]) -> float:
    book = OrderBook()
    book.batch(*columns(fill))
    parts = [columns(run[at : at + BATCH]) for at in range(0, len(run), BATCH)]
    start = time.perf_counter_ns()
    for part in parts:
        book.batch(*part)
    return (time.perf_counter_ns() - start) / len(run)


def _call_bourse(fill: list[Command], run: list[Command]) -> float:
    """The peer. It tells orders at one price apart by time alone, so its clock advances before each call, as in its own
    environments; without that it loses orders. Its immediate order is its market order, which likewise drops the rest.
    """
    import bourse

    book = bourse.core.OrderBook(0, 1, True)
    tick, place, cancel, modify = book.set_time, book.place_order, book.cancel_order, book.modify_order
    for now, (_, side, _, price, size) in enumerate(fill):
        tick(now)
        place(side == 0, size, 1, price=price)
    sizes, trades = _outcome(fill, run)
    start = time.perf_counter_ns()
    for now, ((kind, side, order, price, size), left) in enumerate(zip(run, sizes, strict=True), len(fill)):
        tick(now)
        if kind == OrderBook.MOVE:
            modify(order - 1, new_price=price)
        elif kind == OrderBook.CANCEL:
            cancel(order - 1)
        elif kind == OrderBook.REDUCE:
            modify(order - 1, new_vol=left)
        elif kind == OrderBook.IMMEDIATE:
            place(side == 0, size, 1)
        else:
            place(side == 0, size, 1, price=price)
    elapsed = time.perf_counter_ns() - start
    assert [(price, size, taker + 1, maker + 1) for _, _, price, size, taker, maker in book.get_trades()] == trades
    return elapsed / len(run)


def _outcome(fill: list[Command], run: list[Command]) -> tuple[list[int], list[tuple[int, ...]]]:
    """What each command leaves of its order, which is how bourse is told a reduction, and every trade."""
    book = OrderBook()
    _, first = book.batch(*columns(fill))
    results, then = book.batch(*columns(run))
    trades = np.concatenate([first, then])[["price", "size", "taker", "maker"]]
    return results["resting"].tolist(), trades.tolist()
