"""What a user of the command line can cause, as one line and exit code 1."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import typer


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turns what a user can cause into one line and exit code 1."""
    from synchromesh._native import EngineRefused, JournalError, ReplayError
    from synchromesh.client import ClientError
    from synchromesh.config import ConfigError
    from synchromesh.operations.launch import LaunchError
    from synchromesh.settlement.chain import ChainError

    refused = (ChainError, ClientError, EngineRefused)
    refusals = (*refused, ConfigError, JournalError, LaunchError, OSError, ReplayError, ValueError)
    try:
        yield
    except refusals as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
