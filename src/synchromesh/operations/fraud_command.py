"""``synchromesh demo --fraud``: the catalogue, or one of its frauds played."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path

import msgspec
import typer

from synchromesh.agents.dishonest import FRAUDS
from synchromesh.config import ConfigError
from synchromesh.operations.fraud import FraudDemo, find_fraud
from synchromesh.operations.plain_errors import plain_errors

LIST = "list"
"""Instead of a fraud: names them all."""


def show_fraud(name: str, directory: Path | None, report: Path | None) -> None:
    """Plays a fraud and prints how it ended; exits 1 when it paid, or cost users anything.

    Args:
        name: Of the fraud, or `LIST`.
        directory: Where the venue is kept; None: nowhere.
        report: File for the report.
    """
    if name == LIST:
        width = max(map(len, FRAUDS))
        for fraud in FRAUDS.values():
            typer.echo(f"{fraud.name:<{width}}  {fraud.description}.")
        return
    with plain_errors(), contextlib.ExitStack() as stack:
        fraud = find_fraud(name)
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="synchromesh-")))
        elif (directory / "venue.json").exists():
            raise ConfigError(f"{directory} holds a venue already; a demo starts with a new one")
        found = asyncio.run(FraudDemo(directory, fraud, typer.echo).run())
    text = msgspec.json.format(msgspec.json.encode(found)).decode()
    if report is not None:
        report.write_text(text + "\n")
    typer.echo(text)
    ended = found.users_whole and found.slashed == fraud.costs_the_bond
    raise typer.Exit(0 if ended else 1)
