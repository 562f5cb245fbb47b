"""Frauds with orders: who signed what, and whom it meets."""

from __future__ import annotations

from typing import Any

import msgspec

from synchromesh.agents.dishonest.draft import FOREVER, TICK_NS, Draft
from synchromesh.agents.dishonest.kinds import Conviction, fraud
from synchromesh.agents.dishonest.state import State
from synchromesh.protocol import (
    CONTRACT,
    SCOPES,
    Authorization,
    CancelOrder,
    Deposit,
    InboxItem,
    PlaceOrder,
    PostOnly,
    RegisterSessionKey,
    ReplaceOrder,
    RevokeSessionKey,
    Side,
    TimeInForce,
    Withdraw,
    address_of,
)

USDC = 10**6
FAR = 500 * USDC
"""A price so far from another one that nobody takes both for the same."""
ROBBED = 100 * USDC
"""What a victim is charged too much."""
BACKING = 10**9 * USDC
"""What an account would need for what it cannot afford."""
SPARE_KEY = bytes(31) + b"\x2a"
"""A session key that the accomplice makes up."""


def _twin(command: PlaceOrder, **changes: Any) -> PlaceOrder:
    return msgspec.structs.replace(command, **changes)


@fraud(Conviction.STEP)
def forged_signature(draft: Draft) -> None:
    """A user's money leaves to the accomplice on a withdrawal that the accomplice signed."""
    _, order = draft.until(PlaceOrder)
    nonce = draft.state.nonce_of(order.auth.signer)
    auth = Authorization(order.auth.signer, nonce, FOREVER)
    stolen = Withdraw(order.subaccount, 0, 1_000 * USDC, draft.accomplice.address, auth)
    draft.unchecked(draft.accomplice.sign(stolen))


@fraud(Conviction.STEP)
def altered_order(draft: Draft) -> None:
    """A signed order is executed for twice the size, at a worse price than its owner signed."""
    _, order = draft.until(PlaceOrder)
    draft.unchecked(_twin(order, amount=2 * order.amount, limit_price=order.limit_price + FAR))


@fraud(Conviction.STEP)
def expired_order(draft: Draft) -> None:
    """An order is executed although its signature has expired."""
    _, model = draft.until(PlaceOrder)
    auth = Authorization(draft.accomplice.address, draft.replica.time, draft.replica.time)
    late = draft.accomplice.order(model.instrument, model.side, model.amount, model.limit_price, auth=auth)
    draft.as_if(late, _twin(late, auth=msgspec.structs.replace(auth, expiry=FOREVER)))


@fraud(Conviction.STEP)
def unknown_key(draft: Draft) -> None:
    """An order for a user's account is executed that a key signed which the user never let act for it."""
    _, model = draft.until(PlaceOrder)
    accomplice, key, owner = draft.accomplice, address_of(SPARE_KEY), model.auth.signer
    auth = Authorization(key, draft.replica.time + TICK_NS, FOREVER)
    order = accomplice.order(
        model.instrument, model.side, model.amount, model.limit_price, subaccount=model.subaccount, auth=auth
    )
    owners = Authorization(owner, draft.state.nonce_of(owner), FOREVER)
    grant = RegisterSessionKey(key, sum(SCOPES.values()), (), FOREVER, owners)
    draft.as_if(accomplice.sign(order, SPARE_KEY), order, beforehand=[grant])


@fraud(Conviction.STEP)
def revoked_key(draft: Draft) -> None:
    """An order is executed that a session key signed after its owner had revoked it."""
    _, model = draft.until(PlaceOrder)
    accomplice, key = draft.accomplice, address_of(SPARE_KEY)
    grant = accomplice.sign(RegisterSessionKey(key, sum(SCOPES.values()), (), FOREVER, accomplice.authorization()))
    draft.act(draft.tables.domain.consented(grant, SPARE_KEY, draft.tables.names))
    draft.act(accomplice.sign(RevokeSessionKey(key, accomplice.authorization())))
    auth = Authorization(key, draft.replica.time + TICK_NS, FOREVER)
    order = accomplice.order(model.instrument, model.side, model.amount, model.limit_price, auth=auth)
    again = msgspec.structs.replace(grant, auth=accomplice.authorization())
    draft.as_if(accomplice.sign(order, SPARE_KEY), order, beforehand=[again])


@fraud(Conviction.STEP)
def replayed_nonce(draft: Draft) -> None:
    """An order that was executed is executed a second time."""
    record, order = draft.until(PlaceOrder)
    draft.take(record)
    fresh = msgspec.structs.replace(order.auth, nonce=order.auth.nonce + 1)
    draft.as_if(order, _twin(order, auth=fresh))


