"""The settlement service on a real chain: nothing is credited or committed twice, whatever restarts or vanishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from support.ledger import ALICE, BOB, OPERATOR
from support.local import STANDBY, WINDOW, LocalChain, LocalVenue
from support.venue import CHAIN_ID, START, settled
from synchromesh._native import JournalWriter, Progress, read_chunk
from synchromesh.clock import VenueClock
from synchromesh.config import AssetConfig, VenueConfig, VenueDirectory
from synchromesh.protocol import Side, address_of
from synchromesh.settlement import service as service_module
from synchromesh.settlement.batches import Batch, Source
from synchromesh.settlement.chain import Reverted, address_from_secret
from synchromesh.settlement.committer import Committer, CommitterError
from synchromesh.settlement.inbox import DeepReorg, InboxEntry, inbox_chain
from synchromesh.settlement.posting import post_batch
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.service import NotInOffice, ServiceOptions, SettlementService, SettlementStatus, VenueError

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[LocalChain]:
    async with LocalChain() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def venue(local: LocalChain) -> LocalVenue:
    return await LocalVenue.new(local)


def indices(entries: list[InboxEntry]) -> list[int]:
    return [entry.index for entry in entries]


# The inbox


async def test_items_are_yielded_once_and_a_restart_goes_on_behind_what_was_credited(venue: LocalVenue) -> None:
    for usdc in (10, 20, 30):
        await venue.deposit(ALICE, usdc)
    follower = venue.follower()
    entries = await follower.poll()
    assert indices(entries) == [0, 1, 2]
    assert await follower.poll() == []
    assert await venue.follower().poll() == entries
    assert await venue.follower(2, entries[1].chain).poll() == entries[2:]
    chain = bytes(32)
    for entry in entries:
        chain = inbox_chain(chain, entry.index, entry.item)
        assert entry.chain == chain


async def test_an_item_waits_for_its_confirmations(venue: LocalVenue) -> None:
    follower = venue.follower(confirmations=2)
    await venue.deposit(ALICE, 10)
    await venue.local.mine()
    assert await follower.poll() == []
    await venue.local.mine()
    assert indices(await follower.poll()) == [0]


async def test_a_reorg_above_finality_is_never_seen(venue: LocalVenue) -> None:
    follower = venue.follower(confirmations=3)
    await venue.local.mine(3)
    before = await venue.local.snapshot()
    await venue.deposit(ALICE, 10)
    assert await follower.poll() == []
    await venue.local.revert(before)
    await venue.deposit(BOB, 20)
    await venue.local.mine(3)
    (entry,) = await follower.poll()
    assert address_of(BOB) in entry.item


async def test_a_reorg_below_finality_that_changes_a_credited_item_halts(venue: LocalVenue) -> None:
    follower = venue.follower()
    before = await venue.local.snapshot()
    await venue.deposit(ALICE, 10)
    (entry,) = await follower.poll()
    await venue.local.revert(before)
    with pytest.raises(DeepReorg, match="fewer than the 1 items"):
        await follower.poll()
    await venue.deposit(ALICE, 11)
    await venue.deposit(ALICE, 12)
    with pytest.raises(DeepReorg, match="not those credited"):
        await follower.poll()
    with pytest.raises(DeepReorg, match="not those credited"):
        await venue.follower(1, entry.chain).poll()


async def test_a_reorg_below_finality_that_keeps_the_items_is_survived(venue: LocalVenue) -> None:
    follower = venue.follower()
    before = await venue.local.snapshot()
    await venue.deposit(ALICE, 10)
    assert indices(await follower.poll()) == [0]
    await venue.local.mine(5)
    await follower.poll()
    await venue.local.revert(before)
    await venue.deposit(ALICE, 10)
    await venue.deposit(ALICE, 20)
    await venue.local.mine(5)
    # The second deposit is in a block that had been looked at: the first poll sees that one is missing, the second
    # looks again.
    found = await follower.poll() + await follower.poll()
    assert indices(found) == [1]


async def test_a_deposit_with_permit_needs_no_approval(venue: LocalVenue) -> None:
    wallet = venue.wallet(ALICE)
    await wallet.mint(5_000_000)
    with pytest.raises(Reverted, match="InsufficientAllowance"):
        await wallet._sender.send(venue.contract.functions.deposit(0, 5_000_000, 0))
    await wallet.deposit_with_permit(5_000_000)
    (entry,) = await venue.follower().poll()
    assert address_of(ALICE) in entry.item


# Batches


@pytest.fixture
def directory(tmp_path: Path, venue: LocalVenue) -> VenueDirectory:
    """A venue directory for the contract, with an empty journal."""
    found = VenueDirectory(tmp_path / "venue")
    found.write(
        VenueConfig(
            chain_id=CHAIN_ID,
            contract=venue.deployment.settlement,
            operator=address_of(OPERATOR).hex(),
            admins=(),
            oracles=(),
            assets=(AssetConfig(symbol="USDC", token=venue.deployment.usdc, decimals=6),),
            underlyings=("BTC", "ETH"),
            clock=VenueClock.starting_at(START, 1.0),
            rpc_url=venue.chain.url,
        )
    )
    found.write_key("operator", OPERATOR)
    return found


class Journaled:
    """Writes a ledger's new records to a journal, a frame at a time."""

    def __init__(self, directory: VenueDirectory, venue: LocalVenue) -> None:
        self.ledger, self.path = venue.ledger, directory.journal
        self._written = 0

    def write(self) -> None:
        with JournalWriter(self.path, segment_bytes=1 << 20, frame_bytes=1 << 19) as writer:
            writer.append(self.ledger.records[self._written :])
        self._written = len(self.ledger.records)


