"""Out of a venue whose operator is gone: a chain, a key, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from settlement.exit_story import CAROL, DAVE, ERIN, ERIN_USDC, TOKENS, USERS, WBTC, WITHDRAWN, ExitStory
from support.ledger import ALICE, ORACLE, Ledger
from support.local import OWNER, WINDOW, LocalChain, LocalVenue
from support.venue import EXPIRY, INDEX, SMILE
from synchromesh._native import ReplayError, read_chunk
from synchromesh._native import Step as TraceStep
from synchromesh.cli import app
from synchromesh.clock import SECOND
from synchromesh.protocol import (
    USDC,
    Clock,
    ExpiryInputs,
    FundingTick,
    MarkInputs,
    MarkUpdate,
    Side,
    TimeInForce,
    address_of,
)
from synchromesh.settlement.batches import Batch
from synchromesh.settlement.chain import Reverted
from synchromesh.settlement.construction import Construction
from synchromesh.settlement.exits.errors import ExitError, NothingToDo, NotYet, StateUnknown
from synchromesh.settlement.exits.leaving import Exit, Step
from synchromesh.settlement.exits.run import leave
from synchromesh.settlement.exits.venue import Phase, describe
from synchromesh.settlement.forced import ForcedRequests
from synchromesh.settlement.packing import Packer
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.wallet import Wallet

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRANGER = DAVE
"""Who freezes and opens: anyone may."""
DECIMALS = [6, *TOKENS.values()]
ENGINE_DECIMALS = [6, 8, 8]
EVERYTHING = 3 * WINDOW
"""Past every window of the venue, s."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played() -> AsyncIterator[ExitStory]:
    """The venue as its operator left it: alice demands a withdrawal, which nobody serves."""
    async with LocalChain() as local:
        story = await ExitStory.play(local)
        way = await exit_of(story, ALICE)
        forced = ForcedRequests(local.chain, way.venue.contracts)
        await forced.withdraw(story.sender(ALICE), 1, USDC, 10_000 * 10**6, story.wallet(ALICE).address)
        yield story


@pytest_asyncio.fixture(loop_scope="module")
async def story(played: ExitStory) -> AsyncIterator[ExitStory]:
    """The same for each test, whatever the others did."""
    local = played.venue.local
    before = await local.snapshot()
    yield played.fork()
    await local.revert(before)


async def exit_of(story: ExitStory, key: bytes) -> Exit:
    return await Exit.connect(story.venue.chain, story.venue.deployment.settlement, address_of(key), key)


async def balances(story: ExitStory) -> dict[int, dict[int, int]]:
    """What owners have in their wallets, engine units by subaccount and asset; zeros left out."""
    found = {}
    for subaccount, key in USERS.items():
        amounts = {asset: await balance(story, key, asset) for asset in range(len(DECIMALS))}
        found[subaccount] = {asset: amount for asset, amount in amounts.items() if amount}
    return found


async def balance(story: ExitStory, key: bytes, asset: int) -> int:
    units = await story.wallet(key, asset).balance()
    return units * 10 ** ENGINE_DECIMALS[asset] // 10 ** DECIMALS[asset]


async def custody(story: ExitStory, asset: int) -> int:
    """What the vault counts as its users', which it has; engine units."""
    held = await story.venue.chain.call(story.venue.contract.functions.assetAt(asset))
    token = story.venue.chain.contract("TestUSDC", held[0])
    assert await story.venue.chain.call(token.functions.balanceOf(story.venue.contract.address)) == held[4]
    return int(held[4]) * 10 ** ENGINE_DECIMALS[asset] // 10 ** DECIMALS[asset]


