"""What standard strategies need as margin: here, and under configurations like those of other venues.

Every figure is the capital that a holder has to have beside the strategy's own value, where premiums were paid and
received at the marks. In portfolio margin options count at their marks, so that is the requirement itself. In standard
margin they do not: a long option ties up its premium, a short one its margin less the premium received.

Sources of the other venues' numbers, read in public documents in 2026; `docs/risk/efficiency.md` has the list:

* Deribit standard margin: Deribit's margin tables (15 %, 10 %, 7.5 % of the underlying, 2 % for perpetuals).
* Deribit-PM-like: price range ±16 % in nine nodes on three vol rows (50 %, 25 %, powers 0.30 and 0.13, 50 % as the
  least vol of the upper row), eight far moves on vol up weighted R/|m|, 1 % of the index per option net short per
  strike. The scan counts as initial margin.
* Derive-PM-like: the 23 scenarios to ±18 %, eight tails with the published dampening, 50 % and 27.5 %, least vol 45 %,
  0.5 % per option net short per strike, 2 % per perpetual.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from synchromesh.protocol import NANO_ONE
from synchromesh.protocol.risk import RiskParameters, ScenarioParameters
from synchromesh.risk.adversary.market import LabMarket
from synchromesh.risk.adversary.moves import Move
from synchromesh.risk.adversary.requirement import TAIL_MOVES, Requirement
from synchromesh.risk.parameters import scenario

FloatArray = npt.NDArray[np.float64]

DERIBIT_SCENARIO: dict[str, ScenarioParameters] = {
    "BTC": scenario(price_range=0.16, vol_up=0.50, vol_down=0.25, vol_floor=0.50),
    "ETH": scenario(price_range=0.16, vol_up=0.50, vol_down=0.25, vol_floor=0.50),
}
"""Vol shocks and range of the Deribit-PM-like configuration."""
DERIVE_SCENARIO = scenario(price_range=0.18, vol_up=0.50, vol_down=0.275, vol_floor=0.45)
"""Vol shocks and range of the Derive-PM-like configuration."""
DERIVE_DAMPENING = (0.21, 0.42, 0.27, 0.13, 0.069, 0.046, 0.034, 0.027)
"""Share of the P&L that Derive counts at the far moves, which both have."""
DERIBIT_SHORT_OPTION = 0.01
DERIVE_SHORT_OPTION = 0.005
DERIVE_PERPETUAL = 0.02
PERPETUAL_INITIAL = {"synchromesh": 0.04, "deribit": 0.02}
"""Initial margin of a perpetual in standard margin, share of the index."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a hedged strategy needs more margin here than under the Deribit-PM-like configuration.

    Attributes:
        text: In words.
        moves: Moves at the worst of which it truly loses more than that configuration's scan; none where the excess is
            rounding.
    """

    text: str
    moves: tuple[Move, ...] = ()


EXCEPTIONS: dict[str, Reason] = {
    "short butterfly": Reason(
        "vols of a month falling by half: the term lanes reach further than vol down", (Move(term=-1),)
    ),
    "calendar": Reason(
        "front vol + 150 %, and forwards moving apart",
        (Move(term=1), Move(spot=-0.16, row=-1, basis=0.02), Move(spot=-0.16, row=-1, basis=-0.02)),
    ),
    "covered call": Reason("−30 % with vol times 2.5, the crash lane", (Move(spot=-0.30, multiple=2.5),)),
    "box": Reason("its value never changes: what it needs is a tick per leg of rounding"),
}
"""Hedged strategies on BTC that need more than under the Deribit-PM-like configuration on some chain.

