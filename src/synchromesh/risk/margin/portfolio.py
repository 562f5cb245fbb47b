"""Margin of one portfolio by name, and of many by their totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from synchromesh import _native
from synchromesh.protocol import CollateralTerms
from synchromesh.risk.margin.breakdown import MarginBreakdown
from synchromesh.risk.margin.market import MarginMarket

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PnlOffset:
    """How far gains in one underlying cover losses in another.

    Attributes:
        share: Share of a gain that counts, 1e-9.
        cap: Most that all offsets take off the sum of the scans, share of it, 1e-9.
    """

    share: int
    cap: int


FULL_SUM = PnlOffset(0, 0)
"""No offset: scans add."""


@dataclass(frozen=True, slots=True)
class OpenSide:
    """Open orders of one side of an instrument.

    Attributes:
        lots: Open lots.
        price: Worst price, micro-USDC per contract.
        fees: Fees when all fill, micro-USDC.
    """

    lots: int = 0
    price: int = 0
    fees: int = 0

    def native(self) -> tuple[int, int, int]:
        """Returns the side as the native module takes it."""
        return self.lots, self.price, self.fees


@dataclass(frozen=True, slots=True)
class Holding:
    """What a portfolio has in one instrument: lots held, negative for a short, and open orders."""

    position: int = 0
    bids: OpenSide = field(default_factory=OpenSide)
    offers: OpenSide = field(default_factory=OpenSide)


@dataclass(frozen=True, slots=True)
class Collateral:
    """An asset beside USDC.

    Attributes:
        asset: Its id.
        terms: What it counts for.
        balance: Amount held, 1e-8 units.
        price: Micro-USDC per unit.
        counted: Amount that may count for new risk; all of it when not given.
    """

    asset: int
    terms: CollateralTerms
    balance: int
    price: int
    counted: int | None = None

    def native(self) -> tuple[int, bytes, int, int, int]:
        """Returns the asset as the native module takes it."""
        counted = self.balance if self.counted is None else self.counted
        return self.asset, self.terms.encode(), self.balance, counted, self.price


@dataclass(frozen=True, slots=True)
class Margins:
    """Totals of many portfolios, micro-USDC, shape (portfolios,).

    Attributes:
        scan: Joint scan at initial level, without add-ons.
        initial: Initial margin.
        maintenance: Maintenance margin.
    """

    scan: IntArray
    initial: IntArray
    maintenance: IntArray


def portfolio_margin(
    markets: Sequence[MarginMarket],
    holdings: Mapping[int, Holding | int],
    *,
    collateral: Sequence[Collateral] = (),
    offset: PnlOffset = FULL_SUM,
    funds: int = 0,
) -> MarginBreakdown:
    """Returns the margin of one portfolio, line by line.

    Args:
        markets: Underlyings, ascending; one also for each that only collateral moves with.
        holdings: By instrument id: a holding, or lots held.
        collateral: Assets beside USDC.
        offset: Offset between underlyings.
        funds: Equity before collateral, micro-USDC.

    Raises:
        KeyError: When no market has an instrument.
        OverflowError: When a number does not fit.
    """
    rows: list[list[tuple[int, int, tuple[int, int, int], tuple[int, int, int]]]] = [[] for _ in markets]
    homes = {spec.instrument: at for at, market in enumerate(markets) for spec in market.specs}
    for instrument, held in holdings.items():
        holding = held if isinstance(held, Holding) else Holding(held)
        at = homes[instrument]
        place = markets[at].place(instrument)
        rows[at].append((place, holding.position, holding.bids.native(), holding.offers.native()))
    parts = [(market.native, found) for market, found in zip(markets, rows, strict=True)]
    lines = [each.native() for each in collateral]
    return MarginBreakdown.of(_native.portfolio_margin(parts, lines, (offset.share, offset.cap), funds))


def portfolio_margins(
    markets: Sequence[MarginMarket], positions: Sequence[npt.ArrayLike], offset: PnlOffset = FULL_SUM
) -> Margins:
    """Returns the totals of many portfolios without orders and collateral.

    Args:
        markets: Underlyings, ascending.
        positions: For each market lots by portfolio and instrument, shape (portfolios, instruments).
        offset: Offset between underlyings.

    Raises:
        OverflowError: When a number does not fit.
        ValueError: When shapes do not fit.
    """
    lots = [np.ascontiguousarray(each, np.int64) for each in positions]
    counts = {len(each) for each in lots}
    if len(counts) != 1 or any(each.shape[1:] != (len(m),) for each, m in zip(lots, markets, strict=True)):
        raise ValueError(f"positions of shapes {[each.shape for each in lots]}")
    totals = np.empty((counts.pop(), 3), np.int64)
    native = [market.native for market in markets]
    flat = [each.reshape(-1) for each in lots]
    _native.portfolio_margins_into(native, flat, (offset.share, offset.cap), totals.reshape(-1))
    return Margins(totals[:, 0], totals[:, 1], totals[:, 2])
