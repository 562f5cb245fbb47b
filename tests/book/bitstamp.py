"""Reads the Bitstamp day: BTCUSD, 2015-05-01, every order event with its id.

Prices become cents, sizes stay in satoshi. The feed reports an aggressive order first at its full size and what it
traded afterwards, event by event, so between two events its book may be crossed.
"""

import csv
import gzip
import lzma
from collections import Counter
from pathlib import Path
from typing import NamedTuple

SIDES = {"bid": "buy", "ask": "sell"}


class Event(NamedTuple):
    order: int
    action: str
    """created, changed or deleted."""
    side: str
    price: int
    """Cents."""
    size: int
    """What is left of the order, satoshi; for a deleted one what was cancelled, 0 when it was filled."""


class Day:
    def __init__(self, folder: Path) -> None:
        with lzma.open(folder / "bitstamp_btcusd_2015-05-01_orders.csv.xz", "rt") as file:
            self.events = [
                Event(
                    int(row["id"]),
                    row["action"],
                    SIDES[row["direction"]],
                    round(float(row["price"]) * 100),
                    int(row["volume"]),
                )
                for row in csv.DictReader(file)
            ]
        self.trades: Counter[tuple[int, int]] = Counter()
        with gzip.open(folder / "bitstamp_2015-05-01_derived_trades.csv.gz", "rt") as file:
            for row in csv.DictReader(file):
                self.trades[int(row["maker"]), int(row["taker"])] += int(float(row["volume"]))

    def earlier(self) -> list[Event]:
        """Orders that rested before the day began, oldest first, as their first event shows them."""
        first: dict[int, Event] = {}
        for event in self.events:
            first.setdefault(event.order, event)
        return sorted(event for event in first.values() if event.action != "created" and event.size)

    def live_at_end(self) -> dict[int, int]:
        """Sizes of the orders that the feed leaves resting."""
        live: dict[int, int] = {}
        for event in self.events:
            if event.action == "deleted":
                live.pop(event.order, None)
            else:
                live[event.order] = event.size
        return live
