"""What is wrong behind a mark is found leaf by leaf, and proven, whatever it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from support.ledger import ALICE, BOB, CALL
from support.local import LocalChain, LocalVenue
from support.venue import secret
from synchromesh._native import Replica
from synchromesh.agents.dishonest.state import State
from synchromesh.protocol import Side
from synchromesh.settlement.chain import address_from_secret
from synchromesh.settlement.exits.leaves import instrument_key
from synchromesh.verification.dispute import Dispute, Kind, rehearse
from synchromesh.verification.marks import Hunt, Wrong, wrong_figure
from synchromesh.verification.openings import Answer
from synchromesh.verification.pruned import StatePath, Witness, decode_node, encode_node, hash_of, merge, open_path
from synchromesh.verification.verify import Verifier
from verification.poster import Command, Poster, told

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCHER = secret("watcher")
DEMANDS_MAX = 40
"""Leaves that are shown before a hunt counts as lost."""
Bend = Callable[[State], None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[LocalChain]:
    async with LocalChain() as running:
        await running.node.rpc("anvil_setBalance", address_from_secret(WATCHER), hex(10**20))
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def poster(local: LocalChain) -> Poster:
    """A venue with positions in one batch; a mark is all that waits for the next."""
    found = Poster(await LocalVenue.new(local))
    ledger = await found.venue.open()
    ledger.place(ALICE, 1, Side.BUY, 1_000)
    ledger.place(BOB, 2, Side.SELL, 1_000)
    await found.honest()
    ledger.pass_time(1)
    ledger.mark()
    return found


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def forget(local: LocalChain, poster: Poster) -> AsyncIterator[None]:
    """Takes back what a test did to the chain."""
    snapshot = await local.snapshot()
    yield
    await local.revert(snapshot)


def changed(state: State, tree: str, key: bytes, at: int) -> None:
    leaf = bytearray(state.trees[tree][key])
    leaf[at] ^= 1
    state.trees[tree][key] = bytes(leaf)


def another_mark(state: State) -> None:
    """A millionth of a dollar."""
    state.add_mark(CALL, 1)


def another_vega(state: State) -> None:
    changed(state, "instruments", instrument_key(CALL - 2), 143)


def open_interest(state: State) -> None:
    """What an instrument is, is not for a mark to say."""
    changed(state, "instruments", instrument_key(CALL), 79)


def another_epoch(state: State) -> None:
    """The leaf claims to belong to another mark."""
    changed(state, "instruments", instrument_key(CALL), 111)


def money_from_nowhere(state: State) -> None:
    """Cash in an account, under the root behind a mark."""
    state.add_cash(1, 10**12)


def money_and_marks(state: State) -> None:
    """Both at once."""
    money_from_nowhere(state)
    another_mark(state)


def an_index(state: State) -> None:
    """The underlying says something else than the oracles."""
    changed(state, "instruments", b"\x01\x00\x01" + bytes(29), 60)


def a_leaf_less(state: State) -> None:
    del state.trees["instruments"][instrument_key(CALL)]


def a_leaf_more(state: State) -> None:
    """An instrument that was never listed."""
    state.trees["instruments"][instrument_key(77)] = state.trees["instruments"][instrument_key(CALL)]


BENDS = {
    another_mark: "ModelGuard",
    another_vega: "ModelGuard",
    open_interest: "execution",
    another_epoch: "execution",
    money_from_nowhere: "execution",
    money_and_marks: "ModelGuard",
    an_index: "execution",
    a_leaf_less: "execution",
    a_leaf_more: "execution",
}


@pytest.mark.parametrize(("bend", "judge"), BENDS.items(), ids=[bend.__name__ for bend in BENDS])
async def test_whatever_is_wrong_is_found_and_proven(poster: Poster, bend: Bend, judge: str) -> None:
    behind = poster.replica.copy()
    poster.commands(behind)
    state = State.of(behind)
    bend(state)

    def lie(commands: list[Command]) -> None:
        record, steps = commands[0]
        commands[0] = record, [told(steps[0], root=state.root())]

    await poster.lie(lie)
    verifier = Verifier(poster.venue.chain, poster.venue.deployment.settlement)
    await verifier.advance()
    case = verifier.case
    assert case is not None
    assert case.finding.code == "marks"
    answers: list[Answer] = []
    found: Dispute | list[bytes] = []
    while not isinstance(found, Dispute):
        answers += [Answer(key, StatePath.of(state.path("instruments", key))) for key in found]
        assert len(answers) < DEMANDS_MAX
        found = Hunt(case, answers).next()
        assert isinstance(found, Dispute) or not {answer.key for answer in answers} & set(found), "asked twice"
    assert found.kind is (Kind.ASSERTED if judge == "ModelGuard" else Kind.STEP)
    ready = await rehearse(found, (await poster.venue.contracts()).challenges, address_from_secret(WATCHER))
    assert ready.gas < 16_777_216


async def test_every_figure_of_a_leaf_has_its_number() -> None:
    own = bytes(465)
    for at, wrong in {
        100: Wrong(0, 0),
        127: Wrong(1, 0),
        128: Wrong(2, 0),
        143: Wrong(3, 0),
        145: Wrong(4, 0),
        400: Wrong(4, 63),
        401: Wrong(5, 0),
        464: Wrong(5, 15),
        99: None,
        108: None,
        119: None,
        144: None,
    }.items():
        shown = bytearray(own)
        shown[at] = 1
        assert wrong_figure(own, bytes(shown)) == wrong, at
    assert wrong_figure(own, own[:145]) is None


async def test_trees_are_read_and_written_as_witnesses_hold_them(poster: Poster) -> None:
    replica: Replica = poster.replica
    record = poster.venue.ledger.records[replica.sequence]
    data = replica.witness_command(record)[0][3]
    witness = Witness.decode(data)
    assert witness.encode() == data
    roots = StatePath.of(replica.prove("instruments", instrument_key(CALL))).trees
    for tree, root in zip(witness.trees, roots, strict=False):
        if not tree:
            assert root == bytes(32)
            continue
        node = decode_node(tree)
        assert encode_node(node) == tree
        assert hash_of(node) == root
    one, other = (open_path(StatePath.of(replica.prove("instruments", instrument_key(number)))) for number in (1, CALL))
    both = merge(one, other)
    assert hash_of(both) == hash_of(one) == roots[2]
    assert len(encode_node(both)) < len(encode_node(one)) + len(encode_node(other))
    assert merge(both, one) == both
