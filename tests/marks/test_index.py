"""The index: what a minority of sources says moves it no further than the clamp, and shows in the confidence."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synchromesh.clock import SECOND
from synchromesh.execution.marks import Index, IndexJumpError, NoIndexError, SourcePrice, index_of, limited
from synchromesh.execution.marks.index import AGE_MAX, CLAMP, DRIFT, JUMP_MAX, LEAD_MAX, STEP_MAX

NOW = 1_770_192_000 * SECOND


def prices(*values: float, age: int = 0) -> list[SourcePrice]:
    return [SourcePrice(f"source-{place}", value, NOW - age) for place, value in enumerate(values)]


def test_is_the_weighted_mean_of_what_agrees() -> None:
    sources = [SourcePrice("a", 100.0, NOW, 3.0), SourcePrice("b", 100.2, NOW, 1.0), SourcePrice("c", 100.1, NOW, 2.0)]
    index = index_of(sources, NOW)
    assert index.price == pytest.approx((300 + 100.2 + 200.2) / 6)
    assert (index.sources, index.clamped) == (3, ())


@pytest.mark.parametrize("lie", [1e-9, 0.5, 0.99, 1.01, 2.0, 10.0, 1e9])
def test_one_liar_of_five_moves_it_by_a_fifth_of_the_clamp(lie: float) -> None:
    index = index_of(prices(100, 100, 100, 100, 100 * lie), NOW)
    assert abs(index.price / 100 - 1) == pytest.approx(CLAMP / 5)
    assert index.clamped == ("source-4",)
    assert index.confidence <= 2 * CLAMP / 5, "four of five agree: the venue goes on"


def test_two_liars_of_five_show_in_the_confidence() -> None:
    index = index_of(prices(100, 100, 100, 103, 103), NOW)
    assert index.price == pytest.approx(100 * (1 + 2 / 5 * CLAMP))
    assert index.confidence > 0.01, "beyond what the venue takes new risk at"


def test_of_three_one_liar_shows_in_the_confidence() -> None:
    assert index_of(prices(100, 100, 103), NOW).confidence > 0.01


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_what_is_no_price_is_dropped(bad: float) -> None:
    index = index_of(prices(100, bad, 102), NOW)
    assert index.sources == 2
    assert index.price == pytest.approx(101, rel=CLAMP)


@pytest.mark.parametrize(
    ("age", "counts"), [(AGE_MAX, True), (AGE_MAX + 1, False), (-LEAD_MAX, True), (-LEAD_MAX - 1, False)]
)
def test_stale_and_future_prices_are_dropped(age: int, counts: bool) -> None:
    late = SourcePrice("late", 100.3, NOW - age)
    assert index_of([*prices(100, 100), late], NOW).sources == 2 + counts


def test_too_few_fresh_sources_give_no_index() -> None:
    with pytest.raises(NoIndexError) as refused:
        index_of([*prices(100), *(SourcePrice(f"old-{n}", 100, NOW - 2 * AGE_MAX) for n in range(4))], NOW)
    assert (refused.value.fresh, refused.value.needed) == (1, 2)
    with pytest.raises(NoIndexError):
        index_of(prices(100, 100), NOW, sources_min=3)


def test_age_widens_the_confidence_by_what_a_price_strays() -> None:
    assert index_of(prices(100, 100, 100), NOW).confidence == 0
    assert index_of(prices(100, 100, 100, age=9 * SECOND), NOW).confidence == pytest.approx(3 * DRIFT)


source_lists = st.lists(
    st.tuples(st.floats(1e-3, 1e6), st.floats(0.1, 10.0), st.integers(0, AGE_MAX)), min_size=2, max_size=9
)


@given(source_lists, st.randoms())
def test_lies_near_the_median_whatever_is_said_in_whatever_order(
    said: list[tuple[float, float, int]], rng: random.Random
) -> None:
    sources = [SourcePrice(f"s{n}", price, NOW - age, weight) for n, (price, weight, age) in enumerate(said)]
    index = index_of(sources, NOW)
    ordered = sorted(each.price for each in sources)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    assert abs(index.price / middle - 1) <= CLAMP * (1 + 1e-9)
    rng.shuffle(sources)
    again = index_of(sources, NOW)
    assert again.price == pytest.approx(index.price, rel=1e-12)
    assert again.confidence == pytest.approx(index.confidence, rel=1e-9, abs=1e-12)


@given(source_lists)
def test_three_quarters_of_the_weight_lie_within_the_confidence(said: list[tuple[float, float, int]]) -> None:
    sources = [SourcePrice(f"s{n}", price, NOW - age, weight) for n, (price, weight, age) in enumerate(said)]
    index = index_of(sources, NOW)
    inside = [each.weight for each in sources if abs(each.price / index.price - 1) <= index.confidence * (1 + 1e-12)]
    assert sum(inside) >= 0.75 * sum(each.weight for each in sources) * (1 - 1e-9)


def test_a_crash_is_followed_in_steps_that_say_so() -> None:
    seen = Index(70_000.0, 0.0004, 5)
    assert limited(seen, None) == seen
    assert limited(seen, 75_000.0) == seen
    step = limited(seen, 100_000.0)
    assert step.price == pytest.approx(100_000 * (1 - STEP_MAX))
    assert step.confidence == pytest.approx(0.0004 + 1 - 70_000 / 90_000)
    last = 100_000.0
    for _ in range(4):
        last = limited(seen, last).price
    assert last == 70_000.0


@pytest.mark.parametrize("factor", [10.0, 1 + JUMP_MAX + 1e-6, 1 - JUMP_MAX - 1e-6, 0.1, 1e-12])
def test_a_jump_is_not_followed(factor: float) -> None:
    with pytest.raises(IndexJumpError) as refused:
        limited(Index(100.0 * factor, 0.0, 5), 100.0)
    assert refused.value.seen == pytest.approx(100 * factor)
