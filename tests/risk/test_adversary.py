"""The exact adversary: its linear program, the promises of the model, and the same portfolios in whole lots."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from synchromesh.agents.market import load_bundled
from synchromesh.protocol import NANO_ONE
from synchromesh.risk.adversary import Adversary, LabMarket, Move, Requirement, Stage, confirm
from synchromesh.risk.adversary.requirement import NODES, ROWS, TAIL_MOVES
from synchromesh.risk.adversary.scenarios import CRASH, move_sets, perpetual_coverage
from synchromesh.risk.adversary.sweep import ROUNDING, ladder, sweep
from synchromesh.risk.parameters import DEFAULT_COLLATERAL, DEFAULT_RISK

STRIKES = 6
BTC = DEFAULT_RISK["BTC"]
REACH = BTC.scenario.range / NANO_ONE


@pytest.fixture(scope="module")
def market() -> LabMarket:
    """Twelve expiries, the first an hour away."""
    return LabMarket.from_fitted(load_bundled().underlyings[0], 0, "BTC").thinned(STRIKES).with_front_at(1.0)


@pytest.fixture(scope="module")
def whole(market: LabMarket) -> Requirement:
    return Requirement.of(market, BTC)


def coverage(requirement: Requirement, move: Move) -> float:
    worst = Adversary(requirement).worst(requirement.market.pnl(move, BTC.scenario))
    assert worst is not None
    return worst.coverage


@pytest.mark.parametrize("stage", [Stage.CELLS, Stage.FLOOR])
def test_column_generation_finds_the_optimum_over_all_columns(whole: Requirement, stage: Stage) -> None:
    requirement = whole.up_to(stage)
    for move in (Move(spot=-0.03, row=1), Move(row=0.5), Move(spot=0.08, skew_linear=-1, days=1.0)):
        everything = Adversary(requirement)
        everything._strikes = set(range(len(requirement.market.strike) // 2))
        pnl = requirement.market.pnl(move, BTC.scenario)
        few, all_of_them = Adversary(requirement).worst(pnl), everything.worst(pnl)
        assert few is not None
        assert all_of_them is not None
        assert few.coverage == pytest.approx(all_of_them.coverage, abs=1e-6)


def test_coverage_is_the_margin_of_the_portfolio_per_loss(whole: Requirement) -> None:
    for move in (Move(spot=-0.05), CRASH, Move(front=1.5), Move(days=1.0), Move(basis=-0.05)):
        pnl = whole.market.pnl(move, BTC.scenario)
        worst = Adversary(whole).worst(pnl)
        assert worst is not None
        assert worst.contracts @ pnl == pytest.approx(-1)
        assert whole.margin(worst.contracts) == pytest.approx(worst.coverage, rel=1e-5, abs=1e-6)


def test_no_random_book_is_covered_worse_than_the_adversary_says(whole: Requirement) -> None:
    draw = np.random.default_rng(7)
    for move in (Move(spot=-0.03), Move(spot=-0.08, row=0.5), CRASH):
        pnl = whole.market.pnl(move, BTC.scenario)
        worst = coverage(whole, move)
        for _ in range(100):
            book = draw.normal(size=len(pnl)) * (draw.random(len(pnl)) < 0.1)
            loss = -float(book @ pnl)
            if loss > 1e-6:
                assert whole.margin(book) / loss >= worst - 1e-6


def test_where_nothing_moves_nothing_is_lost(whole: Requirement) -> None:
    assert Adversary(whole).worst(whole.market.pnl(Move(), BTC.scenario)) is None


def test_nodes_alone_leak_and_the_cell_bound_does_not(whole: Requirement) -> None:
    between = [Move(spot=REACH * at, row=row) for at in (-0.53, -0.19, 0.06, 0.47) for row in (-1.0, 0.0, 1.0)]
    leaks = [coverage(whole.up_to(Stage.NODES), move) for move in between]
    bounds = [coverage(whole.up_to(Stage.CELLS), move) for move in between]
    assert min(leaks) < 0.5
    assert min(bounds) >= 1 - ROUNDING


def test_every_promise_is_kept(market: LabMarket) -> None:
    for found in sweep([market], BTC, quick=True):
        if found.promised:
            assert found.worst_ratio >= 1 - ROUNDING, found.name
        else:
            assert found.worst_ratio > 0, found.name
        assert found.points > 0
        # What the engine would ask for it in whole lots.
        confirmed = found.worst.confirmation
        assert confirmed.coverage == pytest.approx(found.worst.coverage, rel=2e-3)
        assert confirmed.sized_coverage >= found.worst.coverage * (1 - 1e-2)


def test_each_part_of_the_margin_covers_what_it_is_for(market: LabMarket) -> None:
    rows = {row.name: row.coverage for row in ladder(market, BTC)}
    assert rows["crash_lane"]["tails"] < 0.5 * rows["crash_lane"]["crash"]
    assert rows["skew_lanes"]["crash"] < 0.5 * rows["skew_lanes"]["skew"]
    assert rows["term_lanes"]["skew"] < 0.5 * rows["term_lanes"]["term"]
    assert rows["tails"]["cells"] < 0.5 * rows["tails"]["tails"]
    assert rows["basis"]["term"] < 0.5 * rows["basis"]["basis"]
    assert rows["between_rows"]["basis"] < 0.9 * rows["between_rows"]["floor"]
    for coverages in rows.values():
        ascending = list(coverages.values())
        assert all(later >= before - 1e-6 for before, later in itertools.pairwise(ascending))


def test_moves_are_what_the_lanes_are_made_of(market: LabMarket) -> None:
    requirement = Requirement.of(market, BTC)
    nodes = np.linspace(-REACH, REACH, NODES)
    moves = [(Move(spot=float(s), row=row), 1.0) for row in (1.0, 0.0, -1.0) for s in nodes]
    assert len(moves) == ROWS * NODES
    moves += [(Move(spot=far, row=1.0), REACH / abs(far)) for far in TAIL_MOVES]
    moves += [(Move(skew_linear=1), 1.0), (Move(skew_absolute=1), 1.0), (Move(term=1), 1.0), (Move(term=-1), 1.0)]
    moves.append((CRASH, REACH / 0.30))
    for lane, (move, weight) in enumerate(moves):
        exact = market.pnl(move, BTC.scenario) * weight
        below = exact - requirement.lanes[lane]
        assert np.all(below > -1e-9), move
        assert np.all(below < requirement.unit + 1e-9), move


def test_whole_lots_cover_a_loss_within_the_bound(whole: Requirement) -> None:
    move = Move(spot=REACH * 0.47)
    worst = Adversary(whole).worst(whole.market.pnl(move, BTC.scenario))
    assert worst is not None
    confirmed = confirm(whole, move, worst.contracts)
    assert confirmed.lots == 200_000
    assert confirmed.margin >= confirmed.loss * (1 - 1e-4)


def test_a_market_rolls_to_its_expiry_with_its_vols(market: LabMarket) -> None:
    assert market.t[0] * 365 * 24 == pytest.approx(1.0)
    later = market.with_front_at(0.5)
    assert later.vol == pytest.approx(market.vol, rel=1e-3)
    assert market.names[-1] == "BTC_USDC-PERPETUAL"


def test_a_perpetual_is_the_standard_beyond_the_range() -> None:
    assert perpetual_coverage(Move(spot=-0.32), 0.16) == pytest.approx(0.5)
    assert perpetual_coverage(Move(spot=0.04), 0.16) == 1
    assert perpetual_coverage(Move(row=2.0), 0.16) == 1


def test_full_grids_contain_the_named_moves(market: LabMarket) -> None:
    sets = {each.name: each for each in move_sets(market, BTC.scenario)}
    assert len(sets["bound"].moves) == 99
    assert CRASH in sets["crash_lane"].moves
    assert Move(spot=1.0, row=1.0) in sets["tails"].moves
    assert Move(spot=1.0) in sets["far_up"].moves
    assert Move(front=1.5) in sets["term"].moves
    for each in sets.values():
        assert len(set(each.moves)) == len(each.moves), each.name


def test_defaults_are_tables_of_the_protocol() -> None:
    for parameters in DEFAULT_RISK.values():
        assert type(parameters).decode(parameters.encode()) == parameters
        assert all(value >= 0 for value in msgspec.structs.astuple(parameters.scenario))
    terms = DEFAULT_COLLATERAL["WSTETH"].terms({"BTC": 1, "ETH": 2, "WSTETH": 3})
    assert (terms.price_underlying, terms.scenario_underlying) == (3, 2)
    assert 0 < terms.haircut_maintenance < terms.haircut_initial < NANO_ONE
