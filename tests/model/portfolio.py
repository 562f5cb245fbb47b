"""Portfolio margin from scratch, as docs/margin.md states it: functions of plain numbers alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from model.state import OverflowRefusal, ceil_div, fit
from synchromesh.protocol import CONTRACT, NANO_ONE, InstrumentMark, InstrumentSpec, MarkInputs, RiskParameters

CELLS, NODES, ROWS = 16, 17, 3
TAILS = range(51, 59)
SKEWS = (59, 60)
CRASH = 63
SINGLE = (*TAILS, *SKEWS, 64, 65, 61, 62, CRASH)
"""Lanes of the states beyond the cells; 64 and 65 are the skew lanes reversed."""
YEAR = 365 * 86_400 * NANO_ONE
DAY = 86_400 * NANO_ONE
SHARE_OF_PRICE = 10**12
REACH = 1 << 59
COST = 1 << 58


class Stage(Enum):
    """What a margin is for: open orders at their worst, positions alone, or their maintenance."""

    INITIAL = "initial"
    POSITIONS = "positions"
    MAINTENANCE = "maintenance"


@dataclass
class Exposure:
    """A position in lots, and the lots and the cost of filling of the open orders on either side."""

    spec: InstrumentSpec
    mark: InstrumentMark
    position: int
    bids: int = 0
    offers: int = 0
    bid_cost: int = 0
    offer_cost: int = 0

    def lanes(self) -> list[int]:
        """The lanes, and the skew lanes reversed behind them."""
        assert self.mark.risk is not None
        lanes = list(self.mark.risk.lanes)
        return lanes + [-lanes[at] - 1 for at in SKEWS]

    def fills(self, stage: Stage) -> list[tuple[int, int]]:
        """Positions that may come of the open orders, each with its cost."""
        bids = [(0, 0), (self.bids, self.bid_cost)] if self.bids and stage == Stage.INITIAL else [(0, 0)]
        offers = [(0, 0), (self.offers, self.offer_cost)] if self.offers and stage == Stage.INITIAL else [(0, 0)]
        return [(self.position + b - s, paid + lost) for b, paid in bids for s, lost in offers]

    def check_fits(self) -> int:
        """Bound of what it may add to any lane."""
        assert self.mark.risk is not None
        bits = 0
        for lane in self.mark.risk.lanes:
            bits |= lane if lane >= 0 else ~lane
        for gap in self.mark.risk.gaps:
            bits |= gap
        lots = fit(abs(self.position) + self.bids + self.offers)
        for each in (self.position, self.bids, self.offers):
            fit(each * self.spec.lot_size)
        return fit(lots * self.spec.lane_unit * (bits + 1))


@dataclass
class Part:
    """What an account has in one underlying at its last mark; `collateral` is the counted value that moves with it."""

    inputs: MarkInputs
    parameters: RiskParameters
    exposures: list[Exposure] = field(default_factory=list)
    collateral: int = 0


@dataclass
class UnderlyingMargin:
    share: int
    losses: list[int]
    add_ons: int
    order_cost: int

    @property
    def scan(self) -> int:
        return max(0, *self.losses)


@dataclass
class Range:
    """A quantity of the positions, and what bids and offers may add and take."""

    held: int = 0
    up: int = 0
    down: int = 0

    def add(self, exposure: Exposure, each: int) -> None:
        size = exposure.spec.lot_size * each
        self.held += exposure.position * size
        for change in (exposure.bids * size, -exposure.offers * size):
            self.up += max(0, change)
            self.down += min(0, change)

    def ends(self, stage: Stage) -> tuple[int, int]:
        if stage == Stage.INITIAL:
            return self.held + self.down, self.held + self.up
        return self.held, self.held

    def size(self, stage: Stage) -> int:
        low, high = self.ends(stage)
        return max(abs(low), abs(high))


def joined_margin(parts: Sequence[Part], stage: Stage, offset: int, cap: int) -> int:
    """Joint scan and add-ons of all underlyings, without the add-ons of collateral."""
    margins = [underlying_margin(part, stage) for part in parts]
    add_ons = sum(ceil_div(margin.add_ons * margin.share, NANO_ONE) for margin in margins)
    return fit(joint_scan(margins, offset, cap) + add_ons)


def joint_scan(margins: Sequence[UnderlyingMargin], offset: int, cap: int) -> int:
    if not margins:
        return 0
    if len(margins) == 1:
        return ceil_div(margins[0].scan * margins[0].share, NANO_ONE)
    sums, least = [0] * len(margins[0].losses), 0
    for margin in margins:
        certain = (NANO_ONE - offset) * margin.order_cost
        counted = [max(NANO_ONE * loss, offset * loss + certain) for loss in margin.losses]
        sums = [total + margin.share * loss for total, loss in zip(sums, counted, strict=True)]
        kept = (NANO_ONE - cap) * margin.scan + cap * min(margin.order_cost, margin.scan)
        least += margin.share * kept
    return ceil_div(max(0, least, *sums), NANO_ONE * NANO_ONE)


def underlying_margin(part: Part, stage: Stage) -> UnderlyingMargin:
    reach = sum(exposure.check_fits() for exposure in part.exposures)
    cost = sum(exposure.bid_cost + exposure.offer_cost for exposure in part.exposures)
    if reach > REACH or cost > COST:
        raise OverflowRefusal
    share = part.parameters.margin.maintenance_share if stage == Stage.MAINTENANCE else NANO_ONE
    return UnderlyingMargin(
        share, state_losses(part, stage), fit(add_ons(part, stage)), cost if stage == Stage.INITIAL else 0
    )


def state_losses(part: Part, stage: Stage) -> list[int]:
    values, gaps = collateral_lanes(part), [0] * CELLS
    for exposure in part.exposures:
        unit, fills, lanes = exposure.spec.lane_unit, exposure.fills(stage), exposure.lanes()
        lines = [(after * unit, min(0, after) * unit - cost) for after, cost in fills]
        outcomes = [[slope * lane + start for lane in lanes] for slope, start in lines]
        worst = outcomes[0] if len(outcomes) == 1 else map(min, *outcomes)
        values = [value + more for value, more in zip(values, worst, strict=True)]
        longest = max(0, *(after for after, _ in fills))
        assert exposure.mark.risk is not None
        for at, gap in enumerate(exposure.mark.risk.gaps):
            gaps[at] += longest * gap * unit
    cells = [
        gaps[cell] - min(values[row * NODES + cell], values[row * NODES + cell + 1])
        for row in range(ROWS)
        for cell in range(CELLS)
    ]
    return cells + [-values[lane] for lane in SINGLE]


def collateral_lanes(part: Part) -> list[int]:
    nodes = [part.collateral * (node - 8) * part.parameters.scenario.range // (8 * NANO_ONE) for node in range(NODES)]
    tails = [nodes[0]] * 2 + [nodes[-1]] * 6
    return [*nodes * ROWS, *tails, 0, 0, 0, 0, nodes[0], 0, 0]


def add_ons(part: Part, stage: Stage) -> int:
    index, margin = part.inputs.index, part.parameters.margin

    def share(rate: int) -> int:
        return ceil_div(index * rate, SHARE_OF_PRICE)

    most = share(margin.impact_max)

    def impact(size: int, depth: int, rate: int) -> int:
        if not size or not depth:
            return 0
        return ceil_div(size * ceil_div(min(size * share(rate), depth * most), depth), CONTRACT)

    deltas: defaultdict[int, Range] = defaultdict(Range)
    strikes: defaultdict[tuple[int, int], Range] = defaultdict(Range)
    net, vega = Range(), Range()
    for exposure in part.exposures:
        deltas[exposure.spec.expiry].add(exposure, exposure.mark.delta)
        net.add(exposure, exposure.mark.delta)
        if exposure.spec.strike:
            strikes[exposure.spec.expiry, exposure.spec.strike].add(exposure, 1)
            vega.add(exposure, exposure.mark.vega)

    basis = sum(delta.size(stage) * basis_charge(part, expiry) for expiry, delta in deltas.items())
    floor = sum(
        max(0, -strike.ends(stage)[0]) * share(short_floor(part, expiry)) for (expiry, _), strike in strikes.items()
    )
    beyond = [max(0, strike.size(stage) - margin.strike_depth) for strike in strikes.values()]
    volatility = ceil_div(vega.size(stage), CONTRACT)
    doubt = share(ceil_div(margin.confidence_multiplier * part.inputs.confidence, NANO_ONE))
    vega_cost = 0
    if margin.vega_depth:
        vega_cost = ceil_div(volatility * ceil_div(volatility * margin.vega_impact, margin.vega_depth), NANO_ONE)
    return (
        ceil_div(basis, CONTRACT * NANO_ONE)
        + ceil_div(floor, CONTRACT)
        + impact(ceil_div(net.size(stage), NANO_ONE), margin.delta_depth, margin.delta_impact)
        + sum(impact(size, margin.strike_depth, margin.strike_impact) for size in beyond)
        + vega_cost
        + ceil_div(net.size(stage) * doubt, CONTRACT * NANO_ONE)
    )


def basis_charge(part: Part, expiry: int) -> int:
    """Micro-USDC per contract of an expiry's delta."""
    inputs, margin = part.inputs, part.parameters.margin
    for series in inputs.expiries:
        if series.expiry == expiry:
            left = ceil_div(margin.basis_rate * max(0, expiry - inputs.time), YEAR)
            move = max(margin.basis_min_move, exponential_minus_one(left))
            return ceil_div(series.forward * move, SHARE_OF_PRICE)
    return ceil_div(max(inputs.index, inputs.perpetual_mark) * margin.basis_min_move, SHARE_OF_PRICE)


def short_floor(part: Part, expiry: int) -> int:
    covered = any(series.expiry == expiry for series in part.inputs.expiries)
    later = covered and expiry - part.inputs.time > DAY
    margin = part.parameters.margin
    return margin.short_floor if later else margin.short_floor_last_day


def exponential_minus_one(exponent: int) -> int:
    """Upper bound of e^x − 1, both 1e-9."""
    if exponent > 20 * NANO_ONE:
        raise OverflowRefusal
    total, term, order = 0, NANO_ONE, 0
    while order * NANO_ONE < 2 * exponent or term > 1:
        order += 1
        term = ceil_div(term * exponent, order * NANO_ONE)
        total += term
    return total + (1 if exponent else 0)
