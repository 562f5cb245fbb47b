"""The venue of a fraud demo: its processes, and four users with clients of their own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

from synchromesh.client import Client
from synchromesh.clock import DAY_NS, SECOND
from synchromesh.config import VenueConfig, address_bytes
from synchromesh.operations.administration import Administrators
from synchromesh.operations.fraud_story import CONTRACT_LOTS, INDEX
from synchromesh.operations.funding import CREDIT_SECONDS, deposit_new
from synchromesh.operations.launch import ORACLE_QUORUM, LaunchPlan, VenueStack, oracle_name
from synchromesh.protocol import (
    NANO_ONE,
    ExpiryInputs,
    InstrumentKind,
    InstrumentSpec,
    ListInstruments,
    MarkInputs,
    MarkUpdate,
    Names,
    OptionType,
    Side,
    SviSlice,
    TypedDomain,
    address_of,
)
from synchromesh.risk.parameters import DEFAULT_RISK
from synchromesh.settlement.terms import Windows

OPENING_NS = 1_770_192_000 * SECOND
"""Venue time at the start: 2026-02-04 08:00 UTC."""
EXPIRY = OPENING_NS + 2 * DAY_NS
STRIKES = (70_000, 76_000, 80_000)
SMILE = SviSlice(a=2_000_000, b=20_000_000, rho=-300_000_000, m=0, sigma=100_000_000)
"""Some 70 % vol at two days."""
TICK, LOT = 5_000_000, 1_000_000
"""Five dollars, a hundredth of a contract."""
SPEED = 20
"""Venue seconds per real second: a challenge window passes while one looks on."""
WINDOWS = Windows(challenge=800, serve=400, upgrade=1_700, answer=40, reconcile=200, exit=200)
"""Times of the contracts, venue seconds."""
STALENESS = 3_600 * SECOND
"""How old marks may be: the story has few of them."""


def _name(strike: int, option_type: OptionType) -> str:
    day = f"{datetime.fromtimestamp(EXPIRY // SECOND, UTC):%-d%b%y}".upper()
    return f"BTC_USDC-{day}-{strike}-{'C' if option_type is OptionType.CALL else 'P'}"


CALL = _name(INDEX, OptionType.CALL)
"""The option that the story trades."""


def _listing() -> tuple[InstrumentSpec, ...]:
    series = [(strike, option_type) for strike in STRIKES for option_type in (OptionType.CALL, OptionType.PUT)]
    return tuple(
        InstrumentSpec(number, _name(*each), 1, InstrumentKind.OPTION, each[1], each[0] * 10**6, EXPIRY, TICK, LOT, 1)
        for number, each in enumerate(series, start=1)
    )


def floor_plan(directory: Path) -> LaunchPlan:
    """Returns the plan of a small venue."""
    return LaunchPlan(
        directory=directory,
        venue_start_ns=OPENING_NS,
        speed=SPEED,
        windows=WINDOWS,
        underlyings=("BTC",),
        risk={"BTC": DEFAULT_RISK["BTC"]},
        parameters={"nonce_past": STALENESS, "nonce_future": STALENESS, "mark_staleness": STALENESS},
    )


class GatewayFloor:
    """An open venue, spoken to as its users do.

    Args:
        stack: Its processes, which run.
        config: Its configuration.
    """

    def __init__(self, stack: VenueStack, config: VenueConfig) -> None:
        self._venue = stack.venue
        self._config = config
        self._clients: dict[str, Client] = {}
        self._public = Client(config.websocket_url)

    async def open(self) -> None:
        """Lists a few options and sets the first mark."""
        await self._public.connect()
        await Administrators(self._venue, self._public).send(partial(ListInstruments, _listing()))
        await self.mark(INDEX)

    async def close(self) -> None:
        """Closes the connections."""
        for client in (self._public, *self._clients.values()):
            await client.close()

    def secret(self, user: str) -> bytes:
        """Returns a user's key."""
        return self._venue.ensure_key(user)

    def subaccount(self, user: str) -> int:
        """Returns a user's subaccount, once its deposit was credited."""
        number = self._clients[user].subaccount
        assert number is not None, "it has deposited"
        return number

    async def deposit(self, user: str, usdc: int) -> None:
        """Deposits, and waits for the credit."""
        await deposit_new(self._config, self.secret(user), usdc)
        client = self._clients[user] = Client(self._config.websocket_url, self.secret(user))
        await client.connect()
        async with asyncio.timeout(CREDIT_SECONDS):
            while not await client.subaccounts():
                await asyncio.sleep(0.1)
        await client.login()

    async def order(self, user: str, side: Side, lots: int, usdc: int) -> None:
        """Places a limit order."""
        await self._clients[user].place(side, CALL, Decimal(lots) / CONTRACT_LOTS, usdc)

    async def withdraw(self, user: str, usdc: int) -> None:
        """Takes money out, to the user's own address."""
        await self._clients[user].withdraw(usdc, address_of(self.secret(user)))

    async def mark(self, index: int) -> None:
        """Has a quorum of oracles sign a mark."""
        config, price = self._config, index * NANO_ONE
        expiry = ExpiryInputs(EXPIRY, price, 0, SMILE)
        inputs = MarkInputs(1, config.clock.now_ns(), price, 100_000, 3, price, 10_000, (expiry,))
        domain = TypedDomain(config.chain_id, address_bytes(config.contract))
        keys = [self._venue.read_key(oracle_name(number)) for number in range(ORACLE_QUORUM)]
        signed = domain.cosigned(MarkUpdate(inputs, (), 0, bytes(32)), keys, Names(underlyings={1: "BTC"}))
        await self._public.request("public/submit_mark", body=signed.encode().hex())

    async def sequence(self) -> int:
        """Returns the number of the last durable command."""
        return (await self._public.status()).sequence
