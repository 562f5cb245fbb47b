"""The watchtower: what it does by itself, and whom it tells."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import msgspec
import pytest
import pytest_asyncio
import typer
from typer.testing import CliRunner

from support.ledger import ALICE, BOB, CALL
from support.local import WINDOW, LocalChain, LocalVenue, terms
from support.venue import free_ports, secret, settled
from synchromesh.protocol import Side
from synchromesh.settlement.chain import ChainError, address_from_secret
from synchromesh.settlement.exits.leaves import instrument_key
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.trace import posted_commands, step_opening
from synchromesh.verification.alerts import Alerts, Metrics, Webhook
from synchromesh.verification.challenger import ATTEMPTS_MAX, Challenger
from synchromesh.verification.dispute import Dispute
from synchromesh.verification.examine import MARK
from synchromesh.verification.reconciliation.requests import Reconciliations
from synchromesh.verification.status import Alert, WatchStatus
from synchromesh.verification.watch import watch
from synchromesh.verification.watcher import Watcher
from verification.poster import NONSENSE, Command, Poster, told

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCHER, DOUBTER = secret("watcher"), secret("doubter")
ETHER = 10**18


class Receiver:
    """A webhook's other end; refuses the first ``refusals`` posts."""

    def __init__(self, refusals: int = 0) -> None:
        self.alerts: list[Alert] = []
        self.refused = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                refused = receiver.refused < refusals
                receiver.refused += int(refused)
                if not refused:
                    receiver.alerts.append(msgspec.json.decode(body, type=Alert))
                self.send_response(503 if refused else 204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[LocalChain]:
    async with LocalChain() as running:
        for key in (WATCHER, DOUBTER):
            await running.node.rpc("anvil_setBalance", address_from_secret(key), hex(100 * ETHER))
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def poster(local: LocalChain) -> Poster:
    """A venue with an honest batch, the last command of which is a mark; an order waits for the next."""
    found = Poster(await LocalVenue.new(local))
    ledger = await found.venue.open()
    ledger.place(ALICE, 1, Side.BUY, 1_000)
    ledger.place(BOB, 2, Side.SELL, 1_000)
    ledger.pass_time(1)
    ledger.mark()
    await found.honest()
    ledger.place(ALICE, 1, Side.BUY, 900)
    return found


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def forget(local: LocalChain, poster: Poster) -> AsyncIterator[None]:
    """Takes back what a test did to the chain."""
    snapshot = await local.snapshot()
    yield
    await local.revert(snapshot)


def another_root(commands: list[Command]) -> None:
    record, steps = commands[0]
    commands[0] = record, [told(steps[0], root=NONSENSE)]


def watcher(poster: Poster, key: bytes | None = WATCHER) -> Watcher:
    return Watcher(poster.venue.chain, poster.venue.deployment.settlement, key)


def events(status: WatchStatus) -> list[str]:
    return [alert.event for alert in status.alerts]


async def test_a_process_with_a_url_and_a_key_proves_fraud(poster: Poster, receiver: Receiver, tmp_path: Path) -> None:
    await poster.lie(another_root)
    key, report = tmp_path / "key", tmp_path / "watchtower.json"
    key.write_text(WATCHER.hex() + "\n")
    key.chmod(0o600)
    command = [sys.executable, "-m", "synchromesh.verification.watch", "--rpc", poster.venue.chain.url]
    command += ["--contract", poster.venue.deployment.settlement, "--key", str(key), "--json", str(report)]
    command += ["--webhook", receiver.url, "--until-proven"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = await asyncio.wait_for(process.communicate(), 180)
    assert process.returncode == 1, output.decode()
    status = msgspec.json.decode(report.read_bytes(), type=WatchStatus)
    assert [(made.kind, made.fraud, made.batch, made.step, made.rewarded) for made in status.challenges] == [
        ("step", "root", 1, 0, True)
    ]
    assert status.verdict.fraud is not None
    assert (await poster.venue.tip())[0] == 1
    assert [alert.event for alert in receiver.alerts] == ["fraud", "fraud_proven"]
    assert receiver.alerts[1].details["transaction"] == status.challenges[0].transaction
    for text in (output, report.read_bytes(), msgspec.json.encode(receiver.alerts)):
        assert WATCHER.hex().encode() not in text.lower()


async def test_it_serves_metrics_until_it_is_stopped(poster: Poster, tmp_path: Path) -> None:
    port, report = free_ports(1)[0], tmp_path / "watchtower.json"
    command = [sys.executable, "-m", "synchromesh.verification.watch", "--rpc", poster.venue.chain.url]
    command += ["--contract", poster.venue.deployment.settlement, "--metrics", str(port), "--json", str(report)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await settled(report.exists, 60)
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    finally:
        process.terminate()
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert "watchtower_batches_verified 1.0" in text
    assert "watchtower_fraud 0.0" in text


async def test_without_a_key_it_reports_only(poster: Poster) -> None:
    await poster.lie(another_root)
    tower = watcher(poster, None)
    await tower.look()
    status = await tower.look()
    assert events(status) == ["fraud"], "once for one fraud"
    assert (await poster.venue.tip())[0] == 2


async def test_a_restart_uses_the_seal_of_the_life_before(poster: Poster) -> None:
    await poster.lie(another_root)
    first, calls = watcher(poster), []

    async def die(challenger: Challenger) -> None:
        """Nothing waits at the start of the look; what is sealed in it is not sent any more."""
        calls.append(challenger)
        if len(calls) == 2:
            raise asyncio.CancelledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Challenger, "finish", die)
        with pytest.raises(asyncio.CancelledError):
            await first.look()
    status = await watcher(poster).look()
    assert [made.rewarded for made in status.challenges] == [True]
    seals = poster.venue.chain.logs((await poster.venue.contracts()).challenges.events.ProofSealed)
    assert len([seal async for seal in seals]) == 1


async def test_a_proof_that_cannot_be_sent_is_told_of_and_made_anew(poster: Poster) -> None:
    await poster.lie(another_root)
    tower = watcher(poster)

    async def refuse(challenger: Challenger, dispute: Dispute, salt: bytes) -> None:
        raise ChainError("no room in the pool")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Challenger, "_offer", refuse)
        for _ in range(ATTEMPTS_MAX):
            with pytest.raises(ChainError, match="no room"):
                await tower.look()
    assert events(tower.status) == ["fraud", "proof_stuck"]
    assert [made.rewarded for made in (await tower.look()).challenges] == [True]


async def test_an_unserved_deposit_freezes_the_venue(poster: Poster, local: LocalChain) -> None:
    await poster.venue.deposit(ALICE, 5)
    tower = watcher(poster)
    assert not (await tower.look()).frozen
    await local.pass_time(WINDOW + 1)
    status = await tower.look()
    assert (status.frozen, bool(status.freeze)) == (True, True)
    assert events(status) == ["inbox_overdue", "venue_frozen"]
    assert tower.proven


async def test_leaves_of_an_honest_mark_are_shown(poster: Poster) -> None:
    venue, contracts = poster.venue, await poster.venue.contracts()
    tower = watcher(poster)
    await tower.look()
    batch = await tower._verifier.batch(0)
    assert batch is not None
    marks = [command for command in posted_commands(batch) if command.steps[0].kind == MARK]
    mark = marks[-1]
    await venue.wallet(DOUBTER).mint(10_000 * 10**6)
    doubter = Challenger(venue.chain, contracts, DOUBTER)
    step = (batch.opening(), step_opening(batch, *mark.place(0)), mark.record)
    await doubter.ask(step, [instrument_key(CALL), instrument_key(10**6)])
    status = await tower.look()
    assert status.openings_answered == 2
    answered = venue.chain.logs(contracts.challenges.events.OpeningAnswered)
    assert [log["args"]["present"] async for log in answered] == [True, False]
    assert (await tower.look()).openings_answered == 2


async def test_questions_about_accounts_are_answered(poster: Poster, local: LocalChain) -> None:
    venue = poster.venue
    questions = await Reconciliations.find(venue.chain, venue.deployment.settlement)
    await venue.wallet(DOUBTER).mint(10_000 * 10**6)
    await questions.ask(Sender(venue.chain, DOUBTER), 1)
    tower = watcher(poster)
    assert (await tower.look()).reconciled == 0, "no batch is newer than the question"
    await local.pass_time(1)
    await poster.lie(lambda commands: None)
    assert (await tower.look()).reconciled == 1
    answer = await questions.answered(1, 0)
    assert answer is not None
    assert answer.batch == 1


async def test_silence_is_proven_by_the_chains_clock(poster: Poster, local: LocalChain) -> None:
    ledger, venue = poster.venue.ledger, poster.venue
    before = len(ledger.records)
    ledger.pass_time(1)
    ledger.mark()

    def made_up(commands: list[Command]) -> None:
        record, steps = commands[-1]
        commands[-1] = record, [told(steps[0], root=NONSENSE)]

    await poster.lie(made_up)
    del ledger.records[before:]
    wallet = venue.wallet(WATCHER)
    await wallet.mint(10_000 * 10**6)
    tower = watcher(poster)
    await tower.look()
    assert not (await tower.look()).challenges, "there is time to answer"
    await local.pass_time(WINDOW // 4 + 1)
    status = await tower.look()
    assert [(made.kind, made.fraud, made.rewarded) for made in status.challenges] == [("silence", "marks", True)]
    await tower.look()
    agreed = terms()
    reward = agreed.bond * agreed.reward_share // 10_000
    assert await wallet.balance() == 10_000 * 10**6 + reward, "every stake is back, with the reward"


async def test_a_poor_account_is_told_of_once(poster: Poster, local: LocalChain) -> None:
    poor = secret("poor")
    await local.node.rpc("anvil_setBalance", address_from_secret(poor), hex(10**9))
    tower = watcher(poster, poor)
    await tower.look()
    assert events(await tower.look()) == ["balance_low"]
    await local.node.rpc("anvil_setBalance", address_from_secret(poor), hex(ETHER))
    await tower.look()
    await local.node.rpc("anvil_setBalance", address_from_secret(poor), hex(10**9))
    assert events(await tower.look()) == ["balance_low", "balance_low"]


async def test_what_no_challenge_proves_is_told_of(poster: Poster) -> None:
    """A venue of another contract: the contracts do not judge it, and people have to know."""
    other = Poster(await LocalVenue.new(poster.venue.local))
    poster.venue.ledger.records, records = poster.venue.ledger.records[:1], poster.venue.ledger.records
    other.venue.ledger = poster.venue.ledger
    try:
        await other.honest()
    finally:
        poster.venue.ledger.records = records
    tower = watcher(other)
    await tower.look()
    status = await tower.look()
    assert events(status) == ["fraud", "fraud_unproven"]
    assert status.verdict.fraud is not None
    assert status.verdict.fraud.code == "genesis"


async def test_a_webhook_that_fails_gets_the_alert_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synchromesh.verification.alerts.RETRY_SECONDS", 0.01)
    receiver, metrics = Receiver(refusals=2), Metrics()
    webhook = Webhook(receiver.url, metrics)
    alerts = Alerts(WatchStatus(), metrics, webhook)
    alerts.tell("fraud", 1, batch=1)
    alerts.tell("fraud_proven", 2, batch=1)
    await settled(lambda: len(receiver.alerts) == 2)
    await webhook.close()
    receiver.close()
    assert [alert.event for alert in receiver.alerts] == ["fraud", "fraud_proven"]


async def test_an_alert_that_was_refused_once_is_not_lost_when_the_watchtower_ends() -> None:
    receiver, metrics = Receiver(refusals=1), Metrics()
    webhook = Webhook(receiver.url, metrics)
    Alerts(WatchStatus(), metrics, webhook).tell("fraud_proven", 1, batch=1)
    await settled(lambda: receiver.refused == 1)
    await webhook.close()
    receiver.close()
    assert [alert.event for alert in receiver.alerts] == ["fraud_proven"]


async def test_a_webhook_that_is_not_there_keeps_nobody_waiting() -> None:
    metrics = Metrics()
    webhook = Webhook(f"http://127.0.0.1:{free_ports(1)[0]}/", metrics)
    alerts = Alerts(WatchStatus(), metrics, webhook)
    for number in range(150):
        alerts.tell("fraud", number)
    await webhook.close()
    dropped = metrics.registry.get_sample_value("watchtower_webhook_dropped_total")
    assert dropped == 150


@pytest.mark.parametrize(("text", "mode"), [("not hex, but secret", 0o600), (WATCHER.hex(), 0o644)])
async def test_a_key_that_is_none_or_that_others_read_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(mode)
    command = typer.Typer()
    command.command()(watch)
    arguments = ["--rpc", "http://127.0.0.1:9", "--contract", "0x" + "11" * 20, "--key", str(path)]
    result = await asyncio.to_thread(CliRunner().invoke, command, arguments)
    assert result.exit_code == 2
    assert "cannot watch" in result.output
    assert text not in result.output
