"""Margin of positions that nobody needs to hold: the venue's own arithmetic, from Python."""

from synchromesh.risk.margin.breakdown import (
    CollateralShare,
    MarginBreakdown,
    StageBreakdown,
    UnderlyingBreakdown,
)
from synchromesh.risk.margin.market import MarginMarket
from synchromesh.risk.margin.portfolio import (
    FULL_SUM,
    Collateral,
    Holding,
    Margins,
    OpenSide,
    PnlOffset,
    portfolio_margin,
    portfolio_margins,
)
from synchromesh.risk.margin.standard import StandardMargin, standard_margin

__all__ = [
    "FULL_SUM",
    "Collateral",
    "CollateralShare",
    "Holding",
    "MarginBreakdown",
    "MarginMarket",
    "Margins",
    "OpenSide",
    "PnlOffset",
    "StageBreakdown",
    "StandardMargin",
    "UnderlyingBreakdown",
    "portfolio_margin",
    "portfolio_margins",
    "standard_margin",
]
