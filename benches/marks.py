"""Marks end to end: from the oracle's message with a signed update of a real chain to a subscriber's socket.

A venue's own execution process, on a journal beside this file, lists the options that Deribit listed on four recorded
days, a thousand of them, and rests a bid and an offer in each. One process sends the ticks, signed before by two
oracles of three; another subscribes to the whole chain and notes when the last byte was there of the push that carries
a tick. Both read the machine's one monotonic clock. Between them lie gateway, signatures, marks and Greeks, group
commit, and a thousand lines of JSON. Under load a third process sends signed orders into the same chain. All share the
processors with the venue.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import msgspec

from benches.load import Connection, Load, frame
from benches.order_entry import Market, signed_order
from benches.rows import BUDGET, ROOT, Row, row
from synchromesh import pricing
from synchromesh._native import keccak256
from synchromesh.agents.market import load_bundled
from synchromesh.client.signing import Signer
from synchromesh.clock import VenueClock
from synchromesh.config import LimitsConfig
from synchromesh.protocol import (
    NANO_ONE,
    USD,
    ExpiryInputs,
    InstrumentKind,
    InstrumentSpec,
    MarkInputs,
    MarkUpdate,
    Names,
    OptionType,
    SviSlice,
    TypedDomain,
    address_of,
)

sys.path.append(str(ROOT / "tests"))
from support.venue import DAY, START, TestVenue, secret

TICKS, QUICK_TICKS = 2_000, 200
TICK_RATE = 50.0
"""Ticks per second."""
ORDER_RATE = 1_000.0
"""Signed orders per second under load."""
USERS = 4
WINDOW = 64
OPTION_TICK, OPTION_LOT = 5_000_000, 1_000_000
LISTING = 256
"""Instruments per listing command."""
MOVE = 0.0003
"""Spread of the index's move from tick to tick."""
LATENCY_BUDGET_US = 1_000.0
ORACLES = sorted((secret(f"oracle {number}") for number in range(3)), key=address_of)
CHANNEL = "chain.BTC.raw"
_MARK = b'"mark_timestamp_ns":'
_spawn = multiprocessing.get_context("spawn")


class Series(NamedTuple):
    """A recorded expiry: when, its forward over the index, its smile, its strikes in USD."""

    expiry: int
    basis: float
    smile: SviSlice
    strikes: list[float]


class Chain(NamedTuple):
    """Recorded expiries and the index they belong to."""

    index: float
    series: list[Series]

    def specs(self) -> list[InstrumentSpec]:
        """The perpetual and every option."""
        perpetual = InstrumentSpec(
            1, "BTC_USDC-PERPETUAL", 1, InstrumentKind.PERPETUAL, OptionType.CALL, 0, 0, 500_000, 100_000, 1
        )
        listed = [perpetual]
        for number, series in enumerate(self.series):
            for strike in series.strikes:
                for right in OptionType:
                    listed.append(
                        InstrumentSpec(
                            len(listed) + 1,
                            f"BTC_USDC-{number}-{strike:g}-{right.word}",
                            1,
                            InstrumentKind.OPTION,
                            right,
                            round(strike * USD),
                            series.expiry,
                            OPTION_TICK,
                            OPTION_LOT,
                            1,
                        )
                    )
        return listed

    def inputs(self, index: float, time_ns: int) -> MarkInputs:
        """What oracles sign when the index stands there."""
        fixed = round(index * NANO_ONE)
        expiries = tuple(
            ExpiryInputs(series.expiry, round(index * series.basis * NANO_ONE), 0, series.smile)
            for series in self.series
        )
        return MarkInputs(1, time_ns, fixed, 100_000, 3, fixed, 10_000, expiries)


def recorded_chain() -> Chain:
    """Every BTC series of the recorded days at once, each with its first smile."""
    [market] = [part for part in load_bundled().underlyings if part.symbol == "BTC"]
    series = []
    for expiry in market.expiries:
        if expiry.expiry <= START + DAY // 2:
            continue
        first = expiry.slices[0]
        basis = first.forward / market.index[first.snapshot]
        series.append(Series(expiry.expiry, basis, first.smile.fixed(), expiry.strikes))
    return Chain(market.index[0], series)


class Run(NamedTuple):
    """Latencies in seconds by tick: to the subscriber's socket, and of the oracle's own acknowledgement."""

    pushed: list[float]
    acknowledged: list[float]


