"""The obvious book: a dictionary of lists per side. The slow model that the native book must equal."""

from typing import NamedTuple


class NaiveFill(NamedTuple):
    taker: int
    maker: int
    price: int
    size: int


class NaiveBook:
    """Price-time priority, orders numbered from 1, as `synchromesh.OrderBook`."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[int, list[list[int]]]] = {"buy": {}, "sell": {}}
        self.places: dict[int, tuple[str, int]] = {}
        self.made = 0

    def best(self, side: str) -> int | None:
        prices = self.sides[side]
        return (max(prices) if side == "buy" else min(prices)) if prices else None

    def limit(self, side: str, price: int, size: int, owner: int = 0) -> list[NaiveFill]:
        self.made += 1
        return self._enter(self.made, side, price, size, owner)

    def cancel(self, order: int) -> int:
        side, price = self.places.pop(order)
        queue = self.sides[side][price]
        size = next(entry[1] for entry in queue if entry[0] == order)
        self.sides[side][price] = [entry for entry in queue if entry[0] != order]
        if not self.sides[side][price]:
            del self.sides[side][price]
        return size

    def reduce(self, order: int, by: int) -> int:
        entry = self._entry(order)
        if by >= entry[1]:
            self.cancel(order)
            return 0
        entry[1] -= by
        return entry[1]

    def move(self, order: int, price: int) -> list[NaiveFill]:
        entry = self._entry(order)
        side, old = self.places[order]
        if old == price:
            return []
        self.cancel(order)
        return self._enter(order, side, price, entry[1], entry[2])

    def size(self, order: int) -> int:
        return self._entry(order)[1] if order in self.places else 0

    def orders(self, side: str) -> list[tuple[int, int, int, int]]:
        """(order, price, size, owner) in the sequence in which they trade."""
        prices = sorted(self.sides[side], reverse=side == "buy")
        return [(order, price, size, owner) for price in prices for order, size, owner in self.sides[side][price]]

    def levels(self, side: str, depth: int) -> list[tuple[int, int, int]]:
        prices = sorted(self.sides[side], reverse=side == "buy")[:depth]
        queues = [(price, self.sides[side][price]) for price in prices]
        return [(price, sum(entry[1] for entry in queue), len(queue)) for price, queue in queues]

    def _entry(self, order: int) -> list[int]:
        side, price = self.places[order]
        return next(entry for entry in self.sides[side][price] if entry[0] == order)

    def _enter(self, order: int, side: str, price: int, size: int, owner: int) -> list[NaiveFill]:
        fills = []
        other = "sell" if side == "buy" else "buy"
        while size and (best := self.best(other)) is not None and (best <= price if side == "buy" else best >= price):
            maker, available, _ = self.sides[other][best][0]
            traded = min(size, available)
            fills.append(NaiveFill(order, maker, best, traded))
            self.reduce(maker, traded)
            size -= traded
        if size:
            self.sides[side].setdefault(price, []).append([order, size, owner])
            self.places[order] = (side, price)
        return fills
