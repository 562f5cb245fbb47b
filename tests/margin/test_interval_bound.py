"""Between price nodes: no book loses more than its scan says, on any vol row."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from synchromesh.risk.adversary.market import LabMarket
from synchromesh.risk.chains import read_snapshots
from synchromesh.risk.margin import portfolio_margin, portfolio_margins
from synchromesh.risk.margin.bound import cell_losses, margin_market, plain_market, random_books
from synchromesh.risk.margin.breakdown import STATE_NAMES
from synchromesh.risk.parameters import DEFAULT_RISK

PARAMETERS = DEFAULT_RISK["BTC"]
UNIT = 1e-6
"""Micro-USDC: what a sum of doubles may be off by."""


@pytest.mark.parametrize("hours", [0.5, 1, 24, 168, 720, 4_320])
def test_no_book_loses_more_than_its_cells_say(hours: float) -> None:
    market = plain_market(100_000.0, hours)
    losses = cell_losses(market, PARAMETERS, random_books(market, 300, round(hours * 4)))
    assert losses.excess.max() <= UNIT
    # The bound is close where a book loses something worth a margin.
    assert np.median(losses.relative_overcharge) < 0.05


def test_a_short_fly_between_two_nodes_is_caught() -> None:
    """The case for which grids leak: a short fly one percent wide, centred between nodes, an hour before expiry."""
    market = plain_market(100_000.0, 1, strikes=33)
    centre = int(np.argmin(np.abs(market.strike[::2] - 101_000)))
    assert market.strike[2 * centre] == pytest.approx(101_000, rel=1e-3)
    lots = np.zeros((1, len(market.specs)), np.int64)
    lots[0, 2 * centre + np.array([-2, 0, 2])] = [-1_000, 2_000, -1_000]
    losses = cell_losses(market, PARAMETERS, lots, points=60)
    at_nodes = cell_losses(market, PARAMETERS, lots, points=0).true
    assert losses.excess[0] <= UNIT
    assert at_nodes.max() < 0.5 * losses.true.max()


def test_no_book_on_a_recorded_surface_loses_more() -> None:
    folder = os.environ.get("SYNCHROMESH_DATA")
    if not folder:
        pytest.skip("SYNCHROMESH_DATA names no folder of recorded market data")
    path = Path(folder) / "deribit" / "snapshots_2026" / "BTC_ETH_2026-02-05.csv.gz"
    for chain in read_snapshots(path)[:2]:
        market = LabMarket.from_snapshot(chain, chain.symbol).thinned(12)
        parameters = DEFAULT_RISK[chain.symbol]
        losses = cell_losses(market, parameters, random_books(market, 200, 5), points=8)
        assert losses.excess.max() <= UNIT
        near = market.with_front_at(2)
        assert cell_losses(near, parameters, random_books(near, 200, 6), points=8).excess.max() <= UNIT


def test_the_venue_counts_what_the_lab_bounds() -> None:
    market = plain_market(100_000.0, 24)
    lots = random_books(market, 40, 9)
    bound = cell_losses(market, PARAMETERS, lots, points=0).bound
    native = margin_market(market, PARAMETERS)
    totals = portfolio_margins([native], [lots])
    for at, book in enumerate(lots):
        held = {spec.instrument: int(each) for spec, each in zip(market.specs, book, strict=True) if each}
        found = portfolio_margin([native], held)
        losses = found.underlyings[0].positions.losses
        cells = np.array([losses[name] for name in STATE_NAMES[:48]]) / 1e6
        np.testing.assert_array_equal(cells, bound[at].reshape(-1))
        assert totals.scan[at] == found.initial_scan == max(0, *losses.values())
        assert totals.initial[at] == found.initial == found.positions
        assert totals.maintenance[at] == found.maintenance
