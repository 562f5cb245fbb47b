"""When the monitor moves the venue's mode, and how it comes back."""

from __future__ import annotations

import msgspec

from synchromesh.client.types import RiskReport
from synchromesh.protocol import Mode


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When new risk is refused.

    Attributes:
        close: An underlying whose expected shortfall exceeds this share of the insurance fund takes no new risk.
        open: It takes new risk again once that is below this share; lower than ``close``, so that it does not flap.
        confirm: Reports in a row that must say so, either way.
    """

    close: float = 1.0
    open: float = 0.5
    confirm: int = 3


class Guard:
    """Decides the mode of each underlying from the reports.

    It only moves an underlying between normal and cancel-only, and only brings back what it closed itself: a mode that
    people have set stays.

    Args:
        limits: When.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._streak: dict[str, int] = {}
        self._closed: set[str] = set()

    def decide(self, report: RiskReport) -> dict[str, Mode]:
        """Returns the underlyings whose mode should change now, with the new one."""
        changes = {}
        for symbol, risk in report.underlyings.items():
            closed = symbol in self._closed
            share = self._limits.open if closed else self._limits.close
            beyond = risk.expected_shortfall > share * max(report.insurance, 0.0)
            # Counted while the report says other than the market's state.
            self._streak[symbol] = self._streak.get(symbol, 0) + 1 if beyond != closed else 0
            if self._streak[symbol] >= self._limits.confirm:
                self._streak[symbol] = 0
                changes[symbol] = Mode.NORMAL if closed else Mode.CANCEL_ONLY
                (self._closed.discard if closed else self._closed.add)(symbol)
        return changes
