"""A venue for tests: its own directory, real processes or a real host, marks and deposits as in real life.

Use the ``venue`` fixture (it starts the execution process), or :class:`TestVenue` where another shape is needed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from synchromesh.clock import SECOND, VenueClock
from synchromesh.config import AssetConfig, LimitsConfig, VenueConfig, VenueDirectory
from synchromesh.protocol import (
    Administration,
    Command,
    Deposit,
    Expire,
    ExpiryInputs,
    InstrumentKind,
    InstrumentSpec,
    ListInstruments,
    MarkInputs,
    MarkUpdate,
    Mode,
    Names,
    OptionType,
    Parameter,
    ParameterValue,
    SetMode,
    SetParameter,
    SviSlice,
    TypedDomain,
    address_of,
    encode_inbox_body,
)

CHAIN_ID = 31_337
CONTRACT = bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3")
TOKEN = bytes.fromhex("e7f1725e7734ce288f8367e1bb143e90bb3f0512")
START = 1_770_192_000 * SECOND
"""Venue time at which test venues open: 2026-02-04 08:00 UTC."""
DAY = 86_400 * SECOND
INDEX = {"BTC": 76_000 * 10**9, "ETH": 2_250 * 10**9}
"""Index prices, 1e-9 USD."""
PERPETUAL = "BTC_USDC-PERPETUAL"
CALL = "BTC_USDC-6FEB26-76000-C"
PUT = "BTC_USDC-6FEB26-76000-P"
ETH_CALL = "ETH_USDC-6FEB26-2200-C"
EXPIRY = START + 2 * DAY
SMILE = SviSlice(a=2_000_000, b=20_000_000, rho=-300_000_000, m=0, sigma=100_000_000)
"""Some 70 % vol at two days."""

PATIENCE_SECONDS = 120.0
"""How long a test waits for what comes within moments where nothing else runs."""


def secret(name: str) -> bytes:
    """A secret key for tests, the same for the same name."""
    return hashlib.sha256(f"synchromesh test {name}".encode()).digest()


async def settled(condition: Callable[[], bool | Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds."""

    async def holds() -> bool:
        value = condition()
        return value if isinstance(value, bool) else await value

    for _ in range(int(seconds / 0.02)):
        if await holds():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"the condition did not hold within {seconds} s")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def specs() -> list[InstrumentSpec]:
    """The instruments that test venues list: perpetuals and a few options of BTC and ETH."""
    listed: list[InstrumentSpec] = []

    def add(name: str, underlying: int, tick: int, lot: int, option: tuple[OptionType, int, int] | None = None) -> None:
        kind = InstrumentKind.OPTION if option else InstrumentKind.PERPETUAL
        right, strike, expiry = option or (OptionType.CALL, 0, 0)
        number = len(listed) + 1
        listed.append(InstrumentSpec(number, name, underlying, kind, right, strike, expiry, tick, lot, 1))

    add("BTC_USDC-PERPETUAL", 1, 500_000, 100_000)
    add("ETH_USDC-PERPETUAL", 2, 50_000, 1_000_000)
    for strike in (70_000, 76_000, 80_000):
        for right, letter in ((OptionType.CALL, "C"), (OptionType.PUT, "P")):
            add(f"BTC_USDC-6FEB26-{strike}-{letter}", 1, 5_000_000, 1_000_000, (right, strike * 10**6, EXPIRY))
    for right, letter in ((OptionType.CALL, "C"), (OptionType.PUT, "P")):
        add(f"ETH_USDC-6FEB26-2200-{letter}", 2, 200_000, 10_000_000, (right, 2_200 * 10**6, EXPIRY))
    return listed