@fraud(Conviction.STEP)
def beyond_limit(draft: Draft) -> None:
    """The second half of an order is filled by the accomplice, at a price beyond its limit."""
    _, order = draft.until(PlaceOrder)
    half, accomplice = order.amount // 2, draft.accomplice
    immediate = {"time_in_force": TimeInForce.IOC}
    draft.act(accomplice.order(order.instrument, order.side, half, order.limit_price, **immediate))
    away = order.limit_price + FAR
    draft.act(accomplice.order(order.instrument, Side.SELL, half, away))
    draft.as_if(order, _twin(order, limit_price=away), honest_steps=2)


@fraud(Conviction.STEP)
def out_of_priority(draft: Draft) -> None:
    """An order is filled by the accomplice, at its limit, while better offers wait in the book."""
    _, order = draft.until(PlaceOrder)
    draft.act(draft.accomplice.order(order.instrument, Side.SELL, order.amount, order.limit_price))
    better = draft.state.offers(order.instrument)[:-1]
    away = [CancelOrder(each.subaccount, each.order) for each in better]
    draft.as_if(order, order, beforehand=away, honest_steps=1)


@fraud(Conviction.STEP)
def wrong_size(draft: Draft) -> None:
    """An order is filled for more than the offer that it meets was made for."""
    _, order = draft.until(PlaceOrder)
    state = draft.state
    offer = state.offers(order.instrument)[0]
    price = offer.ticks * draft.tables.specs[order.instrument].tick_size
    auth = Authorization(state.owner_of(offer.subaccount), draft.replica.time + 1, FOREVER)
    larger = ReplaceOrder(offer.subaccount, offer.order, order.amount, price, PostOnly.NO, False, order.max_fee, auth)
    draft.as_if(
        order, order, beforehand=[larger], honest_steps=1, correct=lambda claimed: claimed.take_offer(offer.key)
    )


@fraud(Conviction.STEP)
def wrong_fee(draft: Draft) -> None:
    """A fill costs the taker more than the fee that it owes."""
    record, order = draft.until(PlaceOrder)

    def charge(state: State) -> None:
        state.add_cash(order.subaccount, -ROBBED)
        state.add_fees(ROBBED)

    draft.bend(record, charge)


@fraud(Conviction.STEP)
def fee_cap(draft: Draft) -> None:
    """An order is filled although its owner signed a lower fee than the venue takes."""
    _, model = draft.until(PlaceOrder)
    order = draft.accomplice.order(model.instrument, model.side, model.amount // 2, model.limit_price, max_fee=0)
    draft.as_if(order, _twin(order, max_fee=model.max_fee), honest_steps=1)


@fraud(Conviction.STEP)
def time_in_force(draft: Draft) -> None:
    """An order that must trade at once or not at all stays in the book."""
    _, model = draft.until(PlaceOrder)
    away = model.limit_price + FAR
    order = draft.accomplice.order(model.instrument, Side.SELL, model.amount, away, time_in_force=TimeInForce.IOC)
    draft.as_if(order, _twin(order, time_in_force=TimeInForce.GTC))


@fraud(Conviction.STEP)
def post_only(draft: Draft) -> None:
    """A post-only order takes what rests in the book."""
    _, model = draft.until(PlaceOrder)
    order = draft.accomplice.order(
        model.instrument, model.side, model.amount // 2, model.limit_price, post_only=PostOnly.REJECT
    )
    draft.as_if(order, _twin(order, post_only=PostOnly.NO))


@fraud(Conviction.STEP)
def reduce_only(draft: Draft) -> None:
    """A reduce-only order opens a position."""
    _, model = draft.until(PlaceOrder)
    order = draft.accomplice.order(model.instrument, model.side, model.amount // 2, model.limit_price, reduce_only=True)
    draft.as_if(order, _twin(order, reduce_only=False))


@fraud(Conviction.STEP)
def below_margin(draft: Draft) -> None:
    """The accomplice offers options for which it has not the margin."""
    _, model = draft.until(PlaceOrder)
    accomplice = draft.accomplice
    subaccount = accomplice.subaccount
    order = accomplice.order(model.instrument, Side.SELL, 500 * CONTRACT, model.limit_price + FAR)
    draft.as_if(
        order,
        order,
        beforehand=[InboxItem(draft.replica.inbox_cursor, Deposit(accomplice.address, subaccount, 0, BACKING))],
        correct=lambda state: state.add_cash(subaccount, -BACKING),
    )


@fraud(Conviction.STEP)
def wrong_arithmetic(draft: Draft) -> None:
    """A state root in which the accomplice has a million more than before."""
    record, _ = draft.until(PlaceOrder)
    accomplice = draft.accomplice.subaccount
    draft.bend(record, lambda state: state.add_cash(accomplice, 1_000_000 * USDC))
