"""Scenario lanes and gaps against 40-digit arithmetic, written from the formulas of docs/protocol/marks.md."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import msgspec
import numpy as np
import pytest

from synchromesh.pricing import MarkError, mark_arrays, risk_arrays
from synchromesh.protocol import (
    NANO_ONE,
    USD,
    ExpiryInputs,
    InstrumentKind,
    InstrumentSpec,
    MarkInputs,
    OptionType,
    ScenarioParameters,
    SviSlice,
)

HOUR = 3_600 * 10**9
DAY = 24 * HOUR
NOW = 1_770_336_000 * 10**9
SMILE = SviSlice(a=2_000_000, b=80_000_000, rho=-300_000_000, m=20_000_000, sigma=150_000_000)
FRONT_SMILE = SviSlice(a=10_000, b=2_000_000, rho=-200_000_000, m=0, sigma=30_000_000)
FORWARD = 70_250_500_000_000
SCENARIO = ScenarioParameters(
    range=160_000_000,
    vol_up=500_000_000,
    vol_down=250_000_000,
    power_short=300_000_000,
    power_long=130_000_000,
    vol_floor=500_000_000,
    skew_linear=-400_000_000,
    skew_absolute=300_000_000,
    term_front=1_500_000_000,
    term_back=300_000_000,
)
TAILS = ("-0.66", "-0.33", "0.5", "1", "2", "3", "4", "5")
LANE_UNIT = 50


def spec(instrument: int, kind: OptionType, strike: int, left: int) -> InstrumentSpec:
    return InstrumentSpec(
        instrument=instrument,
        name=f"BTC_USDC-{instrument}",
        underlying=1,
        kind=InstrumentKind.OPTION,
        option_type=kind,
        strike=strike * USD,
        expiry=NOW + left,
        tick_size=5 * USD,
        lot_size=1_000_000,
        lane_unit=LANE_UNIT,
    )


def inputs(rate: int = 0) -> MarkInputs:
    lives = {HOUR // 3: FRONT_SMILE, 2 * DAY: FRONT_SMILE, 30 * DAY: SMILE, 200 * DAY: SMILE}
    return MarkInputs(
        underlying=1,
        time=NOW,
        index=70_000 * NANO_ONE,
        confidence=0,
        sources=1,
        perpetual_mark=70_010_000_000_000,
        funding_rate=0,
        expiries=tuple(
            ExpiryInputs(expiry=NOW + left, forward=FORWARD, rate=rate, smile=smile) for left, smile in lives.items()
        ),
    )


def nano(value: int) -> Any:
    return mpmath.mpf(value) / NANO_ONE


class Reference:
    """An option's lanes and gaps, one at a time, with 40 digits and nothing clever."""

    def __init__(self, option: InstrumentSpec, marks: MarkInputs) -> None:
        [expiry] = [each for each in marks.expiries if each.expiry == option.expiry]
        left = mpmath.mpf(option.expiry - marks.time)
        self.share = min(left / (HOUR // 2), mpmath.mpf(1))
        self.years = left / (365 * DAY)
        self.days = max(self.years * 365, mpmath.mpf(1))
        self.forward, self.strike = nano(expiry.forward), mpmath.mpf(option.strike) / USD
        self.sign = 1 if option.option_type == OptionType.CALL else -1
        self.k = mpmath.log(self.strike / self.forward)
        smile = expiry.smile
        x = self.k - nano(smile.m)
        root = mpmath.sqrt(x * x + nano(smile.sigma) ** 2)
        self.vol = mpmath.sqrt((nano(smile.a) + nano(smile.b) * (nano(smile.rho) * x + root)) / self.years)
        discount = mpmath.exp(-nano(expiry.rate) * self.years)
        self.units = discount * option.lot_size / (100 * mpmath.mpf(option.lane_unit))

    def price(self, forward: Any, vol: Any) -> tuple[Any, Any]:
        """Price and delta."""
        deviation = vol * mpmath.sqrt(self.years)
        d1 = mpmath.log(forward / self.strike) / deviation + deviation / 2

        def cdf(at: Any) -> Any:
            return mpmath.erfc(-at / mpmath.sqrt(2)) / 2

        sign = self.sign
        value = sign * (forward * cdf(sign * d1) - self.strike * cdf(sign * (d1 - deviation)))
        return value, sign * cdf(sign * d1)

    def vols(self) -> dict[str, Any]:
        power = SCENARIO.power_short if self.days < 30 else SCENARIO.power_long
        moved = (30 / self.days) ** nano(power)
        distance = max(-1, min(1, self.k * mpmath.sqrt(30 / self.days)))
        front = 30 / (30 + self.days)
        twist = nano(SCENARIO.term_front) * front - nano(SCENARIO.term_back) * (1 - front)
        least = mpmath.mpf("0.05")
        return {
            "up": max(self.vol * (1 + nano(SCENARIO.vol_up) * moved), nano(SCENARIO.vol_floor)),
            "down": self.vol * max(1 - nano(SCENARIO.vol_down) * moved, least),
            "skew": max(self.vol + nano(SCENARIO.skew_linear) * distance, self.vol * least),
            "skew_absolute": max(self.vol + nano(SCENARIO.skew_absolute) * abs(distance), self.vol * least),
            "front_up": self.vol * max(1 + twist, least),
            "front_down": self.vol * max(1 - twist, least),
        }

    def lanes(self) -> list[Any]:
        """Every lane before it is rounded down."""
        vols, reach = self.vols(), nano(SCENARIO.range)
        base, _ = self.price(self.forward, self.vol)

        def lane(move: Any, vol: Any, weight: Any = 1) -> Any:
            value, _ = self.price(self.forward * (1 + move * self.share), vol)
            return (value - base) * weight * self.units

        rows = (vols["up"], self.vol, vols["down"])
        lanes = [lane(reach * node / 8, vol) for vol in rows for node in range(-8, 9)]
        tails = [(mpmath.mpf(tail), vols["up"]) for tail in TAILS]
        lanes += [lane(move, vol, reach / abs(move)) for move, vol in tails]
        lanes += [lane(0, vols[name]) for name in ("skew", "skew_absolute", "front_up", "front_down")]
        crash = mpmath.mpf("-0.3")
        return [*lanes, lane(crash, self.vol * mpmath.mpf("2.5"), reach / abs(crash))]

    def gaps(self) -> list[Any]:
        """Every gap before the allowance and the rounding, where the end tangents cross."""
        vols, reach = self.vols(), nano(SCENARIO.range)
        nodes = [self.forward * (1 + reach * node / 8 * self.share) for node in range(-8, 9)]

        def gap(low: Any, high: Any, vol: Any) -> Any:
            (first, first_slope), (last, last_slope) = self.price(low, vol), self.price(high, vol)
            if first_slope == last_slope:
                return mpmath.mpf(0)
            cross = (last - first + first_slope * low - last_slope * high) / (first_slope - last_slope)
            chord = first + (last - first) * (cross - low) / (high - low)
            return chord - (first + first_slope * (cross - low))

        rows = (vols["up"], self.vol, vols["down"])
        return [self.units * max(gap(low, high, vol) for vol in rows) for low, high in itertools.pairwise(nodes)]


@pytest.mark.parametrize(
    ("kind", "strike", "left", "rate"),
    [
        (OptionType.CALL, 71_000, 30 * DAY, 0),
        (OptionType.PUT, 50_000, 200 * DAY, 40_000_000),
        (OptionType.CALL, 70_000, 2 * DAY, 0),
        (OptionType.PUT, 120_000, 30 * DAY, 0),
        (OptionType.PUT, 70_500, HOUR // 3, 0),
    ],
)
def test_every_lane_and_gap_is_that_of_the_formulas(kind: OptionType, strike: int, left: int, rate: int) -> None:
    option = spec(1, kind, strike, left)
    found = risk_arrays(inputs(rate), [option], SCENARIO)
    with mpmath.workdps(40):
        reference = Reference(option, inputs(rate))
        assert found.lanes[0].tolist() == [int(mpmath.floor(lane)) for lane in reference.lanes()]
        allowance = (reference.forward * mpmath.mpf("1.16") + reference.strike) / 2**45 * reference.units
        assert found.gaps[0].tolist() == [int(mpmath.ceil(gap + allowance)) for gap in reference.gaps()]
    assert found.lanes[0, 25] == 0, "no shock, no P&L"


def test_arrays_and_messages_are_one_computation() -> None:
    perpetual = InstrumentSpec(
        instrument=9,
        name="BTC_USDC-PERPETUAL",
        underlying=1,
        kind=InstrumentKind.PERPETUAL,
        option_type=OptionType.CALL,
        strike=0,
        expiry=0,
        tick_size=USD // 2,
        lot_size=100_000,
        lane_unit=7,
    )
    options = [spec(place + 1, kind, 70_000, 30 * DAY) for place, kind in enumerate(OptionType)]
    specs = [*options, perpetual]
    columns, arrays = risk_arrays(inputs(), specs, SCENARIO), mark_arrays(inputs(), specs, SCENARIO)
    plain = mark_arrays(inputs(), specs)
    assert (plain.version, arrays.version) == (0, 1)
    for place, (mark, without) in enumerate(zip(arrays.marks, plain.marks, strict=True)):
        assert (mark.mark, mark.iv, mark.delta, mark.vega) == (without.mark, without.iv, without.delta, without.vega)
        row = [column[place] for column in (columns.mark, columns.iv, columns.delta, columns.vega)]
        assert row == [mark.mark, mark.iv, mark.delta, mark.vega]
        assert mark.risk is not None
        assert without.risk is None
        assert list(mark.risk.lanes) == columns.lanes[place].tolist()
        assert list(mark.risk.gaps) == columns.gaps[place].tolist()
    # 70,010 USD · 16 % · 0.001 contracts = 11.2016 USD, in units of 7 micro-USDC.
    assert columns.lanes[2, 16] == 11_201_600 // 7
    assert columns.lanes[2, [0, 51, 63]].tolist() == [-11_201_600 // 7] * 3
    assert not columns.gaps[2].any()
    assert columns.lanes.dtype == np.int32
    assert columns.gaps.dtype == np.uint32


def test_parameters_that_make_no_sense() -> None:
    beyond = msgspec.structs.replace(SCENARIO, range=NANO_ONE)
    with pytest.raises(MarkError, match=r"range is 1000000000e-9, must be from 1e-9 to 999999999e-9"):
        risk_arrays(inputs(), [], beyond)
