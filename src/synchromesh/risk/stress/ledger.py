"""What happened in a replay: calls, liquidations, deficits, and the paths of index and equity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from synchromesh.clock import SECOND
from synchromesh.protocol import (
    USD,
    AuctionFill,
    AuctionOpened,
    CallLevel,
    Deleveraged,
    Event,
    InsurancePaid,
    LiquidationEnded,
    LiquidationSlice,
    LiquidationStarted,
    MarginCall,
)

FloatArray = npt.NDArray[np.float64]


@dataclass(slots=True)
class Samples:
    """Equity paths: moments in ns, index by underlying, value of every holder in USDC, accounts in liquidation."""

    times: list[int] = field(default_factory=list)
    index: list[list[float]] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)
    running: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """What happened to the accounts, by subaccount."""

    called: dict[int, int] = field(default_factory=dict)
    lead: list[float] = field(default_factory=list)
    started: dict[int, int] = field(default_factory=dict)
    liquidated: set[int] = field(default_factory=set)
    ever_called: set[int] = field(default_factory=set)
    deficit: dict[int, float] = field(default_factory=dict)
    resolved: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)

    def take(self, now: int, events: Sequence[Event], counted: set[int]) -> None:
        """Notes the events of a command at a time; lead times of the first liquidation of those that count."""
        for event in events:
            match event:
                case MarginCall(level=CallLevel.NONE):
                    self.called.pop(event.subaccount, None)
                case MarginCall():
                    self.called.setdefault(event.subaccount, now)
                    self.ever_called.add(event.subaccount)
                case LiquidationStarted():
                    self._value(event.subaccount, event.value)
                    self.started[event.liquidation] = now
                    if event.subaccount in counted and event.subaccount not in self.liquidated:
                        self.lead.append((now - self.called.get(event.subaccount, now)) / SECOND)
                    self.liquidated.add(event.subaccount)
                case LiquidationEnded():
                    self.outcomes[event.outcome.word] += 1
                    self.resolved.append((now - self.started.pop(event.liquidation)) / SECOND)
                case LiquidationSlice():
                    self._count("slice", cash=event.cash, fee=event.fee)
                case AuctionOpened():
                    # A hole that is filled in the same command shows in no standing after it.
                    self._value(event.subaccount, event.value)
                    self._count("insolvent auction" if event.insolvent else "auction")
                case AuctionFill():
                    self._count("fill", sold=event.cash, fill_insurance=event.insurance)
                case Deleveraged():
                    self._count("adl", adl=event.cash)
                case InsurancePaid():
                    self._count("insurance", insurance=event.amount)
                case _:
                    pass

    def _value(self, subaccount: int, value: int) -> None:
        if value < 0:
            self.deficit[subaccount] = max(self.deficit.get(subaccount, 0.0), -value / USD)

    def _count(self, kind: str, **sums: int) -> None:
        self.counts[kind] += 1
        for name, amount in sums.items():
            self.sums[name] += abs(amount)
