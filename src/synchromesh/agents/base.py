"""What agents share: a funded account, a client, and figures for the dashboard."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from synchromesh.client import Client, ClientError, ConnectionLost, RequestRefused
from synchromesh.config import VenueConfig, VenueDirectory
from synchromesh.files import write_json

log = structlog.get_logger(__name__)

T = TypeVar("T")

SAMPLES_MAX = 20_000
"""Latency samples an agent keeps; beyond, a uniform sample of all."""
RETRY_SECONDS = 0.5
"""Real seconds between attempts to reach a venue that does not answer."""
CREDIT_SECONDS = 60.0
"""Real seconds that a deposit may take until it is credited."""


class AgentStats(msgspec.Struct):
    """What an agent did.

    Attributes:
        orders: Orders sent and accepted.
        edits: Replacements accepted.
        cancels: Cancels accepted.
        fills: Trades of its own orders on arrival.
        refused: Requests refused, by reason.
        ack_ms: Samples of milliseconds from sending to the durable ack.
        acks: Acks measured.
    """

    orders: int = 0
    edits: int = 0
    cancels: int = 0
    fills: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    ack_ms: list[float] = msgspec.field(default_factory=list)
    acks: int = 0

    def sample(self, milliseconds: float, rng: random.Random) -> None:
        """Adds one latency, keeping a uniform sample (reservoir)."""
        self.acks += 1
        if len(self.ack_ms) < SAMPLES_MAX:
            self.ack_ms.append(milliseconds)
        elif (place := rng.randrange(self.acks)) < SAMPLES_MAX:
            self.ack_ms[place] = milliseconds


class Agent:
    """One trading account.

    Args:
        directory: The venue directory.
        name: Name of its key and of its figures.
        seed: Of its random choices.
    """

    def __init__(self, directory: Path, name: str, seed: int) -> None:
        self.venue = VenueDirectory(directory)
        self.config: VenueConfig = self.venue.read()
        self.name = name
        self.rng = random.Random(f"{name}/{seed}")
        self.stats = AgentStats()
        self._secret = self.venue.ensure_key(name)
        self.client = Client(self.config.websocket_url, self._secret)
        self._stats_path = directory / "agents" / f"{name}.json"
        self._stats_path.parent.mkdir(exist_ok=True)

    async def open(self, deposit: int) -> None:
        """Connects; a new account deposits ``deposit`` test USDC first (0: somebody did), and waits for the credit."""
        await connect(self.client)
        if deposit and not await patiently(self.client.subaccounts):
            await self.deposit(deposit)
        deadline = asyncio.get_running_loop().time() + CREDIT_SECONDS
        while not await patiently(self.client.subaccounts):
            if asyncio.get_running_loop().time() > deadline:
                raise ClientError(f"the deposit of {self.name} was not credited within {CREDIT_SECONDS:.0f} s")
            await asyncio.sleep(0.2)
        await patiently(self.client.login)

    async def deposit(self, amount: int) -> None:
        """Mints test USDC and deposits it on the chain."""
        # Imported here: an agent whose account exists needs no chain, and the import takes seconds.
        from synchromesh.operations.funding import deposit_new

        await deposit_new(self.config, self._secret, amount)

    async def timed(self, request: Awaitable[T]) -> T | None:
        """Awaits a request and measures it; a refusal is counted and gives None."""
        start = time.perf_counter()
        try:
            result = await request
        except RequestRefused as refused:
            reason = refused.reason
            self.stats.refused[reason] = self.stats.refused.get(reason, 0) + 1
            return None
        self.stats.sample((time.perf_counter() - start) * 1000, self.rng)
        return result

    def write_stats(self) -> None:
        """Writes the figures where the dashboard reads them."""
        write_json(self._stats_path, self.stats)


async def connect(client: Client) -> None:
    """Connects as soon as the venue answers; it may be starting, or starting again."""
    while True:
        try:
            return await client.connect()
        except (OSError, ClientError) as error:
            log.warning("venue_not_there", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Asks until an answer comes: the venue may start again in between, and the client connects again by itself."""
    while True:
        try:
            return await ask()
        except ConnectionLost as error:
            log.warning("venue_not_there", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)


def read_stats(directory: Path) -> dict[str, AgentStats]:
    """Returns the figures of all agents of a venue, by name."""
    found = {}
    for path in sorted((directory / "agents").glob("*.json")):
        found[path.stem] = msgspec.json.decode(path.read_bytes(), type=AgentStats)
    return found
