"""The verifier, a process with nothing but an RPC URL, finds every fraud that a dishonest operator commits."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import pytest_asyncio
import typer
from typer.testing import CliRunner

from support.ledger import ALICE, BOB, Ledger
from support.local import LocalChain, LocalVenue
from synchromesh._native import keccak256
from synchromesh.protocol import (
    Deposit,
    InboxItem,
    Receipt,
    Record,
    Side,
    address_of,
    decode_inbox_body,
    pack,
    sign,
)
from synchromesh.settlement.chain import Sender
from synchromesh.verification.command import verify
from synchromesh.verification.receipts import ReceiptError
from synchromesh.verification.verify import Finding, Verdict, Verifier
from verification.operator import Operator

pytestmark = pytest.mark.asyncio(loop_scope="module")

Fraud = Callable[[Ledger, Operator], Awaitable[list[Receipt]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[LocalChain]:
    async with LocalChain() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def operator(local: LocalChain) -> Operator:
    """An operator who was honest for one batch: the venue is open, both users have funds."""
    found = Operator(await LocalVenue.new(local))
    ledger = await found.venue.open()
    await found.commit(ledger.records)
    return found


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


def trades(ledger: Ledger, count: int = 2) -> list[bytes]:
    """Honest commands: orders that meet."""
    records = []
    for _ in range(count):
        records += [ledger.place(ALICE, 1, Side.BUY, 1_000), ledger.place(BOB, 2, Side.SELL, 1_000)]
    return records


# The six kinds of fraud. Each is in batch 1, and returns the receipts that speak against it.


async def altered_command(ledger: Ledger, operator: Operator) -> list[Receipt]:
    """A signed order at another price."""
    records = trades(ledger)
    order = Record.decode(records[2])
    cheaper = msgspec.structs.replace(order.command, limit_price=1_500_000_000)
    await operator.commit([*records[:2], Record(order.time, cheaper).encode(), *records[3:]])
    return []


async def forged_signature(ledger: Ledger, operator: Operator) -> list[Receipt]:
    """An order in Alice's name, signed by Bob."""
    records = trades(ledger)
    order = ledger.order(ALICE, 1, Side.BUY, 900)
    digest = ledger.domain.digest(order, ledger.names)
    assert digest is not None
    forged = msgspec.structs.replace(order, auth=msgspec.structs.replace(order.auth, signature=sign(digest, BOB)))
    await operator.commit([*records, ledger.record(forged)])
    return []


async def invented_deposit(ledger: Ledger, operator: Operator) -> list[Receipt]:
    """A deposit that nobody made."""
    records = trades(ledger)
    await operator.commit([*records, ledger.record(InboxItem(2, Deposit(address_of(BOB), 2, 0, 10**12)))])
    return []


async def inflated_deposit(ledger: Ledger, operator: Operator) -> list[Receipt]:
    """A deposit that was made, with another amount."""
    await operator.venue.deposit(BOB, 1)
    records = trades(ledger)
    await operator.commit([*records, ledger.record(InboxItem(2, Deposit(address_of(BOB), 0, 0, 10**12)))])
    return []


async def wrong_root(ledger: Ledger, operator: Operator) -> list[Receipt]:
    """A state in which something else happened."""
    await operator.commit(trades(ledger), new_root=b"\x66" * 32)
    return []


async def wrong_withdrawals(ledger: Ledger, operator: Operator) -> list[Receipt]:
    """Withdrawals that no command queued."""
    await operator.commit(trades(ledger), withdrawal_root=b"\x66" * 32)
    return []


async def inapplicable_command(ledger: Ledger, operator: Operator) -> list[Receipt]:
    """A withdrawal of more than there is, signed as it must be."""
    records = trades(ledger)
    await operator.commit([*records, ledger.record(ledger.withdrawal(ALICE, 1, 200_000))])
    return []


async def omitted_order(ledger: Ledger, operator: Operator) -> list[Receipt]:
    """An order that was acknowledged, and is not there."""
    records = trades(ledger)
    receipt = operator.acknowledge(records, 3)
    await operator.commit([*records[:3], ledger.record(ledger.order(BOB, 2, Side.SELL, 2_000))])
    return [receipt]


async def rewritten_history(ledger: Ledger, operator: Operator) -> list[Receipt]:
    """The acknowledged order is there; what was acknowledged after it, in the same frame, is not."""
    records = trades(ledger)
    receipt = operator.acknowledge(records, 1)
    await operator.commit([*records[:3], ledger.record(ledger.order(BOB, 2, Side.SELL, 2_000))])
    return [receipt]


