"""A test venue whose marks three oracle nodes have to agree on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from support.venue import TestVenue, free_ports, secret
from synchromesh.agents.market import MarketPath, load_bundled
from synchromesh.agents.oracle.node import OracleNode
from synchromesh.agents.oracle.sources import ReplayedSources
from synchromesh.protocol import address_of

NODES = 3
KEYS = [secret(f"oracle-{number}") for number in range(NODES)]


def three_oracles(path: Path, parameters: dict[str, int] | None = None) -> TestVenue:
    """A venue, not started, with three oracle keys, two of which make a quorum."""
    venue = TestVenue(path, parameters=parameters or {})
    venue.config = msgspec.structs.replace(
        venue.config,
        oracles=tuple(sorted(address_of(key).hex() for key in KEYS)),
        oracle_quorum=2,
        oracle_ports=tuple(free_ports(NODES)),
    )
    venue.directory.write(venue.config)
    for number, key in enumerate(KEYS):
        venue.directory.write_key(f"oracle-{number}", key)
    venue.directory.write_key("admin-0", venue.admin)
    return venue


def market() -> MarketPath:
    """The bundled market."""
    return MarketPath(load_bundled())


def node(venue: TestVenue, number: int, skew: float = 0.0) -> OracleNode:
    """An oracle node of the venue."""
    return OracleNode(venue.path, number, ReplayedSources(market(), number, skew))