@pytest_asyncio.fixture(loop_scope="module")
async def journal(directory: VenueDirectory, venue: LocalVenue) -> Journaled:
    """The journal of an open venue in which two traded."""
    await venue.open()
    journaled = Journaled(directory, venue)
    journaled.write()
    return journaled


def trade(venue: LocalVenue) -> None:
    venue.ledger.place(ALICE, 1, Side.BUY, 1_000)
    venue.ledger.place(BOB, 2, Side.SELL, 1_000)


def committer(directory: VenueDirectory, **options: Any) -> Committer:
    return Committer(directory.journal, directory.path / "settlement", batch_seconds=0, **options)


def batches(made: Committer) -> list[Batch]:
    return [batch for index in range(made.made) if (batch := made.store.load(index)) is not None]


def records(batch: Batch) -> list[bytes]:
    """The records that a batch's data hold."""
    found = []
    for number, data in enumerate(batch.data):
        entries, *_ = read_chunk(batch.start_of(number), data)
        found += [entry.record for entry in entries if entry.record is not None]
    return found


async def test_batches_keep_where_their_data_go(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled
) -> None:
    assert committer(directory, source=Source.BLOB).poll() == 1
    trade(venue)
    journal.write()
    later = committer(directory)
    assert later.poll() == 1
    assert [batch.chunks[0].source for batch in batches(later)] == [Source.BLOB, Source.CALLDATA]


@pytest.mark.parametrize("checkpoint_every", [1, 200])
async def test_a_restarted_committer_derives_the_same_batches(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled, checkpoint_every: int
) -> None:
    first = committer(directory, checkpoint_every=checkpoint_every)
    assert first.poll() == 1
    trade(venue)
    journal.write()
    assert first.poll() == 1
    made = batches(first)

    second = committer(directory, checkpoint_every=checkpoint_every)
    assert second.poll() == 0
    assert batches(second) == made
    venue.ledger.withdraw(ALICE, 1, 5)
    journal.write()
    assert second.poll() == 1
    made = batches(second)
    assert [record for batch in made for record in records(batch)] == venue.ledger.records
    assert made[-1].header.new_root == venue.ledger.replica.state_root()
    assert [found.amount for found in made[-1].withdrawals] == [5_000_000]


async def test_a_batch_that_does_not_follow_from_the_journal_is_an_error(
    directory: VenueDirectory, journal: Journaled
) -> None:
    made = committer(directory)
    made.poll()
    batch = made.store.load(0)
    assert batch is not None
    header = msgspec.structs.replace(batch.header, new_root=bytes(32))
    made.store.save(msgspec.structs.replace(batch, header=header))
    with pytest.raises(CommitterError, match="batch 0"):
        committer(directory).poll()


COMMAND_BYTES = 3_000
"""More than a command of these tests and its steps take."""


