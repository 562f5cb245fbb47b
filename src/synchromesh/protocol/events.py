"""Events: what a command did, in order. A pure function of the journal. Prices are ticks, sizes lots."""

from typing import Any

from synchromesh.protocol.commands import ParameterValue
from synchromesh.protocol.primitives import (
    BalanceReason,
    CallLevel,
    CloseReason,
    LiquidationOutcome,
    MarginModel,
    MarketStatus,
    MarkFault,
    Mode,
    Side,
)
from synchromesh.protocol.wire import I64, U8, U16, U32, U64, Address, Message, Reader, Tagged


class OrderRested(Message, frozen=True):
    """What is left of an order rests in the book, behind all others at its price."""

    KIND = 1

    order: U64
    subaccount: U64
    instrument: U32
    side: Side
    price: I64
    lots: I64


class Fill(Message, frozen=True):
    """Two orders met, at the maker's price. Fees in micro-USDC; a negative one is a rebate."""

    KIND = 2

    trade: U64
    instrument: U32
    taker_side: Side
    price: I64
    lots: I64
    maker: U64
    maker_subaccount: U64
    maker_fee: I64
    taker: U64
    taker_subaccount: U64
    taker_fee: I64


class OrderClosed(Message, frozen=True):
    """An order ended; ``lots`` were left of it, and ``rested`` says whether that much left the book."""

    KIND = 3

    order: U64
    subaccount: U64
    instrument: U32
    side: Side
    price: I64
    lots: I64
    rested: bool
    reason: CloseReason


class OrderReplaced(Message, frozen=True):
    """A resting order changed. If it lost its priority it left the book here; fills and a rest may follow."""

    KIND = 4

    order: U64
    subaccount: U64
    instrument: U32
    side: Side
    old_price: I64
    old_lots: I64
    price: I64
    lots: I64
    kept_priority: bool


class BalanceChanged(Message, frozen=True):
    """A balance changed by ``delta`` engine units."""

    KIND = 5

    subaccount: U64
    asset: U16
    delta: I64
    reason: BalanceReason


class SubaccountCreated(Message, frozen=True):
    """A subaccount was created."""

    KIND = 6

    subaccount: U64
    owner: Address


class KeyRegistered(Message, frozen=True):
    """A session key may act."""

    KIND = 7

    owner: Address
    key: Address
    scopes: U8
    expiry: U64


class KeyRevoked(Message, frozen=True):
    """A session key may no longer act."""

    KIND = 8

    owner: Address
    key: Address


class NonceFloorRaised(Message, frozen=True):
    """A nonce floor rose."""

    KIND = 9

    signer: Address
    floor: U64


class WithdrawalQueued(Message, frozen=True):
    """Assets left a subaccount and can be claimed on chain once their batch is final."""

    KIND = 10

    withdrawal: U64
    subaccount: U64
    asset: U16
    amount: I64
    recipient: Address


class ForcedRequestVoid(Message, frozen=True):
    """A forced request changed nothing."""

    KIND = 11

    index: U64


class CloseOnlySet(Message, frozen=True):
    """A subaccount may only reduce from now on."""

    KIND = 12

    subaccount: U64


class InstrumentListed(Message, frozen=True):
    """An instrument opened."""

    KIND = 13

    instrument: U32


class MarkUpdated(Message, frozen=True):
    """An underlying has new marks."""

    KIND = 14

    underlying: U16
    epoch: U32


class FundingAccrued(Message, frozen=True):
    """The funding index of a perpetual moved: cumulative, 1e-9 USDC per contract, paid by longs."""

    KIND = 15

    instrument: U32
    index: I64


class ExpiryFixed(Message, frozen=True):
    """A settlement price is fixed, micro-USDC."""

    KIND = 16

    underlying: U16
    expiry: U64
    price: I64


class PositionSettled(Message, frozen=True):
    """A position of an expired instrument became cash, micro-USDC."""

    KIND = 17

    subaccount: U64
    instrument: U32
    lots: I64
    cash: I64


class InstrumentClosed(Message, frozen=True):
    """An expired instrument has no order and no position left."""

    KIND = 18

    instrument: U32


class ModeChanged(Message, frozen=True):
    """An underlying changed its mode."""

    KIND = 19

    underlying: U16
    mode: Mode


class ParameterChanged(Message, frozen=True):
    """A parameter changed."""

    KIND = 20

    change: ParameterValue


class MarketStatusChanged(Message, frozen=True):
    """An underlying accepts something else than after the command before; among the last events of a command."""

    KIND = 21

    underlying: U16
    status: MarketStatus
    fault: MarkFault


class MarginModelChanged(Message, frozen=True):
    """A subaccount is margined in another way."""

    KIND = 22

    subaccount: U64
    model: MarginModel