On ETH nearly everything needs more, by the wider range: 18 % instead of 16 %."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """Contracts of each instrument of a market.

    Attributes:
        name: ``calendar``.
        hedged: Whether its losses are limited, or its delta hedged: portfolio margin is made for it.
        contracts: Signed contracts, (n,).
    """

    name: str
    hedged: bool
    contracts: FloatArray


class MarginRow(msgspec.Struct, frozen=True):
    """Capital that one strategy needs, USDC.

    Attributes:
        strategy: Name.
        hedged: As of the strategy.
        portfolio: Portfolio margin here.
        standard: Standard margin here.
        deribit_standard: Deribit's standard margin.
        deribit_portfolio: The Deribit-PM-like configuration.
        derive_portfolio: The Derive-PM-like configuration.
        state: What the scan of portfolio margin ends on.
        scan: The scan; the rest are add-ons.
    """

    strategy: str
    hedged: bool
    portfolio: float
    standard: float
    deribit_standard: float
    deribit_portfolio: float
    derive_portfolio: float
    state: str
    scan: float


def margins(market: LabMarket, parameters: RiskParameters) -> list[MarginRow]:
    """Returns the capital of every standard strategy on a market."""
    requirement = Requirement.of(market, parameters)
    rows = []
    for each in standard_strategies(market):
        held, index = each.contracts, market.index
        scan, state = requirement.scan(held)
        rows.append(
            MarginRow(
                strategy=each.name,
                hedged=each.hedged,
                portfolio=requirement.margin(held) * index,
                standard=standard_margin(market, held, PERPETUAL_INITIAL["synchromesh"]),
                deribit_standard=standard_margin(market, held, PERPETUAL_INITIAL["deribit"]),
                deribit_portfolio=deribit_margin(market, held) * index,
                derive_portfolio=derive_margin(market, held) * index,
                state=state,
                scan=scan * index,
            )
        )
    return rows


def deribit_margin(market: LabMarket, contracts: FloatArray) -> float:
    """Returns the Deribit-PM-like requirement, share of the index."""
    return deribit_scan(market, contracts) + DERIBIT_SHORT_OPTION * _net_short(contracts)


def deribit_scan(market: LabMarket, contracts: FloatArray) -> float:
    """Returns the largest loss that the Deribit-PM-like configuration sees, share of the index."""
    table = DERIBIT_SCENARIO[market.symbol]
    reach = table.range / NANO_ONE
    moves = [(Move(spot=float(s), row=row), 1.0) for s in np.linspace(-reach, reach, 9) for row in (1.0, 0.0, -1.0)]
    moves += [(Move(spot=far, row=1.0), reach / abs(far)) for far in TAIL_MOVES]
    return _scan(market, contracts, table, moves)


def derive_margin(market: LabMarket, contracts: FloatArray) -> float:
    """Returns the Derive-PM-like requirement, share of the index."""
    moves = [(Move(spot=0.045 * at, row=row), 1.0) for at in range(-3, 4) for row in (1.0, 0.0, -1.0)]
    moves += [(Move(spot=end, row=1.0), 1.0) for end in (-0.18, 0.18)]
    moves += [(Move(spot=far, row=1.0), share) for far, share in zip(TAIL_MOVES, DERIVE_DAMPENING, strict=True)]
    add_ons = DERIVE_SHORT_OPTION * _net_short(contracts) + DERIVE_PERPETUAL * abs(float(contracts[-1]))
    return _scan(market, contracts, DERIVE_SCENARIO, moves) + add_ons


def standard_margin(market: LabMarket, contracts: FloatArray, perpetual: float) -> float:
    """Returns the capital that standard margin ties up, USDC: margin less premiums received, plus premiums paid."""
    index, mark = market.index, market.greeks.price
    away = np.maximum(np.where(market.is_call, market.strike - index, index - market.strike), 0)
    call = np.maximum(0.15 * index - away, 0.10 * index)
    maintenance = np.maximum(0.075 * index, 0.075 * mark)
    short = np.where(market.is_call, call, np.maximum(call, maintenance))
    options = contracts[:-1]
    tied = np.maximum(options, 0) @ mark + np.maximum(-options, 0) @ short
    return float(tied) + perpetual * index * abs(float(contracts[-1]))


def _scan(
    market: LabMarket, contracts: FloatArray, table: ScenarioParameters, moves: Sequence[tuple[Move, float]]
) -> float:
    losses = (-float(contracts @ market.pnl(move, table)) * share for move, share in moves)
    return max(0.0, *losses)


def _net_short(contracts: FloatArray) -> float:
    net = contracts[:-1].reshape(-1, 2).sum(axis=1)
    return float(np.maximum(-net, 0).sum())


def standard_strategies(market: LabMarket) -> list[Strategy]:
    """Returns the twelve strategies: one contract of the main leg, on the expiries nearest to 30 and 60 days."""
    near, far = _nearest_expiry(market, 30), _nearest_expiry(market, 60, beyond=30)
    pick = _Picker(market)

    def legs(*parts: tuple[int, float], perpetual: float = 0.0) -> FloatArray:
        held = np.zeros(len(market.specs))
        for instrument, contracts in parts:
            held[instrument] += contracts
        held[-1] = perpetual
        return held

    call, put = pick.call, pick.put
    atm_call, atm_put = call(near, 0.50), put(near, 0.50)
    wide_call, wide_put = call(near, 0.25), put(near, 0.25)
    wing_call, wing_put = call(near, 0.10), put(near, 0.10)
    short_delta = -float(market.greeks.delta[atm_call] + market.greeks.delta[atm_put])
    body = pick.spread(near)
    return [
        Strategy("short straddle", False, legs((atm_call, -1), (atm_put, -1))),
        Strategy("short strangle", False, legs((wide_call, -1), (wide_put, -1))),
        Strategy("short butterfly", True, legs((body[0], -1), (body[1], 2), (body[2], -1))),
        Strategy("iron condor", True, legs((wide_call, -1), (wing_call, 1), (wide_put, -1), (wing_put, 1))),
        Strategy("calendar", True, legs((atm_call, -1), (pick.same(atm_call, far), 1))),
        Strategy("covered call", True, legs((wide_call, -1), perpetual=1.0)),
        Strategy("collar", True, legs((wide_call, -1), (wide_put, 1), perpetual=1.0)),
        Strategy("risk reversal", False, legs((wide_call, 1), (wide_put, -1))),
        Strategy("box", True, legs((body[0], 1), (body[2], -1), (body[0] + 1, -1), (body[2] + 1, 1))),
        Strategy("ratio spread", False, legs((atm_call, 1), (wide_call, -2))),
        Strategy("delta-hedged short straddle", True, legs((atm_call, -1), (atm_put, -1), perpetual=-short_delta)),
        Strategy("market maker's book", True, _makers_book(market)),
    ]


class _Picker:
    """Finds options by delta."""

    def __init__(self, market: LabMarket) -> None:
        self._market = market

    def call(self, expiry: int, delta: float) -> int:
        return self._by(expiry, True, lambda each: np.abs(each - delta))

    def put(self, expiry: int, delta: float) -> int:
        return self._by(expiry, False, lambda each: np.abs(each + delta))

    def same(self, option: int, expiry: int) -> int:
        """The option of another expiry, of the same kind and the nearest strike."""
        market = self._market
        distance = np.abs(market.strike - market.strike[option])
        distance[(market.place != expiry) | (market.is_call != market.is_call[option])] = np.inf
        return int(np.argmin(distance))

    def spread(self, expiry: int) -> tuple[int, int, int]:
        """Three calls around the money, evenly spaced by about 5 %."""
        market = self._market
        strikes = np.array(market.expiries[expiry].strikes)
        forward = market.expiries[expiry].forward
        middle = float(strikes[np.argmin(np.abs(strikes - forward))])
        widths = np.array([w for w in strikes - middle if w > 0 and middle - w in strikes])
        width = float(widths[np.argmin(np.abs(widths - 0.05 * forward))])
        first = int(np.flatnonzero(market.place == expiry)[0])
        low, mid, high = (
            first + 2 * int(np.flatnonzero(strikes == k)[0]) for k in (middle - width, middle, middle + width)
        )
        return low, mid, high

    def _by(self, expiry: int, call: bool, distance: Callable[[FloatArray], FloatArray]) -> int:
        market = self._market
        away = distance(market.greeks.delta)
        away[(market.place != expiry) | (market.is_call != call)] = np.inf
        return int(np.argmin(away))


def _nearest_expiry(market: LabMarket, days: float, beyond: float = 0.0) -> int:
    left = np.array([market.t[market.place == at][0] * 365 for at in range(len(market.expiries))])
    away = np.abs(left - days)
    if beyond:
        away[np.arange(len(left)) <= _nearest_expiry(market, beyond)] = np.inf
    return int(np.argmin(away))


def _makers_book(market: LabMarket) -> FloatArray:
    """A book as quoting leaves it: out-of-the-money options of every expiry within 95 days, long and short in turn."""
    held = np.zeros(len(market.specs))
    delta = market.greeks.delta
    away = np.where(market.is_call, market.strike >= market.forward, market.strike < market.forward)
    inside = away & (np.abs(delta) > 0.05) & (market.t * 365 <= 95)
    held[np.flatnonzero(inside)] = np.where(np.arange(int(inside.sum())) % 2 == 0, 1.0, -1.0)
    held[-1] = -float(np.round(held[:-1] @ delta, 3))
    return held