def check_finding(verdict: Verdict, command: int, code: str, reason: str) -> None:
    """The verdict stands at batch 1, and says what was wrong there."""
    found = verdict.fraud
    assert found is not None
    assert (verdict.ok, verdict.batches) == (False, 1)
    assert (found.batch, found.command) == (1, command), found
    assert found.code == code, found
    assert re.search(reason, found.reason), found


@pytest.mark.parametrize(
    ("fraud", "offset", "code", "reason"),
    [
        (altered_command, 3, "signature", "recovers to 0x.*, not to 0x"),
        (forged_signature, 5, "signature", "recovers to 0x.*, not to 0x"),
        (invented_deposit, 5, "inbox", "the chain has no inbox item 2"),
        (wrong_root, 0, "state_root", "0x6666.* is committed, 0x.* follows from the data"),
        (inapplicable_command, 5, "insufficient_funds", "200000000000 of asset 0 asked"),
        (omitted_order, 4, "receipt", "0x.* was acknowledged, the batch holds 0x.* in its place"),
    ],
)
async def test_a_process_with_an_rpc_url_finds_fraud(
    operator: Operator, tmp_path: Path, fraud: Fraud, offset: int, code: str, reason: str
) -> None:
    honest = len(operator.venue.ledger.records)
    receipts = await fraud(operator.venue.ledger, operator)
    assert operator.batches == 2, "the contract took it"
    outcome = await run_verifier(operator.venue, tmp_path, receipts)
    assert outcome.code == 1, outcome.text
    assert outcome.verdict is not None
    check_finding(outcome.verdict, honest + offset if offset else 0, code, reason)
    assert outcome.text == f"FRAUD in {outcome.verdict.fraud}\n"


@pytest.mark.parametrize(
    ("fraud", "offset", "code", "reason"),
    [
        (inflated_deposit, 5, "inbox", "inbox item 2 is 0x01.* on the chain, and 0x01.* here"),
        (wrong_withdrawals, 0, "withdrawal_root", "0x6666.* is committed, 0x0000.* follows from the data"),
        (rewritten_history, 4, "receipt", "frame 7 was acknowledged with another history"),
    ],
)
async def test_other_fraud_is_found(operator: Operator, fraud: Fraud, offset: int, code: str, reason: str) -> None:
    honest = len(operator.venue.ledger.records)
    receipts = await fraud(operator.venue.ledger, operator)
    check_finding(await look(operator, receipts), honest + offset if offset else 0, code, reason)


async def test_an_honest_operator_and_an_honoured_receipt(operator: Operator, tmp_path: Path) -> None:
    venue, ledger = operator.venue, operator.venue.ledger
    await venue.deposit(ALICE, 7)
    before = len(ledger.records)
    trades(ledger)
    await venue.credit()
    ledger.withdraw(ALICE, 1, 40)
    records = ledger.records[before:]
    receipts = [operator.acknowledge(records, 0), operator.acknowledge(records, 3)]
    await operator.commit(records)
    pending = operator.acknowledge([ledger.place(BOB, 2, Side.BUY, 500)], 0)
    outcome = await run_verifier(venue, tmp_path, [*receipts, pending])
    assert outcome.code == 0, outcome.text
    verdict = outcome.verdict
    assert verdict is not None
    assert verdict == Verdict(
        batches=2,
        commands=before + len(records),
        root="0x" + bytes((await venue.tip())[0]).hex(),
        inbox=3,
        receipts=2,
        receipts_pending=1,
    )
    assert "verified 2 batches" in outcome.text


async def test_the_first_of_several_faults_is_named(operator: Operator) -> None:
    ledger = operator.venue.ledger
    records = trades(ledger)
    records.append(ledger.record(ledger.withdrawal(ALICE, 1, 200_000)))
    records.append(ledger.record(InboxItem(2, Deposit(address_of(BOB), 2, 0, 10**12))))
    await operator.commit(records, new_root=b"\x66" * 32)
    verdict = await look(operator)
    assert verdict.fraud is not None
    assert (verdict.fraud.command, verdict.fraud.code) == (len(ledger.records) + 1, "insufficient_funds")


