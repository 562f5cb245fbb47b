"""Three oracle nodes and a real venue: the marks go on with one dead or lying, and stop when no two agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agents.oracles import market, node, three_oracles
from support.venue import TestVenue, settled
from synchromesh._native import JournalReader
from synchromesh.agents.oracle.listing import Listing
from synchromesh.agents.oracle.node import OracleNode
from synchromesh.agents.oracle.peers import PeerError, Refused, ReviewMark, ReviewSettlement, Signed, ask
from synchromesh.agents.oracle.proposer import Proposer
from synchromesh.clock import SECOND
from synchromesh.execution.marks import Reason
from synchromesh.operations.processes import ProcessSpec, Supervisor
from synchromesh.protocol import MarkUpdate, Record, recover

INTERVAL = 0.2
"""Real seconds between proposals."""
ROUNDS = 4
"""Proposals that must come to nothing."""


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestVenue]:
    """A running venue of three oracles; the proposer of the first test lists the market."""
    venue = three_oracles(tmp_path_factory.mktemp("oracles") / "venue")
    try:
        venue.start()
        yield venue
    finally:
        venue.down()


@asynccontextmanager
async def running(venue: TestVenue, skews: dict[int, float]) -> AsyncIterator[list[OracleNode]]:
    """The named nodes at work, each with the share by which it lies; node 0 proposes."""
    nodes = {number: node(venue, number, skew) for number, skew in skews.items()}
    work = [each.run() for number, each in nodes.items() if number]
    if 0 in nodes:
        first = nodes[0]
        work.append(Proposer(first, Listing(venue.path, market(), first.client)).run(INTERVAL))
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield list(nodes.values())
        for task in tasks:
            assert not task.done(), "a node has ended"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in nodes.values():
            await each.client.close()


async def index(venue: TestVenue) -> float:
    result = await asyncio.to_thread(venue.call, "public/get_index_price", index_name="btc_usdc")
    return float(result["index_price"])


async def marks(venue: TestVenue) -> int:
    """Marks in the journal."""

    def count() -> int:
        records = (record for frame in JournalReader(str(venue.directory.journal)) for record in frame.records)
        return sum(isinstance(Record.decode(record).command, MarkUpdate) for record in records)

    return await asyncio.to_thread(count)


async def goes_on(venue: TestVenue) -> bool:
    """Whether new marks come, near the recorded index."""
    before = await marks(venue)

    async def later() -> bool:
        return await marks(venue) >= before + 4

    await settled(later)
    return abs(await index(venue) / market().index("BTC", venue.now) - 1) < 1e-3


async def test_three_honest_nodes_list_and_mark_the_market(listed: TestVenue) -> None:
    async with running(listed, {1: 0.0, 2: 0.0, 0: 0.0}):
        assert await goes_on(listed)
        status = await asyncio.to_thread(listed.call, "public/status")
        assert status["states"]["BTC"] == "open"


@pytest.mark.parametrize(
    "skews", [{0: 0.0, 1: 0.0}, {0: 0.0, 2: 0.0}, {0: 0.0, 1: 0.02, 2: 0.0}, {0: 0.0, 1: 0.0, 2: 9.0}]
)
async def test_one_dead_or_lying_node_does_not_stop_the_marks(listed: TestVenue, skews: dict[int, float]) -> None:
    async with running(listed, skews):
        assert await goes_on(listed)


@pytest.mark.parametrize(
    "skews", [{0: 0.0}, {0: 0.02, 1: 0.0, 2: 0.0}, {0: 9.0, 1: 0.0, 2: 0.0}, {0: 0.0, 1: 0.02, 2: -0.02}]
)
async def test_without_two_that_agree_there_are_no_marks(listed: TestVenue, skews: dict[int, float]) -> None:
    before = await marks(listed)
    with capture_logs() as logs:
        async with running(listed, skews):
            await settled(lambda: sum(line["event"] in ("no_quorum", "no_mark") for line in logs) >= ROUNDS)
    assert await marks(listed) == before


async def test_a_node_answers_whoever_asks_with_what_it_sees(listed: TestVenue) -> None:
    async with running(listed, {1: 0.0}) as [reviewer]:
        port = listed.config.oracle_ports[1]
        honest = node(listed, 0)

        async def answers() -> bool:
            try:
                return isinstance(await ask(port, ReviewMark(b"nonsense")), Refused)
            except PeerError:
                return False

        await settled(answers)
        now = listed.now
        expiries = sorted({series.expiry for series in market().series("BTC", now) if series.expiry})
        inputs = honest.view("BTC", now, expiries).inputs(1)
        reply = await ask(port, ReviewMark(inputs.encode()))
        assert isinstance(reply, Signed)
        assert recover(reviewer.mark_digest(inputs), reply.signature) == reply.signer
        for request, reason in (
            (ReviewMark(inputs.encode()), Reason.TIME),
            (ReviewSettlement(7, now, 1), Reason.UNDERLYING),
            (ReviewSettlement(1, now + 3_600 * SECOND, 1), Reason.TIME),
            (ReviewSettlement(1, now - SECOND, 1), Reason.SETTLEMENT),
        ):
            refused = await ask(port, request)
            assert isinstance(refused, Refused)
            assert refused.reason == reason
        price = honest.settlement_price("BTC", now - SECOND)
        agreed = await ask(port, ReviewSettlement(1, now - SECOND, round(price * 10**6)))
        assert isinstance(agreed, Signed)


@pytest.mark.slow
async def test_three_processes_of_which_one_lies_and_one_is_killed(listed: TestVenue, tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    before = await marks(listed)

    async def start(number: int, *arguments: str) -> None:
        every = ("--directory", str(listed.path), "--node", str(number), "--interval", str(INTERVAL))
        spec = ProcessSpec(
            name=f"oracle-{number}", module="synchromesh.agents.oracle", arguments=(*every, *arguments), restart=False
        )
        await supervisor.start(spec)

    def failures() -> int:
        return (tmp_path / "oracle-0.log").read_text().count("no_quorum")

    try:
        await start(0)
        await start(1)
        await start(2, "--skew", "0.05")
        await settled(lambda: (tmp_path / "oracle-2.log").read_text().count("oracle_refuses") >= ROUNDS)
        assert await goes_on(listed)
        await supervisor.stop(["oracle-1"])
        alone = failures()
        await settled(lambda: failures() >= alone + ROUNDS)
        stopped = await marks(listed)
        await settled(lambda: failures() >= alone + 2 * ROUNDS)
        assert await marks(listed) == stopped > before
        await start(1)
        assert await goes_on(listed)
    finally:
        await supervisor.stop()


@pytest.mark.parametrize("sent", [b"", b"\x00\x00\x00\x02\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00"])
async def test_what_is_no_request_ends_its_own_connection_only(listed: TestVenue, sent: bytes) -> None:
    async with running(listed, {2: 0.0}):
        port = listed.config.oracle_ports[2]

        async def refused_by(data: bytes) -> bool:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return False
            writer.write(data)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer == b""

        await settled(lambda: refused_by(sent))
        assert isinstance(await ask(port, ReviewMark(b"")), Refused)