async def test_batches_stay_within_their_size(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synchromesh.settlement.committer.BATCH_BYTES_MAX", 3_000)
    for _ in range(20):
        trade(venue)
    journal.write()
    made = committer(directory)
    assert made.poll() > 2
    assert all(sum(map(len, batch.data)) <= 3_000 + COMMAND_BYTES for batch in batches(made))
    assert committer(directory).poll() == 0


def serving(directory: VenueDirectory, **options: Any) -> SettlementService:
    return SettlementService(directory.path, ServiceOptions(confirmations=0, batch_seconds=0, **options))


async def test_commits_go_on_after_a_restart(directory: VenueDirectory, venue: LocalVenue, journal: Journaled) -> None:
    await serving(directory).commit()
    assert (await venue.tip())[0] == 1
    for _ in range(2):
        trade(venue)
        journal.write()
        committer(directory).poll()
    # Three batches on disk, one on the chain, and a service that knows nothing of it.
    restarted = serving(directory)
    await restarted.commit()
    count, tip = await venue.tip()
    assert (count, tip.sequence) == (3, len(venue.ledger.records))
    assert tip.root == venue.ledger.replica.state_root()
    assert restarted.status.root == "0x" + tip.root.hex()
    assert restarted.status.lag_commands == 0


async def test_commits_dropped_by_a_reorg_are_sent_again(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled
) -> None:
    running = serving(directory)
    await running.commit()
    before = await venue.local.snapshot()
    for _ in range(2):
        trade(venue)
        journal.write()
        await running.commit()
    after = await venue.tip()
    await venue.local.revert(before)
    assert (await venue.tip())[0] == 1
    await running.commit()
    assert await venue.tip() == after


async def test_a_batch_on_the_chain_that_is_not_ours_stops_the_service(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled
) -> None:
    committer(directory).poll()
    trade(venue)
    await venue.commit_journal()
    with pytest.raises(CommitterError, match="another batch 0"):
        await serving(directory).commit()


async def test_a_commit_whose_receipt_nobody_saw_is_not_sent_again(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled
) -> None:
    running = serving(directory)
    made = committer(directory)
    made.poll()
    batch = made.store.load(0)
    assert batch is not None
    await venue.commit(batch)
    await running.commit()
    assert running.status.batches_committed == 1
    assert running.status.gas.transactions == 0


def written(directory: VenueDirectory) -> SettlementStatus:
    """The status that other processes see."""
    return msgspec.json.decode((directory.path / "settlement.json").read_bytes(), type=SettlementStatus)


async def test_a_standby_leaves_inbox_and_status_to_who_is_in_office(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = FakeVenue()
    monkeypatch.setattr(service_module, "VenueLink", gateway)
    monkeypatch.setattr(service_module, "RETRY_SECONDS", 0.05)
    directory.write_key("standby", STANDBY)
    standby = serving(directory, key="standby", store=directory.path / "settlement-standby")
    stop = asyncio.Event()
    task = asyncio.create_task(standby.run(stop))
    await settled(lambda: standby.stands_by)
    await asyncio.sleep(0.2)
    stop.set()
    await task
    assert gateway.credited == []
    assert not (directory.path / "settlement.json").exists()


async def test_a_standby_takes_over_behind_the_last_batch_that_stands(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled
) -> None:
    directory.write_key("standby", STANDBY)
    standby = serving(directory, key="standby", store=directory.path / "settlement-standby")
    with pytest.raises(NotInOffice, match="commits batches"):
        await standby.commit()
    await serving(directory).commit()
    trade(venue)
    journal.write()
    await serving(directory).commit()
    trade(venue)
    journal.write()
    second = committer(directory).store.load(1)
    assert second is not None
    await venue.take_back(second)

    with pytest.raises(Reverted, match="NotStandby"):
        await serving(directory).commit()
    await standby.commit()
    count, tip = await venue.tip()
    assert (count, tip.sequence, tip.root) == (2, len(venue.ledger.records), venue.ledger.replica.state_root())
    assert await venue.chain.call(venue.contract.functions.operator()) == address_from_secret(STANDBY)
    # A later life begins with what the first one made.
    trade(venue)
    journal.write()
    await serving(directory, key="standby", store=directory.path / "settlement-standby").commit()
    assert (await venue.tip())[1].sequence == len(venue.ledger.records)


async def test_a_standby_takes_over_from_who_has_released_the_bond(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled
) -> None:
    directory.write_key("standby", STANDBY)
    standby = serving(directory, key="standby", store=directory.path / "settlement-standby")
    with pytest.raises(NotInOffice, match="commits batches"):
        await standby.commit()
    contracts = await venue.contracts()
    await venue.operator.send(contracts.bonds.functions.release(1))
    await standby.commit()
    assert (await venue.tip())[0] == 1
    assert await venue.chain.call(venue.contract.functions.operator()) == address_from_secret(STANDBY)


async def test_a_journal_that_does_not_lead_to_the_tip_is_not_continued(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled
) -> None:
    trade(venue)
    await venue.commit_journal()
    batches, tip = await venue.tip()
    other = Progress(bytes(32), *tip.as_tuple()[1:])
    journal.write()
    with pytest.raises(CommitterError, match="do not follow from the journal"):
        committer(directory, after=(batches, other)).poll()


class FakeVenue:
    """The gateway's inbox: takes the next item and no other."""

    credited: list[InboxEntry]

    def __init__(self) -> None:
        self.credited = []
        self.refuse_next = False

    def __call__(self, config: VenueConfig, token: str) -> FakeVenue:
        return self

    async def close(self) -> None:
        """Nothing is open."""

    async def inbox(self) -> tuple[int, bytes]:
        return len(self.credited), self.credited[-1].chain if self.credited else bytes(32)

    async def credit(self, entry: InboxEntry) -> None:
        if self.refuse_next or entry.index != len(self.credited):
            self.refuse_next = False
            raise VenueError("refused")
        self.credited.append(entry)


async def test_the_process_credits_each_item_once_and_counts_gas_over_restarts(
    directory: VenueDirectory, venue: LocalVenue, journal: Journaled, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = FakeVenue()
    monkeypatch.setattr(service_module, "VenueLink", gateway)
    monkeypatch.setattr(service_module, "RETRY_SECONDS", 0.05)
    spent: list[int] = []
    for deposits in (2, 3):
        gateway.refuse_next = True
        trade(venue)
        journal.write()
        stop = asyncio.Event()
        running = serving(directory)
        task = asyncio.create_task(running.run(stop))
        await settled(lambda wanted=deposits: len(gateway.credited) == wanted)
        await settled(lambda now=running: now.status.lag_commands == 0 and now.status.batches_committed > 0)
        await venue.deposit(ALICE, 1)
        await settled(lambda wanted=deposits: len(gateway.credited) == wanted + 1)
        await settled(lambda wanted=deposits: written(directory).inbox_cursor == wanted + 1)
        stop.set()
        await task
        status = written(directory)
        assert status.problem == ""
        assert status.inbox_cursor == deposits + 1
        spent.append(status.gas.gas)
    assert indices(gateway.credited) == [0, 1, 2, 3]
    assert 0 < spent[0] < spent[1]


# Refusals


async def test_refusals_have_their_names(venue: LocalVenue, directory: VenueDirectory, journal: Journaled) -> None:
    made = committer(directory)
    made.poll()
    batch = made.store.load(0)
    assert batch is not None
    with pytest.raises(Reverted, match="ChunkMalformed"):
        await venue.commit(msgspec.structs.replace(batch, data=[b"no chunk"]))
    # Anybody may post data, only the operator commits to them.
    with pytest.raises(Reverted, match="NotOperator"):
        await post_batch(Sender(venue.chain, ALICE), await venue.contracts(), batch)
    await venue.commit(batch)
    with pytest.raises(Reverted, match="PreviousRootWrong"):
        await venue.commit(batch)


# Withdrawals


async def test_a_withdrawal_is_paid_once_and_not_before_its_window(
    venue: LocalVenue, directory: VenueDirectory, journal: Journaled
) -> None:
    venue.ledger.withdraw(ALICE, 1, 40)
    venue.ledger.withdraw(BOB, 2, 50)
    venue.ledger.withdraw(ALICE, 1, 60)
    journal.write()
    running = serving(directory)
    await running.commit()
    batch = committer(directory).store.load(0)
    assert batch is not None
    assert [found.number for found in batch.withdrawals] == [0, 1, 2]
    wallet = venue.wallet(ALICE)
    before = await wallet.balance()
    with pytest.raises(Reverted, match="BatchNotFinal"):
        await wallet.claim(batch, batch.withdrawals[2])
    await venue.local.pass_time(WINDOW)
    larger = msgspec.structs.replace(batch.withdrawals[2], amount=10**9)
    with pytest.raises(Reverted, match="WithdrawalProofWrong"):
        await wallet.claim(batch, larger)
    await wallet.claim(batch, batch.withdrawals[2])
    assert await wallet.balance() == before + 60_000_000
    with pytest.raises(Reverted, match="WithdrawalAlreadyClaimed"):
        await wallet.claim(batch, batch.withdrawals[2])
    # Anybody may send a claim; its recipient is paid.
    bob = await venue.wallet(BOB).balance()
    await wallet.claim(batch, batch.withdrawals[1])
    assert await venue.wallet(BOB).balance() == bob + 50_000_000
    assert await wallet.balance() == before + 60_000_000
