"""Derive's portfolio margin (PMRM 2) as a configuration of our scan.

Their scan prices each expiry as a whole: its value in a scenario is discounted by one factor if it is positive and by
another if it is negative, and in a skew scenario an expiry counts its P&L against the account whatever its sign. So an
expiry's holding is one row here, whose lanes are priced by their formulas; the perpetual, and the collateral that they
let cancel risk, are rows likewise. Everything after the lanes is ours: the worst of them, floors, charges, collateral,
initial and maintenance margin. Formulas: derivexyz/v2-core, PMRMLib_2.sol (BUSL-1.1, read, not copied).
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from margin.configured import Row, charging, configured_margin
from synchromesh.pricing import black76
from synchromesh.protocol import CONTRACT, NANO_ONE, USD, CollateralTerms
from synchromesh.risk.margin import Collateral, MarginBreakdown

FloatArray = npt.NDArray[np.float64]

YEAR = 365 * 86_400
PRICE_RANGE = 0.18
ROW_LANES = {"Up": 0, "None": 17, "Down": 34}
"""First lane of each vol row."""
TAIL_LANES = range(51, 59)
SKEW_LANES = {"LINEAR": 59, "ABS": 60}
BASIS_LANE = 63
UNLIMITED = 10**17
"""A cap on collateral that never binds, 1e-8 units."""


@dataclass(frozen=True)
class Case:
    """A published case: scenario, parameters and result as in the file."""

    name: str
    held: dict[str, Any]
    parameters: dict[str, Any]
    result: dict[str, Any]


def read_cases(path: Path) -> list[Case]:
    """Returns the cases of a file."""
    with gzip.open(path) as file:
        found = json.load(file)
    return [Case(name, case["Scenario"], case["Parameters"], case["Result"]) for name, case in found.items()]


@dataclass(frozen=True)
class ExpiryHolding:
    """What a case holds in one expiry."""

    seconds: int
    forward: float
    rate: float
    discount: float
    strike: FloatArray
    is_call: npt.NDArray[np.bool_]
    vol: FloatArray
    amount: FloatArray

    @property
    def t(self) -> float:
        """Years left."""
        return self.seconds / YEAR

    def value(self, spot: float, vol: FloatArray) -> float:
        """Returns the value of the holding with the forward moved by a factor and the vols given."""
        price = black76(self.forward * spot, self.strike, self.t, vol, self.is_call).price
        return float(self.amount @ price) * self.discount

    @property
    def mark(self) -> float:
        """Value now."""
        return self.value(1.0, self.vol)


def expiries(case: Case) -> Iterator[ExpiryHolding]:
    """Yields the expiries in which a case holds options."""
    feeds = {feed["FeedExpiry"]: feed for feed in case.held["OptionFeeds"]}
    for seconds in sorted({option["Expiry"] for option in case.held["Options"]}):
        options = [option for option in case.held["Options"] if option["Expiry"] == seconds]
        column = lambda name, options=options: np.array([option[name] for option in options], float)  # noqa: E731
        yield ExpiryHolding(
            seconds,
            feeds[seconds]["Forward"],
            feeds[seconds]["Rate"],
            # A negative rate counts as none, which the files' own column of discounts leaves out.
            min(options[0]["MarkDiscount"], 1.0),
            column("Strike"),
            column("IsCall").astype(bool),
            column("MarkVol"),
            column("Amount"),
        )


def shocked_vol(case: Case, expiry: ExpiryHolding, direction: str) -> FloatArray:
    """Returns vols after a shock of one of their five kinds."""
    if direction in SKEW_LANES:
        return skewed_vol(case, expiry, direction)
    shock = case.parameters["VolShock"]
    days = max(expiry.seconds / 86_400, shock["DTE_FLOOR"])
    power = shock["SHORTTERMPOWER"] if expiry.seconds <= 30 * 86_400 else shock["LONGTERMPOWER"]
    scale = (30 / days) ** power
    if direction == "Up":
        return np.maximum(expiry.vol * (1 + shock["VOLRANGEUP"] * scale), shock["MIN_VOL_EVAL_SHOCKED"])
    if direction == "Down":
        return expiry.vol * max(1 - shock["VOLRANGEDOWN"] * scale, 0.0)
    return expiry.vol


def skewed_vol(case: Case, expiry: ExpiryHolding, direction: str) -> FloatArray:
    """Returns vols scaled in proportion to log-moneyness, up to a cap."""
    skew, root = case.parameters["SkewShock"], math.sqrt(expiry.t)
    cap = skew[f"{direction}_CBASE"] * root + skew[f"{direction}_SCALE_CAP"]
    vol = skew["VOL_PARAM_STATIC"] + skew["VOL_PARAM_SCALE"] * root
    star = max(skew["MIN_K_STAR"], root * skew["MIN_WIDTH_SCALE"] * vol)
    k = np.log(expiry.strike / expiry.forward)
    k = k if direction == "LINEAR" else np.abs(k)
    multiplier = 1 + np.where(k >= 0, np.minimum(cap, k * cap / star), np.maximum(-cap, k * cap / star))
    return expiry.vol * np.maximum(multiplier, 0.0)


def static_discounts(case: Case, expiry: ExpiryHolding) -> tuple[float, float]:
    """Returns the factors on positive and on negative values of an expiry."""
    margin, rate = case.parameters["Margin"], max(expiry.rate, 0.0)
    long_rate = rate * margin["LONG_RATE_MULTSCALE"] + margin["LONG_RATE_ADDSCALE"]
    short_rate = rate * margin["SHORT_RATE_MULTSCALE"] + margin["SHORT_RATE_ADDSCALE"]
    short = margin["BASE_STATIC_DISCOUNT_NEG"] * math.exp(expiry.t * short_rate)
    return margin["BASE_STATIC_DISCOUNT"] * math.exp(-expiry.t * long_rate), min(1 / expiry.discount, short)


def scenario_pnl(case: Case, expiry: ExpiryHolding, spot: float, direction: str) -> float:
    """Returns the P&L of an expiry in a scenario, before dampening."""
    # Skew scenarios leave the forward where it is.
    moved = 1.0 if direction in SKEW_LANES else spot
    value = expiry.value(moved, shocked_vol(case, expiry, direction))
    positive, negative = static_discounts(case, expiry)
    pnl = value * (positive if value >= 0 else negative) - expiry.mark
    return -abs(pnl) if direction in SKEW_LANES else pnl


def basis_pnl(case: Case, expiry: ExpiryHolding) -> float:
    """Returns what an expiry adds to the forward contingency."""
    basis = case.parameters["BasisContingency"]
    moves = [expiry.value(basis[f"SCENARIO_SPOT_{way}"], expiry.vol) - expiry.mark for way in ("UP", "DOWN")]
    return min(*moves, 0.0) * (basis["BASIS_CONT_ADD_FACTOR"] + basis["BASIS_CONT_MULT_FACTOR"] * expiry.t)


def placed_scenarios(case: Case) -> dict[int, tuple[float, str, float]]:
    """Returns scenarios by lane: node of a vol row, tail, or skew lane. They have every second of our nodes."""
    placed: dict[int, tuple[float, str, float]] = {}
    tails = iter(TAIL_LANES)
    for each in case.parameters["Scenarios"]:
        spot, direction, dampening = each["SpotShock"], each["VolShockDirection"], each["DampeningFactor"]
        node = round((spot - 1) / PRICE_RANGE * 8) + 8
        if direction in SKEW_LANES:
            lane = SKEW_LANES[direction]
        elif 0 <= node <= 16:
            assert math.isclose(spot, 1 + (node - 8) * PRICE_RANGE / 8), spot
            lane = ROW_LANES[direction] + node
        else:
            lane = next(tails)
        assert lane not in placed
        placed[lane] = (spot, direction, dampening)
    return placed


def with_neighbours(lanes: dict[int, float]) -> dict[int, float]:
    """Fills nodes that Derive does not have with the nearest that it has, so that they are worst nowhere."""
    filled = dict(lanes)
    for first in ROW_LANES.values():
        present = [lane for lane in lanes if first <= lane < first + 17]
        for lane in range(first, first + 17):
            filled[lane] = lanes[min(present, key=lambda other: abs(other - lane))]
    return filled


def stable_collateral(case: Case) -> list[Collateral]:
    """Returns the assets of a case; that they move is a row of the scan, so no scenario of ours moves them."""
    assets = []
    for number, asset in enumerate(case.held["Collaterals"], 1):
        haircuts = (asset["MMHaircut"] + asset["IMHaircut"], asset["MMHaircut"])
        initial, maintenance = (round(haircut * NANO_ONE) for haircut in haircuts)
        terms = CollateralTerms(1, 0, initial, maintenance, 0, UNLIMITED, UNLIMITED)
        price = asset["Price"] / case.held["StablePrice"]
        assets.append(Collateral(number, terms, round(asset["Amount"] * CONTRACT), round(price * USD)))
    return assets


def cancelling_value(case: Case) -> float:
    """Returns the value of the collateral that moves with the underlying."""
    assets = [asset for asset in case.held["Collaterals"] if asset["IsRiskCancelling"]]
    return float(sum(asset["Amount"] * asset["Price"] for asset in assets)) / case.held["StablePrice"]


def loss_factor(case: Case, initial: bool) -> float:
    """Returns the factor on the worst scenario, with what a stablecoin below its peg adds to it."""
    margin, other = case.parameters["Margin"], case.parameters["OtherContingency"]
    if not initial:
        return float(margin["MM_LOSS_FACTOR"])
    below = max(other["PEG_LOSS_THRESHOLD"] - case.held["StablePrice"], 0.0)
    return float(margin["IM_LOSS_FACTOR"] + below * other["PEG_LOSS_FACTOR"])


def derive_margin(case: Case, *, initial: bool) -> MarginBreakdown:
    """Returns the margin of a case at one of its two levels, which our initial margin stands for."""
    factor = loss_factor(case, initial)
    placed = placed_scenarios(case)
    linear = case.held["NumPerps"] * case.held["PerpPrice"] + cancelling_value(case)
    lanes = {at: factor * linear * (spot - 1) * dampening for at, (spot, _, dampening) in placed.items()}
    rows, funds = [Row(1, with_neighbours(lanes))], case.held["Cash"]
    for expiry in expiries(case):
        of = {at: scenario_pnl(case, expiry, spot, way) * damp for at, (spot, way, damp) in placed.items()}
        of[BASIS_LANE] = basis_pnl(case, expiry)
        rows.append(Row(1, {at: factor * pnl for at, pnl in with_neighbours(of).items()}))
        funds += expiry.mark
        # Strikes carry no lanes: they are what the floor of naked shorts looks at. One lot each, so that rounding is
        # one unit.
        for strike, amount in zip(expiry.strike, expiry.amount, strict=True):
            size = round(abs(amount) * CONTRACT)
            rows.append(Row(int(np.sign(amount)), {}, lot_size=size, strike=strike, expiry=expiry.seconds))
    # The perpetual's own charge is a share of its notional at the index, as our basis charge is of its delta.
    perps = case.held["NumPerps"]
    rows.append(Row(int(np.sign(perps)), {}, lot_size=round(abs(perps) * CONTRACT), delta=1.0))
    other = case.parameters["OtherContingency"]
    share = {kind: other[f"MM_{kind}_PERCENT"] + other[f"IM_{kind}_PERCENT"] * initial for kind in ("PERP", "OPTION")}
    return configured_margin(
        rows,
        index=case.held["SpotPrice"],
        price_range=PRICE_RANGE,
        parameters=charging(
            basis_min_move=share["PERP"], short_floor=share["OPTION"], short_floor_last_day=share["OPTION"]
        ),
        collateral=stable_collateral(case),
        funds=funds + case.held["UnrealisedPerpPNL"] + case.held["UnrealisedFunding"],
    )