async def test_what_is_an_owners_and_why_while_the_venue_runs(story: ExitStory) -> None:
    expected = story.claims()
    for subaccount, key in USERS.items():
        status = await (await exit_of(story, key)).status()
        [account] = status.accounts
        assert account.subaccount == subaccount
        assert account.claimable == expected[subaccount]
        assert (account.claimed, account.paid) == (None, {})
        for asset in range(len(DECIMALS)):
            total = sum(reason.amount for reason in account.reasons if reason.asset == asset)
            assert max(total, 0) == expected[subaccount].get(asset, 0)
        assert status.standing.phase is Phase.LIVE
        assert status.standing.until is not None
        assert status.standing.until > status.standing.now


async def test_nothing_can_be_done_before_its_time(story: ExitStory) -> None:
    local, way = story.venue.local, await exit_of(story, ALICE)
    standing = await way.venue.standing()
    with pytest.raises(NotYet, match="the venue runs; unless a batch serves inbox item 4"):
        await way.freeze()
    assert standing.until is not None
    await local.node.rpc("evm_setNextBlockTimestamp", standing.until - 1)
    await local.mine()
    with pytest.raises(NotYet):
        await way.freeze()
    await local.node.rpc("evm_setNextBlockTimestamp", standing.until)
    await local.mine()
    for step in (way.open, way.claim, way.pay, way.return_deposits):
        with pytest.raises(NotYet, match="the venue can be frozen"):
            await step()
    with pytest.raises(ExitError, match="a key is needed"):
        await Exit(way.venue, address_of(ALICE)).freeze()
    assert (await way.freeze()).step is Step.FREEZE
    with pytest.raises(NotYet):
        await way.freeze()


async def test_a_batch_that_can_be_challenged_is_waited_for(story: ExitStory) -> None:
    """The operator commits just before the deadline, and serves nobody."""
    local, way = story.venue.local, await exit_of(story, STRANGER)
    story_time = await local.node.block_timestamp()
    overdue = (await way.venue.standing()).until
    assert overdue is not None
    await local.pass_time(overdue - story_time - 30)
    story.ledger.submit(FundingTick(1))
    await story.venue.commit_journal()
    await local.pass_time(60)
    await way.freeze()
    standing = await way.venue.standing()
    assert standing.phase is Phase.CHALLENGES
    with pytest.raises(NotYet, match="can be challenged until"):
        await way.open()
    # What no batch served waits for nothing.
    [returned] = await (await exit_of(story, ERIN)).return_deposits()
    assert returned.amounts == {USDC: ERIN_USDC * 10**6}
    assert standing.until is not None
    await local.pass_time(standing.until - standing.now)
    await way.open()
    assert (await way.venue.standing()).phase is Phase.CLAIMS


async def test_everybody_leaves_with_what_the_last_marks_say(story: ExitStory) -> None:
    local = story.venue.local
    before = [await custody(story, asset) for asset in range(len(DECIMALS))]
    stranger = await exit_of(story, STRANGER)
    await local.pass_time(EVERYTHING)
    await stranger.freeze()
    await stranger.open()
    expected, claims = story.payments(late=[2]), story.claims()
    for subaccount in (1, 3, 4):
        # Anyone may claim for anyone.
        way = Exit(stranger.venue, address_of(USERS[subaccount]), story.sender(STRANGER))
        [move] = await way.claim()
        assert (move.number, move.amounts) == (subaccount, claims[subaccount])
        with pytest.raises(NothingToDo):
            await way.claim()
        again = way.venue.exits.functions.claim(subaccount, way.state.witness(subaccount))
        with pytest.raises(Reverted, match="AlreadyClaimed"):
            await story.sender(STRANGER).send(again)
        with pytest.raises(NotYet, match="claims are collected until"):
            await way.pay()
    await local.pass_time(WINDOW)
    bob = await exit_of(story, USERS[2])
    [late] = await bob.claim()
    assert late.amounts == claims[2]
    [account] = (await bob.status()).accounts
    assert (account.late, account.claimed, account.paid) == (True, claims[2], {})
    for key in USERS.values():
        way = await exit_of(story, key)
        paid = await way.pay()
        assert {move.step for move in paid} == {Step.PAY}
        with pytest.raises(NothingToDo):
            await way.pay()
    [withdrawal] = await (await exit_of(story, CAROL)).claim_withdrawals()
    [returned] = await (await exit_of(story, ERIN)).return_deposits()
    assert (withdrawal.amounts, returned.amounts) == ({USDC: WITHDRAWN * 10**6}, {USDC: ERIN_USDC * 10**6})

    status = await bob.status()
    assert status.accounts[0].paid == expected[2]
    assert [pool.claims for pool in status.pools] == [
        sum(claims[subaccount].get(asset, 0) for subaccount in (1, 3, 4)) for asset in range(len(DECIMALS))
    ]
    assert status.pools[USDC].covered == story.pools()[USDC] < status.pools[USDC].claims
    expected[3][USDC] += WITHDRAWN * 10**6
    assert await balances(story) == expected
    assert await balance(story, ERIN, USDC) == ERIN_USDC * 10**6
    for asset, held in enumerate(before):
        out = sum(amounts.get(asset, 0) for amounts in expected.values())
        out += ERIN_USDC * 10**6 if asset == USDC else 0
        left = await custody(story, asset)
        assert left == held - out
        # USDC is short: all of it went out, but for what rounding leaves.
        assert asset != USDC or left < len(USERS)
    assert await custody(story, WBTC) == 0


