"""Marks from inputs: integers that anybody can recompute."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from support.exact import exact
from synchromesh.pricing import MarkError, black76, mark_arrays, year_fraction
from synchromesh.protocol import (
    NANO_ONE,
    USD,
    ExpiryInputs,
    InstrumentKind,
    InstrumentSpec,
    MarkInputs,
    OptionType,
    SviSlice,
)

DAY = 86_400 * 10**9
NOW = 1_770_336_000 * 10**9
SMILE = SviSlice(a=2_000_000, b=80_000_000, rho=-300_000_000, m=20_000_000, sigma=150_000_000)


def option(instrument: int, strike: int, option_type: OptionType, expiry: int = NOW + 30 * DAY) -> InstrumentSpec:
    return InstrumentSpec(
        instrument=instrument,
        name=f"BTC_USDC-{instrument}",
        underlying=1,
        kind=InstrumentKind.OPTION,
        option_type=option_type,
        strike=strike * USD,
        expiry=expiry,
        tick_size=5 * USD,
        lot_size=1_000_000,
        lane_unit=1,
    )


def inputs(time: int = NOW, smile: SviSlice = SMILE) -> MarkInputs:
    return MarkInputs(
        underlying=1,
        time=time,
        index=70_000 * NANO_ONE,
        confidence=0,
        sources=1,
        perpetual_mark=70_010_000_000_500,
        funding_rate=0,
        expiries=(ExpiryInputs(expiry=NOW + 30 * DAY, forward=70_250_500_000_000, rate=0, smile=smile),),
    )


def test_marks_are_the_rounded_price_of_the_smile() -> None:
    specs = [
        option(5 + place, strike, kind)
        for place, (strike, kind) in enumerate(
            (strike, kind) for strike in range(30_000, 160_000, 5_000) for kind in (OptionType.CALL, OptionType.PUT)
        )
    ]
    arrays = mark_arrays(inputs(), specs)
    assert (arrays.version, [mark.instrument for mark in arrays.marks]) == (0, [spec.instrument for spec in specs])
    forward, t = 70_250.5, year_fraction(NOW, NOW + 30 * DAY)
    for spec, mark in zip(specs, arrays.marks, strict=True):
        strike = spec.strike / USD
        with mpmath.workdps(40):
            x = mpmath.log(mpmath.mpf(strike) / mpmath.mpf(forward)) - mpmath.mpf("0.02")
            w = mpmath.mpf("0.002") + mpmath.mpf("0.08") * (
                -mpmath.mpf("0.3") * x + mpmath.sqrt(x * x + mpmath.mpf("0.0225"))
            )
            vol = mpmath.sqrt(w / mpmath.mpf(t))
        truth = exact(forward, strike, t, float(vol), spec.option_type == OptionType.CALL)
        assert mark.iv == round(vol * NANO_ONE)
        assert abs(mark.mark - truth["price"] * USD) <= 0.51
        assert abs(mark.delta - truth["delta"] * NANO_ONE) <= 0.51
        assert abs(mark.vega - truth["vega"] * USD) <= 0.51


def test_the_same_inputs_are_the_same_bytes() -> None:
    """What is hashed on chain: neither repetition nor the other instruments of the list change a mark."""
    specs = [option(place, 40_000 + 1_000 * place, OptionType.PUT) for place in range(1, 60)]
    arrays = mark_arrays(inputs(), specs)
    assert mark_arrays(inputs(), specs).encode() == arrays.encode()
    assert mark_arrays(inputs(), specs[7:8]).marks == arrays.marks[7:8]


def test_the_perpetual_is_marked_without_a_float() -> None:
    spec = InstrumentSpec(
        instrument=1,
        name="BTC_USDC-PERPETUAL",
        underlying=1,
        kind=InstrumentKind.PERPETUAL,
        option_type=OptionType.CALL,
        strike=0,
        expiry=0,
        tick_size=USD // 2,
        lot_size=100_000,
        lane_unit=1,
    )
    [mark] = mark_arrays(inputs(), [spec]).marks
    assert mark.mark == round(Fraction(70_010_000_000_500, 1_000)) == 70_010_000_000
    assert (mark.iv, mark.delta, mark.vega, mark.risk) == (0, NANO_ONE, 0, None)


@pytest.mark.parametrize("late", [0, 1, DAY])
def test_at_and_after_expiry_an_option_is_intrinsic(late: int) -> None:
    specs = [option(1, 70_000, OptionType.CALL), option(2, 70_000, OptionType.PUT), option(3, 71_000, OptionType.PUT)]
    marks = mark_arrays(inputs(NOW + 30 * DAY + late), specs).marks
    assert [mark.mark for mark in marks] == [250_500_000, 0, 749_500_000]
    assert [(mark.iv, mark.delta, mark.vega) for mark in marks] == [(0, 0, 0)] * 3


@pytest.mark.parametrize(("minutes", "share"), [(31, 1), (30, 1), (15, 0.5), (1.5, 0.05)])
def test_delta_decays_over_the_settlement_window(minutes: float, share: float) -> None:
    """The settlement price is an average over half an hour; the part of it that has happened moves no more."""
    dying = SviSlice(a=4_000, b=0, rho=0, m=0, sigma=1)
    left = round(minutes * 60 * 10**9)
    specs = [option(1, 70_300, OptionType.CALL), option(2, 70_200, OptionType.PUT)]
    marks = mark_arrays(inputs(NOW + 30 * DAY - left, dying), specs).marks
    t = year_fraction(0, left)
    greeks = black76(70_250.5, [70_300.0, 70_200.0], t, np.sqrt(4e-6 / t), [True, False])
    np.testing.assert_allclose([mark.delta for mark in marks], greeks.delta * share * NANO_ONE, atol=0.51)
    np.testing.assert_allclose([mark.vega for mark in marks], greeks.vega * USD, atol=0.51)
    np.testing.assert_allclose([mark.mark for mark in marks], greeks.price * USD, atol=0.51)


def test_a_nanosecond_before_expiry_is_close_to_intrinsic() -> None:
    call = option(1, 70_000, OptionType.CALL)
    dying = SviSlice(a=1, b=0, rho=0, m=0, sigma=1)
    [mark] = mark_arrays(inputs(NOW + 30 * DAY - 1, dying), [call]).marks
    assert mark.mark == 250_500_000
    assert mark.iv > NANO_ONE, "a variance left over gives a large vol, not a failure"


@pytest.mark.parametrize(
    ("specs", "reason"),
    [
        ([option(2, 70_000, OptionType.CALL), option(2, 71_000, OptionType.CALL)], "ascend"),
        ([option(1, 70_000, OptionType.CALL, NOW + DAY)], "does not cover|do not cover"),
        ([option(1, 0, OptionType.CALL)], "must be positive"),
    ],
)
def test_instruments_that_the_inputs_do_not_fit(specs: list[InstrumentSpec], reason: str) -> None:
    with pytest.raises(MarkError, match=reason):
        mark_arrays(inputs(), specs)


@pytest.mark.parametrize(
    ("smile", "reason"),
    [
        (SviSlice(a=-1, b=0, rho=0, m=0, sigma=1), "negative"),
        (SviSlice(a=1, b=-1, rho=0, m=0, sigma=1), "slope"),
        (SviSlice(a=1, b=1, rho=NANO_ONE, m=0, sigma=1), "rotation"),
        (SviSlice(a=1, b=1, rho=0, m=0, sigma=0), "smoothness"),
    ],
)
def test_smiles_that_are_none(smile: SviSlice, reason: str) -> None:
    with pytest.raises(MarkError, match=reason):
        mark_arrays(inputs(smile=smile), [option(1, 70_000, OptionType.CALL)])


def test_marks_and_displayed_prices_are_one_kernel() -> None:
    flat = SviSlice(a=round(0.6**2 * 30 / 365 * NANO_ONE), b=0, rho=0, m=0, sigma=1)
    strikes = np.arange(40_000, 120_000, 1_000)
    specs = [option(place + 1, int(strike), OptionType.PUT) for place, strike in enumerate(strikes)]
    marks = [mark.mark for mark in mark_arrays(inputs(smile=flat), specs).marks]
    t = year_fraction(NOW, NOW + 30 * DAY)
    prices = black76(70_250.5, strikes, t, np.sqrt(flat.a / NANO_ONE / t), False).price
    np.testing.assert_allclose(marks, prices * USD, atol=0.51)
