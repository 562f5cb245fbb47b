"""Liquidations, bids for what is auctioned, and the insurance fund."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from synchromesh.client.units import NANO_PLACES, PRICE_PLACES
from synchromesh.execution.dispatch import Applied, NoParams, Submission, method
from synchromesh.execution.errors import invalid_param
from synchromesh.execution.gateway import Gateway, encode_command
from synchromesh.execution.liquidation_view import auction_fill_view, liquidation_view
from synchromesh.execution.methods.signed import Signed, acknowledged, authorization
from synchromesh.execution.numbers import amount_of, price, signed_of
from synchromesh.execution.present import QUOTE, millis
from synchromesh.execution.session import Session
from synchromesh.protocol import NANO_ONE, AuctionFill, FundInsurance, LiquidationBid

COUNT_MAX = 200
"""Most liquidations that one request gets."""


class LiquidationsParams(msgspec.Struct):
    """Selects liquidations; ``before`` is a liquidation's number."""

    currency: str = "any"
    running: bool = False
    liquidation_id: int | None = None
    subaccount_id: int | None = None
    count: int = 20
    before: int = 0


class BidParams(Signed, kw_only=True):
    """A bid for a share (0 to 1) of an auctioned portfolio; ``limit`` is signed USDC."""

    subaccount_id: int
    target: int
    share: Decimal
    limit: Decimal


class FundParams(Signed, kw_only=True):
    """A gift to the insurance fund, USDC."""

    subaccount_id: int
    amount: Decimal


@method("public/get_risk_report", params=NoParams)
def get_risk_report(gateway: Gateway, session: Session, params: NoParams) -> dict[str, Any]:
    """What the operator's risk monitor last published; null before its first report."""
    return {"report": gateway.risk_report}


@method("public/get_liquidations", params=LiquidationsParams)
def get_liquidations(gateway: Gateway, session: Session, params: LiquidationsParams) -> dict[str, Any]:
    """Liquidations that fit, newest first: the public record of each, as it stands."""
    if not 1 <= params.count <= COUNT_MAX:
        raise invalid_param("count", f"count is 1 to {COUNT_MAX}")
    if not 0 <= params.before < 1 << 63:
        raise invalid_param("before", "before is a liquidation's number")
    underlyings = gateway.catalog.currency_underlyings(params.currency)
    every = underlyings == set(gateway.catalog.symbols)
    before = params.before
    if params.liquidation_id is not None:
        if not 0 < params.liquidation_id < (1 << 63) - 1:
            raise invalid_param("liquidation_id", "liquidation_id is a liquidation's number")
        before = params.liquidation_id + 1
    found = gateway.host.liquidations(
        0 if every else next(iter(underlyings)),
        params.subaccount_id,
        params.running,
        before,
        params.count + 1 if params.liquidation_id is None else 1,
    )
    if params.liquidation_id is not None:
        found = [record for record in found if record.liquidation == params.liquidation_id]
    shown = [liquidation_view(gateway, record) for record in found[: params.count]]
    return {"liquidations": shown, "has_more": len(found) > params.count}


@method("private/liquidation_bid", params=BidParams)
def liquidation_bid(gateway: Gateway, session: Session, params: BidParams) -> Submission:
    """Take over a share of a portfolio that is being auctioned, at the auction's price."""
    share = amount_of(params.share, "share", NANO_PLACES)
    if share > NANO_ONE:
        raise invalid_param("share", "share is at most 1")
    limit = signed_of(params.limit, PRICE_PLACES, "limit")
    command = LiquidationBid(params.subaccount_id, params.target, share, limit, authorization(params))

    def present(applied: list[Applied]) -> dict[str, Any]:
        outcome = applied[0].outcome
        [fill] = [event for event in applied[0].events if isinstance(event, AuctionFill)]
        when = {"sequence": outcome.sequence, "timestamp": millis(outcome.time)}
        shown = {"liquidation_id": fill.liquidation, "fill": when | auction_fill_view(fill)}
        return gateway.acknowledgement(outcome) | shown

    return Submission([encode_command(command)], present)


@method("public/get_insurance", params=NoParams)
def get_insurance(gateway: Gateway, session: Session, params: NoParams) -> dict[str, Any]:
    """The insurance fund."""
    return {
        "currency": QUOTE,
        "balance": price(gateway.host.insurance()),
        "timestamp": millis(gateway.clock.now_ns()),
    }


@method("private/fund_insurance", params=FundParams)
def fund_insurance(gateway: Gateway, session: Session, params: FundParams) -> Submission:
    """Give USDC of a subaccount to the insurance fund, for good."""
    amount = amount_of(params.amount, places=PRICE_PLACES)
    command = FundInsurance(params.subaccount_id, amount, authorization(params))
    return Submission([encode_command(command)], acknowledged(gateway, amount=price(amount)))
