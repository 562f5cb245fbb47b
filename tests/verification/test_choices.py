"""What the rules leave to the operator: verifiers follow it, note it and accuse nobody; a fraud behind it is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from support.floor import LedgerFloor
from support.ledger import CALL
from support.local import LocalChain
from synchromesh._native import Step
from synchromesh.agents.dishonest import CHOICES, FRAUDS, Conviction, Fraud
from synchromesh.agents.dishonest.choices import garbled, joined, looks_of, mark_with, names_of, rounds_of
from synchromesh.agents.dishonest.draft import Draft
from synchromesh.agents.dishonest.kinds import Plan
from synchromesh.operations.fraud_story import ACCOMPLICE, CALM, CONTRACT_LOTS, RALLY, WITHDRAWAL, trade
from synchromesh.protocol import MarkUpdate, Side
from synchromesh.settlement.chain import ChainError
from synchromesh.verification.dispute import Dispute
from synchromesh.verification.examine import LIQUIDATION_START
from synchromesh.verification.verify import Verifier
from synchromesh.verification.watcher import Watcher
from verification.poster import NONSENSE, told
from verification.stage import WATCHER, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTED = {
    "used-client-id": "duplicate_client_id",
    "other-arrays": "mark_arrays_hash",
    "order-of-removals": "subject",
    "spared-order": "missing_steps",
    "order-of-looks": "subject",
    "order-of-rounds": "subject",
    "rounds-put-off": "missing_steps",
    "smaller-slice": "subject",
    "other-counterparties": "subject",
}
"""What a verifier says of each choice."""
FILL = 20
"""Step kind."""
AUCTION_MARKS = 15
"""Marks until the auctions are over."""
MARK_SECONDS = 280
"""Venue seconds between them."""


async def overreach(floor: LedgerFloor) -> None:
    """Everybody trades, and the accomplice sells more than is good for it, to two users."""
    await trade(floor)
    await floor.order("bob", Side.BUY, 5 * CONTRACT_LOTS, 1_000)
    await floor.order("alice", Side.BUY, 2 * CONTRACT_LOTS, 1_000)
    await floor.order(ACCOMPLICE, Side.SELL, 7 * CONTRACT_LOTS, 1_000)
    await floor.order("alice", Side.SELL, CONTRACT_LOTS // 2, 11_100)


async def fall(floor: LedgerFloor) -> None:
    """The market moves, two accounts are liquidated, and nobody bids."""
    for price in (1_000, 1_005):
        await floor.order("alice", Side.BUY, 1, price)
        floor.ledger.pass_time(1)
    await floor.withdraw("bob", WITHDRAWAL)
    await floor.mark(CALM)
    await floor.mark(RALLY)
    for _ in range(AUCTION_MARKS):
        floor.ledger.pass_time(MARK_SECONDS)
        await floor.mark(RALLY)
    await floor.order("alice", Side.BUY, 1, 1_010)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with LocalChain() as local:
        yield await Stage.open(local, tmp_path_factory.mktemp("watchtower"), overreach, fall)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def again(stage: Stage) -> AsyncIterator[None]:
    """Every test begins with the chain as the stage left it."""
    local = stage.floor.venue.local
    snapshot = await local.snapshot()
    yield
    await local.revert(snapshot)


def verifier(stage: Stage) -> Verifier:
    venue = stage.floor.venue
    return Verifier(venue.chain, venue.deployment.settlement)


@pytest.mark.parametrize("name", NOTED)
async def test_a_choice_is_followed_and_noted(stage: Stage, name: str) -> None:
    batch = await stage.culprit().commit([CHOICES[name]], stage.floor.ledger.records)
    following = verifier(stage)
    verdict = await following.advance()
    assert (verdict.ok, verdict.fraud, verdict.batches) == (True, None, 2)
    assert verdict.root == "0x" + batch.header.new_root.hex()
    assert (verdict.deviations, verdict.unjudged) == (1, 0)
    assert verdict.deviation is not None
    assert (verdict.deviation.batch, verdict.deviation.code) == (1, NOTED[name]), verdict.deviation
    assert (await following.state_before(2)).state_root() == batch.header.new_root


async def test_a_step_that_the_node_does_not_judge_keeps_nobody_waiting(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_large(dispute: Dispute, challenges: object, challenger: str) -> None:
        raise ChainError("request entity too large")

    monkeypatch.setattr("synchromesh.verification.court.try_out", too_large)
    await stage.culprit().commit([CHOICES["used-client-id"]], stage.floor.ledger.records)
    verdict = await verifier(stage).advance()
    assert (verdict.ok, verdict.deviations, verdict.unjudged) == (True, 1, 1)


async def test_every_choice_is_tried() -> None:
    assert NOTED.keys() == CHOICES.keys()
    assert all(choice.description for choice in CHOICES.values())


async def test_a_fraud_behind_choices_is_proven_by_a_process(stage: Stage, tmp_path: Path) -> None:
    culprit, records = stage.culprit(), stage.floor.ledger.records
    chosen = [CHOICES[name] for name in ("used-client-id", "other-arrays", "order-of-looks", "other-counterparties")]
    followed = await culprit.commit(chosen, records)
    await culprit.commit([FRAUDS["wrong-arithmetic"]], records)
    status = await stage.watch(tmp_path)
    assert (status.verdict.deviations, status.verdict.batches) == (len(chosen), 2)
    events = [alert.event for alert in status.alerts]
    assert events == ["deviation", "fraud", "fraud_proven"]
    [made] = status.challenges
    assert (made.batch, made.kind, made.fraud, made.rewarded) == (2, "step", "root", True)
    await stage.check_punished(2, followed.header.new_root)


async def test_a_fraud_behind_a_choice_in_one_batch_is_proven(stage: Stage, tmp_path: Path) -> None:
    schemes = [CHOICES["order-of-looks"], FRAUDS["wrong-arithmetic"]]
    await stage.culprit().commit(schemes, stage.floor.ledger.records)
    [made] = (await stage.watch(tmp_path)).challenges
    assert (made.batch, made.kind, made.fraud) == (1, "step", "root")
    await stage.check_punished(1, stage.root)


def omitted_under_other_arrays(draft: Draft) -> None:
    """The root behind a mark is said to be the end, before anybody was looked at."""
    record, _ = mark_with(draft, lambda steps: len(looks_of(steps)) > 1)
    record = garbled(record)
    mark = draft.replica.copy().apply_named(record, None)[0]
    draft.claim(record, [told(mark, last=True)])


def omitted_among_others(draft: Draft) -> None:
    """One of two accounts that have to be liquidated is not looked at."""
    record, steps = mark_with(draft, lambda steps: len(looks_of(steps)) > 1)
    draft.choose(record, names_of([steps[0], *looks_of(steps)[1], *rounds_of(steps)[0]]))


def root_behind_a_choice(draft: Draft) -> None:
    """Accounts are looked at in another order, and the last root is that of no state."""
    record, steps = mark_with(draft, lambda steps: len(looks_of(steps)) > 1)
    way = names_of([steps[0], *joined(looks_of(steps)[::-1]), *joined(rounds_of(steps))])
    *before, last = draft.replica.copy().apply_named(record, way)
    draft.claim(record, [*before, told(last, root=NONSENSE)])


def healthy_behind_a_choice(draft: Draft) -> None:
    """Accounts are looked at in another order, and a healthy one is liquidated as well."""
    record, steps = mark_with(draft, lambda steps: len(looks_of(steps)) > 1)
    healthy = LIQUIDATION_START, (1).to_bytes(8, "big") + bytes(24)
    way = names_of([steps[0], *joined(looks_of(steps)[::-1])])
    draft.choose(record, [*way, healthy])


def impossible_behind_a_choice(draft: Draft) -> None:
    """Accounts are looked at in another order, and then a fill follows that no order has to do with."""
    record, steps = mark_with(draft, lambda steps: len(looks_of(steps)) > 1)
    way = names_of([steps[0], *joined(looks_of(steps)[::-1])])
    *before, last = draft.replica.copy().apply_named(record, way)
    fill = Step(kind=FILL, last=True, subject=bytes(32), root=NONSENSE)
    draft.claim(record, [*before, told(last, last=False), fill])


def lane_under_other_arrays(draft: Draft) -> None:
    """A scenario of an option is off by one, under a mark whose hash of the arrays is another as well."""
    record, _ = draft.until(MarkUpdate)
    draft.bend(garbled(record), lambda state: state.add_lane(CALL, 17, 1))


HIDDEN = {
    omitted_under_other_arrays: ("omission", "omitted_call"),
    omitted_among_others: ("omission", "subject"),
    root_behind_a_choice: ("step", "subject"),
    healthy_behind_a_choice: ("step", "subject"),
    impossible_behind_a_choice: ("step", "subject"),
    lane_under_other_arrays: ("asserted", "marks"),
}
"""Frauds that share a command with a choice, with what convicts them, and what a verifier says of the command."""


@pytest.mark.parametrize(("plan", "proof"), HIDDEN.items(), ids=[plan.__name__ for plan in HIDDEN])
async def test_a_fraud_beside_a_choice_in_one_command_is_proven(
    stage: Stage, plan: Plan, proof: tuple[str, str]
) -> None:
    culprit, venue = stage.culprit(), stage.floor.venue
    fraud = Fraud(plan.__name__, "", plan, Conviction(proof[0]), shows_leaves=True)
    await culprit.commit([fraud], venue.ledger.records)
    answering = asyncio.ensure_future(culprit.answer_openings())
    tower = Watcher(venue.chain, venue.deployment.settlement, WATCHER)
    try:
        async with asyncio.timeout(60):
            while not (await tower.look()).challenges:
                await asyncio.sleep(0.1)
    finally:
        answering.cancel()
    [made] = tower.status.challenges
    assert (made.batch, made.kind, made.fraud) == (1, *proof), made
    await stage.check_punished(1, stage.root)


async def test_the_page_has_every_choice() -> None:
    page = (Path(__file__).parents[2] / "docs" / "frauds.md").read_text()
    for name, choice in CHOICES.items():
        assert f"| {name} | {choice.description} |" in page