class RiskParametersSet(Message, frozen=True):
    """A risk table waits for its time. Arrays made under the listing epoch before are void."""

    KIND = 23

    underlying: U16
    version: U32
    effective: U64


class RiskParametersActive(Message, frozen=True):
    """A risk table counts from this mark on."""

    KIND = 24

    underlying: U16
    version: U32


class CollateralSet(Message, frozen=True):
    """Collateral terms wait for their time."""

    KIND = 25

    asset: U16
    effective: U64


class CollateralActive(Message, frozen=True):
    """Collateral terms count from this mark on."""

    KIND = 26

    asset: U16


class MarginCall(Message, frozen=True):
    """A subaccount's margin call changed."""

    KIND = 27

    subaccount: U64
    level: CallLevel
    equity: I64
    initial: I64
    maintenance: I64


class LiquidationStarted(Message, frozen=True):
    """A liquidation began."""

    KIND = 28

    liquidation: U64
    subaccount: U64
    underlying: U16
    mark_epoch: U32
    equity: I64
    maintenance: I64
    value: I64


class LiquidationSlice(Message, frozen=True):
    """A slice of a position was closed in the book; its fills come before."""

    KIND = 29

    liquidation: U64
    subaccount: U64
    instrument: U32
    side: Side
    limit: I64
    lots: I64
    cash: I64
    fee: I64


class AuctionOpened(Message, frozen=True):
    """A portfolio can be bid for."""

    KIND = 30

    liquidation: U64
    subaccount: U64
    insolvent: bool
    time: U64
    value: I64


class AuctionFill(Message, frozen=True):
    """A share of a portfolio changed hands; the positions moved come before."""

    KIND = 31

    liquidation: U64
    subaccount: U64
    bidder: U64
    share: I64
    price: I64
    cash: I64
    insurance: I64


class Deleveraged(Message, frozen=True):
    """A part of a counterparty's book was closed against a portfolio, at the mark."""

    KIND = 32

    liquidation: U64
    subaccount: U64
    counterparty: U64
    instrument: U32
    lots: I64
    price: I64
    cash: I64


class LiquidationEnded(Message, frozen=True):
    """A liquidation is over."""

    KIND = 33

    liquidation: U64
    subaccount: U64
    outcome: LiquidationOutcome


class InsurancePaid(Message, frozen=True):
    """The insurance fund paid for a liquidation."""

    KIND = 34

    liquidation: U64
    amount: I64
    left: I64


class InsuranceFunded(Message, frozen=True):
    """A subaccount gave to the insurance fund."""

    KIND = 35

    subaccount: U64
    amount: I64


class PositionMoved(Message, frozen=True):
    """A position moved between two subaccounts outside of the book."""

    KIND = 36

    liquidation: U64
    subaccount: U64
    counterparty: U64
    instrument: U32
    lots: I64
    price: I64
    cash: I64


Event = (
    OrderRested
    | Fill
    | OrderClosed
    | OrderReplaced
    | BalanceChanged
    | SubaccountCreated
    | KeyRegistered
    | KeyRevoked
    | NonceFloorRaised
    | WithdrawalQueued
    | ForcedRequestVoid
    | CloseOnlySet
    | InstrumentListed
    | MarkUpdated
    | FundingAccrued
    | ExpiryFixed
    | PositionSettled
    | InstrumentClosed
    | ModeChanged
    | ParameterChanged
    | MarketStatusChanged
    | MarginModelChanged
    | RiskParametersSet
    | RiskParametersActive
    | CollateralSet
    | CollateralActive
    | MarginCall
    | LiquidationStarted
    | LiquidationSlice
    | AuctionOpened
    | AuctionFill
    | Deleveraged
    | LiquidationEnded
    | InsurancePaid
    | InsuranceFunded
    | PositionMoved
)
"""An event."""

EVENTS: dict[int, type[Event]] = {kind.KIND: kind for kind in Event.__args__}
"""Events by kind number."""

_EVENT = Tagged("event", EVENTS)


def encode_event(event: Event) -> bytes:
    """The event's bytes: kind and body."""
    out = bytearray()
    _EVENT.put(event, out)
    return bytes(out)


def decode_event(data: bytes) -> Event:
    """The event that fills ``data`` exactly; `CodecError` when there is none."""
    reader = Reader(data)
    event: Any = _EVENT.take(reader)
    reader.finish()
    return event  # type: ignore[no-any-return]


def decode_events(data: bytes) -> list[Event]:
    """The events that stand one behind the other in ``data``; `CodecError` when something else does."""
    reader = Reader(data)
    events: list[Any] = []
    while reader.at < len(data):
        events.append(_EVENT.take(reader))
    return events
