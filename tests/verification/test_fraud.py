"""A watchtower, a process with an RPC URL and a key, convicts the operator of every fraud in the catalogue."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from support.ledger import ALICE, OPERATOR
from support.local import WINDOW, LocalChain, terms
from support.venue import settled
from synchromesh.agents.dishonest import FRAUDS, Conviction, Fraud
from synchromesh.agents.dishonest.operator import DishonestOperator
from synchromesh.operations.fraud_story import go_on, trade
from synchromesh.settlement.batches import Batch
from synchromesh.settlement.chain import Reverted, address_from_secret
from synchromesh.settlement.forced import ForcedRequests
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.terms import Windows
from synchromesh.verification.status import ChallengeMade
from verification.stage import WATCHER, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROVEN = {
    "forged-signature": "signature",
    "altered-order": "signature",
    "expired-order": "signature_expired",
    "unknown-key": "not_authorized",
    "revoked-key": "key_revoked",
    "replayed-nonce": "nonce_used",
    "beyond-limit": "kind",
    "out-of-priority": "root",
    "wrong-size": "root",
    "wrong-fee": "root",
    "fee-cap": "kind",
    "time-in-force": "root",
    "post-only": "post_only_would_trade",
    "reduce-only": "nothing_to_reduce",
    "below-margin": "not_enough_margin",
    "wrong-arithmetic": "root",
    "over-withdrawal": "insufficient_funds",
    "invented-withdrawal": "withdrawal_count",
    "missing-withdrawal": "withdrawal_count",
    "diverted-withdrawal": "withdrawal",
    "healthy-liquidation": "surplus_steps",
    "no-administrators": "not_administrator",
    "untrue-blob": "blob",
    "malformed-blob": "blob",
    "invented-deposit": "blob",
    "no-oracle-quorum": "not_oracle",
    "lane-off-by-one": "marks",
    "mark-off-by-one": "marks",
    "altered-series": "marks",
    "garbage-mark": "marks",
    "omitted-liquidation": "omitted_liquidation",
}
"""What the watchtower must find."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with LocalChain() as local:
        yield await Stage.open(local, tmp_path_factory.mktemp("watchtower"), trade, go_on)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def again(stage: Stage) -> AsyncIterator[None]:
    """Every test begins with the chain as the stage left it."""
    local = stage.floor.venue.local
    snapshot = await local.snapshot()
    yield
    await local.revert(snapshot)


async def commit(stage: Stage, fraud: Fraud) -> tuple[Batch, DishonestOperator]:
    """Commits the fraud behind the honest batch."""
    culprit = stage.culprit()
    return await culprit.commit([fraud], stage.floor.ledger.records), culprit


async def pass_deadlines(stage: Stage) -> None:
    """Lets the time to answer pass as soon as somebody asks for a leaf, and nobody answers."""
    requests = stage.contracts.challenges.events.OpeningRequested

    async def asked() -> bool:
        return bool(await requests.get_logs(from_block=0))

    await settled(asked, 30)
    await stage.floor.venue.local.pass_time(Windows.of(WINDOW).answer + 1)


@pytest.mark.parametrize("name", PROVEN)
async def test_a_process_with_an_rpc_url_convicts(stage: Stage, tmp_path: Path, name: str) -> None:
    fraud, venue = FRAUDS[name], stage.floor.venue
    batch, culprit = await commit(stage, fraud)
    assert batch.header.index == 1, "the contracts took it"
    beside = culprit.answer_openings() if fraud.conviction is not Conviction.SILENCE else pass_deadlines(stage)
    task = asyncio.ensure_future(beside)
    try:
        [made] = (await stage.watch(tmp_path)).challenges
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert (made.batch, made.kind, made.fraud) == (1, fraud.conviction, PROVEN[name]), made
    assert made.rewarded
    await stage.check_punished(1, stage.root)
    token = venue.chain.contract("TestUSDC", venue.deployment.usdc)
    rewards = venue.chain.logs(
        token.events.Transfer, **{"from": stage.contracts.bonds.address, "to": address_from_secret(WATCHER)}
    )
    agreed = terms()
    assert [log["args"]["amount"] async for log in rewards] == [agreed.bond * agreed.reward_share // 10_000]
    note(name, made)


def note(name: str, made: ChallengeMade) -> None:
    """Adds what a challenge used to the file that docs/frauds.md is written from, if one is named."""
    path = os.environ.get("SYNCHROMESH_FRAUD_GAS")
    if path:
        with Path(path).open("a") as file:
            file.write(json.dumps({"fraud": name, "gas": made.gas, "step": made.step}) + "\n")


async def test_the_contracts_refuse_an_invented_deposit_in_calldata(stage: Stage) -> None:
    with pytest.raises(Reverted, match="InboxTooShort"):
        await commit(stage, FRAUDS["invented-deposit-in-calldata"])
    assert await stage.floor.venue.chain.call(stage.contracts.settlement.functions.batches()) == 1


async def test_a_forced_request_that_nobody_serves_freezes_the_venue(stage: Stage, tmp_path: Path) -> None:
    venue, contracts = stage.floor.venue, stage.contracts
    alice = Sender(venue.chain, ALICE)
    await ForcedRequests(venue.chain, contracts).withdraw(alice, 1, 0, 10**6, alice.address)
    await venue.local.pass_time(Windows.of(WINDOW).serve + 1)
    status = await stage.watch(tmp_path)
    assert status.frozen
    assert status.freeze
    assert await venue.chain.call(contracts.settlement.functions.frozen())
    assert await venue.chain.call(contracts.bonds.functions.bondOf(address_from_secret(OPERATOR))) == 0


async def test_every_fraud_is_tried() -> None:
    ended_otherwise = {"invented-deposit-in-calldata", "ignored-request"}
    assert PROVEN.keys() | ended_otherwise == FRAUDS.keys()
    assert all(fraud.description for fraud in FRAUDS.values())


async def test_the_page_has_every_fraud_with_what_ends_it() -> None:
    page = (Path(__file__).parents[2] / "docs" / "frauds.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]
    listed = {row[0]: row for row in rows if row[0] in FRAUDS}
    assert listed.keys() == FRAUDS.keys()
    for name, fraud in FRAUDS.items():
        assert listed[name][1] == fraud.description
        if name in PROVEN:
            word = fraud.conviction.title().replace("_", "")
            assert listed[name][2].startswith(f"`challenge{word}`")
            assert int(listed[name][3].replace(",", "")) > 0
