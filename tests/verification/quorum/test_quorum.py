"""Four verifiers on a real chain: one lies, one is dead, and withdrawals go early all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import msgspec
import pytest
import pytest_asyncio
from click.testing import Result
from typer.testing import CliRunner

from support.ledger import ALICE
from support.local import OWNER, WINDOW, LocalChain, LocalVenue
from support.venue import free_ports, secret
from synchromesh.cli import app
from synchromesh.protocol import Side, address_of
from synchromesh.settlement.chain import Reverted
from synchromesh.settlement.payouts import Payout, Payouts, PayoutState
from synchromesh.settlement.posted import PostedBatches
from synchromesh.settlement.sender import Sender
from synchromesh.verification.quorum.aggregate import Aggregator
from synchromesh.verification.quorum.contracts import QuorumContracts
from synchromesh.verification.quorum.finality import QuorumStatus, Stage
from synchromesh.verification.quorum.node import NodeStatus, VerifierNode
from synchromesh.verification.quorum.record import EvidenceRecord, RecordError
from synchromesh.verification.quorum.serve import NodeError, ask, serve
from synchromesh.verification.quorum.vouch import Vouch
from synchromesh.verification.watcher import Watcher
from verification.poster import Poster
from verification.quorum.parties import (
    AGGREGATOR,
    EARLY_CAP,
    LIAR,
    QUORUM,
    STAKE,
    VERIFIERS,
    WRONG_HASH,
    join_all,
    process,
    verifier_terms,
    with_root,
    write_key,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIAR_KEY, DEAD_KEY = VERIFIERS[2], VERIFIERS[3]
EARLY, LATE = 300, 400
"""Withdrawals in USDC: the first fits the cap, the second does not fit what is left of it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[LocalChain]:
    async with LocalChain() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(local: LocalChain) -> LocalVenue:
    """An open venue with four verifiers, two of whom must sign; nothing committed yet."""
    found = await LocalVenue.new(local, verifiers=verifier_terms(threshold=2))
    await found.open()
    await join_all(found, await QuorumContracts.find(local.chain, found.deployment.settlement))
    return found


@pytest_asyncio.fixture(loop_scope="module")
async def venue(opened: LocalVenue) -> AsyncIterator[LocalVenue]:
    """That venue for one test; the chain goes back afterwards."""
    before = await opened.local.snapshot()
    yield opened.fork()
    await opened.local.revert(before)


@pytest_asyncio.fixture(loop_scope="module")
async def contracts(venue: LocalVenue) -> QuorumContracts:
    return await QuorumContracts.find(venue.chain, venue.deployment.settlement)


def node(contracts: QuorumContracts, folder: Path, key: bytes = VERIFIERS[0]) -> VerifierNode:
    """A node in this process, for which every block is final."""
    return VerifierNode(contracts, key, folder, confirmations=0)


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    """Waits for what the processes bring about."""
    async with asyncio.timeout(60):
        while not await met():
            await asyncio.sleep(0.1)


async def payouts_of(venue: LocalVenue) -> tuple[Payouts, list[Payout]]:
    """Alice's withdrawals."""
    found = Payouts(venue.chain, await venue.contracts())
    reader = PostedBatches(venue.chain, venue.deployment.settlement)
    return found, await found.of(address_of(ALICE), [batch async for batch in reader.read(0)])


