"""Refusals that random streams meet too rarely, or never, by both the engine and the model."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from model.engine import Model
from model.pair import Pair
from model.state import Refused
from model.streams import Stream
from model.venue import ADMINS, OWNERS, START, STRANGER, genesis
from synchromesh.protocol import (
    NO_SIGNATURE,
    USD,
    Administration,
    Authorization,
    Clock,
    Command,
    Cosignature,
    CreateSubaccount,
    Deposit,
    FundingTick,
    Genesis,
    InboxItem,
    ListInstruments,
    MarkUpdate,
    RaiseNonceFloor,
    Record,
    Transfer,
)

SECOND = 10**9
QUORUM = tuple(Cosignature(signer, NO_SIGNATURE) for signer in ADMINS)


class Script:
    """Commands one after the other, at times of their own."""

    def __init__(self, opened: bool = True) -> None:
        self.pair, self.time = Pair(), START
        if opened:
            assert self.accepts(genesis())

    def accepts(self, command: Command) -> bool:
        return self.pair.apply(Record(self.time, command))

    def refusal(self, command: Command) -> str:
        """The code with which both refuse the command."""
        before = set(self.pair.outcomes.items())
        assert not self.accepts(command)
        [(code, _)] = set(self.pair.outcomes.items()) - before
        return code

    def deposit(self, owner: bytes) -> None:
        item = InboxItem(self.pair.model.inbox_next, Deposit(owner, 0, 0, 10_000 * USD))
        assert self.accepts(item)


def auth(signer: bytes, nonce: int) -> Authorization:
    return Authorization(signer, nonce, START + 3600 * SECOND, NO_SIGNATURE)


def listing() -> ListInstruments:
    """The perpetuals that a stream lists first."""
    stream = Stream(Random(1), Model())
    stream.model.apply(1, stream.next())
    command = stream.next().command
    assert isinstance(command, ListInstruments)
    return msgspec.structs.replace(command, admin=Administration(0, QUORUM))


@pytest.mark.parametrize(
    "change",
    [
        {"admin_quorum": 0},
        {"admin_quorum": 4},
        {"oracle_quorum": 4},
        {"assets": ()},
        {"assets": genesis().assets[1:]},
        {"underlyings": genesis().underlyings[1:]},
        {"parameters": genesis().parameters[1:]},
    ],
)
def test_an_unsound_genesis(change: dict[str, object]) -> None:
    script = Script(opened=False)
    unsound: Genesis = msgspec.structs.replace(genesis(), **change)
    assert script.refusal(unsound) == "invalid_genesis"


def test_nothing_comes_before_the_genesis() -> None:
    assert Script(opened=False).refusal(Clock(1)) == "not_open"


def test_funding_needs_a_perpetual_and_a_mark() -> None:
    script = Script()
    assert script.refusal(FundingTick(1)) == "no_perpetual"
    assert script.accepts(listing())
    script.time += SECOND
    assert script.refusal(FundingTick(1)) == "no_underlying_mark"


def test_names_are_used_once() -> None:
    script = Script()
    assert script.accepts(listing())
    again = tuple(msgspec.structs.replace(spec, instrument=spec.instrument + 2) for spec in listing().instruments)
    assert script.refusal(ListInstruments(again, Administration(1, QUORUM))) == "name_taken"


def test_an_unknown_signer_has_no_floor() -> None:
    assert Script().refusal(RaiseNonceFloor(1, auth(STRANGER, START))) == "unknown_signer"


def test_an_owner_has_256_subaccounts() -> None:
    script = Script()
    for nonce in range(256):
        assert script.accepts(CreateSubaccount(auth(OWNERS[0], nonce)))
    assert script.refusal(CreateSubaccount(auth(OWNERS[0], 256))) == "too_many_subaccounts"
    script.deposit(OWNERS[0])
    assert script.accepts(Transfer(1, 256, 0, USD, auth(OWNERS[0], 256)))


def test_sixty_four_nonces_are_remembered() -> None:
    script = Script()
    script.deposit(OWNERS[0])
    for number in range(65):
        assert script.accepts(RaiseNonceFloor(number + 1, auth(OWNERS[0], START + 10 * number)))
    assert script.refusal(RaiseNonceFloor(100, auth(OWNERS[0], START))) == "nonce_below_window"
    assert script.refusal(RaiseNonceFloor(100, auth(OWNERS[0], START + 10))) == "nonce_used"
    assert script.accepts(RaiseNonceFloor(100, auth(OWNERS[0], START + 15)))


def test_what_no_journal_holds_is_refused_by_the_model() -> None:
    """A replica counts for itself and computes arrays for itself, so only the model can be asked."""
    stream = Stream(Random(1), Model())
    while not isinstance((record := stream.next()).command, MarkUpdate):
        stream.model.apply(stream.model.sequence + 1, record)
    with pytest.raises(Refused, match="wrong_sequence"):
        stream.model.apply(stream.model.sequence + 2, record)
    with pytest.raises(Refused, match="mark_arrays_missing"):
        stream.model.apply(stream.model.sequence + 1, record)
