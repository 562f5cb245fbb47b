"""From what an oracle observes to the marks that follow, in particular through the last half hour of an expiry."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from synchromesh.clock import DAY_NS, SECOND
from synchromesh.execution.marks import (
    ExpiryObservation,
    ForwardSource,
    IndexJumpError,
    MarkBuilder,
    MarkView,
    NoIndexError,
    Observation,
    OptionQuotes,
    SourcePrice,
    TwoSided,
    share_left,
    variance_years,
)
from synchromesh.execution.marks.settlement import WINDOW_NS
from synchromesh.pricing import black76, mark_arrays
from synchromesh.pricing.marks import YEAR_NS
from synchromesh.protocol import NANO_ONE, USD, InstrumentKind, InstrumentMark, InstrumentSpec, OptionType

EXPIRY = 1_770_364_800 * SECOND
MONTH = EXPIRY + 30 * DAY_NS
START = EXPIRY - WINDOW_NS
VOL = 0.7
STRIKE = 70_000


def sources(index: float, time: int) -> list[SourcePrice]:
    return [SourcePrice(name, index, time) for name in "abcde"]


def options(index: float, time: int, expiry: int) -> OptionQuotes:
    """Tight quotes of options on the average, flat at ``VOL``, forward at the index."""
    t = (expiry - time) / YEAR_NS
    vol = VOL * math.sqrt(variance_years(time, expiry) / t)
    strikes = np.repeat((index * np.exp(np.linspace(-3, 3, 25) * vol * math.sqrt(t))).round(1), 2)
    calls = np.tile([False, True], 25)
    bid, ask = (np.asarray(black76(index, strikes, t, vol + side, calls).price) for side in (-0.01 * vol, 0.01 * vol))
    return OptionQuotes(strikes, calls, bid, ask, np.zeros(50))


def observed(index: float, time: int, expiries: tuple[int, ...] = (EXPIRY, MONTH)) -> Observation:
    seen = [ExpiryObservation(expiry, options(index, time, expiry)) for expiry in expiries]
    return Observation(time, sources(index, time), [TwoSided(index - 5, index + 5)], seen)


def call_mark(view: MarkView, strike: int = STRIKE) -> InstrumentMark:
    """The mark of a call that expires first."""
    spec = InstrumentSpec(1, "C", 1, InstrumentKind.OPTION, OptionType.CALL, strike * USD, EXPIRY, 5 * USD, 10**6, 1)
    [mark] = mark_arrays(view.inputs(1), [spec]).marks
    return mark


class Walk:
    """An oracle that looks at an index that changes when a test says so."""

    def __init__(self, index: float = 70_000.0) -> None:
        self.builder = MarkBuilder()
        self.index = index

    def at(self, time: int) -> MarkView:
        for due in self.builder.window(EXPIRY).due(time):
            self.builder.sample(EXPIRY, due, sources(self.index, due))
        return self.builder.view(observed(self.index, time))

    def through(self, begin: int, end: int) -> Iterator[MarkView]:
        for time in range(begin, end, 10 * SECOND):
            yield self.at(time)


def test_publishes_what_was_seen() -> None:
    inputs = MarkBuilder().view(observed(70_000.0, START - DAY_NS)).inputs(7)
    assert (inputs.underlying, inputs.time, inputs.index) == (7, START - DAY_NS, 70_000 * NANO_ONE)
    assert (inputs.sources, inputs.confidence, inputs.perpetual_mark) == (5, 0, 70_000 * NANO_ONE)
    assert [each.expiry for each in inputs.expiries] == [EXPIRY, MONTH]
    for each in inputs.expiries:
        assert each.forward / NANO_ONE == pytest.approx(70_000, abs=1)
        assert each.rate == 0


def test_nothing_moves_where_the_window_begins() -> None:
    walk = Walk()
    before = walk.at(START - 1)
    after = walk.at(START + 1)
    first, second = before.slices[0], after.slices[0]
    assert second.forward.price == pytest.approx(first.forward.price, rel=1e-9)
    k = np.linspace(-0.02, 0.02, 9)
    assert second.smile.variance(k) == pytest.approx(first.smile.variance(k), rel=1e-5)
    assert call_mark(after).mark == pytest.approx(call_mark(before).mark, abs=10)
    assert call_mark(after).delta == pytest.approx(call_mark(before).delta, rel=1e-5)


def test_inside_the_window_the_forward_is_the_expected_settlement() -> None:
    walk = Walk(70_000.0)
    list(walk.through(START - 60 * SECOND, START + WINDOW_NS // 2 + 1))
    walk.index = 71_000.0
    view = walk.at(START + WINDOW_NS // 2 + SECOND)
    [forward] = [each.forward for each in view.slices if each.expiry == EXPIRY]
    assert forward.source is ForwardSource.SETTLEMENT
    assert forward.price == pytest.approx((70_000 + 71_000) / 2, abs=1)
    assert view.slices[1].forward.price == pytest.approx(71_000, rel=1e-4)


def test_the_marks_vol_is_that_of_the_average() -> None:
    walk = Walk()
    *_, last = walk.through(START - 60 * SECOND, START + WINDOW_NS // 2 + 1)
    left = EXPIRY - last.time
    expected = VOL**2 * (left / WINDOW_NS) ** 2 * left / 3 / YEAR_NS
    assert float(last.slices[0].smile.variance(np.zeros(1))[0]) == pytest.approx(expected, rel=0.03)


def test_delta_is_the_markets_sensitivity_to_the_index_and_decays() -> None:
    """A dearer index by a dollar moves an expiring call by its delta: the share of the window left, times Φ(d1)."""
    deltas = []
    for elapsed in (0.0, 0.25, 0.5, 0.75, 0.9):
        time = START + round(elapsed * WINDOW_NS) + SECOND
        marks = []
        for shift in (-50.0, 0.0, 50.0):
            walk = Walk()
            for before in (*range(START - 60 * SECOND, time - SECOND, 120 * SECOND), time - SECOND):
                walk.at(before)
            walk.index += shift
            marks.append(call_mark(walk.at(time), strike=69_000))
        slope = (marks[2].mark - marks[0].mark) / USD / 100
        delta = marks[1].delta / NANO_ONE
        assert delta == pytest.approx(slope, abs=0.01)
        assert delta == pytest.approx(share_left(time, EXPIRY), rel=0.02), "deep in the money the rest is Φ(d1) = 1"
        deltas.append(delta)
    assert deltas == sorted(deltas, reverse=True)


def test_the_last_mark_is_what_the_expiry_settles_on() -> None:
    walk = Walk(70_000.0)
    rng = np.random.default_rng(5)
    for _ in walk.through(START - 60 * SECOND, EXPIRY):
        walk.index *= 1 + 2e-4 * rng.standard_normal()
    last = walk.at(EXPIRY - SECOND // 1000)
    window = walk.builder.window(EXPIRY)
    for due in window.due(EXPIRY):
        walk.builder.sample(EXPIRY, due, sources(walk.index, due))
    settled = window.price()
    assert abs(settled / walk.index - 1) > 1e-4, "the average is another price than the last"
    strike = round(settled) - 100
    assert call_mark(last, strike).mark / USD == pytest.approx(settled - strike, abs=0.5)
    assert last.inputs(1).expiries[0].forward / NANO_ONE == pytest.approx(settled, rel=1e-6)


def test_a_refused_view_leaves_the_last_one_standing() -> None:
    builder = MarkBuilder(last_index=70_000.0)
    with pytest.raises(IndexJumpError):
        builder.view(observed(700_000.0, START - DAY_NS))
    stale = Observation(START, sources(70_000.0, START - DAY_NS), [], [])
    with pytest.raises(NoIndexError):
        builder.view(stale)
    assert builder.view(observed(70_500.0, START - DAY_NS + 1)).index.price == 70_500.0


def test_samples_without_an_index_are_passed_over() -> None:
    builder = MarkBuilder()
    first, second = builder.window(EXPIRY).due(START + 20 * SECOND)
    builder.sample(EXPIRY, first, [])
    builder.sample(EXPIRY, second, sources(70_000.0, second))
    assert builder.window(EXPIRY).average == 70_000.0


def test_a_sample_that_no_mark_could_have_is_passed_over() -> None:
    """Two sources are left, and one of them has lost a decimal point: their median is another price."""
    builder = MarkBuilder(last_index=70_000.0)
    window = builder.window(EXPIRY)
    for number, due in enumerate(window.due(EXPIRY)):
        wrong = [SourcePrice("a", 70_000.0, due), SourcePrice("b", 700_000.0, due)]
        builder.sample(EXPIRY, due, wrong if number < 10 else sources(70_000.0, due))
    assert window.price() == 70_000.0


def test_a_window_is_forgotten_a_day_after_its_expiry() -> None:
    builder = MarkBuilder()
    for due in builder.window(EXPIRY).due(EXPIRY):
        builder.sample(EXPIRY, due, sources(70_000.0, due))
    for after, known in ((DAY_NS - 1, True), (DAY_NS + 1, False)):
        builder.view(observed(70_000.0, EXPIRY + after, (MONTH,)))
        assert (builder.window(EXPIRY).average is not None) == known