@pytest.mark.slow
async def test_two_of_four_pay_early_and_the_liar_loses_its_stake(
    venue: LocalVenue, contracts: QuorumContracts, tmp_path: Path
) -> None:
    venue.ledger.withdraw(ALICE, 1, EARLY)
    venue.ledger.withdraw(ALICE, 1, LATE)
    batch = await venue.commit_journal()
    anybody = Sender(venue.chain, OWNER)
    payouts, [early, late] = await payouts_of(venue)
    with pytest.raises(Reverted, match="BatchNotVouchedFor"):
        await payouts.claim(anybody, msgspec.structs.replace(early, state=PayoutState.VOUCHED))

    ports = free_ports(len(VERIFIERS))
    where = ("--rpc", venue.chain.url, "--contract", venue.deployment.settlement)
    keys = [write_key(tmp_path / str(number), key) for number, key in enumerate((*VERIFIERS, AGGREGATOR))]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    async with AsyncExitStack() as stack:
        for number in (0, 1):
            arguments = (
                "node",
                *where,
                "--key",
                str(keys[number]),
                "--port",
                str(ports[number]),
                "--confirmations",
                "0",
            )
            await stack.enter_async_context(process(keys[number].parent, *arguments, program=QUORUM))
        lies = (venue.chain.url, venue.deployment.settlement, str(keys[2]), str(ports[2]))
        await stack.enter_async_context(process(keys[2].parent, *lies, program=LIAR))
        # The fourth is dead: nobody listens on its port.
        arguments = ("aggregate", *where, "--nodes", ",".join(urls), "--key", str(keys[4]))
        await stack.enter_async_context(process(keys[4].parent, *arguments, program=QUORUM))

        await until(lambda: contracts.is_vouched_for(batch.header.hash()))
        await until(lambda: _is_slashed(contracts, address_of(LIAR_KEY)))
        async with httpx.AsyncClient() as client:
            await check_answers(client, urls, batch.header.index)

    assert not await contracts.is_vouched_for(WRONG_HASH)
    assert [await contracts.is_verifier(address_of(key)) for key in VERIFIERS] == [True, True, False, True]
    assert await venue.wallet(AGGREGATOR).balance() == STAKE // 2
    await check_early_payments(venue, early, late)


async def _is_slashed(contracts: QuorumContracts, verifier: bytes) -> bool:
    return not await contracts.is_listed(verifier)


async def check_answers(client: httpx.AsyncClient, urls: list[str], index: int) -> None:
    """What the nodes say over HTTP, as a stranger asks them."""
    for url in urls[:2]:
        [signed] = await ask(client, url, 0)
        assert signed.vouch.index == index
        assert await ask(client, url, index + 1) == []
        status = msgspec.json.decode((await client.get(f"{url}/status")).content, type=NodeStatus)
        assert (status.verified, status.fraud, status.problem) == (1, None, "")
        assert (await client.get(f"{url}/vouches?first=nothing")).status_code == 400
    with pytest.raises(NodeError):
        await ask(client, urls[3], 0)


async def check_early_payments(venue: LocalVenue, early: Payout, late: Payout) -> None:
    """What fits the cap is paid early, the rest once the batch is final, and each once."""
    anybody, wallet = Sender(venue.chain, OWNER), venue.wallet(ALICE)
    before = await wallet.balance()
    payouts, [early, late] = await payouts_of(venue)
    assert (early.state, late.state) == (PayoutState.VOUCHED, PayoutState.VOUCHED)
    await payouts.claim(anybody, early)
    assert await wallet.balance() == before + EARLY * 10**6
    with pytest.raises(Reverted, match="EarlyCapExceeded"):
        await payouts.claim(anybody, late)
    assert await read_stages(venue) == [Stage.VOUCHED]
    await venue.local.pass_time(600)
    assert await read_stages(venue) == [Stage.FINAL]
    payouts, [early, late] = await payouts_of(venue)
    assert early.state is PayoutState.PAID
    await payouts.claim(anybody, late)
    assert await wallet.balance() == before + (EARLY + LATE) * 10**6


async def read_stages(venue: LocalVenue) -> list[Stage]:
    """What ``synchromesh quorum status`` says of the batches."""
    result = await command(venue, "status")
    assert result.exit_code == 0, result.output
    found = msgspec.json.decode(result.output, type=QuorumStatus)
    assert (found.threshold, found.early_caps) == (2, [EARLY_CAP])
    return [batch.stage for batch in found.batches]


async def command(venue: LocalVenue, name: str, *arguments: str) -> Result:
    """Runs ``synchromesh quorum`` as a user would, in a thread of its own."""
    where = ("--rpc", venue.chain.url, "--contract", venue.deployment.settlement)
    return await asyncio.to_thread(CliRunner().invoke, app, ["quorum", name, *where, *arguments])


