"""Margin from Python: names, orders, collateral, several underlyings, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from synchromesh.protocol import CONTRACT, NANO_ONE, USD, CollateralTerms
from synchromesh.risk.adversary.market import LabMarket
from synchromesh.risk.margin import (
    FULL_SUM,
    Collateral,
    Holding,
    MarginMarket,
    OpenSide,
    PnlOffset,
    portfolio_margin,
    portfolio_margins,
)
from synchromesh.risk.margin.bound import margin_market, plain_market, random_books
from synchromesh.risk.parameters import DEFAULT_RISK

PARAMETERS = DEFAULT_RISK["BTC"]
INDEX = 100_000.0
OFFSET = PnlOffset(600_000_000, 300_000_000)


@pytest.fixture(scope="module")
def lab() -> LabMarket:
    return plain_market(INDEX, 168)


@pytest.fixture(scope="module")
def market(lab: LabMarket) -> MarginMarket:
    return margin_market(lab, PARAMETERS)


def second(market: MarginMarket) -> MarginMarket:
    """The same underlying once more, under another id."""
    renamed = market.inputs.__class__(**{**fields(market.inputs), "underlying": 2})
    specs = [spec.__class__(**{**fields(spec), "underlying": 2, "instrument": spec.instrument + 1_000})
             for spec in market.specs]  # fmt: skip
    return MarginMarket(renamed, specs, market.parameters, market.arrays)


def fields(message: object) -> dict[str, object]:
    return {name: getattr(message, name) for name in message.__struct_fields__}  # type: ignore[attr-defined]


def share(rate: int, amount: int) -> int:
    return -(-amount * rate // NANO_ONE)


def test_a_perpetual_requires_the_range_and_its_charges(market: MarginMarket) -> None:
    perpetual, margin = market.specs[-1], PARAMETERS.margin
    lots = CONTRACT // perpetual.lot_size
    found = portfolio_margin([market], {perpetual.instrument: lots})
    stage, contract = found.underlyings[0].initial, round(INDEX * USD)
    assert stage.scan == share(PARAMETERS.scenario.range, contract)
    assert stage.state == "up_0_1"
    assert stage.basis == share(margin.basis_min_move, contract)
    assert (stage.short_floor, stage.vega_concentration, stage.confidence) == (0, 0, 0)
    assert found.initial == found.positions == stage.scan + stage.add_ons
    scan, add_ons = (share(margin.maintenance_share, amount) for amount in (stage.scan, stage.add_ons))
    assert found.maintenance == scan + add_ons


def test_orders_count_at_their_worst(market: MarginMarket) -> None:
    option = market.specs[20]
    mark = int(market.arrays.mark[20])
    held = portfolio_margin([market], {option.instrument: -100}).initial
    offer = Holding(-60, offers=OpenSide(40, mark, 0))
    assert portfolio_margin([market], {option.instrument: offer}).initial == held
    # A hundred USDC of fees, and ten dollars through the mark on 0.4 contracts.
    costly = Holding(-60, offers=OpenSide(40, mark - 10 * USD, 100 * USD))
    found = portfolio_margin([market], {option.instrument: costly})
    assert found.initial == held + 104 * USD
    assert found.underlyings[0].initial.order_cost == 104 * USD
    assert found.positions < held


def test_collateral_moves_with_its_underlying(market: MarginMarket) -> None:
    terms = CollateralTerms(1, 1, 50_000_000, 30_000_000, 10_000_000, 10 * CONTRACT, 100 * CONTRACT)
    one = Collateral(1, terms, CONTRACT, round(INDEX * USD))
    found = portfolio_margin([market], {}, collateral=[one], funds=7)
    assert found.equity_initial == 95_000 * USD + 7
    assert found.equity_maintenance == 97_000 * USD + 7
    assert found.initial == share(PARAMETERS.scenario.range, 95_000 * USD) + 1_000 * USD
    # Short calls against it ask for less than both by themselves.
    call = market.specs[2 * 14].instrument
    alone = portfolio_margin([market], {call: -90})
    covered = portfolio_margin([market], {call: -90}, collateral=[one])
    assert covered.initial_scan < 0.6 * (alone.initial_scan + found.initial_scan)
    uncounted = portfolio_margin([market], {}, collateral=[Collateral(1, terms, CONTRACT, round(INDEX * USD), 0)])
    assert (uncounted.equity_initial, uncounted.initial) == (0, 0)


def test_underlyings_offset_in_part(market: MarginMarket) -> None:
    other = second(market)
    perpetuals = (market.specs[-1].instrument, other.specs[-1].instrument)
    hedged = dict(zip(perpetuals, (100, -100), strict=True))
    found = portfolio_margin([market, other], hedged, offset=OFFSET)
    assert found.initial_scan == -(-found.initial_gross * 7 // 10)
    assert portfolio_margin([market, other], hedged, offset=FULL_SUM).initial_scan == found.initial_gross
    lots = [np.zeros((1, len(market)), np.int64) for _ in range(2)]
    lots[0][0, -1], lots[1][0, -1] = 100, -100
    totals = portfolio_margins([market, other], lots, OFFSET)
    assert (totals.initial[0], totals.maintenance[0]) == (found.initial, found.maintenance)


def test_margin_never_falls_when_everything_doubles(lab: LabMarket, market: MarginMarket) -> None:
    lots = random_books(lab, 500, 3)
    once, twice = (portfolio_margins([market], [factor * lots]) for factor in (1, 2))
    np.testing.assert_array_equal(twice.scan, 2 * once.scan)
    # Charges round up, and concentration grows faster than size.
    assert np.all(twice.initial >= 2 * once.initial - 20)
    assert np.all(once.maintenance <= once.initial)


def test_what_makes_no_sense_is_refused(market: MarginMarket) -> None:
    with pytest.raises(KeyError):
        portfolio_margin([market], {999_999: 1})
    with pytest.raises(OverflowError):
        portfolio_margin([market], {market.specs[0].instrument: 2**60})
    with pytest.raises(ValueError, match="open lots"):
        portfolio_margin([market], {market.specs[0].instrument: Holding(1, bids=OpenSide(-1))})
    with pytest.raises(ValueError, match="shapes"):
        portfolio_margins([market], [np.zeros((3, 2), np.int64)])
    with pytest.raises(ValueError, match="shapes"):
        portfolio_margins([market], [])
