"""What a portfolio would need: read from a file, margined by a venue or by the engine in this process, drawn."""

from synchromesh.risk.simulation.offline import simulate_offline
from synchromesh.risk.simulation.positions import PositionsError, WhatIf, read_positions

__all__ = ["PositionsError", "WhatIf", "read_positions", "simulate_offline"]
