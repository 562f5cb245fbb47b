"""``synchromesh admin``: parameters, risk tables and collateral terms, signed by the administrators of a directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from synchromesh.client import Client
from synchromesh.clock import SECOND
from synchromesh.config import ConfigError, VenueConfig, VenueDirectory
from synchromesh.operations.administration import AdministrativeCommand, Administrators
from synchromesh.operations.plain_errors import plain_errors
from synchromesh.protocol import (
    Administration,
    CollateralTerms,
    Message,
    Parameter,
    ParameterValue,
    RiskParameters,
    SetCollateral,
    SetParameter,
    SetRiskParameters,
)

admin_app = typer.Typer(help="Commands that administrators sign.", no_args_is_help=True)

Directory = Annotated[Path, typer.Option("--directory", "-d", help="The venue directory.")]
File = Annotated[Path, typer.Argument(help="JSON with every number as in docs/protocol/commands.md.")]
Delay = Annotated[float, typer.Option(help="Venue seconds until the table counts; the first one may count at once.")]
VENUE = Path("var/venue")
Table = TypeVar("Table", bound=Message)


@admin_app.command("set-parameter")
def set_parameter(
    parameter: Annotated[str, typer.Argument(help="Its word, price_band.")],
    value: Annotated[int, typer.Argument(help="Its new value: rates in 1e-9, times in ns.")],
    directory: Directory = VENUE,
) -> None:
    """Changes one parameter at once."""
    with plain_errors():
        change = ParameterValue(Parameter.from_word(parameter), value)
    _send(directory, lambda config: lambda admin: SetParameter(change, admin))


@admin_app.command("set-risk")
def set_risk(
    symbol: Annotated[str, typer.Argument(help="Underlying, BTC.")],
    file: File,
    delay: Delay = 0.0,
    directory: Directory = VENUE,
) -> None:
    """Replaces the risk table of an underlying."""
    with plain_errors():
        table = read_table(file, RiskParameters)
    _send(
        directory,
        lambda config: (
            lambda admin: SetRiskParameters(config.underlying_id(symbol), table, _effective(config, delay), admin)
        ),
    )


@admin_app.command("set-collateral")
def set_collateral(
    symbol: Annotated[str, typer.Argument(help="Asset, WETH.")],
    file: File,
    delay: Delay = 0.0,
    directory: Directory = VENUE,
) -> None:
    """Replaces what an asset counts for as collateral."""
    with plain_errors():
        terms = read_table(file, CollateralTerms)
    _send(
        directory,
        lambda config: lambda admin: SetCollateral(config.asset_id(symbol), terms, _effective(config, delay), admin),
    )


def read_table(file: Path, kind: type[Table]) -> Table:
    """Returns a table from its JSON.

    Raises:
        ConfigError: When it is not one.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{file}: {error}") from error


def _effective(config: VenueConfig, delay: float) -> int:
    """Returns when a table counts from; 0 is at once."""
    return config.clock.now_ns() + round(delay * SECOND) if delay else 0


def _send(directory: Path, make: Callable[[VenueConfig], Callable[[Administration], AdministrativeCommand]]) -> None:
    async def send() -> None:
        venue = VenueDirectory(directory)
        config = venue.read()
        async with Client(config.websocket_url) as client:
            await Administrators(venue, client).send(make(config))

    with plain_errors():
        asyncio.run(send())