@contextmanager
def opened(chain: Chain) -> Iterator[TestVenue]:
    """A venue with the chain listed, marked and quoted."""
    # The system's temporary directory may be in memory.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".journal-") as directory:
        venue = TestVenue(Path(directory) / "venue", limits=LimitsConfig(burst=10**9, rate=1e9))
        oracles = tuple(address_of(key).hex() for key in ORACLES)
        venue.config = msgspec.structs.replace(venue.config, oracles=oracles, oracle_quorum=2)
        venue.directory.write(venue.config)
        venue.specs = chain.specs()
        venue.names = Names({spec.instrument: spec.name for spec in venue.specs}, {1: "BTC", 2: "ETH"}, {0: "USDC"})
        try:
            venue.start()
            for start in range(0, len(venue.specs), LISTING):
                venue.list_instruments(venue.specs[start : start + LISTING])
            venue.call("public/submit_mark", body=signed_mark(venue, chain.inputs(chain.index, venue.now)).hex())
            rest_quotes(venue, chain)
            yield venue
        finally:
            venue.down()


def signed_mark(venue: TestVenue, inputs: MarkInputs) -> bytes:
    """Body of an update with the signatures of two oracles."""
    return venue.domain.cosigned(MarkUpdate(inputs, (), 0, bytes(32)), ORACLES[:2], venue.names).encode()


def user(number: int) -> bytes:
    """A user's key."""
    return keccak256(b"user %d" % number)


