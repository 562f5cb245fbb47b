"""Liquidations and margin calls, typed: USDC, contracts, fractions, ms."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from synchromesh.client.types.trading import Result


class Trigger(msgspec.Struct, frozen=True):
    """What started a liquidation: the underlying whose mark it was, and the subaccount as of that mark."""

    currency: str
    mark_epoch: int
    index_price: Decimal
    equity: Decimal
    maintenance_margin: Decimal
    mark_value: Decimal


class Slice(msgspec.Struct, frozen=True):
    """A slice of a position that was closed in the book; ``cash`` is what the subaccount got, without the fee."""

    sequence: int
    timestamp: int
    instrument_name: str
    direction: str
    amount: Decimal
    limit_price: Decimal
    average_price: Decimal
    mark_price: Decimal
    cash: Decimal
    fee: Decimal


class AuctionOpening(msgspec.Struct, frozen=True):
    """A stage of an auction, solvent or insolvent: its price falls from ``start_timestamp`` on."""

    sequence: int
    timestamp: int
    start_timestamp: int
    insolvent: bool
    mark_value: Decimal


class AuctionedPortfolio(msgspec.Struct, frozen=True):
    """What is auctioned, as of the marks now: ``value`` is cash, positions and collateral at their marks."""

    value: Decimal
    cash: Decimal
    positions: dict[str, Decimal]
    collateral: dict[str, Decimal]


class Auction(msgspec.Struct, frozen=True):
    """A running auction as it stands now.

    ``price_factor`` is the price as a share of the mark value, ``price`` what the whole portfolio would cost (negative:
    the insurance fund pays that), ``share_max`` the largest share that one bid gets.
    """

    insolvent: bool
    price_factor: Decimal
    price: Decimal
    share_max: Decimal
    portfolio: AuctionedPortfolio


class AuctionFill(msgspec.Struct, frozen=True):
    """A share of a portfolio that changed hands at ``price_factor`` of its mark value.

    ``cash`` is what the bidder paid in all (negative: was paid); ``insurance`` is what the insurance fund paid of it.
    """

    sequence: int
    timestamp: int
    bidder: int
    share: Decimal
    price_factor: Decimal
    cash: Decimal
    insurance: Decimal


class MovedPosition(msgspec.Struct, frozen=True):
    """A position that left the portfolio beside the book: to a bidder, or against a counterparty's.

    ``amount`` is signed, long positive; ``cash`` is its value, from the counterparty to the portfolio.
    """

    sequence: int
    timestamp: int
    counterparty: int
    instrument_name: str
    amount: Decimal
    price: Decimal
    cash: Decimal


class Liquidation(msgspec.Struct, frozen=True):
    """The public record of a liquidation, running or over.

    ``state`` is ``book``, ``auction``, ``insolvent_auction`` or ``ended``; ``outcome`` says how it ended, ``auction``
    how a running auction stands, ``auctions`` which there were. Of events beyond 2,000 only their number is kept, as
    ``dropped``; the sums count them.
    """

    liquidation_id: int
    subaccount_id: int
    state: str
    outcome: str | None
    start_timestamp: int
    end_timestamp: int | None
    trigger: Trigger
    slices: list[Slice]
    auction: Auction | None
    auctions: list[AuctionOpening]
    auction_fills: list[AuctionFill]
    moved: list[MovedPosition]
    deleveraged: list[MovedPosition]
    fees: Decimal
    insurance_paid: Decimal
    dropped: int

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.state != "ended"


class BidResult(Result, frozen=True, kw_only=True):
    """What a bid for an auctioned portfolio got."""

    liquidation_id: int
    fill: AuctionFill


class MarginCall(msgspec.Struct, frozen=True):
    """A margin call of a subaccount: what its equity falls short of, ``none`` when the call is over."""

    subaccount_id: int
    level: str
    equity: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    timestamp: int
