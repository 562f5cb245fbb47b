"""What a venue's margin has seen: calls, liquidations and who paid, counted from events."""

from __future__ import annotations

import msgspec

from synchromesh.clock import SECOND
from synchromesh.protocol import (
    USD,
    AuctionFill,
    AuctionOpened,
    CallLevel,
    Deleveraged,
    Event,
    InsuranceFunded,
    InsurancePaid,
    LiquidationEnded,
    LiquidationSlice,
    LiquidationStarted,
    MarginCall,
)


class Insolvency(msgspec.Struct, kw_only=True):
    """An account that could not pay, and who did.

    Attributes:
        liquidation: Number of its liquidation.
        subaccount: Whose.
        venue_ns: Venue time at which its auction began to cost the fund.
        value: Mark value of the whole account then, USD.
        insurance_paid: By the insurance fund, USD.
        deleveraged: Positions of counterparties that were closed.
    """

    liquidation: int
    subaccount: int
    venue_ns: int
    value: float
    insurance_paid: float = 0.0
    deleveraged: int = 0


class RiskRecord(msgspec.Struct, kw_only=True):
    """Margin calls and liquidations.

    Attributes:
        margin_calls: Accounts' calls, of either level.
        liquidations: Liquidations started.
        running: Those that have not ended.
        outcomes: How the others ended, by word.
        slices: Slices closed in the book.
        auctions: Auctions opened.
        auction_fills: Bids that bought a share.
        insurance_funded: Paid into the insurance fund, USD.
        insurance_paid: Paid out of it, USD.
        shortest_warning_s: Shortest venue time from an account's first call to its liquidation, seconds.
        insolvent: Accounts that could not pay.
    """

    margin_calls: int = 0
    liquidations: int = 0
    running: int = 0
    outcomes: dict[str, int] = msgspec.field(default_factory=dict)
    slices: int = 0
    auctions: int = 0
    auction_fills: int = 0
    insurance_funded: float = 0.0
    insurance_paid: float = 0.0
    shortest_warning_s: float | None = None
    insolvent: list[Insolvency] = msgspec.field(default_factory=list)


class RiskCounter:
    """Counts events into a record."""

    def __init__(self) -> None:
        self.record = RiskRecord()
        self._called: dict[int, int] = {}
        self._insolvent: dict[int, Insolvency] = {}

    def take(self, event: Event, time: int) -> None:
        """Counts one event of a command at venue time ``time``."""
        record = self.record
        match event:
            case MarginCall(subaccount=subaccount, level=CallLevel.NONE):
                self._called.pop(subaccount, None)
            case MarginCall(subaccount=subaccount):
                record.margin_calls += 1
                self._called.setdefault(subaccount, time)
            case LiquidationStarted(subaccount=subaccount):
                record.liquidations += 1
                record.running += 1
                self._warned(subaccount, time)
            case LiquidationSlice():
                record.slices += 1
            case AuctionOpened():
                record.auctions += 1
                if event.insolvent:
                    self._insolvency(event, time)
            case AuctionFill():
                record.auction_fills += 1
            case Deleveraged(liquidation=number) if number in self._insolvent:
                self._insolvent[number].deleveraged += 1
            case InsurancePaid(liquidation=number, amount=amount):
                record.insurance_paid += amount / USD
                if number in self._insolvent:
                    self._insolvent[number].insurance_paid += amount / USD
            case InsuranceFunded(amount=amount):
                record.insurance_funded += amount / USD
            case LiquidationEnded(outcome=outcome):
                record.running -= 1
                record.outcomes[outcome.word] = record.outcomes.get(outcome.word, 0) + 1

    def _warned(self, subaccount: int, time: int) -> None:
        seconds = (time - self._called.get(subaccount, time)) / SECOND
        shortest = self.record.shortest_warning_s
        self.record.shortest_warning_s = seconds if shortest is None else min(shortest, seconds)

    def _insolvency(self, event: AuctionOpened, time: int) -> None:
        if event.liquidation in self._insolvent:
            return
        found = Insolvency(
            liquidation=event.liquidation, subaccount=event.subaccount, venue_ns=time, value=event.value / USD
        )
        self._insolvent[event.liquidation] = found
        self.record.insolvent.append(found)