def arguments(story: ExitStory, folder: Path, key: bytes, *command: str) -> list[str]:
    """A command line with nothing in it but a chain, an address and a key."""
    file = folder / f"{address_of(key).hex()}.key"
    file.write_text(key.hex())
    file.chmod(0o600)
    where = ("--rpc", story.venue.chain.url, "--contract", story.venue.deployment.settlement)
    return ["exit", *command, *where, "--key", str(file)]


class Leaving:
    """An owner who leaves: in a process of its own, in a folder with nothing but the key."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []

    @classmethod
    async def start(cls, story: ExitStory, folder: Path, key: bytes) -> Leaving:
        program = "from synchromesh.cli import app; app()"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, *arguments(story, folder, key, "run", "--poll", "0.5")),
            cwd=folder,
            env={"PATH": os.environ["PATH"], "NO_COLOR": "1"},
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(process)

    async def until(self, words: str) -> None:
        """Reads what it says until it says that."""
        assert self.process.stdout is not None
        while words not in (self.said[-1] if self.said else ""):
            line = (await self.process.stdout.readline()).decode()
            assert line, f"ended without {words!r}: {self.said}"
            self.said.append(line)


@pytest.mark.slow
async def test_the_command_line_takes_users_out_by_itself(story: ExitStory, tmp_path: Path) -> None:
    """All wait for the same windows at once, and take what somebody else did as done."""
    local = story.venue.local
    leaving = [await Leaving.start(story, tmp_path, key) for key in (ALICE, ERIN)]
    await asyncio.gather(*(each.until("waiting: the venue runs") for each in leaving))
    await local.pass_time(EVERYTHING)
    await asyncio.gather(*(each.until("waiting: the exit is open") for each in leaving))
    for subaccount in (2, 3, 4):
        await (await exit_of(story, USERS[subaccount])).claim()
    await local.pass_time(WINDOW)
    await leaving[0].until("account 1 is paid")
    assert [await each.process.wait() for each in leaving] == [0, 0]
    said = [line for each in leaving for line in each.said]
    assert sum("the venue is frozen  (0x" in line for line in said) == 1
    assert sum("the exit is open  (0x" in line for line in said) == 1

    assert await balances(story) == {1: story.payments()[1], 2: {}, 3: {}, 4: {}}
    assert await balance(story, ERIN, USDC) == ERIN_USDC * 10**6


async def test_the_command_line_says_what_is_whose_and_what_comes_next(story: ExitStory, tmp_path: Path) -> None:
    async def run(key: bytes, *command: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, arguments(story, tmp_path, key, *command))

    found = json.loads((await run(ALICE, "status", "--json")).stdout)
    assert found["standing"]["phase"] == "live"
    assert found["accounts"][0]["claimable"] == {str(n): v for n, v in story.claims()[1].items()}
    text = (await run(ERIN, "status")).stdout
    assert f"{ERIN_USDC}.000000 tUSDC, served by no batch yet" in text
    assert "it can be frozen from" in text
    early = await run(ALICE, "freeze")
    assert early.exit_code == 1
    assert early.stderr.startswith("error: the venue runs; unless a batch serves inbox item 4, it can be frozen from")
    await story.venue.local.pass_time(EVERYTHING)
    frozen = await run(ALICE, "freeze")
    assert "the venue is frozen  (0x" in frozen.stdout
    assert "the exit can be opened (synchromesh exit open)" in frozen.stdout


async def test_a_venue_that_serves_is_not_left(story: ExitStory) -> None:
    await story.venue.credit()
    await story.venue.commit_journal()
    way = await exit_of(story, ERIN)
    with pytest.raises(NotYet, match="the venue runs, and batches have served all of its inbox"):
        async for _ in leave(way, poll=0.0):
            pass
    status = await way.status()
    assert status.deposits == []
    assert status.accounts[0].claimable == {USDC: ERIN_USDC * 10**6}


async def test_a_venue_whose_batches_end_is_left(story: ExitStory) -> None:
    """Nobody demands anything: its time lags behind the chain's."""
    await story.venue.credit()
    await story.venue.commit_journal()
    local, way = story.venue.local, await exit_of(story, ERIN)
    standing = await way.venue.standing()
    assert (standing.phase, standing.waits) == (Phase.LIVE, False)
    assert standing.until is not None
    await local.node.rpc("evm_setNextBlockTimestamp", standing.until - 1)
    await local.mine()
    with pytest.raises(NotYet, match="without another batch, it can be frozen from"):
        await way.freeze()
    await local.node.rpc("evm_setNextBlockTimestamp", standing.until)
    await local.mine()
    assert describe(await way.venue.standing()) == "no batch came for too long: the venue can be frozen"
    assert (await way.freeze()).step is Step.FREEZE


