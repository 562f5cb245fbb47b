"""The verifier, a process with nothing but an RPC URL, says of a venue whether it was honest, and where it was not."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import pytest_asyncio
import typer
from typer.testing import CliRunner

from support.ledger import ALICE, BOB, Ledger
from support.local import LocalChain, LocalVenue
from synchromesh.protocol import InboxItem, Receipt, Record, Side, address_of, decode_inbox_body, sign
from synchromesh.settlement.batches import Batch, Source
from synchromesh.settlement.chain import Reverted
from synchromesh.settlement.packing import PackedChunk
from synchromesh.verification.command import EXIT_FRAUD, EXIT_UNKNOWN, verify
from synchromesh.verification.findings import Finding
from synchromesh.verification.receipts import ReceiptError
from synchromesh.verification.verify import Verdict, Verifier
from verification.poster import Poster

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[LocalChain]:
    async with LocalChain() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(local: LocalChain) -> Poster:
    """An operator who was honest for one batch: the venue is open, both users have funds."""
    found = Poster(await LocalVenue.new(local))
    ledger = await found.venue.open()
    await found.commit(ledger.records)
    return found


@pytest_asyncio.fixture(loop_scope="module")
async def operator(opened: Poster) -> AsyncIterator[Poster]:
    """The same operator, whatever another test made of it."""
    local = opened.venue.local
    snapshot = await local.snapshot()
    yield opened.fork()
    await local.revert(snapshot)


class Outcome(NamedTuple):
    """How the verifier's process ended."""

    code: int
    text: str
    verdict: Verdict | None


