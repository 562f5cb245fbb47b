"""What administrators send: commands signed by their quorum, and the tables that a venue opens with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from synchromesh.client import Client, RequestRefused
from synchromesh.config import VenueDirectory, address_bytes
from synchromesh.protocol import (
    Administration,
    ListInstruments,
    Names,
    SetCollateral,
    SetMode,
    SetParameter,
    SetRiskParameters,
    TypedDomain,
)

AdministrativeCommand = ListInstruments | SetMode | SetParameter | SetRiskParameters | SetCollateral
"""A command that administrators sign."""
ATTEMPTS = 5
"""How often a command is signed anew because another one took its number."""
HAS_TABLE = ("nothing_to_do", "effective_too_early")
"""Why a table that counts at once is refused: the venue has this one, or another one that came after it."""


class Administrators:
    """Signs with the administrators' keys of a venue directory.

    Args:
        venue: The venue directory; it holds keys for a quorum.
        client: Connected to the venue.

    Raises:
        ConfigError: When a key is missing.
    """

    def __init__(self, venue: VenueDirectory, client: Client) -> None:
        config = venue.read()
        self._client = client
        self._secrets = [venue.read_key(f"admin-{number}") for number in range(config.admin_quorum)]
        self._token = venue.operator_token()
        self._domain = TypedDomain(config.chain_id, address_bytes(config.contract))

    async def send(self, make: Callable[[Administration], AdministrativeCommand]) -> None:
        """Signs the command that ``make`` makes of a number, and has it applied.

        Raises:
            RequestRefused: When the venue refuses it.
        """
        for attempt in range(ATTEMPTS):
            command = make(Administration((await self._client.status()).admin_nonce))
            signed = self._domain.cosigned(command, self._secrets, Names())
            data = bytes([command.KIND]) + signed.encode()
            try:
                await self._client.request("operator/command", token=self._token, command="0x" + data.hex())
                return
            except RequestRefused as refused:
                # Somebody else's command came between: the next number is another one.
                if refused.reason != "wrong_admin_nonce" or attempt + 1 == ATTEMPTS:
                    raise


async def set_tables(venue: VenueDirectory) -> None:
    """Sets the risk tables and collateral terms of the configuration where the venue has none yet.

    Raises:
        ConfigError: When a table is for something that the venue does not have, or a key is missing.
        RequestRefused: When the venue refuses a table.
    """
    config = venue.read()
    first: list[Callable[[Administration], AdministrativeCommand]] = [
        *(partial(SetRiskParameters, config.underlying_id(symbol), table, 0) for symbol, table in config.risk.items()),
        *(partial(SetCollateral, config.asset_id(symbol), terms, 0) for symbol, terms in config.collateral.items()),
    ]
    if not first:
        return
    async with Client(config.websocket_url) as client:
        administrators = Administrators(venue, client)
        for make in first:
            try:
                await administrators.send(make)
            except RequestRefused as refused:
                if refused.reason not in HAS_TABLE:
                    raise
