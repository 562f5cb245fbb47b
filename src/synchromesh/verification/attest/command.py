"""``synchromesh attest``: measure the code, ask for a quote, appraise one."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from synchromesh.config import ConfigError, VenueConfig, VenueDirectory, address_bytes
from synchromesh.verification.attest.appraisal import AttestationRefused, Policy, appraise
from synchromesh.verification.attest.binding import Binding, code_hash
from synchromesh.verification.attest.evidence import Evidence
from synchromesh.verification.attest.providers import NoTee, Provider, ProviderError, SimulatedTee, TdxTee

EXIT_REFUSED = 1
"""The evidence does not show what it is said to show, or there is none."""
EXIT_UNKNOWN = 2
"""The input is no good, so that nothing was appraised."""

attest_app = typer.Typer(help="Evidence that a certain code holds the operator's key.", no_args_is_help=True)

Directory = Annotated[Path, typer.Option("--directory", "-d", help="The venue directory.")]
Code = Annotated[str | None, typer.Option(help="Hash of the code, hex; without, of the code that is installed here.")]
VENUE = Path("var/venue")


class ProviderName(StrEnum):
    """Who attests."""

    NONE = "none"
    SIMULATED = "simulated"
    TDX = "tdx"


@attest_app.command("code")
def code(
    package: Annotated[Path | None, typer.Option(help="Folder of another copy of the package.")] = None,
) -> None:
    """Prints the hash of the installed code."""
    typer.echo(code_hash(package).hex())


@attest_app.command("quote")
def quote(
    out: Annotated[Path, typer.Argument(help="Where the evidence is written, JSON.")],
    directory: Directory = VENUE,
    provider: Annotated[ProviderName, typer.Option(help="Who attests.")] = ProviderName.TDX,
    collateral: Annotated[Path | None, typer.Option(help="Vendor's collateral to go with a TDX quote, JSON.")] = None,
) -> None:
    """Asks for a quote of this code, the operator's key and this venue."""
    try:
        venue = VenueDirectory(directory)
        evidence = _provider(provider, venue, collateral).attest(_binding(venue.read(), code_hash()))
    except (ConfigError, OSError, ProviderError) as error:
        typer.echo(f"no quote: {error}", err=True)
        raise typer.Exit(EXIT_REFUSED) from error
    out.write_bytes(evidence.encode())
    typer.echo(f"{evidence.provider}: {len(evidence.quote)} bytes in {out}")


@attest_app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="Evidence, JSON.")],
    measurement: Annotated[list[str], typer.Option(help="A good measurement, hex; may be given often.")],
    directory: Directory = VENUE,
    code: Code = None,
    status: Annotated[list[str] | None, typer.Option(help="A good TCB level; without, only UpToDate.")] = None,
    simulator: Annotated[str | None, typer.Option(help="Root of a simulator that is allowed. Never for money.")] = None,
    at: Annotated[int | None, typer.Option(help="Unix seconds to appraise at; without, now.")] = None,
) -> None:
    """Appraises evidence offline. Exits 0, or 1 with the reason."""
    try:
        evidence = Evidence.decode(file.read_bytes())
        binding = _binding(VenueDirectory(directory).read(), bytes.fromhex(code) if code else code_hash())
        policy = Policy(
            measurements=frozenset(bytes.fromhex(each) for each in measurement),
            simulator=address_bytes(simulator) if simulator else None,
        )
        if status:
            policy = msgspec.structs.replace(policy, statuses=frozenset(status))
    except (ConfigError, OSError, ValueError) as error:
        typer.echo(f"cannot appraise: {error}", err=True)
        raise typer.Exit(EXIT_UNKNOWN) from error
    try:
        found = appraise(evidence, binding, policy, int(time.time()) if at is None else at)
    except AttestationRefused as refused:
        typer.echo(f"REFUSED {refused}")
        raise typer.Exit(EXIT_REFUSED) from refused
    typer.echo(f"{found.provider}: {found.status}, measurement {found.measurement.hex()}")


def _binding(config: VenueConfig, code: bytes) -> Binding:
    return Binding(code, address_bytes(config.operator), config.chain_id, address_bytes(config.contract))


def _provider(name: ProviderName, venue: VenueDirectory, collateral: Path | None) -> Provider:
    match name:
        case ProviderName.NONE:
            return NoTee()
        case ProviderName.SIMULATED:
            return SimulatedTee(venue.ensure_key("simulated-tee"), code_hash())
        case ProviderName.TDX:
            return TdxTee(collateral=collateral.read_text() if collateral else "")
