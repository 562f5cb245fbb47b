"""What the model knows: plain values in dicts and lists, and nothing that could be computed from something else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Generic, TypeVar

from synchromesh.protocol import (
    CallLevel,
    InstrumentMark,
    InstrumentSpec,
    MarginModel,
    MarkInputs,
    Message,
    Mode,
    OrderClosed,
    OrderRested,
    RiskTable,
    SelfTrade,
    Side,
    UnderlyingSpec,
)
from synchromesh.protocol.primitives import CloseReason


class Refused(Exception):
    """The command changes nothing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class OverflowRefusal(Refused):
    """A number does not fit in 64 bits."""

    def __init__(self) -> None:
        super().__init__("overflow")


def require(condition: bool, code: str) -> None:
    if not condition:
        raise Refused(code)


def fit(number: int, bits: int = 64) -> int:
    """The number, if it fits in so many bits with a sign."""
    if not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise OverflowRefusal
    return number


def ceil_div(number: int, divisor: int) -> int:
    return -(-number // divisor)


def sign(side: Side) -> int:
    return 1 if side == Side.BUY else -1


def opposite(side: Side) -> Side:
    return Side.SELL if side == Side.BUY else Side.BUY


def crosses(side: Side, limit: int, price: int) -> bool:
    return price <= limit if side == Side.BUY else price >= limit


@dataclass
class Order:
    """An order, coming in or resting."""

    number: int
    subaccount: int
    instrument: int
    side: Side
    price: int
    lots: int
    filled: int
    max_fee: int
    valid_until: int
    reduce_only: bool
    self_trade: SelfTrade
    client_id: str
    rests: bool = True
    priority: int = 0

    def place(self) -> tuple[int, int]:
        """Sorts the orders of one side: best price first, then by time."""
        return (-sign(self.side) * self.price, self.priority)

    def ended(self, reason: CloseReason, lots: int, rested: bool) -> OrderClosed:
        place = (self.number, self.subaccount, self.instrument, self.side, self.price)
        return OrderClosed(*place, lots, rested, reason)

    def rested(self) -> OrderRested:
        return OrderRested(self.number, self.subaccount, self.instrument, self.side, self.price, self.lots)


@dataclass
class Position:
    """Lots held, what they cost, and the funding index up to which they settled."""

    lots: int
    cost: int
    funding: int

    def reducible(self, side: Side) -> int:
        return max(0, -sign(side) * self.lots)


class Phase(IntEnum):
    """How far a liquidation has come."""

    BOOK = 0
    AUCTION = 1
    INSOLVENT = 2


@dataclass
class Liquidation:
    """A liquidation that goes on: when its stage began and its next round is due, what bidders and the fund paid."""

    number: int
    opened: int
    due: int
    stage: Phase = Phase.BOOK
    reserve: int = 0
    insurance: int = 0


@dataclass
class Account:
    number: int
    owner: bytes
    close_only: bool = False
    model: MarginModel = MarginModel.STANDARD
    call: CallLevel = CallLevel.NONE
    liquidation: Liquidation | None = None
    balances: dict[int, int] = field(default_factory=dict)
    positions: dict[int, Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    closed_ids: list[str] = field(default_factory=list)

    def copied(self) -> Account:
        positions = {number: replace(position) for number, position in self.positions.items()}
        orders = {number: replace(order) for number, order in self.orders.items()}
        return replace(self, balances=dict(self.balances), positions=positions, orders=orders)

    def balance(self, asset: int) -> int:
        return self.balances.get(asset, 0)

    def position(self, instrument: int) -> Position:
        return self.positions.get(instrument, Position(0, 0, 0))

    def open_orders(self, instrument: int) -> list[Order]:
        return [order for order in self.orders.values() if order.instrument == instrument]

    def held(self) -> list[int]:
        """Instruments with a position or an order, ascending."""
        return sorted({*self.positions, *(order.instrument for order in self.orders.values())})

    def remember(self, client_id: str) -> None:
        if client_id:
            self.closed_ids = [*self.closed_ids, client_id][-256:]


@dataclass
class Grant:
    owner: bytes
    scopes: int
    subaccounts: tuple[int, ...]
    expiry: int
    revoked: bool = False


@dataclass
class Key:
    subaccounts: list[int] = field(default_factory=list)
    next_nonce: int = 0
    floor: int = 0
    nonces: list[int] = field(default_factory=list)
    grant: Grant | None = None


@dataclass
class Instrument:
    spec: InstrumentSpec
    funding_time: int
    status: str = "open"
    mark: InstrumentMark | None = None
    mark_index: int = 0
    funding_index: int = 0
    sides: dict[Side, list[Order]] = field(default_factory=lambda: {Side.BUY: [], Side.SELL: []})


Table = TypeVar("Table", bound=Message)


@dataclass
class Scheduled(Generic[Table]):
    """The table that counts, and the one that waits with its effective time."""

    active: Table | None = None
    next: tuple[int, Table] | None = None

    def last(self) -> Table | None:
        """The table that was set last."""
        return self.active if self.next is None else self.next[1]

    def at(self, time: int) -> Table | None:
        """The table of a mark with an oracle time."""
        return self.next[1] if self.next is not None and self.next[0] <= time else self.active

    def activate(self, time: int) -> bool:
        """Whether the table that waits counts from a mark with that oracle time on."""
        if self.next is None or self.next[0] > time:
            return False
        self.active, self.next = self.next[1], None
        return True


@dataclass
class Underlying:
    spec: UnderlyingSpec
    mode: Mode = Mode.NORMAL
    listing_epoch: int = 0
    mark_epoch: int = 0
    inputs: MarkInputs | None = None
    risk: Scheduled[RiskTable] = field(default_factory=Scheduled)
    prices: dict[int, int] = field(default_factory=dict)
    """Settlement prices by expiry."""