async def test_a_venue_of_another_contract_or_operator_is_refused(local: LocalChain) -> None:
    first, second = await LocalVenue.new(local), await LocalVenue.new(local)
    ledger = await first.open()
    elsewhere = Operator(second)
    await elsewhere.commit(ledger.records[:3])
    assert (await look(elsewhere)).fraud == Finding(
        0, 1, "genesis", f"signatures are for 0x{first.address.hex()} on chain 31337, not for this venue"
    )
    genesis = Record.decode(ledger.records[0])
    usurped = msgspec.structs.replace(genesis.command, operator=address_of(BOB))
    usurper = Operator(first)
    await usurper.commit([Record(genesis.time, usurped).encode()])
    found = (await look(usurper)).fraud
    assert found is not None
    assert (found.code, found.command) == ("genesis", 1)


async def test_a_reorg_makes_the_verifier_start_over(operator: Operator) -> None:
    venue, ledger = operator.venue, operator.venue.ledger
    verifier = Verifier(venue.chain, venue.deployment.settlement)
    snapshot = await venue.local.snapshot()
    before = msgspec.structs.replace(await verifier.advance())
    replica, sequence, chain = operator._replica.snapshot(), operator._sequence, operator._chain
    await venue.deposit(BOB, 3)
    await venue.credit()
    await operator.commit([*ledger.records[sequence:], *trades(ledger)])
    assert (await verifier.advance()).inbox == 3
    await venue.local.revert(snapshot)
    operator._replica.restore(replica)
    operator._sequence, operator._chain, operator.batches = sequence, chain, 1
    assert await verifier.advance() == before
    await venue.deposit(ALICE, 4)
    item = (await venue.follower(2, operator._replica.inbox_hash).poll())[0].item
    credited = ledger.record(InboxItem(2, decode_inbox_body(item)))
    await operator.commit([credited])
    verdict = await verifier.advance()
    assert verdict.ok
    assert (verdict.batches, verdict.inbox) == (2, 3)


async def look(operator: Operator, receipts: list[Receipt] | None = None) -> Verdict:
    """What a verifier in this process says."""
    venue = operator.venue
    return await Verifier(venue.chain, venue.deployment.settlement, receipts).advance()


@pytest.mark.parametrize("seed", range(12))
async def test_damaged_data_is_never_accepted_and_never_a_crash(operator: Operator, seed: int) -> None:
    """Bytes of an honest batch's data are flipped; everything else in the header is as the honest batch had it."""
    rng = random.Random(seed)
    records = trades(operator.venue.ledger)
    honest = await operator.header(records)
    snapshot = await operator.venue.local.snapshot()
    data = bytearray(pack(records))
    for _ in range(rng.randint(1, 3)):
        data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    damaged = msgspec.structs.replace(honest, data_hash=keccak256(bytes(data)))
    await operator.venue.commit(damaged, bytes(data))
    verdict = await look(operator)
    await operator.venue.local.revert(snapshot)
    assert not verdict.ok
    assert verdict.batches == 1
    assert verdict.fraud is not None
    assert verdict.fraud.batch == 1


@pytest.mark.parametrize("seed", range(4))
async def test_random_data_is_never_accepted_and_never_a_crash(local: LocalChain, seed: int) -> None:
    rng = random.Random(seed)
    operator = Operator(await LocalVenue.new(local))
    await operator.commit([b"\x00"], data=rng.randbytes(rng.randint(0, 400)))
    verdict = await look(operator)
    assert verdict.fraud is not None
    assert verdict.fraud.batch == 0


async def test_data_that_no_plain_call_carries_is_refused(operator: Operator) -> None:
    """The verifier reads data from the transaction to the contract; a batch committed another way has none."""
    found = Verifier(operator.venue.chain, operator.venue.deployment.settlement)
    source = found._source
    posted = [batch async for batch in source.batches()]
    log = posted[0]
    assert log.data is not None
    mint = operator.venue.chain.contract("TestUSDC", operator.venue.deployment.usdc).functions.mint
    receipt = await Sender(operator.venue.chain, BOB).send(mint(operator.venue.wallet(BOB).address, 1))
    assert await source._data({"transactionHash": receipt["transactionHash"]}) is None


@pytest.mark.parametrize("secret", [None, BOB])
async def test_a_receipt_that_no_operator_signed_proves_nothing(operator: Operator, secret: bytes | None) -> None:
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
    assert result.exit_code == 2
    assert "line 1" in result.output


def app() -> typer.Typer:
    """The command as the process has it."""
    found = typer.Typer()
    found.command()(verify)
    return found
