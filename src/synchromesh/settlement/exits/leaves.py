"""Leaves of the state as docs/protocol/state.md lays them out, as far as an exit looks into them."""

from __future__ import annotations

from typing import Annotated

from synchromesh.protocol import RiskArray
from synchromesh.protocol.wire import I64, U8, U16, U32, U64, Address, Hash, Listed, Message


class Collateral(Message, frozen=True):
    """What an account has of an asset other than USDC, 1e-8."""

    asset: U16
    amount: I64


class LiquidationLeaf(Message, frozen=True):
    """Where the liquidation of an account stands."""

    number: U64
    stage: U8
    stage_since: U64
    next_round: U64
    reserve: I64
    paid: I64


class AccountLeaf(Message, frozen=True):
    """A subaccount; ``cash`` in micro-USDC."""

    owner: Address
    flags: U8
    margin_model: U8
    call: U8
    mark_epoch_seen: U64
    cash: I64
    collateral: Annotated[tuple[Collateral, ...], Listed(key=lambda held: held.asset)]
    liquidation: LiquidationLeaf | None
    open_orders: U32
    orders_root: Hash
    holdings: U32
    holdings_root: Hash
    groups_root: Hash


class HoldingLeaf(Message, frozen=True):
    """What an account has of an instrument: position and own orders."""

    lots: I64
    cost: I64
    funding_index: I64
    bid_lots: I64
    bids_root: Hash
    offer_lots: I64
    offers_root: Hash


class InstrumentLeaf(Message, frozen=True):
    """An instrument with its mark."""

    name_hash: Hash
    underlying: U16
    kind: U8
    option_type: U8
    strike: I64
    expiry: U64
    tick_size: I64
    lot_size: I64
    lane_unit: U32
    open_interest: I64
    holders: U32
    funding_index: I64
    funding_time: U64
    mark: I64
    mark_epoch: U32
    mark_index: I64
    iv: I64
    delta: I64
    vega: I64
    risk: RiskArray | None


class ExpiryLeaf(Message, frozen=True):
    """An expiry of an underlying; ``settlement`` once its price is fixed, micro-USDC."""

    instruments: U32
    forward: I64
    rate: I64
    a: I64
    b: I64
    rho: I64
    m: I64
    sigma: I64
    settlement: I64 | None


def account_key(subaccount: int) -> bytes:
    """Where an account is in the tree of accounts."""
    return subaccount.to_bytes(8, "big") + bytes(24)


def instrument_key(instrument: int) -> bytes:
    """Where an instrument is in the tree of instruments."""
    return b"\0" + instrument.to_bytes(4, "big") + bytes(27)


def expiry_key(underlying: int, expiry: int) -> bytes:
    """Where an expiry is in the tree of instruments."""
    return b"\2" + underlying.to_bytes(2, "big") + expiry.to_bytes(8, "big") + bytes(21)


def number_of(key: bytes, width: int) -> int:
    """The number that a key of accounts (8 bytes) or holdings (4 bytes) starts with."""
    return int.from_bytes(key[:width], "big")
