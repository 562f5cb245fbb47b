"""The dishonest operator's tools: a state that it changes at will is the honest one until it does."""

from __future__ import annotations

import pytest

from support.ledger import ALICE, BOB, Ledger
from support.venue import CHAIN_ID, CONTRACT, TOKEN
from synchromesh.agents.dishonest.draft import CannotCheatError, Draft
from synchromesh.agents.dishonest.state import State
from synchromesh.agents.dishonest.venue import VenueTables
from synchromesh.protocol import Deposit, Side, Withdraw, address_of, encode_inbox_body
from synchromesh.settlement.exits.leaves import account_key, instrument_key


@pytest.fixture
def ledger() -> Ledger:
    """A venue with two accounts, an offer and a trade."""
    found = Ledger(CHAIN_ID, CONTRACT, TOKEN)
    found.open()
    for owner in (ALICE, BOB):
        found.credit(encode_inbox_body(Deposit(address_of(owner), 0, 0, 10**11)))
    found.place(ALICE, 1, Side.SELL, 1_000)
    found.place(ALICE, 1, Side.SELL, 1_050)
    found.place(BOB, 2, Side.BUY, 1_000)
    return found


def test_a_state_that_nobody_changed_has_the_honest_root_and_paths(ledger: Ledger) -> None:
    state = State.of(ledger.replica)
    assert state.root() == ledger.replica.state_root()
    keys = [instrument_key(1), instrument_key(5), b"\x00" + bytes(31), b"\xff" * 32]
    for key in keys:
        roots, *leaf = state.path("instruments", key)
        honest, *expected = ledger.replica.prove("instruments", key)
        assert (tuple(roots), leaf) == (honest, expected)


def test_what_the_leaves_say(ledger: Ledger) -> None:
    state = State.of(ledger.replica)
    assert state.subaccount_of(address_of(BOB)) == 2
    assert state.subaccount_of(bytes(20)) == 0
    assert state.owner_of(1) == address_of(ALICE)
    [offer] = state.offers(5)
    assert (offer.subaccount, offer.ticks * ledger.specs[4].tick_size) == (1, 1_050 * 10**6)
    assert state.administrations() == 1


def test_a_graft_takes_over_what_changed_and_nothing_else(ledger: Ledger) -> None:
    """What a command changes in a twin with more money is what it changes here, but for that money."""
    twin, here = ledger.replica.copy(), State.of(ledger.replica)
    twin.apply(ledger.record(ledger.withdrawal(BOB, 2, 5)))
    before = State.of(ledger.replica)
    before.add_cash(1, 7)
    richer = State.of(twin)
    richer.add_cash(1, 7)
    here.graft(before, richer)
    here.set_clock(twin.time, twin.sequence, twin.chain_hash)
    assert here.root() == twin.state_root()
    assert here.cash_of(1) == before.cash_of(1) - 7


def test_a_lie_changes_one_leaf(ledger: Ledger) -> None:
    honest, state = State.of(ledger.replica), State.of(ledger.replica)
    state.liquidate(1, ledger.time)
    assert state.root() != honest.root()
    changed = [key for key, leaf in state.trees["accounts"].items() if honest.trees["accounts"][key] != leaf]
    assert changed == [account_key(1)]
    assert len(state.trees["accounts"][account_key(1)]) == len(honest.trees["accounts"][account_key(1)]) + 41


def test_a_fraud_that_needs_what_the_journal_has_not_is_not_made(ledger: Ledger) -> None:
    tables = VenueTables()
    for record in ledger.records:
        tables.learn(record)
    replica = ledger.replica.copy()
    draft = Draft(replica, tables, [ledger.place(BOB, 2, Side.BUY, 900)], b"\x01" * 32)
    with pytest.raises(CannotCheatError, match="no Withdraw waits"):
        draft.until(Withdraw)
    with pytest.raises(CannotCheatError, match="no account"):
        assert draft.accomplice.subaccount
