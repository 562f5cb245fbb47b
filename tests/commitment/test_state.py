"""Whole states of a replica against the plain reference: leaves by hand in a small story, roots on random streams."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commitment import reference
from commitment.reference import number, pack, pad
from commitment.story import ADMIN, ALICE, BOB, CALL, ORACLE, PARAMETERS, PERPETUAL, SMILE, START, Story
from support.venue import EXPIRY
from synchromesh._native import CodecError, ReplayError, Replica
from synchromesh.protocol import (
    Authorization,
    Clock,
    CollateralTerms,
    CreateSubaccount,
    Deposit,
    ForcedCloseOnly,
    Parameter,
    RegisterSessionKey,
    RevokeSessionKey,
    Side,
    Withdraw,
    address_of,
)


def test_the_empty_state() -> None:
    replica = Replica()
    assert replica.state_root() == reference.keccak(b"synchromesh.state.v1" + bytes(160))
    assert reference.root_of_opening(replica.opening()) == replica.state_root()
    assert (replica.sequence, replica.time, replica.chain_hash, replica.venue) == (0, 0, bytes(32), None)


def test_accounts_and_books_leaf_by_leaf() -> None:
    story = Story()
    mark = 76_000_000_000 // 500_000
    resting = story.place(ALICE, 1, PERPETUAL, Side.BUY, lots=7, ticks=mark - 10)
    better = story.place(ALICE, 1, PERPETUAL, Side.BUY, lots=5, ticks=mark - 4)
    story.place(BOB, 2, PERPETUAL, Side.SELL, lots=2, ticks=mark - 4)
    option = story.place(BOB, 2, CALL, Side.SELL, lots=3, ticks=400, valid_until=START + 10**12)
    opening = story.replica.opening()

    cost = 2 * (mark - 4) * 500
    bids = {
        pad(number(reference.price_rank(0, mark - ticks), 64), number(order, 64)): number(order, 64)
        for ticks, order in ((10, resting), (4, better))
    }
    assert min(bids) == pad(number(reference.price_rank(0, mark - 4), 64), number(better, 64)), "worst price"
    orders = {
        pad(number(resting, 64)): reference.book_place(PERPETUAL, 0, mark - 10, resting),
        pad(number(better, 64)): reference.book_place(PERPETUAL, 0, mark - 4, better),
    }
    holdings = {pad(number(PERPETUAL, 32)): reference.holding_leaf(2, cost, 0, (7 + 3, bids), (0, {}))}
    maker_fee = sum(fee for subaccount, fee in story.fees if subaccount == 1)
    alice = reference.account_leaf(story.address(ALICE), 10**12 - maker_fee, orders, holdings)
    assert opening["accounts"][pad(number(1, 64))] == alice

    rank = reference.price_rank(1, 400)
    offers = {pad(number(rank, 64), number(option, 64)): number(option, 64)}
    holdings = {
        pad(number(PERPETUAL, 32)): reference.holding_leaf(-2, -cost, 0, (0, {}), (0, {})),
        pad(number(CALL, 32)): reference.holding_leaf(0, 0, 0, (0, {}), (3, offers)),
    }
    orders = {pad(number(option, 64)): reference.book_place(CALL, 1, 400, option)}
    taker_fee = sum(fee for subaccount, fee in story.fees if subaccount == 2)
    bob = reference.account_leaf(story.address(BOB), 10**12 - taker_fee, orders, holdings)
    assert opening["accounts"][pad(number(2, 64))] == bob

    max_fee = Story.MAX_FEE
    places = [(PERPETUAL, 0, mark - 10, resting), (PERPETUAL, 0, mark - 4, better), (CALL, 1, 400, option)]
    leaves = [
        reference.order_leaf(resting, 1, 7, 0, max_fee),
        reference.order_leaf(better, 1, 3, 2, max_fee),
        reference.order_leaf(option, 2, 3, 0, max_fee, valid_until=START + 10**12),
    ]
    keys = [pad(b"\0", reference.book_place(*place)) for place in places]
    assert opening["books"] == dict(zip(keys, leaves, strict=True))
    best = min(key for key in opening["books"] if key.startswith(pad(b"\0", number(PERPETUAL, 32), b"\0")[:6]))
    assert opening["books"][best][1:9] == number(better, 64), "the best order is the leftmost leaf"
    assert reference.root_of_opening(opening) == story.replica.state_root()


def test_keys_leaf_by_leaf() -> None:
    story = Story()
    secret = bytes([9] * 32)
    session = address_of(secret)

    def register(auth: Authorization) -> RegisterSessionKey:
        command = RegisterSessionKey(session, 3, (1, 3), START + 10**15, auth)
        return story.domain.consented(command, secret, story.names)

    story.own(ALICE, lambda auth: CreateSubaccount(auth))
    story.own(ALICE, register)
    story.place(ALICE, 1, PERPETUAL, Side.BUY, lots=1, ticks=100_000)
    nonce = story.nonce
    keys = story.replica.opening()["keys"]
    alice = story.address(ALICE)
    assert keys[pad(alice)] == reference.key_leaf(subaccounts=2, first=1, next_nonce=2, nonces=[nonce])
    assert keys[pad(story.address(BOB))] == reference.key_leaf(subaccounts=1, first=2)
    granted = reference.grant(alice, 3, [1, 3], START + 10**15, revoked=False)
    assert keys[pad(session)] == reference.key_leaf(grant=granted)

    story.own(ALICE, lambda auth: RevokeSessionKey(session, auth))
    revoked = reference.grant(alice, 3, [1, 3], START + 10**15, revoked=True)
    assert story.replica.opening()["keys"][pad(session)] == reference.key_leaf(grant=revoked)


def test_instruments_leaf_by_leaf() -> None:
    story = Story()
    leaves = story.replica.opening()["instruments"]
    spec, mark = story.specs[CALL - 1], story.marks[1][CALL]
    name_hash = reference.keccak(spec.name.encode())
    static = pack("32sHBBqQqqI", name_hash, 1, 0, 0, spec.strike, EXPIRY, spec.tick_size, spec.lot_size, spec.lane_unit)
    index = 76_000 * 10**9
    moving = pack("qIqQqIqqqqB", 0, 0, 0, START, mark.mark, 1, index, mark.iv, mark.delta, mark.vega, 0)
    assert leaves[pad(b"\0", number(CALL, 32))] == static + moving
    assert leaves[pad(b"\3", name_hash[:31])] == number(CALL, 32)
    assert leaves[pad(b"\1", number(1, 16))] == pack(
        "32sBIIIIQqIBqqBB",
        *(reference.keccak(b"BTC"), 0, 1, 7, PERPETUAL, 1, story.time, index, 100_000, 3, index, 10_000),
        *(0, 0),
    )
    smile = pack("qqqqq", SMILE.a, SMILE.b, SMILE.rho, SMILE.m, SMILE.sigma)
    assert leaves[pad(b"\2", number(1, 16), number(EXPIRY, 64))] == pack("Iqq", 6, index, 0) + smile + b"\0"

    story.expire(price=76_500 * 10**6)
    leaves = story.replica.opening()["instruments"]
    settled = pack("Iqq", 6, index, 0) + smile + b"\1" + pack("q", 76_500 * 10**6)
    assert leaves[pad(b"\2", number(1, 16), number(EXPIRY, 64))] == settled
    story.settle()
    leaves = story.replica.opening()["instruments"]
    assert pad(b"\2", number(1, 16), number(EXPIRY, 64)) not in leaves
    assert pad(b"\0", number(CALL, 32)) not in leaves
    assert pad(b"\3", name_hash[:31]) in leaves, "a name is never free again"


def test_tables_of_the_margin_model_leaf_by_leaf() -> None:
    story = Story()
    underlying, collateral = pad(b"\1", number(1, 16)), pad(b"\n")

    def tail() -> bytes:
        return story.replica.opening()["instruments"][underlying][86:]

    first, second = story.risk_table(range_=160_000_000), story.risk_table(range_=200_000_000)
    first_hash, second_hash = (reference.keccak(table.encode()) for table in (first, second))
    story.set_risk(first, effective=5)
    assert tail() == b"\0\1" + pack("QI32s", 5, 1, first_hash)
    story.time += 1
    story.mark(1, table=first)
    assert tail() == pack("BI32sB", 1, 1, first_hash, 0)
    later = story.time + PARAMETERS[Parameter.RISK_DELAY]
    story.set_risk(second, effective=later)
    assert tail() == pack("BI32sBQI32s", 1, 1, first_hash, 1, later, 2, second_hash)
    lanes = story.replica.opening()["instruments"][pad(b"\0", number(CALL, 32))][-4 * (64 + 16) :]
    risk = story.marks[1][CALL].risk
    assert risk is not None
    assert lanes == risk.encode()

    terms = CollateralTerms(2, 2, 10**8, 5 * 10**7, 0, 10**11, 10**13)
    story.set_collateral(terms, effective=0)
    waiting = b"\0\0" + b"\0\1" + pack("Q", 0) + terms.encode()
    assert story.replica.opening()["globals"][collateral] == reference.keccak(number(2, 16) + waiting)
    story.time += 1
    story.mark(2)
    active = b"\0\0" + b"\1" + terms.encode() + b"\0"
    assert story.replica.opening()["globals"][collateral] == reference.keccak(number(2, 16) + active)
    assert reference.root_of_opening(story.replica.opening()) == story.replica.state_root()


def test_globals_leaf_by_leaf() -> None:
    story = Story()
    recipient = bytes([7] * 20)
    story.own(ALICE, lambda auth: Withdraw(1, 0, 250, recipient, auth))
    story.place(ALICE, 1, PERPETUAL, Side.BUY, lots=1, ticks=152_000)
    story.place(BOB, 2, PERPETUAL, Side.SELL, lots=1, ticks=152_000)
    replica = story.replica
    leaves = replica.opening()["globals"]
    genesis = story.genesis
    fees = sum(fee for _, fee in story.fees)

    def listed(items: Any) -> bytes:
        return reference.keccak(number(len(items), 16) + b"".join(items))

    venue = pack("Q20s20sBB", genesis.chain_id, genesis.contract, genesis.operator, 1, 1)
    parameters = [pack("Bq", value.parameter.value, value.value) for value in genesis.parameters]
    lists = (
        [address_of(ADMIN)],
        [address_of(ORACLE)],
        [asset.encode() for asset in genesis.assets],
        [underlying.encode() for underlying in genesis.underlyings],
    )
    assert leaves == {
        pad(b"\0"): pack("QQ32s", story.time, replica.sequence, story.chain),
        pad(b"\1"): pack("qqqQ", fees, 0, 0, 1),
        pad(b"\2"): pack("Q32s", 2, story.inbox),
        pad(b"\3"): pack("QIQQQ", 2, len(story.specs), 1, 1, 0),
        pad(b"\5"): listed(parameters),
        pad(b"\6"): venue + b"".join(map(listed, lists)),
        pad(b"\t"): pack("H", 2) + number(2 * 10**12, 128) + number(250, 128) + bytes(32),
        pad(b"\n"): listed([bytes(2), bytes(2)]),
    }
    assert replica.withdrawals_since(0) == [(0, 0, 250, recipient)]
    assert (replica.next_withdrawal, replica.withdrawals_since(1)) == (1, [])
    assert (replica.inbox_cursor, replica.inbox_hash) == (2, story.inbox)
    assert replica.venue == (genesis.chain_id, genesis.contract, genesis.operator)


ACTS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 1), st.integers(0, 7), st.integers(-3, 3), st.integers(1, 9)),
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(ACTS)
def test_roots_on_random_streams(acts: list[tuple[int, int, int, int, int]]) -> None:
    story = Story()
    for act in acts:
        story.attempt(*act)
    opening = story.replica.opening()
    assert reference.root_of_opening(opening) == story.replica.state_root()
    assert story.replica.chain_hash == story.chain
    story.replica.check_invariants()

    twin = Replica()
    assert twin.apply_many(story.packed(), verify=True, threads=2) == len(story.records)
    assert twin.opening() == opening
    copy = Replica()
    copy.restore(twin.snapshot())
    assert (copy.state_root(), copy.chain_hash) == (twin.state_root(), story.chain)


def test_a_fault_is_named_and_stops_the_replay() -> None:
    story = Story()
    forged = story.encode(CreateSubaccount(Authorization(story.address(ALICE), 0, 2**63, bytes([27] * 65))))
    story.own(ALICE, lambda auth: CreateSubaccount(auth))
    sequence = story.replica.sequence
    with pytest.raises(ReplayError) as caught:
        story.replica.apply(forged, verify=True)
    error = caught.value
    assert (error.sequence, error.command, error.code) == (sequence + 1, "CreateSubaccount", "signature")
    assert error.reason in str(error)
    assert story.replica.sequence == sequence

    replica = Replica()
    with pytest.raises(ReplayError) as caught:
        replica.apply_many(story.packed([*story.records, story.encode(Clock(1))[:-1]]))
    assert (caught.value.sequence, caught.value.command, caught.value.code) == (sequence + 1, None, "codec")
    assert replica.sequence == sequence
    with pytest.raises(ReplayError, match=r"command 1 \(Clock\)"):
        Replica().apply(story.encode(Clock(1)), verify=True)


def test_a_snapshot_that_is_none_changes_nothing() -> None:
    story = Story()
    root = story.replica.state_root()
    for snapshot in (b"", story.replica.snapshot()[:-1], story.replica.snapshot() + b"\0"):
        with pytest.raises(CodecError):
            story.replica.restore(snapshot)
    assert story.replica.state_root() == root


def test_forced_flags_show_in_the_leaf() -> None:
    story = Story()
    story.inbox_item(ForcedCloseOnly(story.address(ALICE), 1))
    story.inbox_item(Deposit(story.address(BOB), 0, 0, 5))
    accounts = story.replica.opening()["accounts"]
    assert accounts[pad(number(1, 64))] == reference.account_leaf(story.address(ALICE), 10**12, {}, {}, flags=1)
    assert accounts[pad(number(2, 64))] == reference.account_leaf(story.address(BOB), 10**12 + 5, {}, {})
