"""kill -9 of the execution process under load: nothing acknowledged is lost, nothing is applied twice.

One venue directory lives through a hundred kills. Most rounds run the host alone (journal, engine, publisher,
snapshots) in a process of its own, which comes up in milliseconds; every tenth runs the whole execution process with
clients on WebSockets. Some rounds kill the process while it recovers from the last kill.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from e2e.audit import Ack, Audit
from support.venue import CALL, PATIENCE_SECONDS, PERPETUAL, PUT, TestVenue, secret
from synchromesh._native import Host, pack_records
from synchromesh.client import Client, ClientError
from synchromesh.clock import SECOND
from synchromesh.protocol import (
    USD,
    Authorization,
    OrderType,
    PlaceOrder,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
    address_of,
)

SEED = 20_260_204
ROUNDS = 100
GATEWAY_EVERY = 10
START_KILL_EVERY = 7
"""Every so many rounds the kill falls into the start."""
ORDERS = 250
"""Commands of a round; more than are settled before the kill."""
HEARD = 16
"""Most acknowledgements that are waited for before a kill."""
KILL_SECONDS = 0.08
"""A kill falls within this long after what was waited for, and four times as long for the whole process."""
ASKED = 30
"""Newest acknowledged orders that a restarted process is asked about, one by one."""
TRADERS = ("alice", "bob", "carol")
MARKET = {CALL: (1_500, 5), PUT: (1_500, 5), PERPETUAL: (76_000, 10)}
"""Price around which orders are sent, and the step, USDC."""
REPEATED = {"nonce_used", "duplicate_client_id"}
"""What a command that was applied before is refused with, unless its nonce lies below the window by now."""
IN_DOUBT = 64
"""Commands behind the last outcome that clients count as sent; the host process has fewer in flight."""
HOST = Path(__file__).with_name("host_process.py")


@dataclass
class Load:
    """Signed orders that meet each other; seeded but for the nonces, which are venue time."""

    venue: TestVenue
    rng: random.Random
    made: int = 0
    nonce: int = 0
    ids: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ids = {spec.name: spec.instrument for spec in self.venue.specs}
        self.lots = {spec.name: spec.lot_size for spec in self.venue.specs}

    def draw(self) -> tuple[str, str, Side, int, int, TimeInForce, str]:
        """Who, instrument, side, lots, price in USDC, time in force, client id."""
        self.made += 1
        who, name = self.rng.choice(TRADERS), self.rng.choice(list(MARKET))
        price, step = MARKET[name]
        return (
            who,
            name,
            self.rng.choice((Side.BUY, Side.SELL)),
            self.rng.randint(1, 9),
            price + step * self.rng.randint(-3, 3),
            self.rng.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC)),
            f"kill-{self.made}",
        )

    def command(self) -> tuple[bytes, str]:
        """``kind ‖ body`` of the next order, and its client id."""
        who, name, side, lots, price, force, client_id = self.draw()
        self.nonce = max(self.nonce + 1, self.venue.now)
        signer, key = address_of(secret(who)), secret(who)
        order = PlaceOrder(
            subaccount=TRADERS.index(who) + 1,
            instrument=self.ids[name],
            side=side,
            amount=lots * self.lots[name],
            limit_price=price * USD,
            order_type=OrderType.LIMIT,
            time_in_force=force,
            valid_until=0,
            post_only=PostOnly.NO,
            reduce_only=False,
            self_trade=SelfTrade.CANCEL_NEWEST,
            max_fee=1_000 * USD,
            client_id=client_id,
            auth=Authorization(signer, self.nonce, self.nonce + 3_600 * SECOND, bytes(65)),
        )
        return bytes([PlaceOrder.KIND]) + self.venue.domain.signed(order, key, self.venue.names).encode(), client_id


@dataclass
class Rounds:
    """Kills and restarts one venue, and remembers what it said before it died."""

    venue: TestVenue
    rng: random.Random
    load: Load
    audit: Audit
    last: int = 0
    """Highest sequence acknowledged so far."""
    acks: int = 0
    repeated: int = 0
    open: list[tuple[bytes, str]] = field(default_factory=list)
    """Commands that were sent, and whose outcome nobody heard of."""

    def accept(self, acks: list[Ack]) -> None:
        """Hold the journal to what clients were told."""
        self.audit.follow()
        for ack in acks:
            self.audit.check(ack)
        self.acks += len(acks)
        self.last = max([self.last, *(ack.sequence for ack in acks)])

    def reopened(self, sequence: int, chain_hash: bytes) -> None:
        """Hold a restarted venue to its journal."""
        self.audit.follow()
        assert sequence >= self.last, f"came back at {sequence}, had acknowledged {self.last}"
        assert sequence == self.audit.sequence
        assert chain_hash == self.audit.chain[sequence]

    # The host alone

    def host_round(self, while_starting: bool) -> None:
        """Send again what was in doubt, then new orders, until the kill."""
        sent = self.open + [self.load.command() for _ in range(ORDERS)]
        commands = self.venue.path / "commands"
        commands.write_bytes(pack_records([command for command, _ in sent]))
        clock = self.venue.config.clock
        times = (str(clock.venue_start_ns), str(clock.real_start_ns), str(clock.speed))
        arguments = [str(self.venue.path), self.venue.operator.hex(), *times, str(commands)]
        process = subprocess.Popen([sys.executable, str(HOST), *arguments], stdout=subprocess.PIPE)
        assert process.stdout is not None
        output = b""
        if not while_starting:
            output = self._until_heard(process, self.rng.randint(0, HEARD))
        time.sleep(self.rng.uniform(0, KILL_SECONDS))
        process.kill()
        output += process.stdout.read()
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL, "the host died by itself"
        self._settle(output, sent)

    @staticmethod
    def _until_heard(process: subprocess.Popen[bytes], acks: int) -> bytes:
        """What the host says until it has opened and acknowledged so many commands."""
        assert process.stdout is not None
        output = b""
        while b"\n" not in output or output.count(b"\nack ") < acks:
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
            said = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
            assert said, f"the host fell silent after {output[-200:]!r}, {process.poll()}"
            output += said
        assert output.startswith(b"open ")
        return output

    def _settle(self, output: bytes, sent: list[tuple[bytes, str]]) -> None:
        """Read what the host said, and keep what is in doubt."""
        before = len(self.open)
        heard: set[int] = set()
        acks: list[Ack] = []
        lines = [line.split() for line in output[: output.rfind(b"\n") + 1].decode().splitlines()]
        for word, *fields in lines:
            if word == "open":
                # The journal may hold more by now, so this compares what it held then.
                assert int(fields[0]) >= self.last
                self.audit.follow()
                assert self.audit.chain[int(fields[0])].hex() == fields[1]
                continue
            place = int(fields[0])
            heard.add(place)
            command, client_id = sent[place]
            if word == "ack":
                acks.append(Ack(int(fields[1]), bytes.fromhex(fields[2]), client_id, command))
            else:
                assert place < before, f"{client_id} is refused: {fields[1]}"
                assert fields[1] == "nonce_below_window" or fields[1] in REPEATED
                if fields[1] in REPEATED:
                    self.audit.follow()
                    assert command in self.audit.commands, f"{client_id} is refused and unknown"
                    self.repeated += 1
        self.accept(acks)
        reached = max(max(heard, default=-1) + 1 + IN_DOUBT, before)
        self.open = [item for place, item in enumerate(sent[:reached]) if place not in heard]

    # The whole process

    def gateway_round(self) -> None:
        """Clients trade over WebSockets until the process is killed under them."""
        self.venue.start()
        status = self.venue.call("public/status")
        self.reopened(status["sequence"], bytes.fromhex(status["chain_hash"].removeprefix("0x")))
        acks = asyncio.run(self._trade())
        assert acks, "no order was acknowledged before the kill"
        self.accept(acks)
        self.venue.start()
        assert self.venue.sequence >= self.last
        asyncio.run(self._ask(acks))
        assert self.venue.stop(signal.SIGKILL) == -signal.SIGKILL
        self.audit.follow()

    async def _trade(self) -> list[Ack]:
        acks: list[Ack] = []
        clients = {who: Client(self.venue.config.websocket_url, secret(who)) for who in TRADERS}
        await asyncio.gather(*(client.connect() for client in clients.values()))
        first = asyncio.Event()

        async def send() -> None:
            with contextlib.suppress(ClientError):
                while True:
                    who, name, side, lots, price, force, client_id = self.load.draw()
                    amount = Decimal(lots * self.load.lots[name]).scaleb(-8)
                    result = await clients[who].place(
                        side, name, amount, price, max_fee=1_000, time_in_force=force, client_order_id=client_id
                    )
                    chain_hash = bytes.fromhex(result.chain_hash.removeprefix("0x"))
                    acks.append(Ack(result.sequence, chain_hash, client_id, who=who))
                    first.set()

        senders = [asyncio.create_task(send()) for _ in range(4 * len(TRADERS))]
        await asyncio.wait_for(first.wait(), PATIENCE_SECONDS)
        await asyncio.sleep(self.rng.uniform(0, 4 * KILL_SECONDS))
        assert self.venue.stop(signal.SIGKILL) == -signal.SIGKILL, "the process died by itself"
        await asyncio.wait_for(asyncio.gather(*senders), PATIENCE_SECONDS)
        await asyncio.gather(*(client.close() for client in clients.values()))
        return acks

    async def _ask(self, acks: list[Ack]) -> None:
        """The restarted venue knows every acknowledged order, and signs for its place."""
        operator = address_of(self.venue.operator)
        newest = acks[-ASKED:]
        for who in TRADERS:
            async with Client(self.venue.config.websocket_url, secret(who)) as client:
                for ack in (ack for ack in newest if ack.who == who):
                    order = await client.order_by_client_id(ack.client_id)
                    assert order.order_id == str(ack.sequence << 10)
                    receipt = await client.receipt(ack.sequence)
                    receipt.verify(operator, self.venue.domain)
                    assert receipt.command_hash == self.audit.hashes[ack.sequence]

    # The end

    def last_word(self) -> None:
        """A host that opens after all of it knows every order, and stands where a replay of the journal stands."""
        clock = self.venue.config.clock
        host = Host(
            str(self.venue.path),
            self.venue.operator,
            venue_start_ns=clock.venue_start_ns,
            real_start_ns=clock.real_start_ns,
            speed=clock.speed,
        )
        try:
            self.reopened(host.sequence, host.chain_hash)
            for client_id, sequence in self.audit.client_ids.items():
                order = host.order(sequence << 10)
                assert order is not None, f"{client_id} is forgotten"
                assert order.client_id == client_id
            assert host.trades(0, 0, 1, 0)[0].trade == self.audit.trades
        finally:
            host.close()
        self.audit.replica.check_invariants()


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    # Orders stay open over all rounds.
    venue = TestVenue(tmp_path / "venue", parameters={"max_open_orders": 10_000}).up()
    try:
        for who in TRADERS:
            venue.deposit(address_of(secret(who)), 1_000_000_000)
        venue.stop()
        rng = random.Random(SEED)
        rounds = Rounds(venue, rng, Load(venue, rng), Audit(venue.path / "journal"))
        for number in range(1, ROUNDS + 1):
            if number % GATEWAY_EVERY == 0:
                rounds.gateway_round()
            else:
                rounds.host_round(while_starting=number % START_KILL_EVERY == 0)
        rounds.last_word()
    finally:
        venue.down()
    assert rounds.acks > 5 * ROUNDS, f"only {rounds.acks} orders were acknowledged"
    assert rounds.repeated > 0, "no order that was applied but not acknowledged was sent again"
    assert rounds.audit.trades > ROUNDS
    assert len(rounds.audit.epochs) >= ROUNDS * 3 // 4, "most rounds opened the journal"
