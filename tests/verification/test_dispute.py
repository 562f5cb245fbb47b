"""From a finding to the transaction that proves it, on a real chain with the real contracts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from support.ledger import ALICE, BOB
from support.local import LocalChain, LocalVenue
from support.venue import secret
from synchromesh._native import Step
from synchromesh.protocol import Side
from synchromesh.settlement.batches import QueuedWithdrawal
from synchromesh.settlement.chain import address_from_secret
from synchromesh.settlement.posted import PostedBatch, PostedBatches
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.trace import ChunkGone, posted_commands
from synchromesh.verification.challenger import Challenger
from synchromesh.verification.dispute import Dispute, Unprovable, rehearse
from synchromesh.verification.findings import Case, Finding
from synchromesh.verification.proofs import disputes_of
from synchromesh.verification.replay import replay
from synchromesh.verification.verify import Verifier
from verification.poster import NONSENSE, Command, Lie, Poster, told

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCHER, COPYIST = secret("watcher"), secret("copyist")
ETHER = 10**18
PLACE, TRADE = 0, 1
"""Places in the batch of the order that rests, and of the one that meets it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[LocalChain]:
    async with LocalChain() as running:
        for key in (WATCHER, COPYIST):
            await running.node.rpc("anvil_setBalance", address_from_secret(key), hex(100 * ETHER))
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def poster(local: LocalChain) -> Poster:
    """A venue with one honest batch, and two orders that meet, three withdrawals behind it."""
    found = Poster(await LocalVenue.new(local))
    ledger = await found.venue.open()
    await found.honest()
    ledger.place(ALICE, 1, Side.BUY, 1_000)
    ledger.place(BOB, 2, Side.SELL, 1_000)
    for usdc in (40, 41, 42):
        ledger.withdraw(ALICE, 1, usdc)
    return found


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def forget(local: LocalChain, poster: Poster) -> AsyncIterator[None]:
    """Takes back what a test did to the chain."""
    snapshot = await local.snapshot()
    yield
    await local.revert(snapshot)


async def found_by(poster: Poster) -> tuple[Verifier, Case]:
    """What a verifier finds."""
    verifier = Verifier(poster.venue.chain, poster.venue.deployment.settlement)
    await verifier.advance()
    assert verifier.case is not None, verifier.verdict
    return verifier, verifier.case


async def disputes(poster: Poster) -> list[Dispute]:
    """Challenges of what a verifier finds."""
    _, case = await found_by(poster)
    return list(disputes_of(case))


async def challenger(poster: Poster, key: bytes = WATCHER) -> Challenger:
    return Challenger(poster.venue.chain, await poster.venue.contracts(), key)


def change(at: int, step: int, **lies: object) -> Lie:
    """A lie about one step."""

    def lie(commands: list[Command]) -> None:
        record, steps = commands[at]
        steps[step] = told(steps[step], **lies)
        commands[at] = record, steps

    return lie


def cut(commands: list[Command]) -> None:
    """The order that trades ends with its first step."""
    record, steps = commands[TRADE]
    commands[TRADE] = record, [told(steps[0], last=True)]


def prolong(commands: list[Command]) -> None:
    """Somebody's order is removed behind an order that rests."""
    record, steps = commands[PLACE]
    removal = Step(kind=18, last=True, subject=bytes(7) + b"\x01" + bytes(24), root=NONSENSE)
    commands[PLACE] = record, [*steps[:-1], told(steps[-1], last=False), removal]


def repeat(commands: list[Command]) -> None:
    """A signed order is taken twice."""
    record, steps = commands[PLACE]
    commands.insert(TRADE, (record, [told(step, root=NONSENSE) for step in steps]))


def garble(commands: list[Command]) -> None:
    """A record that is none."""
    record, _ = commands[PLACE]
    commands.insert(TRADE, (record[:20], [Step(kind=14, last=True, subject=bytes(32), root=NONSENSE)]))


def redirected(listed: list[QueuedWithdrawal]) -> list[QueuedWithdrawal]:
    """The second withdrawal goes to somebody else."""
    return [listed[0], msgspec.structs.replace(listed[1], recipient=b"\x66" * 20), listed[2]]


def shortened(listed: list[QueuedWithdrawal]) -> list[QueuedWithdrawal]:
    """The last withdrawal is kept."""
    return listed[:2]


STEP_LIES = {
    "root": (change(TRADE, 1, root=NONSENSE), "root", 2),
    "kind": (change(TRADE, 1, kind=19), "kind", 2),
    "subject": (change(TRADE, 1, subject=b"\x01" * 32), "subject", 2),
    "missing": (cut, "missing_steps", 1),
    "surplus": (prolong, "surplus_steps", 0),
    "refused": (repeat, "nonce_used", 1),
    "no record": (garble, "codec", 1),
}


@pytest.mark.parametrize(("lie", "code", "step"), STEP_LIES.values(), ids=STEP_LIES.keys())
async def test_a_wrong_step_is_taken_back(poster: Poster, lie: Lie, code: str, step: int) -> None:
    honest = poster.replica.progress()
    batch = await poster.lie(lie)
    verifier, case = await found_by(poster)
    assert (case.finding.batch, case.finding.code, case.finding.step) == (1, code, step), case.finding
    found = list(disputes_of(case))
    assert found[0].batch_hash == batch.header.hash()
    made = await (await challenger(poster)).prove(found)
    assert made is not None
    assert (made.kind, made.fraud, made.rewarded) == ("step", code, True)
    assert await poster.venue.tip() == (1, honest)
    assert (await verifier.advance()).ok


