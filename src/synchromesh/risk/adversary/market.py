"""What the adversary trades: every option of a chain and the perpetual, at the venue's own marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from synchromesh.agents.market.fitted import FittedUnderlying
from synchromesh.agents.market.path import Series, series_name
from synchromesh.pricing import Greeks, RiskArrays, black76, risk_arrays, year_fraction
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    USD,
    ExpiryInputs,
    InstrumentKind,
    InstrumentSpec,
    MarkInputs,
    OptionType,
)
from synchromesh.protocol.risk import ScenarioParameters
from synchromesh.risk.adversary.moves import Move, shocked_vols
from synchromesh.risk.chains import ChainSnapshot
from synchromesh.risk.surface import Smile, fit_surface

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

UNDERLYING = 1
"""Underlying id of a market in the lab; a market has only one."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """One expiry: when (ns), forward in USD, smile, strikes in USD ascending."""

    expiry: int
    forward: float
    smile: Smile
    strikes: tuple[float, ...]


@dataclass(frozen=True)
class LabMarket:
    """One underlying at one moment, with its options in columns; the perpetual is the last row.

    Attributes:
        symbol: ``BTC``.
        time: ns.
        index: USD.
        expiries: In the future, ascending.
        label: Where it comes from, for reports.
    """

    symbol: str
    time: int
    index: float
    expiries: tuple[Expiry, ...]
    label: str

    @classmethod
    def from_snapshot(cls, chain: ChainSnapshot, label: str) -> Self:
        """Returns the market of a recorded chain, with fitted smiles.

        Raises:
            SurfaceError: When no expiry can be fitted.
        """
        expiries = tuple(
            Expiry(each.expiry, each.forward, fitted.smile, tuple(float(k) for k in np.unique(each.strike)))
            for each, fitted in zip(chain.slices, fit_surface(chain), strict=True)
        )
        # The front forward: the recorded index was taken minutes after the prices.
        return cls(chain.symbol, chain.time, chain.slices[0].forward, expiries, label)

    @classmethod
    def from_fitted(cls, market: FittedUnderlying, snapshot: int, label: str) -> Self:
        """Returns one snapshot of a fitted market."""
        expiries = [
            Expiry(each.expiry, found.forward, found.smile, tuple(each.strikes))
            for each in market.expiries
            for found in each.slices
            if found.snapshot == snapshot and each.expiry > market.times[snapshot]
        ]
        return cls(market.symbol, market.times[snapshot], market.index[snapshot], tuple(expiries), label)

    def with_front_at(self, hours: float) -> Self:
        """Returns the market so much later that the first expiry has ``hours`` left; forwards and vols stay."""
        time = self.expiries[0].expiry - round(hours * 3600e9)
        ratio = [year_fraction(time, each.expiry) / year_fraction(self.time, each.expiry) for each in self.expiries]
        expiries = tuple(
            Expiry(each.expiry, each.forward, each.smile.scaled(share), each.strikes)
            for each, share in zip(self.expiries, ratio, strict=True)
        )
        return type(self)(self.symbol, time, self.index, expiries, f"{self.label}, front {hours:g} h")

    def thinned(self, strikes: int) -> Self:
        """Returns the market with at most ``strikes`` strikes per expiry, spread evenly over those it has."""
        expiries = tuple(
            Expiry(each.expiry, each.forward, each.smile, _spread(each.strikes, strikes)) for each in self.expiries
        )
        return type(self)(self.symbol, self.time, self.index, expiries, self.label)

    @cached_property
    def inputs(self) -> MarkInputs:
        """What an oracle would sign of it."""
        return MarkInputs(
            underlying=UNDERLYING,
            time=self.time,
            index=round(self.index * NANO_ONE),
            confidence=0,
            sources=5,
            perpetual_mark=round(self.index * NANO_ONE),
            funding_rate=0,
            expiries=tuple(
                ExpiryInputs(each.expiry, round(each.forward * NANO_ONE), 0, each.smile.fixed())
                for each in self.expiries
            ),
        )

    @cached_property
    def specs(self) -> tuple[InstrumentSpec, ...]:
        """The instruments: by expiry and strike the call, then the put; at the end the perpetual."""
        series = [
            Series(
                series_name(self.symbol, each.expiry, strike, kind),
                self.symbol,
                InstrumentKind.OPTION,
                kind,
                round(strike * USD),
                each.expiry,
            )
            for each in self.expiries
            for strike in each.strikes
            for kind in (OptionType.CALL, OptionType.PUT)
        ]
        perpetual = Series(
            f"{self.symbol}_USDC-PERPETUAL", self.symbol, InstrumentKind.PERPETUAL, OptionType.CALL, 0, 0
        )
        return tuple(each.spec(number, UNDERLYING) for number, each in enumerate([*series, perpetual], 1))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Instrument names."""
        return tuple(spec.name for spec in self.specs)

    @cached_property
    def lot(self) -> FloatArray:
        """Contracts per lot, (n,)."""
        return np.array([spec.lot_size / CONTRACT for spec in self.specs])

    @cached_property
    def place(self) -> IntArray:
        """Which expiry each option has, (n − 1,)."""
        return np.repeat(np.arange(len(self.expiries)), [2 * len(each.strikes) for each in self.expiries])

    @cached_property
    def strike(self) -> FloatArray:
        """Strikes of the options, USD, (n − 1,)."""
        return np.repeat([strike for each in self.expiries for strike in each.strikes], 2)

    @cached_property
    def is_call(self) -> npt.NDArray[np.bool_]:
        """Call or put, (n − 1,)."""
        return np.tile([True, False], len(self.strike) // 2)

    @cached_property
    def forward(self) -> FloatArray:
        """Forwards of the options' expiries, USD, (n − 1,)."""
        return np.array([each.forward for each in self.expiries])[self.place]

    @cached_property
    def t(self) -> FloatArray:
        """Years left, (n − 1,)."""
        return np.array([year_fraction(self.time, each.expiry) for each in self.expiries])[self.place]

    @cached_property
    def vol(self) -> FloatArray:
        """Vol of each option's strike, from the smile as a mark carries it, (n − 1,)."""
        k = np.log(self.strike / self.forward)
        smiles = [Smile.from_fixed(each.smile.fixed()) for each in self.expiries]
        variance = np.array([smiles[p].variance(x) for p, x in zip(self.place, k, strict=True)])
        return np.sqrt(variance / self.t)

    def arrays(self, scenario: ScenarioParameters) -> RiskArrays:
        """Returns marks and risk arrays, as every replica would compute them."""
        return risk_arrays(self.inputs, self.specs, scenario)

    def pnl(self, move: Move, scenario: ScenarioParameters) -> FloatArray:
        """Returns the true P&L of one long contract of each instrument under a move, in shares of the index, (n,)."""
        vol = shocked_vols(self.vol, self.t, np.log(self.strike / self.forward), move, scenario)
        later = np.maximum(self.t - move.days / 365, 0)
        forward = self.forward * (1 + move.spot) * np.exp(move.basis * self.t)
        after = black76(forward, self.strike, later, vol, self.is_call).price
        return np.append(after - self.greeks.price, move.spot * self.index) / self.index

    @cached_property
    def greeks(self) -> Greeks:
        """Price and Greeks of the options now, (n − 1,)."""
        return black76(self.forward, self.strike, self.t, self.vol, self.is_call)


def _spread(strikes: Sequence[float], count: int) -> tuple[float, ...]:
    if len(strikes) <= count:
        return tuple(strikes)
    return tuple(strikes[round(at)] for at in np.linspace(0, len(strikes) - 1, count))
