"""The same picture of the state, from the model and from the leaves of a replica (docs/protocol/state.md)."""

from __future__ import annotations

from typing import Any

from model.engine import Model
from model.state import Account
from synchromesh.protocol import USDC, CallLevel, MarginModel, Message, SelfTrade, order_id
from synchromesh.protocol.wire import I64, U8, U16, U32, U64, Address, Hash

Picture = dict[str, Any]
CLOSE_ONLY = 1
FUNDS, INBOX = bytes([1]), bytes([2])


class Collateral(Message, frozen=True):
    asset: U16
    amount: I64


class LiquidationLeaf(Message, frozen=True):
    liquidation: U64
    stage: U8
    opened: U64
    due: U64
    reserve: I64
    insurance: I64


class AccountLeaf(Message, frozen=True):
    owner: Address
    flags: U8
    margin_model: MarginModel
    call: CallLevel
    mark_epoch_seen: U64
    cash: I64
    collateral: tuple[Collateral, ...]
    liquidation: LiquidationLeaf | None
    open_orders: U32
    orders_root: Hash
    holdings: U32
    holdings_root: Hash
    groups_root: Hash


class HoldingLeaf(Message, frozen=True):
    lots: I64
    cost: I64
    funding_index: I64
    bids: I64
    bids_root: Hash
    offers: I64
    offers_root: Hash


class OrderLeaf(Message, frozen=True):
    kind: U8
    order: U64
    subaccount: U64
    lots: I64
    filled: I64
    max_fee: I64
    valid_until: U64
    reduce_only: bool
    self_trade: SelfTrade


class GrantLeaf(Message, frozen=True):
    owner: Address
    scopes: U8
    subaccounts: tuple[U64, ...]
    expiry: U64
    revoked: bool


class KeyLeaf(Message, frozen=True):
    subaccounts: U32
    first_subaccount: U64
    next_nonce: U64
    floor: U64
    nonces: tuple[U64, ...]
    grant: GrantLeaf | None


class FundsLeaf(Message, frozen=True):
    fees: I64
    insurance: I64
    funding_pool: I64
    trades: U64


class InboxLeaf(Message, frozen=True):
    cursor: U64
    hash: Hash


def picture_of_replica(opening: Any) -> Picture:
    """``opening`` is what `Replica.opening` gives."""
    accounts, positions, open_lots = {}, {}, {}
    for key, value in opening["accounts"].items():
        number, leaf = int.from_bytes(key[:8]), AccountLeaf.decode(value)
        balances = {USDC: leaf.cash} | {item.asset: item.amount for item in leaf.collateral}
        margin = (leaf.margin_model, leaf.call, leaf.liquidation)
        close_only = bool(leaf.flags & CLOSE_ONLY)
        accounts[number] = (leaf.owner, close_only, _not_zero(balances), leaf.open_orders, margin)
        for place, held in opening["below"][number]["holdings"].items():
            holding = HoldingLeaf.decode(held)
            at = (number, int.from_bytes(place[:4]))
            open_lots[at] = (holding.bids, holding.offers)
            if holding.lots:
                positions[at] = (holding.lots, holding.cost)
    books = [
        (int.from_bytes(key[1:5]), key[5], int.from_bytes(key[14:22]), OrderLeaf.decode(value))
        for key, value in sorted(opening["books"].items())
        if key[0] == 0
    ]
    keys = {key[:20]: KeyLeaf.decode(value) for key, value in opening["keys"].items()}
    leaves = {key[:1]: value for key, value in opening["globals"].items()}
    return {
        "accounts": accounts,
        "positions": positions,
        "open lots": open_lots,
        "books": books,
        "keys": keys,
        "funds": FundsLeaf.decode(leaves[FUNDS]),
        "inbox": InboxLeaf.decode(leaves[INBOX]),
    }


def picture_of_model(model: Model) -> Picture:
    accounts = {
        one.number: (
            one.owner,
            one.close_only,
            _not_zero(one.balances),
            len(one.orders),
            (one.model, one.call, _liquidation_leaf(one)),
        )
        for one in model.accounts
    }
    positions = {
        (one.number, instrument): (held.lots, held.cost)
        for one in model.accounts
        for instrument, held in one.positions.items()
    }
    open_lots = {
        (one.number, instrument): tuple(
            sum(order.lots for order in one.open_orders(instrument) if order.side == side) for side in (0, 1)
        )
        for one in model.accounts
        for instrument in one.held()
    }
    books = [
        (
            order.instrument,
            int(order.side),
            order_id(order.priority),
            OrderLeaf(
                0,
                order.number,
                order.subaccount,
                order.lots,
                order.filled,
                order.max_fee,
                order.valid_until,
                order.reduce_only,
                order.self_trade,
            ),
        )
        for instrument in model.instruments
        for side in (0, 1)
        for order in instrument.sides[side]
    ]
    keys = {}
    for address, key in model.keys.items():
        grant = key.grant and GrantLeaf(
            key.grant.owner, key.grant.scopes, tuple(key.grant.subaccounts), key.grant.expiry, key.grant.revoked
        )
        first = key.subaccounts[0] if key.subaccounts else 0
        keys[address] = KeyLeaf(len(key.subaccounts), first, key.next_nonce, key.floor, tuple(key.nonces), grant)
    return {
        "accounts": accounts,
        "positions": positions,
        "open lots": open_lots,
        "books": books,
        "keys": keys,
        "funds": FundsLeaf(model.fees, model.insurance, model.funding_pool, model.trades),
        "inbox": InboxLeaf(model.inbox_next, model.inbox_hash),
    }


def _liquidation_leaf(account: Account) -> LiquidationLeaf | None:
    running = account.liquidation
    if running is None:
        return None
    times = (running.opened, running.due)
    return LiquidationLeaf(running.number, int(running.stage), *times, running.reserve, running.insurance)


def _not_zero(balances: dict[int, int]) -> dict[int, int]:
    return {asset: amount for asset, amount in balances.items() if amount}
