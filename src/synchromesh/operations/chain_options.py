"""What commands that need nothing but the chain make of their options."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from synchromesh.config import ConfigError, address_bytes, read_key_file
from synchromesh.operations.plain_errors import plain_errors
from synchromesh.protocol import address_of

if TYPE_CHECKING:
    from synchromesh.settlement.chain import Chain

Result = TypeVar("Result")


def secret_of(key: Path | None) -> bytes:
    """The secret that ``--key`` names; `ConfigError` without."""
    if key is None:
        raise ConfigError("--key FILE is needed: who pays for the transactions")
    return read_key_file(key)


def owner_of(owner: str | None, key: Path | None) -> bytes:
    """The address that ``--owner`` or else ``--key`` names, 20 bytes; `ConfigError` without."""
    if owner is not None:
        return address_bytes(owner)
    if key is None:
        raise ConfigError("--owner ADDRESS or --key FILE is needed: whose accounts")
    return address_of(read_key_file(key))


def on_chain(rpc: str, work: Callable[[Chain], Awaitable[Result]]) -> Result:
    """Does ``work`` on a chain; what a user can cause is one line and exit code 1."""
    from synchromesh.settlement.chain import Chain

    async def run() -> Result:
        chain = Chain(rpc)
        try:
            await chain.wait_ready(seconds=5.0)
            return await work(chain)
        finally:
            await chain.close()

    with plain_errors():
        return asyncio.run(run())


def as_json(value: Any, indent: int | None = 2) -> str:
    """A value as JSON, bytes as hex."""
    plain = msgspec.to_builtins(value, builtin_types=(bytes,), str_keys=True)
    return json.dumps(plain, default=lambda found: "0x" + bytes(found).hex(), indent=indent)
