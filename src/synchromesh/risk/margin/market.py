"""An underlying at one mark: what portfolio margin is computed from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synchromesh import _native
from synchromesh.pricing import RiskArrays, risk_arrays
from synchromesh.protocol import InstrumentSpec, MarkInputs, RiskParameters


class MarginMarket:
    """An underlying at one mark, with its instruments in the order of their specs.

    Args:
        inputs: The mark.
        specs: Instruments of the underlying, ascending.
        parameters: Its risk table.
        arrays: Risk arrays in the same order; those that follow from the mark when not given.

    Raises:
        MarkError: When the mark does not cover an instrument.
        ValueError: When columns do not fit the instruments.
    """

    def __init__(
        self,
        inputs: MarkInputs,
        specs: Sequence[InstrumentSpec],
        parameters: RiskParameters,
        arrays: RiskArrays | None = None,
    ) -> None:
        self.inputs = inputs
        self.specs = tuple(specs)
        self.parameters = parameters
        self.arrays = risk_arrays(inputs, specs, parameters.scenario) if arrays is None else arrays
        numbers = [np.ascontiguousarray(column) for column in (self.arrays.mark, self.arrays.delta, self.arrays.vega)]
        self.native = _native.MarginMarket(
            inputs.encode(),
            [spec.encode() for spec in specs],
            parameters.encode(),
            numbers,
            np.ascontiguousarray(self.arrays.lanes).reshape(-1),
            np.ascontiguousarray(self.arrays.gaps).reshape(-1),
        )
        self._places = {spec.instrument: place for place, spec in enumerate(specs)}

    def __len__(self) -> int:
        return len(self.specs)

    @property
    def underlying(self) -> int:
        """Id of the underlying."""
        return self.inputs.underlying

    def place(self, instrument: int) -> int:
        """Returns where an instrument stands among the specs.

        Raises:
            KeyError: When it is none of this market.
        """
        return self._places[instrument]
