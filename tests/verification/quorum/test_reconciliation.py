"""Anyone asks what an account is: a venue that is alive shows it, one that is not is frozen for its silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from click.testing import Result
from typer.testing import CliRunner

from support.ledger import ALICE, BOB, OPERATOR
from support.local import LocalChain, LocalVenue
from support.venue import secret
from synchromesh.cli import app
from synchromesh.operations.reconcile_command import EXIT_FROZEN
from synchromesh.protocol import address_of
from synchromesh.settlement.chain import address_from_secret
from synchromesh.settlement.sender import Sender
from synchromesh.verification.reconciliation.ask import Outcome, reconcile
from synchromesh.verification.reconciliation.requests import Answer, Reconciliations
from synchromesh.verification.reconciliation.responder import Responder
from synchromesh.verification.verify import Verifier
from verification.quorum.parties import process, write_key

pytestmark = pytest.mark.asyncio(loop_scope="module")

RESPONDER = secret("responder")
REQUEST_STAKE = 100 * 10**6
RESPOND = ("-m", "synchromesh.operations.reconcile_command")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue() -> AsyncIterator[LocalVenue]:
    """An open venue with its first batch; Bob can pay for questions."""
    async with LocalChain() as local:
        found = await LocalVenue.new(local)
        await found.open()
        await found.commit_journal()
        await local.node.rpc("anvil_setBalance", address_from_secret(RESPONDER), hex(10**20))
        await found.wallet(BOB).mint(3 * REQUEST_STAKE)
        yield found


def begin_asking(venue: LocalVenue, folder: Path, subaccount: int) -> asyncio.Future[Result]:
    """Starts ``synchromesh reconcile`` as Bob, in a thread of its own."""
    where = ("--rpc", venue.chain.url, "--contract", venue.deployment.settlement)
    arguments = ["reconcile", *where, "--subaccount", str(subaccount), "--key", str(write_key(folder / "bob", BOB))]
    return asyncio.ensure_future(asyncio.to_thread(CliRunner().invoke, app, arguments))


async def until_asked(requests: Reconciliations, subaccount: int) -> None:
    async with asyncio.timeout(30):
        while await requests.request(subaccount) is None:
            await asyncio.sleep(0.05)


async def test_a_process_answers_with_the_account_as_it_is_now(venue: LocalVenue, tmp_path: Path) -> None:
    requests = await Reconciliations.find(venue.chain, venue.deployment.settlement)
    before = await venue.wallet(RESPONDER).balance()
    asking = begin_asking(venue, tmp_path, 1)
    await until_asked(requests, 1)
    key = write_key(tmp_path / "responder", RESPONDER)
    where = ("--rpc", venue.chain.url, "--contract", venue.deployment.settlement, "--key", str(key))
    # A batch of the same second might have been made before somebody asked.
    await venue.local.pass_time(1)
    async with process(tmp_path / "responder", *where, program=RESPOND):
        venue.ledger.withdraw(ALICE, 1, 1_000)
        batch = await venue.commit_journal()
        result = await asyncio.wait_for(asking, 60)
    assert result.exit_code == 0, result.output
    told = msgspec.json.decode(result.output)["answer"]
    assert (told["subaccount"], told["batch"]) == (1, batch.header.index)
    assert told["leaf"]["owner"] == "0x" + address_of(ALICE).hex()
    assert told["leaf"]["cash"] == 99_000 * 10**6
    assert await venue.wallet(RESPONDER).balance() == before + REQUEST_STAKE // 2


async def test_an_old_state_is_no_answer_and_an_absence_is_one(venue: LocalVenue) -> None:
    requests = await Reconciliations.find(venue.chain, venue.deployment.settlement)
    verifier = Verifier(venue.chain, venue.deployment.settlement)
    responder = Responder(requests, verifier, Sender(venue.chain, RESPONDER))
    asking = asyncio.ensure_future(reconcile(venue.chain, venue.deployment.settlement, BOB, 77))
    await until_asked(requests, 77)
    await verifier.advance()
    assert await responder.look() == 0
    await venue.local.pass_time(1)
    venue.ledger.withdraw(ALICE, 1, 1)
    batch = await venue.commit_journal()
    await verifier.advance()
    assert await responder.look() == 1
    outcome = await asyncio.wait_for(asking, 30)
    assert outcome == Outcome(77, Answer(77, batch.header.index, leaf=None))


async def test_silence_freezes_the_venue_and_costs_the_operator_its_bond(venue: LocalVenue, tmp_path: Path) -> None:
    requests = await Reconciliations.find(venue.chain, venue.deployment.settlement)
    contracts, before = await venue.contracts(), await venue.wallet(BOB).balance()
    await venue.wallet(ALICE).mint(REQUEST_STAKE)
    asking = begin_asking(venue, tmp_path, 2)
    await until_asked(requests, 2)
    another = asyncio.ensure_future(reconcile(venue.chain, venue.deployment.settlement, ALICE, 1))
    await until_asked(requests, 1)
    request = await requests.request(2)
    assert request is not None
    await venue.local.pass_time(request.deadline - request.made_at + 60)
    result = await asyncio.wait_for(asking, 30)
    assert (result.exit_code, "the venue is frozen" in result.output) == (EXIT_FROZEN, True), result.output
    assert await requests.is_frozen()
    assert (await asyncio.wait_for(another, 30)).answer is None
    assert [await venue.wallet(key).balance() for key in (BOB, ALICE)] == [before, REQUEST_STAKE], "stakes are back"
    operator = address_from_secret(OPERATOR)
    assert await venue.chain.call(contracts.bonds.functions.bondOf(operator)) == 0