async def run_verifier(venue: LocalVenue, folder: Path, receipts: list[Receipt] | None = None) -> Outcome:
    """Runs the verifier as anybody would."""
    report = folder / "verdict.json"
    command = [sys.executable, "-m", "synchromesh.verification", "--rpc", venue.chain.url]
    command += ["--contract", venue.deployment.settlement, "--json", str(report)]
    if receipts:
        path = folder / "receipts"
        path.write_text("\n".join("0x" + receipt.encode().hex() for receipt in receipts) + "\n")
        command += ["--receipts", str(path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder)
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    verdict = msgspec.json.decode(report.read_bytes(), type=Verdict) if report.exists() else None
    return Outcome(process.returncode, (output + errors).decode(), verdict)


async def look(operator: Poster, receipts: list[Receipt] | None = None) -> Verdict:
    """What a verifier in this process says."""
    venue = operator.venue
    return await Verifier(venue.chain, venue.deployment.settlement, receipts).advance()


def trades(ledger: Ledger, count: int = 2) -> list[bytes]:
    """Honest commands: orders that meet."""
    records = []
    for _ in range(count):
        records += [ledger.place(ALICE, 1, Side.BUY, 1_000), ledger.place(BOB, 2, Side.SELL, 1_000)]
    return records


async def commit_at_another_price(operator: Poster, records: list[bytes]) -> None:
    """Commits records, the third of which is a signed order whose price was changed."""
    order = Record.decode(records[2])
    cheaper = msgspec.structs.replace(order.command, limit_price=1_500_000_000)
    await operator.commit([*records[:2], Record(order.time, cheaper).encode(), *records[3:]])


def check_finding(verdict: Verdict, command: int, code: str, reason: str) -> None:
    """The verdict stands at batch 1, and says what was wrong there."""
    found = verdict.fraud
    assert found is not None
    assert (verdict.ok, verdict.batches) == (False, 1)
    assert (found.batch, found.command) == (1, command), found
    assert found.code == code, found
    assert re.search(reason, found.reason), found


async def test_a_process_names_batch_command_and_reason(operator: Poster, tmp_path: Path) -> None:
    honest = len(operator.venue.ledger.records)
    await commit_at_another_price(operator, trades(operator.venue.ledger))
    outcome = await run_verifier(operator.venue, tmp_path)
    assert outcome.code == EXIT_FRAUD, outcome.text
    assert outcome.verdict is not None
    check_finding(outcome.verdict, honest + 3, "signature", "recovers to 0x.*, not to 0x")
    assert outcome.text == f"FRAUD in {outcome.verdict.fraud}\n"


async def test_a_process_finds_that_an_acknowledged_order_is_not_there(operator: Poster, tmp_path: Path) -> None:
    ledger = operator.venue.ledger
    honest, records = len(ledger.records), trades(ledger)
    receipt = operator.acknowledge(records, 3)
    await operator.commit([*records[:3], ledger.record(ledger.order(BOB, 2, Side.SELL, 2_000))])
    outcome = await run_verifier(operator.venue, tmp_path, [receipt])
    assert outcome.code == EXIT_FRAUD, outcome.text
    assert outcome.verdict is not None
    reason = "0x.* was acknowledged, the batch holds 0x.* in its place"
    check_finding(outcome.verdict, honest + 4, "receipt", reason)


async def test_history_that_was_rewritten_behind_a_receipt(operator: Poster) -> None:
    """The acknowledged order is there; what was acknowledged after it, in the same frame, is not."""
    ledger = operator.venue.ledger
    honest, records = len(ledger.records), trades(ledger)
    receipt = operator.acknowledge(records, 1)
    await operator.commit([*records[:3], ledger.record(ledger.order(BOB, 2, Side.SELL, 2_000))])
    reason = "frame 7 was acknowledged with another history"
    check_finding(await look(operator, [receipt]), honest + 4, "receipt", reason)


async def test_an_honest_operator_and_an_honoured_receipt(operator: Poster, tmp_path: Path) -> None:
    venue, ledger = operator.venue, operator.venue.ledger
    await venue.deposit(ALICE, 7)
    before = len(ledger.records)
    trades(ledger)
    await venue.credit()
    ledger.withdraw(ALICE, 1, 40)
    records = ledger.records[before:]
    receipts = [operator.acknowledge(records, 0), operator.acknowledge(records, 3)]
    batch = await operator.commit(records)
    pending = operator.acknowledge([ledger.place(BOB, 2, Side.BUY, 500)], 0)
    outcome = await run_verifier(venue, tmp_path, [*receipts, pending])
    assert outcome.code == 0, outcome.text
    assert outcome.verdict == Verdict(
        batches=2,
        commands=before + len(records),
        root="0x" + batch.header.new_root.hex(),
        inbox=3,
        receipts=2,
        receipts_pending=1,
    )
    assert "verified 2 batches" in outcome.text


async def test_the_first_of_several_faults_is_named(operator: Poster) -> None:
    ledger = operator.venue.ledger
    records = trades(ledger)
    unfunded = ledger.record(ledger.withdrawal(ALICE, 1, 200_000))
    forged = msgspec.structs.replace(ledger.order(BOB, 2, Side.SELL, 900), client_id="another")
    await operator.commit([*records, unfunded, ledger.record(forged)])
    verdict = await look(operator)
    assert verdict.fraud is not None
    assert (verdict.fraud.command, verdict.fraud.code) == (len(ledger.records) + 1, "insufficient_funds")


async def test_a_venue_of_another_contract_or_operator_is_refused(local: LocalChain) -> None:
    first, second = await LocalVenue.new(local), await LocalVenue.new(local)
    ledger = await first.open()
    elsewhere = Poster(second)
    await elsewhere.commit(ledger.records[:3])
    assert (await look(elsewhere)).fraud == Finding(
        0, 1, "genesis", f"signatures are for 0x{first.address.hex()} on chain 31337, not for this venue"
    )
    genesis = Record.decode(ledger.records[0])
    usurped = msgspec.structs.replace(genesis.command, operator=address_of(BOB))
    usurper = Poster(first)
    await usurper.commit([Record(genesis.time, usurped).encode()])
    found = (await look(usurper)).fraud
    assert found is not None
    assert (found.code, found.command) == ("genesis", 1)


async def test_a_reorg_makes_the_verifier_start_over(operator: Poster) -> None:
    venue, ledger = operator.venue, operator.venue.ledger
    verifier = Verifier(venue.chain, venue.deployment.settlement)
    snapshot = await venue.local.snapshot()
    before = await verifier.advance()
    replica, sequence = operator.replica.snapshot(), operator.replica.sequence
    await venue.deposit(BOB, 3)
    await venue.credit()
    await operator.commit([*ledger.records[sequence:], *trades(ledger)])
    assert (await verifier.advance()).inbox == 3
    await venue.local.revert(snapshot)
    operator.replica.restore(replica)
    operator.batches = 1
    assert await verifier.advance() == before
    await venue.deposit(ALICE, 4)
    item = (await venue.follower(2, operator.replica.inbox_hash).poll())[0].item
    await operator.commit([ledger.record(InboxItem(2, decode_inbox_body(item)))])
    verdict = await verifier.advance()
    assert verdict.ok
    assert (verdict.batches, verdict.inbox) == (2, 3)


@pytest.mark.parametrize("seed", range(8))
async def test_damaged_data_is_never_accepted_and_never_a_crash(operator: Poster, seed: int) -> None:
    """Bytes in the blob of an honest batch are flipped, or all of them are random; the rest is what it was."""
    rng = random.Random(seed)
    honest = operator.batch(trades(operator.venue.ledger))
    data = bytearray(honest.data[0])
    if seed % 2:
        data = bytearray(rng.randbytes(rng.randint(0, 400)))
    else:
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    said = honest.chunks[0]
    packed = [PackedChunk(bytes(data), said.trace_root, said.end)]
    await operator.venue.commit(Batch.make(1, honest.start, packed, 0, [], Source.BLOB))
    verdict = await look(operator)
    assert not verdict.ok
    assert verdict.batches == 1
    assert verdict.fraud is not None
    assert (verdict.fraud.batch, verdict.fraud.code) == (1, "blob")


async def test_malformed_calldata_do_not_get_onto_the_chain(operator: Poster) -> None:
    honest = operator.batch(trades(operator.venue.ledger))
    torn = PackedChunk(honest.data[0][:-1], honest.chunks[0].trace_root, honest.chunks[0].end)
    with pytest.raises(Reverted, match="ChunkMalformed"):
        await operator.venue.commit(Batch.make(1, honest.start, [torn], 0, []))


@pytest.mark.parametrize("secret", [None, BOB])
async def test_a_receipt_that_no_operator_signed_proves_nothing(operator: Poster, secret: bytes | None) -> None:
    receipt = operator.acknowledge([b"never sent"], 0)
    digest = receipt.frame.digest(operator.venue.ledger.domain)
    forged = msgspec.structs.replace(receipt, signature=sign(digest, secret) if secret else bytes(65))
    with pytest.raises(ReceiptError, match="receipt 2 proves nothing"):
        await look(operator, [receipt, forged])


async def test_what_cannot_be_verified_is_not_called_fraud(tmp_path: Path) -> None:
    receipts = tmp_path / "receipts"
    receipts.write_text("0x00\n")
    arguments = ["--rpc", "http://127.0.0.1:9", "--contract", "0x" + "11" * 20, "--receipts", str(receipts)]
    result = CliRunner().invoke(app(), arguments)
    assert result.exit_code == EXIT_UNKNOWN
    assert "line 1" in result.output


def app() -> typer.Typer:
    """The command as the process has it."""
    found = typer.Typer()
    found.command()(verify)
    return found