class VenueError(Exception):
    """A request was refused."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.code: int = error["code"]
        self.reason: str = error.get("data", {}).get("reason", "")
        self.error = error


@dataclass
class TestVenue:
    """A venue directory, and the processes that run on it.

    ``up()`` starts the execution process, lists the instruments, sets marks; ``deposit`` credits owners.
    """

    __test__ = False

    path: Path
    speed: float = 1.0
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    parameters: dict[str, int] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.directory = VenueDirectory(self.path)
        websocket_port, http_port = free_ports(2)
        self.operator, self.admin, self.oracle = secret("operator"), secret("admin"), secret("oracle")
        self.config = VenueConfig(
            chain_id=CHAIN_ID,
            contract=CONTRACT.hex(),
            operator=address_of(self.operator).hex(),
            admins=(address_of(self.admin).hex(),),
            oracles=(address_of(self.oracle).hex(),),
            assets=(AssetConfig(symbol="USDC", token=TOKEN.hex(), decimals=6),),
            underlyings=("BTC", "ETH"),
            parameters={"mark_staleness": DAY, "nonce_past": 600 * SECOND, "nonce_future": 60 * SECOND}
            | self.parameters,
            clock=VenueClock.starting_at(START, self.speed),
            websocket_port=websocket_port,
            http_port=http_port,
            login_domain="venue.test",
            limits=self.limits,
        )
        self.directory.write(self.config)
        self.directory.write_key("operator", self.operator)
        self.token = self.directory.operator_token()
        self.domain = TypedDomain(CHAIN_ID, CONTRACT)
        self.specs = specs()
        self.names = Names({spec.instrument: spec.name for spec in self.specs}, {1: "BTC", 2: "ETH"}, {0: "USDC"})
        self.http = httpx.Client(base_url=self.config.http_url, timeout=PATIENCE_SECONDS)

    # Processes

    def start(self) -> None:
        """Start the execution process and wait until it answers."""
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "synchromesh.execution", "--directory", str(self.path)]
        with (self.path / "execution.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                if self.http.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the execution process did not start:\n{self.log()}")
            time.sleep(0.02)

    def log(self) -> str:
        """What the execution process wrote."""
        return (self.path / "execution.log").read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the execution process with a signal; its exit status."""
        assert self.process is not None, "the venue runs"
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE_SECONDS)
        self.process = None
        return status

    def up(self) -> TestVenue:
        """Start, list the instruments, set the first marks."""
        self.start()
        self.list_instruments(self.specs)
        self.mark()
        return self

    def down(self) -> None:
        """End everything."""
        if self.process is not None:
            self.stop()
        self.http.close()

    # Requests

    def call(self, method: str, **params: Any) -> Any:
        """The result of a method over HTTP; `VenueError` when it is refused."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        reply = self.http.post("/api/v2/" + method, json=body).json()
        if "error" in reply:
            raise VenueError(reply["error"])
        return reply["result"]

    @property
    def now(self) -> int:
        """Venue time, ns."""
        return self.config.clock.now_ns()

    @property
    def sequence(self) -> int:
        """Last durable command."""
        return int(self.call("public/status")["sequence"])

    # What the operator, the oracles and the chain do

    def administer(self, command: Command) -> Any:
        """Submit a command with the administrator's signature."""
        signed = self.domain.cosigned(command, [self.admin], self.names)
        return self.call("operator/command", token=self.token, command=(bytes([signed.KIND]) + signed.encode()).hex())

    def _administration(self) -> Administration:
        return Administration(self.call("public/status")["admin_nonce"])

    def list_instruments(self, listed: Sequence[InstrumentSpec]) -> Any:
        """List instruments."""
        return self.administer(ListInstruments(tuple(listed), self._administration()))

    def set_mode(self, underlying: int, mode: Mode) -> Any:
        """Change an underlying's mode."""
        return self.administer(SetMode(underlying, mode, self._administration()))

    def set_parameter(self, parameter: Parameter, value: int) -> Any:
        """Change a parameter."""
        return self.administer(SetParameter(ParameterValue(parameter, value), self._administration()))

    def mark(self, **index_usd: float) -> None:
        """Set marks of both underlyings, at the given index prices (``BTC=77000``) or the usual ones."""
        for underlying, symbol in ((1, "BTC"), (2, "ETH")):
            index = int(index_usd[symbol] * 10**9) if symbol in index_usd else INDEX[symbol]
            expiries = (ExpiryInputs(EXPIRY, index, 0, SMILE),)
            inputs = MarkInputs(underlying, self.now, index, 100_000, 3, index, 10_000, expiries)
            update = self.domain.cosigned(MarkUpdate(inputs, (), 0, bytes(32)), [self.oracle], self.names)
            self.call("public/submit_mark", body=update.encode().hex())

    def expire(self, underlying: int, expiry: int, price: int) -> Any:
        """Fix a settlement price, micro-USDC."""
        signed = self.domain.cosigned(Expire(underlying, expiry, price), [self.oracle], self.names)
        return self.call("public/submit_settlement_price", body=signed.encode().hex())

    def deposit(self, owner: bytes, usdc: int = 1_000_000, subaccount: int = 0) -> Any:
        """Credit an owner (20 bytes) as if the contract's inbox had said so."""
        item = encode_inbox_body(Deposit(owner, subaccount, 0, usdc * 10**6))
        index = self.call("public/status")["inbox_next"]
        return self.call("operator/inbox_item", token=self.token, index=index, item=item.hex())


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[TestVenue]:
    """A running venue with instruments and marks, of this test alone."""
    one = TestVenue(tmp_path / "venue")
    try:
        yield one.up()
    finally:
        one.down()


@pytest.fixture(scope="module")
def shared_venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestVenue]:
    """A running venue with instruments and marks, shared by the tests of a module."""
    one = TestVenue(tmp_path_factory.mktemp("venue"))
    try:
        yield one.up()
    finally:
        one.down()
