"""Standard margin of one position, by the engine's own formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from synchromesh import _native
from synchromesh.execution.genesis import DEFAULT_PARAMETERS
from synchromesh.protocol import InstrumentSpec, Parameter


class StandardMargin(NamedTuple):
    """Initial and maintenance margin, micro-USDC."""

    initial: int
    maintenance: int


def standard_margin(
    spec: InstrumentSpec,
    *,
    index: int,
    mark: int,
    position: int,
    changes: Mapping[Parameter, int] | None = None,
) -> StandardMargin:
    """Returns what the standard model requires of a position without orders.

    Args:
        spec: The instrument.
        index: 1e-9 USD.
        mark: Micro-USDC per contract.
        position: Lots, negative for a short.
        changes: Parameters of the venue that are not at their defaults.

    Raises:
        OverflowError: When a number does not fit.
        ValueError: When parameters are out of range or contradict each other.
    """
    values = {**DEFAULT_PARAMETERS, **(changes or {})}
    listed = [values[parameter] for parameter in Parameter]
    return StandardMargin(*_native.standard_margin(spec.encode(), listed, index, mark, position))
