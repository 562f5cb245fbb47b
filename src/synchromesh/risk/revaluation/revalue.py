"""The two questions that a backend answers."""

from __future__ import annotations

from typing import Protocol

from synchromesh.risk.revaluation.book import FloatArray, Positions, Scenarios
from synchromesh.risk.revaluation.native import Native

TOLERANCE = 1e-14
"""How far the backends may differ in one position's P&L, in units of |size| · max(F, F·(1 + spot), K).

An account's P&L may differ by that much of the sum over its positions. The formulas are the same; what differs is the
rounding of exp and ln, fused multiply-adds, and the order of an account's sum.
"""


class Backend(Protocol):
    """Something that revalues a book."""

    def account_pnl(self, book: Positions, scenarios: Scenarios) -> FloatArray:
        """Returns the P&L of each account in each scenario, (accounts, scenarios)."""


def account_pnl(book: Positions, scenarios: Scenarios, *, backend: Backend | None = None) -> FloatArray:
    """Returns the P&L of each account under each scenario, (accounts, scenarios), in the currency of the forward.

    Memory beyond the result does not grow with the number of positions times scenarios.

    Args:
        book: n positions; an account without positions has no P&L.
        scenarios: s scenarios, the same for every position.
        backend: Who computes it; `Native` on one thread when not given.

    Raises:
        PricingError: When a position, as it stands or shocked, lies outside the formula's domain.
    """
    return (backend or Native()).account_pnl(book.by_account(), scenarios)


def position_pnl(book: Positions, scenarios: Scenarios, *, backend: Backend | None = None) -> FloatArray:
    """Returns the P&L of each position under each scenario, (n, s); arguments as in `account_pnl`."""
    return account_pnl(book.each_alone(), scenarios, backend=backend)