async def test_a_root_that_does_not_follow_is_named(story: ExitStory) -> None:
    """No proof can be built from a batch that says what does not follow; only until it is taken back."""
    venue = story.venue
    story.ledger.submit(FundingTick(1))
    honest = venue.fork().batch()
    entries, _, _ = read_chunk(honest.start, honest.data[0])
    wrong = Packer(honest.start)
    for entry in entries:
        assert entry.record is not None
        *before, last = entry.steps
        wrong.add(
            entry.record, [*before, TraceStep(kind=last.kind, last=True, subject=last.subject, root=b"\x66" * 32)]
        )
    forged = Batch.make(honest.header.index, honest.start, wrong.finish(), honest.first_withdrawal, [])
    await venue.commit(forged)
    carol = await exit_of(story, CAROL)
    says = f"of batch 2 leads to the root 0x{honest.header.new_root.hex()}, and says 0x66"
    with pytest.raises(StateUnknown, match=says):
        await carol.status()
    # What does not need that state is paid all the same.
    [withdrawal] = await carol.claim_withdrawals()
    assert withdrawal.amounts == {USDC: WITHDRAWN * 10**6}
    await venue.take_back(forged)
    [account] = (await carol.status()).accounts
    assert account.claimable == story.claims()[3]


async def another(story: ExitStory) -> LocalVenue:
    """Another venue on the chain of the story, where it is later by now than in the story's beginning."""
    local = story.venue.local
    venue = await LocalVenue.new(local)
    venue.ledger.time = await local.node.block_timestamp() * SECOND
    return venue