def markets(chain: Chain, inputs: MarkInputs) -> list[Market]:
    """The options with a mark that leaves room for a bid below it."""
    specs = chain.specs()
    marks = pricing.mark_arrays(inputs, specs).marks
    return [
        Market(spec.name, mark.mark // OPTION_TICK * OPTION_TICK, OPTION_TICK, OPTION_LOT)
        for spec, mark in zip(specs, marks, strict=True)
        if spec.kind == InstrumentKind.OPTION and mark.mark >= 20 * OPTION_TICK
    ]


def rest_quotes(venue: TestVenue, chain: Chain) -> None:
    """A bid and an offer around the mark of every option that has one."""
    for number in range(USERS + 1):
        venue.deposit(address_of(user(number)), usdc=900_000_000)
    signer = Signer(user(USERS), venue.domain, venue.config.clock)
    generator = random.Random(3)
    frames = []
    for market in markets(chain, chain.inputs(chain.index, venue.now)):
        for offset in (-12, 12):
            request = signed_order(generator, USERS + 1, signer, [market], offset=offset)
            frames.append(frame(request % len(frames)))
    with Load(venue.config.websocket_url, 1) as load:
        outcome = load.saturated(frames, WINDOW)
    assert outcome.refused < len(frames) // 10, f"{outcome.refused} of {len(frames)} quotes were refused"


def subscribe(url: str, ready: Event, result: Pipe) -> None:
    """A subscriber's process: mark times and when the pushes with them were there, until the pipe speaks."""
    connection = Connection(url)
    request = {"jsonrpc": "2.0", "id": 1, "method": "public/subscribe", "params": {"channels": [CHANNEL]}}
    connection.socket.sendall(frame(msgspec.json.encode(request)))
    connection.socket.settimeout(0.5)
    seen: list[tuple[int, int]] = []
    ready.set()
    while not result.poll():
        try:
            for message in connection.replies():
                now = time.perf_counter_ns()
                head = message[:1024]
                if _MARK in head:
                    seen.append((int(head.split(_MARK, 1)[1].partition(b",")[0]), now))
        except TimeoutError:
            continue
    result.send(seen)


class OrderFlow(NamedTuple):
    """What the load's process needs to sign and send."""

    url: str
    chain_id: int
    contract: bytes
    clock: VenueClock
    markets: list[Market]
    count: int


def send_orders(flow: OrderFlow, ready: Event, start: Event) -> None:
    """A load's process: signs its orders, then sends them at a steady rate."""
    domain = TypedDomain(flow.chain_id, flow.contract)
    signers = [Signer(user(number), domain, flow.clock) for number in range(USERS)]
    generator = random.Random(7)
    frames = []
    for number in range(flow.count):
        place = number % USERS
        frames.append(frame(signed_order(generator, place + 1, signers[place], flow.markets) % number))
    with Load(flow.url, USERS) as load:
        ready.set()
        start.wait()
        load.paced(frames, ORDER_RATE)


def ticks(venue: TestVenue, chain: Chain, count: int) -> Iterator[tuple[int, bytes]]:
    """Signed ticks of an index that walks: mark time and frame."""
    generator = random.Random(11)
    index, start = chain.index, venue.now
    step = int(1e9 / TICK_RATE)
    for number in range(count):
        index *= 1 + generator.gauss(0, MOVE)
        inputs = chain.inputs(index, start + number * step)
        body = signed_mark(venue, inputs).hex().encode()
        request = b'{"jsonrpc":"2.0","id":%d,"method":"public/submit_mark","params":{"body":"%b"}}' % (number, body)
        yield inputs.time, frame(request)


def drive(venue: TestVenue, chain: Chain, count: int, loaded: bool) -> Run:
    """Sends ticks while a subscriber listens, and under load while orders come in."""
    prepared = list(ticks(venue, chain, count))
    ready, (result, far) = _spawn.Event(), _spawn.Pipe()
    reader = _spawn.Process(target=subscribe, args=(venue.config.websocket_url, ready, far))
    reader.start()
    ready.wait()
    with order_flow(venue, chain, count / TICK_RATE if loaded else 0):
        sent, acknowledged = send_ticks(venue, [request for _, request in prepared])
        time.sleep(0.2)
    result.send(None)
    seen: list[tuple[int, int]] = result.recv()
    reader.join()
    times = [at for at, _ in seen]
    # A tick that was merged with the next one reached the reader with that one.
    reached = [seen[bisect_left(times, mark_time)][1] for mark_time, _ in prepared]
    pushed = [(at - start) / 1e9 for at, start in zip(reached, sent, strict=True)]
    return Run(pushed, acknowledged)


@contextmanager
def order_flow(venue: TestVenue, chain: Chain, seconds: float) -> Iterator[None]:
    """Orders at `ORDER_RATE` for so long, from a process of their own."""
    if not seconds:
        yield
        return
    config = venue.config
    found = markets(chain, chain.inputs(chain.index, venue.now))
    count = int((seconds + 1) * ORDER_RATE)
    contract = bytes.fromhex(config.contract)
    flow = OrderFlow(config.websocket_url, config.chain_id, contract, config.clock, found, count)
    ready, start = _spawn.Event(), _spawn.Event()
    process = _spawn.Process(target=send_orders, args=(flow, ready, start))
    process.start()
    ready.wait()
    start.set()
    time.sleep(0.5)
    yield
    process.join()


def send_ticks(venue: TestVenue, requests: list[bytes]) -> tuple[list[int], list[float]]:
    """When each tick was sent, ns, and how long its acknowledgement took, seconds."""
    connection = Connection(venue.config.websocket_url)
    sent, acknowledged = [], []
    begun = time.perf_counter()
    for number, request in enumerate(requests):
        time.sleep(max(0.0, begun + number / TICK_RATE - time.perf_counter()))
        sent.append(time.perf_counter_ns())
        connection.socket.sendall(request)
        reply = next(iter(connection.replies()))
        acknowledged.append((time.perf_counter_ns() - sent[-1]) / 1e9)
        assert b'"error"' not in reply, reply
    connection.socket.close()
    return sent, acknowledged


def rows(quick: bool = False) -> list[Row]:
    count = QUICK_TICKS if quick else TICKS
    chain = recorded_chain()
    options = 2 * sum(len(series.strikes) for series in chain.series)
    with opened(chain) as venue:
        drive(venue, chain, 50, loaded=False)
        idle = drive(venue, chain, count, loaded=False)
        busy = drive(venue, chain, count, loaded=True)
    tick = f"oracle tick of {options:,} options to a subscriber's socket"
    found = []
    for name, run in (("idle", idle), (f"under {ORDER_RATE:,.0f} orders/s", busy)):
        shares = quantiles(run.pushed, n=1000)
        for label, place in (("p50", 500), ("p99", 990), ("p99.9", 999)):
            found.append(row(f"{tick}, {name}, {label}", shares[place - 1] * 1e6, "µs", BUDGET, LATENCY_BUDGET_US))
    return found
