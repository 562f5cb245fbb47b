"""The live accounts: an engine of its own that follows the journal."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synchromesh._native import Engine, JournalReader
from synchromesh.pricing import year_fraction
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    USD,
    Genesis,
    InstrumentKind,
    InstrumentSpec,
    ListInstruments,
    MarkInputs,
    MarkUpdate,
    OptionType,
    Record,
)
from synchromesh.risk.monitor.exposure import Exposure, Instruments


class Follower:
    """What a journal says of the accounts, now.

    Args:
        journal: The journal's directory.
    """

    def __init__(self, journal: Path) -> None:
        self._reader = JournalReader(str(journal))
        self._engine = Engine()
        self._symbols: dict[int, str] = {}
        self._specs: list[InstrumentSpec] = []
        self._inputs: dict[int, MarkInputs] = {}

    @property
    def sequence(self) -> int:
        """Last command that was followed."""
        return self._engine.sequence

    @property
    def time(self) -> int:
        """Its venue time."""
        return self._engine.time

    def poll(self) -> None:
        """Takes what the journal has by now."""
        for frame in self._reader:
            for data in frame.records:
                self._engine.apply(data)
                match Record.decode(data).command:
                    case Genesis(underlyings=underlyings):
                        self._symbols = {spec.underlying: spec.symbol for spec in underlyings}
                    case ListInstruments(instruments=specs):
                        self._specs.extend(specs)
                    case MarkUpdate(inputs=inputs):
                        self._inputs[inputs.underlying] = inputs

    def vols(self) -> dict[str, float]:
        """Returns the at-the-money vol of each underlying that has options: of the first expiry a day or more away."""
        found = {}
        for underlying, inputs in self._inputs.items():
            for expiry in inputs.expiries:
                years = float(year_fraction(inputs.time, expiry.expiry))
                if years >= 1 / 365:
                    smile = expiry.smile
                    curve = np.hypot(smile.m, smile.sigma) - smile.rho / NANO_ONE * smile.m
                    variance = (smile.a + smile.b / NANO_ONE * curve) / NANO_ONE
                    found[self._symbols[underlying]] = float(np.sqrt(variance / years))
                    break
        return found

    def exposure(self) -> Exposure:
        """Returns the accounts that hold something that is still marked."""
        positions = self._engine.positions()
        standings = self._engine.standings()
        held = np.unique(positions["instrument"])
        held = held[[self._is_marked(int(instrument)) for instrument in held]] if len(held) else held
        kept = positions[np.isin(positions["instrument"], held)]
        accounts = np.unique(kept["subaccount"])
        sizes = np.array([self._specs[int(each) - 1].lot_size / CONTRACT for each in held])
        contracts = np.zeros((len(accounts), len(held)))
        rows, columns = np.searchsorted(accounts, kept["subaccount"]), np.searchsorted(held, kept["instrument"])
        contracts[rows, columns] = kept["lots"] * sizes[columns] if len(kept) else 0.0
        places = accounts.astype(np.int64) - 1
        return Exposure(
            instruments=self._instruments([int(each) for each in held]),
            contracts=contracts,
            account=accounts.astype(np.int64),
            equity=standings["equity"][places] / USD,
            maintenance=standings["maintenance"][places] / USD,
            insurance=self._engine.insurance / USD,
        )

    def _is_marked(self, instrument: int) -> bool:
        """Whether the last mark of its underlying names its series."""
        spec = self._specs[instrument - 1]
        inputs = self._inputs.get(spec.underlying)
        if inputs is None:
            return False
        return spec.kind == InstrumentKind.PERPETUAL or any(each.expiry == spec.expiry for each in inputs.expiries)

    def _instruments(self, held: list[int]) -> Instruments:
        specs = [self._specs[instrument - 1] for instrument in held]
        marks = self._engine.marks()
        linear = np.array([spec.kind == InstrumentKind.PERPETUAL for spec in specs], np.bool_)
        price, t = np.zeros(len(specs)), np.zeros(len(specs))
        for place, spec in enumerate(specs):
            inputs = self._inputs[spec.underlying]
            if linear[place]:
                price[place] = inputs.perpetual_mark / NANO_ONE
            else:
                expiry = next(each for each in inputs.expiries if each.expiry == spec.expiry)
                price[place] = expiry.forward / NANO_ONE
                t[place] = year_fraction(inputs.time, spec.expiry)
        return Instruments(
            symbol=np.array([self._symbols[spec.underlying] for spec in specs], np.str_),
            linear=linear,
            price=price,
            strike=np.array([spec.strike / USD for spec in specs]),
            t=t,
            sigma=np.array([marks["iv"][instrument - 1] / NANO_ONE for instrument in held]),
            is_call=np.array([spec.option_type == OptionType.CALL for spec in specs], np.bool_),
        )