async def test_a_restarted_node_signs_what_it_signed_and_nothing_else(
    venue: LocalVenue, contracts: QuorumContracts, tmp_path: Path
) -> None:
    before, another = await venue.local.snapshot(), venue.fork()
    await venue.commit_journal()
    first = node(contracts, tmp_path)
    await first.look()
    await first.look()
    signed = first.vouches(0)
    assert len(signed) == 1
    with pytest.raises(RecordError):
        node(contracts, tmp_path)
    first.close()

    await venue.local.revert(before)
    another.ledger.place(ALICE, 1, Side.BUY, 900)
    other = await another.commit_journal()
    restarted, newcomer = node(contracts, tmp_path), node(contracts, tmp_path, VERIFIERS[1])
    await restarted.look()
    await newcomer.look()
    assert restarted.status.verified == newcomer.status.verified == 1
    assert restarted.vouches(0) == signed
    assert [each.vouch.batch_hash for each in newcomer.vouches(0)] == [other.header.hash()]
    assert other.header.hash() != signed[0].vouch.batch_hash
    restarted.close()
    newcomer.close()


async def test_a_deviation_and_what_is_behind_it_are_not_signed_before_it_is_final(
    venue: LocalVenue, contracts: QuorumContracts, tmp_path: Path
) -> None:
    poster, ledger = Poster(venue), venue.ledger
    await poster.honest()
    ledger.submit(ledger.order(ALICE, 1, Side.BUY, 1_000, client_id="twice"))
    again = ledger.record(ledger.order(ALICE, 1, Side.BUY, 1_000, client_id="twice"))
    await venue.commit(
        poster.pack(poster.replica, lambda told: told.append((again, poster.replica.apply_named(again, None))))
    )
    poster.batches += 1
    await poster.commit([ledger.record(ledger.order(ALICE, 1, Side.BUY, 900))])
    signing = node(contracts, tmp_path)
    await signing.look()
    assert [signed.vouch.index for signed in signing.vouches(0)] == [0]
    assert signing.status.verified == 3
    assert signing.status.deviation is not None
    assert signing.status.deviation.code == "duplicate_client_id"
    await venue.local.pass_time(WINDOW + 1)
    await poster.commit([ledger.record(ledger.order(ALICE, 1, Side.BUY, 800))])
    await signing.look()
    assert [signed.vouch.index for signed in signing.vouches(0)] == [0, 3]
    assert signing.status.deviation is None
    signing.close()


async def test_only_what_is_final_and_open_is_signed(
    venue: LocalVenue, contracts: QuorumContracts, tmp_path: Path
) -> None:
    patient = VerifierNode(contracts, VERIFIERS[0], tmp_path, confirmations=3)
    batch = await venue.commit_journal()
    await venue.local.mine(2)
    await patient.look()
    assert patient.vouches(0) == []
    await venue.local.mine()
    await patient.look()
    assert [each.vouch for each in patient.vouches(0)] == [Vouch(0, batch.header.previous_root, batch.header.hash())]
    patient.close()
    await venue.local.pass_time(600)
    late = node(contracts, tmp_path, VERIFIERS[1])
    await late.look()
    assert late.status.verified == 1
    assert late.vouches(0) == [], "a final batch needs nobody's word"
    late.close()


async def test_a_wrong_batch_and_what_is_behind_it_are_not_signed(
    venue: LocalVenue, contracts: QuorumContracts, tmp_path: Path
) -> None:
    honest = await venue.commit_journal()
    verifier = node(contracts, tmp_path)
    await verifier.look()
    before = await venue.local.snapshot()
    venue.ledger.place(ALICE, 1, Side.BUY, 900)
    right = venue.batch()
    wrong = with_root(right, WRONG_HASH)
    await venue.commit(wrong)
    await verifier.look()
    assert verifier.status.verified == 1
    assert verifier.status.fraud is not None
    assert verifier.status.fraud.batch == wrong.header.index
    assert [each.vouch.batch_hash for each in verifier.vouches(0)] == [honest.header.hash()]

    await venue.local.revert(before)
    await venue.commit(right)
    await verifier.look()
    assert verifier.status.fraud is None
    assert [each.vouch.batch_hash for each in verifier.vouches(1)] == [right.header.hash()]
    assert right.header.previous_root == wrong.header.previous_root, "a wrong batch does not use up the place"
    verifier.close()


