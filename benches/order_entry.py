"""Signed orders end to end: from a client's socket through gateway, signature recovery, engine and journal to the ack.

A venue's own execution process, on a journal beside this file, serves this process as its client over loopback. Orders
are signed before; many of them meet a resting one. Latency counts from the planned time of sending, unloaded and at
half the saturated rate; the reference of the unloaded one is ``public/test`` on the same connections: all but the
order. The ceiling of the throughput is what signature recovery alone does on all processors of the machine, which
the client and the gateway share with it here.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import msgspec

from benches.load import Load, Outcome, frame
from benches.rows import BUDGET, ROOT, Row, row
from benches.signatures import ceiling, recovery_cpu_us
from synchromesh._native import JournalReader, keccak256, pack_records
from synchromesh.client.signing import Signer
from synchromesh.config import LimitsConfig
from synchromesh.protocol import OrderType, PostOnly, SelfTrade, Side, TimeInForce

sys.path.append(str(ROOT / "tests"))
from support.venue import CALL, PERPETUAL, PUT, TestVenue

USERS = 8
WINDOW = 512
"""Requests under way in all when the gateway is saturated."""
UNLOADED_RATE = 200.0
UNLOADED, SATURATED = 1_000, 30_000
QUICK_UNLOADED, QUICK_SATURATED = 300, 5_000
WARM_UP = 1_000
ACK_BUDGET_US, CEILING_SHARE = 1_000.0, 0.7


class Market(NamedTuple):
    """An instrument to trade: middle price (micro-USDC), tick and lot."""

    instrument: str
    middle: int
    tick: int
    lot: int


MARKETS = (
    Market(PERPETUAL, 76_000_000_000, 500_000, 100_000),
    Market(CALL, 1_500_000_000, 5_000_000, 1_000_000),
    Market(PUT, 1_500_000_000, 5_000_000, 1_000_000),
)


class Measured(NamedTuple):
    """One run: echoes and orders unloaded, orders saturated and at half of that rate, the execution process's processor
    time per saturated order, and the journal it left."""

    echo: Outcome
    unloaded: Outcome
    saturated: Outcome
    half: Outcome
    cpu_us: float
    journal: bytes
    commands: int


@cache
def measure(quick: bool) -> Measured:
    """The run, once per process: other benchmarks replay its journal."""
    unloaded, saturated = (QUICK_UNLOADED, QUICK_SATURATED) if quick else (UNLOADED, SATURATED)
    # The system's temporary directory may be in memory.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".journal-") as directory:
        limits = LimitsConfig(burst=10**9, rate=1e9)
        venue = TestVenue(Path(directory) / "venue", limits=limits)
        try:
            venue.up()
            orders = _orders(venue)
            run = _drive(venue, orders, unloaded, saturated)
        finally:
            venue.down()
        return Measured(*run, *_journal(venue))


def _drive(
    venue: TestVenue, orders: Iterator[bytes], unloaded: int, saturated: int
) -> tuple[Outcome, Outcome, Outcome, Outcome, float]:
    def requests(count: int) -> list[bytes]:
        return [frame(next(orders) % number) for number in range(count)]

    url = venue.config.websocket_url
    echo = [frame(b'{"jsonrpc":"2.0","id":%d,"method":"public/test"}' % number) for number in range(unloaded)]
    prepared = [requests(count) for count in (WARM_UP, unloaded, saturated, saturated // 3)]
    with Load(url, USERS) as load:
        load.saturated(prepared[0], WINDOW)
        echoed = load.paced(echo, UNLOADED_RATE)
        alone = load.paced(prepared[1], UNLOADED_RATE)
        before = _cpu_seconds(venue)
        full = load.saturated(prepared[2], WINDOW)
        cpu_us = (_cpu_seconds(venue) - before) / saturated * 1e6
        half = load.paced(prepared[3], saturated / full.seconds / 2)
    for outcome in (alone, full, half):
        assert not outcome.refused, f"{outcome.refused} orders were refused"
    return echoed, alone, full, half, cpu_us


def _cpu_seconds(venue: TestVenue) -> float:
    """Processor time of the execution process, all threads; unlike wall time it hardly heeds a busy machine."""
    assert venue.process is not None, "the venue runs"
    fields = Path(f"/proc/{venue.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _orders(venue: TestVenue) -> Iterator[bytes]:
    """Requests, signed, with a place for the id; user by user, as the connections take them."""
    generator = random.Random(7)
    signers = [Signer(keccak256(b"user %d" % user), venue.domain, venue.config.clock) for user in range(USERS)]
    for signer in signers:
        venue.deposit(signer.address, usdc=100_000_000)
    while True:
        for subaccount, signer in enumerate(signers, start=1):
            yield signed_order(generator, subaccount, signer, MARKETS)


def signed_order(
    generator: random.Random, subaccount: int, signer: Signer, markets: Sequence[Market], offset: int = 0
) -> bytes:
    """A request with a place for its id: a bid or an offer near the middle, or ``offset`` ticks from it on its side."""
    instrument, middle, tick, lot = generator.choice(markets)
    side = generator.choice((Side.BUY, Side.SELL))
    if offset:
        side = Side.SELL if offset > 0 else Side.BUY
    price, amount = middle + (offset or generator.randint(-10, 10)) * tick, generator.randint(1, 5) * lot
    fields = signer.order(
        subaccount=subaccount,
        instrument=instrument,
        side=side,
        amount=amount,
        limit_price=price,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        valid_until=0,
        post_only=PostOnly.NO,
        reduce_only=False,
        self_trade=SelfTrade.CANCEL_OLDEST,
        max_fee=10**9,
        client_id="",
    )
    shown = {"subaccount_id": subaccount, "instrument_name": instrument, "self_trade": SelfTrade.CANCEL_OLDEST.word}
    numbers = {"amount": f"{amount / 1e8:.8f}", "price": f"{price / 1e6:.6f}", "max_fee": "1000"}
    head = b'{"jsonrpc":"2.0","id":%%d,"method":"private/%b","params":' % side.word.encode()
    return head + msgspec.json.encode(shown | numbers | fields) + b"}"


def _journal(venue: TestVenue) -> tuple[bytes, int]:
    records = [record for found in JournalReader(venue.directory.path / "journal") for record in found.records]
    return pack_records(records), len(records)


def percentile_us(outcome: Outcome, percent: int) -> float:
    return quantiles(outcome.latencies, n=100)[percent - 1] * 1e6


def rows(quick: bool = False) -> list[Row]:
    cores = os.cpu_count() or 1
    before = ceiling(cores, 2)
    run = measure(quick)
    recovered = (before + ceiling(cores, 2)) / 2
    spent = recovery_cpu_us()
    rate = len(run.saturated.latencies) / run.saturated.seconds
    echo = "public/test, same connections and rate"
    alone = "signed order to durable ack, unloaded"
    half = "signed order to durable ack, half the saturated rate"
    through = "signed orders through the gateway"
    return [
        row(f"{alone}, p50", percentile_us(run.unloaded, 50), "µs", echo, percentile_us(run.echo, 50)),
        row(f"{alone}, p99", percentile_us(run.unloaded, 99), "µs", echo, percentile_us(run.echo, 99)),
        row(f"{alone}, p99 of the design", percentile_us(run.unloaded, 99), "µs", BUDGET, ACK_BUDGET_US),
        row(f"{half}, p50", percentile_us(run.half, 50), "µs", BUDGET, ACK_BUDGET_US),
        row(f"{half}, p99", percentile_us(run.half, 99), "µs", BUDGET, ACK_BUDGET_US),
        row(through, rate, "orders/s", f"signature recovery alone, {cores} threads", recovered, "higher"),
        row(f"{through}, processor time", run.cpu_us, "µs/order", "signature recovery alone", spent),
        row(f"{through}, processor time of the design", run.cpu_us, "µs/order", BUDGET, spent / CEILING_SHARE),
    ]
