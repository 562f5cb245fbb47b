"""Margin line by line."""

from __future__ import annotations

import msgspec

from synchromesh import _native

LANE_NAMES: tuple[str, ...] = tuple(_native.LANE_NAMES)
"""Names of the lanes of a risk array, in order."""
STATE_NAMES: tuple[str, ...] = tuple(_native.STATE_NAMES)
"""Names of the states over which a loss is taken, in order."""


class StageBreakdown(msgspec.Struct, frozen=True):
    """Margin of one underlying for one purpose, micro-USDC.

    Attributes:
        share: Share of losses and add-ons that counts, 1e-9.
        losses: Loss by state, negative for a gain.
        scan: The largest of them, at least 0.
        state: Name of its state.
        basis: Basis and roll charge.
        short_floor: Floor of naked shorts.
        delta_concentration: Concentration of delta.
        vega_concentration: Concentration of vega.
        strike_concentration: Concentration in strikes.
        confidence: Uncertainty of the index.
        order_cost: Cost of filling open orders, part of every loss.
        add_ons: Sum of the add-ons, times ``share``.
    """

    share: int
    losses: dict[str, int]
    scan: int
    state: str
    basis: int
    short_floor: int
    delta_concentration: int
    vega_concentration: int
    strike_concentration: int
    confidence: int
    order_cost: int
    add_ons: int

    @classmethod
    def of(cls, found: _native.StageMargin) -> StageBreakdown:
        """Returns what the native module found, with names."""
        return cls(
            share=found.share,
            losses=dict(zip(STATE_NAMES, found.losses, strict=True)),
            scan=found.scan,
            state=STATE_NAMES[found.state],
            basis=found.basis,
            short_floor=found.short_floor,
            delta_concentration=found.delta_concentration,
            vega_concentration=found.vega_concentration,
            strike_concentration=found.strike_concentration,
            confidence=found.confidence,
            order_cost=found.order_cost,
            add_ons=found.add_ons,
        )


class UnderlyingBreakdown(msgspec.Struct, frozen=True):
    """One underlying.

    Attributes:
        underlying: Its id.
        initial: With open orders at their worst.
        positions: Of the positions alone.
        maintenance: For maintenance.
        lanes: P&L of the positions by lane, without collateral, micro-USDC.
        order_lanes: What open orders add at their worst, micro-USDC.
        gaps: Gap charge of the positions by cell, micro-USDC.
    """

    underlying: int
    initial: StageBreakdown
    positions: StageBreakdown
    maintenance: StageBreakdown
    lanes: dict[str, int]
    order_lanes: dict[str, int]
    gaps: tuple[int, ...]

    @classmethod
    def of(cls, found: _native.UnderlyingBreakdownInfo) -> UnderlyingBreakdown:
        """Returns what the native module found, with names."""
        return cls(
            underlying=found.underlying,
            initial=StageBreakdown.of(found.initial),
            positions=StageBreakdown.of(found.positions),
            maintenance=StageBreakdown.of(found.maintenance),
            lanes=dict(zip(LANE_NAMES, found.lanes, strict=True)),
            order_lanes=dict(zip(LANE_NAMES, found.order_lanes, strict=True)),
            gaps=tuple(found.gaps),
        )


class CollateralShare(msgspec.Struct, frozen=True):
    """What an asset counts for: amounts 1e-8 units, price micro-USDC per unit, values micro-USDC.

    ``initial`` and ``maintenance`` are what equity counts, after caps and haircuts; the depeg charges are margin.
    """

    asset: int
    balance: int
    price: int
    value: int
    eligible_initial: int
    eligible_maintenance: int
    initial: int
    maintenance: int
    depeg_initial: int
    depeg_maintenance: int


class MarginBreakdown(msgspec.Struct, frozen=True):
    """Portfolio margin line by line, micro-USDC.

    Attributes:
        underlyings: By underlying, ascending.
        collateral: By asset.
        initial_scan: Joint scan for new risk.
        initial_gross: Sum of the scans without offset between underlyings.
        maintenance_scan: Joint scan for maintenance.
        maintenance_gross: Sum of the scans likewise.
        initial: Initial margin, open orders at their worst.
        positions: Initial margin of the positions alone.
        maintenance: Maintenance margin.
        equity_initial: Funds with the collateral as it counts for new risk.
        equity_maintenance: Funds with the collateral as it counts for maintenance.
    """

    underlyings: tuple[UnderlyingBreakdown, ...]
    collateral: tuple[CollateralShare, ...]
    initial_scan: int
    initial_gross: int
    maintenance_scan: int
    maintenance_gross: int
    initial: int
    positions: int
    maintenance: int
    equity_initial: int
    equity_maintenance: int

    @classmethod
    def of(cls, found: _native.BreakdownInfo) -> MarginBreakdown:
        """Returns what the native module found, with names."""
        return cls(
            underlyings=tuple(UnderlyingBreakdown.of(each) for each in found.underlyings),
            collateral=tuple(msgspec.convert(each, CollateralShare, from_attributes=True) for each in found.collateral),
            initial_scan=found.initial_scan,
            initial_gross=found.initial_gross,
            maintenance_scan=found.maintenance_scan,
            maintenance_gross=found.maintenance_gross,
            initial=found.initial,
            positions=found.positions,
            maintenance=found.maintenance,
            equity_initial=found.equity_initial,
            equity_maintenance=found.equity_maintenance,
        )
