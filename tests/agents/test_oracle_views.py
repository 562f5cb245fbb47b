"""What oracle nodes see: honest ones agree at every moment of the recording, a liar agrees with none of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.oracles import market, node, three_oracles
from synchromesh.agents.oracle.node import OracleNode
from synchromesh.agents.oracle.peers import Refused, ReviewSettlement, Signed
from synchromesh.agents.oracle.sources import SOURCES, ReplayedSources
from synchromesh.clock import SECOND, parse_iso
from synchromesh.execution.marks import Reason, Refusal, Reviewer, index_of
from synchromesh.pricing import mark_arrays
from synchromesh.protocol import NANO_ONE, USD, InstrumentKind, OptionType

FRIDAY = parse_iso("2026-02-06T08:00:00Z")
BTC = 1


def expiries(time: int) -> list[int]:
    """The expiries of BTC that are listed at a moment."""
    return sorted({series.expiry for series in market().series("BTC", time) if series.expiry})


def moments(begin: int, gap: int, count: int) -> list[int]:
    return [begin + place * gap for place in range(count)]


SWEEPS = {
    "seconds": moments(market().start_ns + 3_600 * SECOND, SECOND, 8),
    "minutes around an expiry": moments(FRIDAY - 3_000 * SECOND, 300 * SECOND, 12),
    "three quarters of an hour": moments(market().start_ns, 2_700 * SECOND, 40),
}


@pytest.fixture
def nodes(tmp_path: Path) -> list:
    venue = three_oracles(tmp_path / "venue")
    return [node(venue, number) for number in range(3)]


@pytest.mark.parametrize("sweep", SWEEPS)
def test_honest_nodes_agree(nodes: list, sweep: str) -> None:
    reviewer = Reviewer(BTC)
    for time in SWEEPS[sweep]:
        listed = expiries(time)
        proposal = nodes[0].view("BTC", time, listed).inputs(BTC)
        assert [each.expiry for each in proposal.expiries] == listed
        for other in nodes[1:]:
            own = other.view("BTC", time, listed)
            assert reviewer.review(proposal, own) is None
            assert own.inputs(BTC) != proposal, "each has a view of its own"


@pytest.mark.parametrize("skew", [0.004, -0.004, 0.1, 9.0])
def test_no_honest_node_agrees_with_one_that_lies(tmp_path: Path, skew: float) -> None:
    venue = three_oracles(tmp_path / "venue")
    honest, liar = node(venue, 0), node(venue, 1, skew)
    time = SWEEPS["seconds"][0]
    for proposer, reviewer in ((honest, liar), (liar, honest)):
        time += SECOND
        proposal = proposer.view("BTC", time, expiries(time)).inputs(BTC)
        refusal = Reviewer(BTC).review(proposal, reviewer.view("BTC", time, expiries(time)))
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.INDEX


def test_marks_follow_the_market(nodes: list) -> None:
    """The recorded market comes out again: forwards, vols at the money, and a mark for everything listed."""
    path = market()
    for time in [*SWEEPS["three quarters of an hour"][::8], FRIDAY - 60 * SECOND]:
        series = path.series("BTC", time)
        inputs = nodes[0].view("BTC", time, expiries(time)).inputs(BTC)
        assert inputs.index / NANO_ONE == pytest.approx(path.index("BTC", time), rel=1e-3)
        assert inputs.sources == len(SOURCES)
        assert 0 < inputs.confidence < NANO_ONE // 1_000
        live = {each.fitted.expiry: each for each in path._paths["BTC"].live(time)}
        for each in inputs.expiries:
            truth = live[each.expiry]
            assert each.forward / NANO_ONE == pytest.approx(truth.forward, rel=1e-3)
        arrays = mark_arrays(inputs, [each.spec(place, BTC) for place, each in enumerate(series, start=1)])
        assert len(arrays.marks) == len(series)
        errors = []
        for each, mark in zip(series, arrays.marks, strict=True):
            assert mark.mark >= 0
            if each.kind == InstrumentKind.OPTION and each.expiry - time > 86_400 * SECOND:
                truth = live[each.expiry]
                k = np.array([np.log(each.strike / USD / truth.forward)])
                if (
                    abs(k[0]) < 2 * np.sqrt(truth.smile.variance(np.zeros(1))[0])
                    and each.option_type == OptionType.CALL
                ):
                    errors.append(abs(mark.iv / NANO_ONE - float(truth.smile.vol(k, truth.t)[0])))
        assert np.median(errors) < 0.002


def test_all_nodes_settle_within_the_tolerance_and_near_the_recorded_average(nodes: list) -> None:
    path = market()
    times = range(FRIDAY - 1_795 * SECOND, FRIDAY, 10 * SECOND)
    recorded = np.mean([path.index("BTC", time) for time in times])
    prices = [each.settlement_price("BTC", FRIDAY) for each in nodes]
    assert prices == pytest.approx([recorded] * 3, rel=2e-4)
    assert len(set(prices)) == 3
    reviewer = Reviewer(BTC)
    for own in prices:
        assert reviewer.review_settlement(FRIDAY, round(prices[0] * USD), own) is None


def test_a_node_that_starts_again_settles_as_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venue = three_oracles(tmp_path / "venue")
    monkeypatch.setattr(OracleNode, "now", lambda _: FRIDAY + SECOND)
    price = node(venue, 0).settle_own(BTC, FRIDAY)
    assert isinstance(node(venue, 1).review(ReviewSettlement(BTC, FRIDAY, price)), Signed)
    for number in (0, 1):
        # It sees something else now, well within the tolerance.
        again = node(venue, number, skew=0.0005)
        other = round(again.settlement_price("BTC", FRIDAY) * USD)
        assert other != price
        refused = again.review(ReviewSettlement(BTC, FRIDAY, other))
        assert isinstance(refused, Refused)
        assert refused.reason == Reason.SETTLEMENT
        assert again.settle_own(BTC, FRIDAY) == price
        assert isinstance(again.review(ReviewSettlement(BTC, FRIDAY, price)), Signed)


def test_replayed_sources_stray_each_in_its_own_way() -> None:
    path = market()
    time = path.start_ns + 7_200 * SECOND
    near, far = (ReplayedSources(path, number).index("BTC", time) for number in (0, 1))
    assert [each.source for each in near] == list(SOURCES)
    assert len({each.price for each in [*near, *far]}) == 10
    assert all(each.time < time for each in [*near, *far])
    again = ReplayedSources(path, 0).index("BTC", time)
    assert again == near
    spread = index_of(near, time).confidence
    assert 0 < spread < 1e-3
