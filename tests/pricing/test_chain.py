"""The whole-chain object: the same bits as single options, updates in place, all or nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from synchromesh.pricing import Chain, Greeks, PricingError, black76

STRIKES = {
    "27NOV26": np.arange(50_000.0, 95_000.0, 500.0),
    "25DEC26": np.arange(40_000.0, 120_000.0, 1_000.0)[::-1],
    "26MAR27": np.array([60_000.0]),
}
FORWARD, T = np.array([70_123.0, 70_500.5, 71_900.25]), np.array([6.0, 34.0, 125.0]) / 365
COUNT = sum(column.size for column in STRIKES.values())
NAMES = ("price", "delta", "gamma", "vega", "theta", "rho")


def smile(strike: np.ndarray) -> np.ndarray:
    return 0.5 + 0.3 * np.log(strike / 70_000) ** 2


def chain() -> Chain[str]:
    return Chain(STRIKES, forward=FORWARD, t=T, sigma={label: smile(strike) for label, strike in STRIKES.items()})


def expected(forward: np.ndarray, t: np.ndarray, sigma: np.ndarray, is_call: bool) -> Greeks:
    strike = np.concatenate(list(STRIKES.values()))
    place = np.repeat([0, 1, 2], [column.size for column in STRIKES.values()])
    return black76(forward[place], strike, t[place], sigma, is_call)


def check(chain: Chain[str], forward: np.ndarray, t: np.ndarray, sigma: np.ndarray) -> None:
    np.testing.assert_array_equal(chain.forward, forward)
    np.testing.assert_array_equal(chain.t, t)
    np.testing.assert_array_equal(chain.sigma, sigma)
    for side, is_call in ((chain.call, True), (chain.put, False)):
        theirs = expected(forward, t, sigma, is_call)
        for name in NAMES:
            np.testing.assert_array_equal(getattr(side, name), getattr(theirs, name), name)


def test_holds_what_single_options_give() -> None:
    ours = chain()
    assert ours.expiries == tuple(STRIKES)
    np.testing.assert_array_equal(ours.strike, np.concatenate(list(STRIKES.values())))
    np.testing.assert_array_equal(ours.place, np.repeat([0, 1, 2], [90, 80, 1]))
    check(ours, FORWARD, T, smile(ours.strike))
    assert repr(ours) == "Chain(3 expiries, 171 strikes)"


def test_updates_show_in_the_same_arrays() -> None:
    ours = chain()
    sigma = smile(ours.strike)
    price, front = ours.call.price, ours["27NOV26"].put.delta
    before = price.copy(), front.copy()
    assert ours.update(forward={"27NOV26": 69_000.0}) == 90
    forward = np.array([69_000.0, *FORWARD[1:]])
    check(ours, forward, T, sigma)
    assert np.all(price[:90] < before[0][:90])
    np.testing.assert_array_equal(price[90:], before[0][90:])
    assert np.all(front < before[1])
    assert ours.update(t=T - 1 / 365, sigma=0.6) == COUNT
    check(ours, forward, T - 1 / 365, np.full(COUNT, 0.6))
    assert ours.update(sigma={"26MAR27": 0.7}) == 1
    new_sigma = np.append(np.full(COUNT - 1, 0.6), 0.7)
    check(ours, forward, T - 1 / 365, new_sigma)
    assert ours.update(forward=FORWARD, t=0.25, sigma=sigma) == COUNT
    check(ours, FORWARD, np.full(3, 0.25), sigma)


def test_only_what_changed_is_priced_again() -> None:
    ours = chain()
    assert ours.update() == 0
    assert ours.update(forward=FORWARD, t=T, sigma=ours.sigma) == 0
    assert ours.update(forward=[*FORWARD[:2], 72_000.0]) == 1
    assert ours.update(sigma={"25DEC26": 0.5}) == 80


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"forward": [70_000.0, -1.0, 70_000.0]}, "25DEC26: forward is -1"),
        ({"forward": 69_000.0, "t": {"26MAR27": np.inf}}, "26MAR27: t is inf"),
        ({"sigma": {"27NOV26": 0.4, "25DEC26": [*[0.5] * 79, np.nan]}}, "25DEC26, strike 40000: sigma is NaN"),
        ({"sigma": [0.5, 0.5]}, r"sigma has shape \(2,\), must be one number or 171"),
        ({"sigma": {"26MAR27": [0.5, 0.5]}}, r"sigma of 26MAR27 has shape \(2,\), must be one number or 1"),
        ({"forward": {"31DEC26": 1.0}}, "forward names 31DEC26, which is no expiry"),
        ({"t": {"26MAR27": None}}, "26MAR27: t is NaN"),
    ],
)
def test_a_refused_update_changes_nothing(change: dict[str, object], reason: str) -> None:
    ours = chain()
    with pytest.raises(PricingError, match=reason):
        ours.update(**change)
    check(ours, FORWARD, T, smile(ours.strike))
    ours.update(forward=FORWARD)
    check(ours, FORWARD, T, smile(ours.strike))


def test_a_chain_that_cannot_be() -> None:
    with pytest.raises(PricingError, match="26MAR27, strike -1: strike is -1"):
        Chain({"27NOV26": [1.0], "26MAR27": [1.0, -1.0]}, forward=1.0, t=1.0, sigma=1.0)
    with pytest.raises(PricingError, match="forward lacks 26MAR27"):
        Chain({"27NOV26": [1.0], "26MAR27": [1.0]}, forward={"27NOV26": 1.0}, t=1.0, sigma=1.0)
    with pytest.raises(PricingError, match="strike holds 1 null"):
        Chain({"27NOV26": pa.array([1.0, None])}, forward=1.0, t=1.0, sigma=1.0)
    empty = Chain[str]({}, forward=1.0, t=1.0, sigma=1.0)
    assert empty.call.price.shape == (0,)
    assert empty.update(forward=2.0) == 0
    with pytest.raises(KeyError):
        chain()["31DEC26"]


def test_views_are_read_only_and_outlive_the_chain() -> None:
    ours = chain()
    front = ours["27NOV26"]
    for view in (ours.forward, ours.t, ours.sigma, ours.strike, front.call.price, front.put.vega, front.forward):
        assert not view.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            view[...] = 1.0
    assert (float(front.forward), float(front.t), front.strike.size) == (FORWARD[0], T[0], 90)
    assert np.shares_memory(front.call.gamma, ours.put.gamma)
    price, copy = ours.call.price, ours.call.price.copy()
    del ours, front
    np.testing.assert_array_equal(price, copy)


def test_forward_of_the_caller_is_not_kept() -> None:
    forward = FORWARD.copy()
    ours = Chain(STRIKES, forward=forward, t=T, sigma=0.5)
    forward[:] = 1.0
    np.testing.assert_array_equal(ours.forward, FORWARD)


def test_to_arrow_is_a_copy_of_the_moment() -> None:
    ours = chain()
    batch = ours.to_arrow()
    before = ours.put.price.copy()
    ours.update(forward=60_000.0)
    np.testing.assert_array_equal(batch["put_price"], before)
    assert batch["expiry"].to_pylist() == ["27NOV26"] * 90 + ["25DEC26"] * 80 + ["26MAR27"]
    assert batch["forward"].to_pylist() == [70_123.0] * 90 + [70_500.5] * 80 + [71_900.25]
    assert batch.num_columns == 14
    assert Chain({1: [1.0], 2: [2.0]}, forward=1.0, t=1.0, sigma=1.0).to_arrow()["expiry"].type == pa.int64()