async def test_who_vouched_for_a_proven_fraud_loses_its_stake(
    venue: LocalVenue, contracts: QuorumContracts, tmp_path: Path
) -> None:
    await venue.commit_journal()
    venue.ledger.withdraw(ALICE, 1, EARLY)
    wrong = with_root(venue.batch(), WRONG_HASH)
    await venue.commit(wrong)
    seen = EvidenceRecord(tmp_path / "evidence")
    vouched = Vouch(1, wrong.header.previous_root, wrong.header.hash())
    seen.keep(contracts.domain.sign(vouched, LIAR_KEY))
    seen.close()
    aggregator = Aggregator(contracts, [], Sender(venue.chain, AGGREGATOR), tmp_path / "evidence")
    await aggregator.look()
    assert await contracts.is_verifier(address_of(LIAR_KEY)), "not before the chain knows that it was wrong"

    watcher = Watcher(venue.chain, venue.deployment.settlement, OWNER)
    for _ in range(5):
        await watcher.look()
    assert await contracts.batches() == 1
    await aggregator.look()
    assert await _is_slashed(contracts, address_of(LIAR_KEY))
    assert await venue.wallet(AGGREGATOR).balance() == STAKE // 2
    await aggregator.close()


async def test_an_aggregator_waits_for_the_threshold_and_keeps_what_it_saw(
    venue: LocalVenue, contracts: QuorumContracts, tmp_path: Path
) -> None:
    batch = await venue.commit_journal()
    stranger = secret("stranger")
    nodes = [node(contracts, tmp_path, key) for key in (VERIFIERS[0], VERIFIERS[1], stranger)]
    ports = free_ports(len(nodes))
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    sender, evidence = Sender(venue.chain, AGGREGATOR), tmp_path / "evidence"
    for verifier in nodes:
        await verifier.look()

    async def aggregate(*numbers: int) -> bool:
        """One look of a new process that asks these nodes; whether the batch is vouched for then."""
        aggregator = Aggregator(contracts, [urls[number] for number in numbers], sender, evidence)
        async with AsyncExitStack() as stack:
            for number in numbers:
                answering = asyncio.ensure_future(serve(nodes[number], ports[number]))
                stack.push_async_callback(_ended, answering)
            await until(lambda: _listening([ports[number] for number in numbers]))
            await aggregator.look()
        await aggregator.close()
        return await contracts.is_vouched_for(batch.header.hash())

    assert not await aggregate(0, 2), "one signature, and that of a stranger"
    assert await aggregate(1), "with what the evidence holds of the first"
    assert len(evidence.read_text().splitlines()) == 2
    for verifier in nodes:
        verifier.close()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[{}]", "missing required field"),
        (b'[{"index":-1,"previous_root":"","batch_hash":""}]', "numbers no batch"),
        (b"[" + b" " * 200_000 + b"]", "more than"),
        (b"no JSON", "malformed"),
    ],
)
async def test_nonsense_of_a_node_is_its_own_problem(body: bytes, reason: str) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body))) as client:
        with pytest.raises(NodeError, match=reason):
            await ask(client, "http://node", 0)


async def _ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _listening(ports: list[int]) -> bool:
    for port in ports:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
    return True


async def test_a_stake_goes_in_and_comes_back_after_the_delay(venue: LocalVenue, tmp_path: Path) -> None:
    key, wallet = str(write_key(tmp_path / "key", VERIFIERS[0])), venue.wallet(VERIFIERS[0])
    assert await wallet.balance() == 0
    again = await command(venue, "join", "--key", key)
    assert (again.exit_code, "AlreadyJoined" in again.output) == (1, True), again.output
    left = await command(venue, "leave", "--key", key)
    assert left.output == f"{wallet.address} signs no more\n"
    early = await command(venue, "withdraw", "--key", key)
    assert (early.exit_code, "StakeNotFree" in early.output) == (1, True), early.output
    await venue.local.pass_time(600)
    assert (await command(venue, "withdraw", "--key", key)).exit_code == 0
    assert await wallet.balance() == STAKE
    assert (await command(venue, "join", "--key", key)).output == f"{wallet.address} signs from now on\n"
    assert await wallet.balance() == 0


async def test_a_venue_without_a_quorum_says_so(local: LocalChain) -> None:
    result = await command(await LocalVenue.new(local), "status")
    assert (result.exit_code, "listens to no quorum" in result.output) == (1, True), result.output