async def test_what_the_operator_was_free_to_choose_is_taken_as_it_was_posted(story: ExitStory) -> None:
    """No step judges which of two orders past their end leaves first, nor the hash of a mark's arrays."""
    venue = await another(story)
    ledger = await venue.open()
    for price in (10, 15):
        end = ledger.time + 60 * SECOND
        ledger.submit(ledger.order(ALICE, 1, Side.BUY, price, time_in_force=TimeInForce.GTD, valid_until=end))
    await venue.commit_journal()
    ledger.pass_time(120)

    replica = ledger.replica.copy()
    start, first_withdrawal = replica.progress(), replica.next_withdrawal
    _, second = (step for step in replica.copy().apply_steps(ledger.record(Clock(2))) if any(step.subject))
    clock, mark = ledger.record(Clock(1)), ledger.record(garbled(ledger))
    own = replica.copy().apply_steps(clock)
    chosen = [(second.kind, second.subject) if any(step.subject) else (step.kind, step.subject) for step in own]
    packer = Packer(start)
    packer.add(clock, replica.apply_named(clock, chosen))
    assert replica.state_root() != own[-1].root
    with pytest.raises(ReplayError):
        replica.copy().apply(mark)
    packer.add(mark, replica.apply_named(mark, None))
    await venue.commit(Batch.make(1, start, packer.finish(), first_withdrawal, []))

    way = await Exit.connect(venue.chain, venue.deployment.settlement, address_of(ALICE))
    [account] = (await way.status()).accounts
    assert account.claimable == {USDC: 100_000 * 10**6}
    assert way.state.root == replica.state_root()
    # What is behind it is followed as well.
    start, packer = replica.progress(), Packer(replica.progress())
    tick = ledger.record(Clock(1))
    packer.add(tick, replica.apply_steps(tick))
    await venue.commit(Batch.make(2, start, packer.finish(), first_withdrawal, []))
    await way.status()
    assert (way.state.batches, way.state.root, way.state.fault) == (3, replica.state_root(), None)


def garbled(ledger: Ledger) -> MarkUpdate:
    """A mark that says what is not the hash of its arrays; signed by the oracle."""
    index = INDEX["BTC"]
    expiries = (ExpiryInputs(EXPIRY, index, 0, SMILE),)
    inputs = MarkInputs(1, ledger.time + 1_000, index, 100_000, 3, index, 10_000, expiries)
    return ledger.domain.cosigned(MarkUpdate(inputs, (), 1, b"\x66" * 32), [ORACLE], ledger.names)


async def test_a_deposit_that_the_venue_has_no_such_asset_for_comes_back(story: ExitStory) -> None:
    """From a venue that runs, once the batch that served it is final."""
    local, venue = story.venue.local, await another(story)
    site = await Construction.begin(Sender(local.chain, OWNER))
    token = site.create("TestUSDC")
    site.call("BondedSettlement", venue.deployment.settlement, "addAsset", token, 10**15)
    await site.build()
    await venue.open()
    wallet = Wallet(local.chain, venue.deployment.settlement, token, ALICE, asset=1)
    await wallet.mint(7 * 10**6)
    await wallet.deposit(7 * 10**6)
    await venue.credit()
    await venue.commit_journal()
    venue.ledger.submit(Clock(1))
    await venue.commit_journal()

    way = await Exit.connect(local.chain, venue.deployment.settlement, address_of(ALICE), ALICE)
    [deposit] = (await way.status()).deposits
    assert (deposit.index, deposit.asset, deposit.served, deposit.returned) == (2, 1, 0, False)
    with pytest.raises(NotYet, match="the venue runs"):
        await way.return_deposits()
    await local.pass_time(WINDOW)
    [move] = await way.return_deposits()
    assert (move.step, move.number) == (Step.RETURN_DEPOSIT, 2)
    assert await wallet.balance() == 7 * 10**6
    [deposit] = (await way.status()).deposits
    assert deposit.returned
    with pytest.raises(NotYet, match="the venue runs"):
        await way.return_deposits()