@pytest.mark.parametrize(
    ("listed", "code", "kind"),
    [(redirected, "withdrawal", "withdrawal"), (shortened, "withdrawal_count", "withdrawal_count")],
)
async def test_wrong_withdrawals_are_taken_back(poster: Poster, listed: object, code: str, kind: str) -> None:
    await poster.lie(lambda commands: None, listed=listed)
    made = await (await challenger(poster)).prove(await disputes(poster))
    assert made is not None
    assert (made.kind, made.fraud, made.rewarded) == (kind, code, True)


@pytest.mark.parametrize("chunk_bytes", [250, 600])
async def test_steps_are_shown_across_chunks(poster: Poster, chunk_bytes: int) -> None:
    """The command that is wrong, or its steps, stand in another chunk than what comes before."""
    batch = await poster.lie(change(TRADE, 1, root=NONSENSE), chunk_bytes=chunk_bytes)
    assert len(batch.chunks) > 1
    _, case = await found_by(poster)
    assert sum(len(command.steps) for command in posted_commands(case.batch)) == batch.chunks[-1].end.step
    found = list(disputes_of(case))
    ready = await rehearse(found[0], (await poster.venue.contracts()).challenges, address_from_secret(WATCHER))
    assert 100_000 < ready.gas < 16_777_216


async def test_what_replaces_a_wrong_batch_is_verified(poster: Poster) -> None:
    await poster.lie(cut)
    verifier, case = await found_by(poster)
    await (await challenger(poster)).prove(disputes_of(case))
    venue = poster.venue
    batch = poster.pack(poster.replica.copy(), lambda commands: None)
    contracts = await venue.contracts()
    standby = Sender(venue.chain, secret("standby"))
    await standby.send(contracts.settlement.functions.takeOver())
    venue.operator, former = standby, venue.operator
    try:
        await venue.commit(batch)
    finally:
        venue.operator = former
    verdict = await verifier.advance()
    assert (verdict.ok, verdict.batches, verdict.fraud) == (True, 2, None)
    assert verifier.headers[-1] == batch.header


async def test_an_honest_step_cannot_be_disputed(poster: Poster) -> None:
    """Who takes an honest batch for a wrong one finds no challenge that the contracts agree with."""
    await poster.lie(lambda commands: None)
    verifier = Verifier(poster.venue.chain, poster.venue.deployment.settlement)
    assert (await verifier.advance()).ok
    batch = await verifier.batch(1)
    assert batch is not None
    state = await verifier.state_before(1)
    commands = list(posted_commands(batch))
    replay(state, commands[:TRADE])
    made_up = Finding(1, commands[TRADE].sequence, "root", "not at all")
    own = [told(step, root=NONSENSE) for step in commands[TRADE].steps]
    case = Case(finding=made_up, batch=batch, command=commands[TRADE], at=1, own=own, state=state)
    with pytest.raises(Unprovable, match="StepIsHonest"):
        await (await challenger(poster)).prove(disputes_of(case))


async def test_who_copies_a_proof_stops_the_fraud_and_earns_nothing(poster: Poster) -> None:
    await poster.lie(cut)
    found = await disputes(poster)
    contracts = await poster.venue.contracts()
    first = await challenger(poster)
    salt = first._salt(found[0])
    watcher, copyist = Sender(poster.venue.chain, WATCHER), Sender(poster.venue.chain, COPYIST)
    await watcher.send(contracts.challenges.functions.sealProof(found[0].seal(watcher.address, salt)))
    await copyist.send(found[0].call(contracts.challenges))
    assert (await poster.venue.tip())[0] == 1
    # As after a restart: the seal is on the chain, and the batch is gone.
    made = await (await challenger(poster)).prove(found)
    assert made is not None
    assert made.rewarded
    with pytest.raises(Unprovable, match="BatchNotPending"):
        await (await challenger(poster, COPYIST)).prove(found)


async def test_a_blob_that_is_not_there_accuses_nobody(poster: Poster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was posted is not found at first; when it is, verification goes on where it stood."""
    await poster.lie(lambda commands: None, chunk_bytes=600)
    read, reads = PostedBatches.read, []

    async def read_in_part(self: PostedBatches, first: int = 0, block: int | None = None) -> AsyncIterator[PostedBatch]:
        reads.append(first)
        async for batch in read(self, first, block):
            gone = batch.header.index == 1 and len(reads) == 1
            yield msgspec.structs.replace(batch, data=[*batch.data[:-1], None]) if gone else batch

    monkeypatch.setattr(PostedBatches, "read", read_in_part)
    verifier = Verifier(poster.venue.chain, poster.venue.deployment.settlement)
    with pytest.raises(ChunkGone, match="blob of chunk 1 of batch 1"):
        await verifier.advance()
    assert verifier.verdict.ok
    verdict = await verifier.advance()
    assert (verdict.ok, verdict.batches) == (True, 2)


async def test_the_seal_is_the_contracts_own(poster: Poster) -> None:
    await poster.lie(cut)
    dispute = (await disputes(poster))[0]
    contracts = await poster.venue.contracts()
    who, salt = address_from_secret(WATCHER), b"\x07" * 32
    arguments = (who, dispute.batch_hash, int(dispute.kind), dispute.position, salt)
    assert dispute.seal(who, salt) == bytes(await contracts.challenges.functions.sealOf(*arguments).call())
