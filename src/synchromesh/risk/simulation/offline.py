"""Margin without a venue: the engine itself, in this process, on a recorded chain with the default risk tables."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import msgspec

from synchromesh._native import Engine
from synchromesh.agents.market import FittedMarket, MarketPath, load_bundled
from synchromesh.agents.market.fitted import FittedUnderlying, fit_underlying
from synchromesh.client.types import MarginSimulation
from synchromesh.client.units import AMOUNT_PLACES, PRICE_PLACES, units
from synchromesh.execution.genesis import DEFAULT_PARAMETERS, LARGEST_ACCOUNTS
from synchromesh.execution.margin_view import UnderlyingTerms, simulation_view
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    NO_SIGNATURE,
    USDC,
    ZERO_ADDRESS,
    Administration,
    AssetSpec,
    Command,
    Cosignature,
    ExpiryInputs,
    Genesis,
    InstrumentSpec,
    ListInstruments,
    MarginModel,
    MarkInputs,
    ParameterValue,
    Record,
    SetCollateral,
    SetRiskParameters,
    UnderlyingSpec,
)
from synchromesh.risk.chains import read_snapshots
from synchromesh.risk.parameters import DEFAULT_COLLATERAL, DEFAULT_RISK
from synchromesh.risk.simulation.positions import PositionsError, WhatIf

ADMIN, ORACLE = b"\x0a" * 20, b"\x0b" * 20
SOURCES = 5
CONFIDENCE = 500_000
"""Half-width of the index, 1e-9."""
LISTED_MAX = 256
"""Instruments of one listing."""


def simulate_offline(portfolio: WhatIf, chain: Path | None, model: MarginModel) -> MarginSimulation:
    """Returns the margin of a portfolio at the last snapshot of a chain file, by default of the bundled market.

    Raises:
        PositionsError: When the chain has no such instrument or asset, or an amount is no whole number of lots.
        ChainError, SurfaceError: When the file is no chain, or has no surface.
        EngineRefused: When the engine cannot margin the portfolio.
    """
    market = MarketPath(load_bundled() if chain is None else _last_snapshot(chain), mode="jump")
    return _OfflineVenue(market, portfolio.positions).simulate(portfolio, model)


def _last_snapshot(path: Path) -> FittedMarket:
    """The last chain of each underlying of a file that the venue knows, fitted."""
    last = {snapshot.symbol: snapshot for snapshot in read_snapshots(path)}
    parts: list[FittedUnderlying] = [
        fit_underlying(symbol, [snapshot]) for symbol, snapshot in last.items() if symbol in DEFAULT_RISK
    ]
    if not parts:
        raise PositionsError(f"{path.name} has no chain of {' or '.join(DEFAULT_RISK)}")
    return FittedMarket(path.name, parts)


class _OfflineVenue:
    """An engine with one market, and only what a portfolio holds listed."""

    def __init__(self, market: MarketPath, names: Iterable[str]) -> None:
        self._market = market
        self._time = market.end_ns
        self._engine = Engine()
        self._nonce = 0
        symbols = (*market.symbols, *market.tokens)
        self._underlyings = {symbol: number for number, symbol in enumerate(symbols, 1)}
        usable = {
            name: terms for name, terms in DEFAULT_COLLATERAL.items() if {terms.price, terms.moves_with} <= {*symbols}
        }
        self._assets = {symbol: number for number, symbol in enumerate(("USDC", *usable))}
        self._apply(self._genesis())
        self.specs = self._list(names)
        for symbol in market.symbols:
            table = DEFAULT_RISK[symbol]
            self._apply(SetRiskParameters(self._underlyings[symbol], table, self._time, self._administration()))
        for symbol, defaults in usable.items():
            terms = defaults.terms(self._underlyings)
            self._apply(SetCollateral(self._assets[symbol], terms, self._time, self._administration()))
        for symbol, number in self._underlyings.items():
            self._engine.mark(self._time, self._inputs(symbol, number).encode(), [ORACLE])

    def simulate(self, portfolio: WhatIf, model: MarginModel) -> MarginSimulation:
        """The margin of a portfolio whose instruments are listed."""
        lots = [(self.specs[name].instrument, self._lots(name, size)) for name, size in portfolio.positions.items()]
        assets = [(self._asset(symbol), units(size, AMOUNT_PLACES)) for symbol, size in portfolio.collateral.items()]
        found = self._engine.simulate_margin(None, lots, units(portfolio.cash, PRICE_PLACES), assets, model.value)
        by_id = {spec.instrument: spec for spec in self.specs.values()}
        terms = {
            number: UnderlyingTerms(symbol, round(self._market.index(symbol, self._time) * NANO_ONE), _range(symbol))
            for symbol, number in self._underlyings.items()
        }
        symbols = {number: symbol for symbol, number in self._assets.items()}
        shown = simulation_view(found, by_id.__getitem__, symbols, terms) | {"timestamp": self._time // 10**6}
        return msgspec.json.decode(msgspec.json.encode(shown), type=MarginSimulation)

    def _lots(self, name: str, size: Decimal) -> int:
        lot = self.specs[name].lot_size
        amount = units(size, AMOUNT_PLACES)
        if amount % lot:
            raise PositionsError(f"{size} of {name} is not a multiple of {Decimal(lot) / CONTRACT}")
        return amount // lot

    def _asset(self, symbol: str) -> int:
        if symbol not in self._assets:
            raise PositionsError(f"{symbol!r} is neither an instrument nor one of {', '.join(self._assets)}")
        return self._assets[symbol]

    def _genesis(self) -> Genesis:
        others = [(number, symbol) for symbol, number in self._assets.items() if number != USDC]
        values = DEFAULT_PARAMETERS | LARGEST_ACCOUNTS
        return Genesis(
            chain_id=1,
            contract=_address(1),
            operator=ADMIN,
            admins=(ADMIN,),
            admin_quorum=1,
            oracles=(ORACLE,),
            oracle_quorum=1,
            assets=(
                AssetSpec(USDC, "USDC", _address(2), 6),
                *(AssetSpec(number, symbol, _address(2 + number), 8) for number, symbol in others),
            ),
            underlyings=tuple(UnderlyingSpec(number, symbol) for symbol, number in self._underlyings.items()),
            parameters=tuple(ParameterValue(key, values[key]) for key in sorted(values)),
        )

    def _list(self, names: Iterable[str]) -> dict[str, InstrumentSpec]:
        series = {
            each.name: each for symbol in self._market.symbols for each in self._market.series(symbol, self._time)
        }
        wanted = list(names)
        for name in wanted:
            if name not in series:
                raise PositionsError(f"there is no {name} in the chain of {self._market.source}")
        specs = [
            series[name].spec(number, self._underlyings[series[name].symbol]) for number, name in enumerate(wanted, 1)
        ]
        for start in range(0, len(specs), LISTED_MAX):
            self._apply(ListInstruments(tuple(specs[start : start + LISTED_MAX]), self._administration()))
        return {spec.name: spec for spec in specs}

    def _inputs(self, symbol: str, number: int) -> MarkInputs:
        """What an oracle would sign of an underlying: the expiries that are listed."""
        listed = sorted({spec.expiry for spec in self.specs.values() if spec.underlying == number and spec.expiry})
        live = [self._market.live(symbol, expiry, self._time) for expiry in listed]
        expiries = tuple(
            ExpiryInputs(each.fitted.expiry, round(each.forward * NANO_ONE), 0, each.smile.fixed()) for each in live
        )
        index = round(self._market.index(symbol, self._time) * NANO_ONE)
        return MarkInputs(number, self._time, index, CONFIDENCE, SOURCES, index, 0, expiries)

    def _apply(self, command: Command) -> None:
        self._engine.apply(Record(self._time, command).encode())

    def _administration(self) -> Administration:
        self._nonce += 1
        return Administration(self._nonce - 1, (Cosignature(ADMIN, NO_SIGNATURE),))


def _address(number: int) -> bytes:
    return ZERO_ADDRESS[:-1] + bytes([number])


def _range(symbol: str) -> int:
    table = DEFAULT_RISK.get(symbol)
    return table.scenario.range if table is not None else 0
