"""Marks at a real venue: what is no quorum's honest word changes nothing; without good marks there is no new risk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.oracles import KEYS, three_oracles
from support.venue import CALL, DAY, EXPIRY, INDEX, PERPETUAL, SMILE, TestVenue, VenueError, secret, settled
from synchromesh.client import Client, RequestRefused
from synchromesh.clock import SECOND
from synchromesh.protocol import (
    Cosignature,
    ExpiryInputs,
    MarkInputs,
    MarkUpdate,
    Parameter,
    Side,
    address_of,
    sign,
)

ALICE, BOB = secret("alice"), secret("bob")
QUORUM = KEYS[:2]


def inputs(venue: TestVenue, symbol: str = "BTC", **fields: Any) -> MarkInputs:
    """Good inputs at this moment, with some fields of their own."""
    index = fields.get("index", INDEX[symbol])
    expiries = (ExpiryInputs(EXPIRY, index, 0, SMILE),)
    good = MarkInputs(1 if symbol == "BTC" else 2, venue.now, index, 100_000, 5, index, 10_000, expiries)
    return msgspec.structs.replace(good, **fields)


def submit(venue: TestVenue, marks: MarkInputs, keys: list[bytes] = QUORUM) -> None:
    update = MarkUpdate(marks, (), 0, bytes(32))
    hand_in(venue, venue.domain.cosigned(update, keys, venue.names))


def hand_in(venue: TestVenue, update: MarkUpdate) -> None:
    venue.call("public/submit_mark", body=update.encode().hex())


def forged(venue: TestVenue, marks: MarkInputs) -> None:
    """One honest signature, and one of a stranger under an oracle's name."""
    [digest] = {venue.domain.digest(MarkUpdate(marks, (), 0, bytes(32)), venue.names)}
    signers = [(address_of(QUORUM[0]), QUORUM[0]), (address_of(QUORUM[1]), secret("stranger"))]
    quorum = tuple(Cosignature(signer, sign(digest, key)) for signer, key in sorted(signers))
    hand_in(venue, MarkUpdate(marks, quorum, 0, bytes(32)))


def other_message(venue: TestVenue, marks: MarkInputs) -> None:
    """Signatures of the quorum, over another index."""
    signed = venue.domain.cosigned(MarkUpdate(marks, (), 0, bytes(32)), QUORUM, venue.names)
    dearer = msgspec.structs.replace(marks, index=marks.index + 1)
    hand_in(venue, msgspec.structs.replace(signed, inputs=dearer))


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestVenue]:
    """A running venue with instruments and good marks of both underlyings."""
    venue = three_oracles(tmp_path_factory.mktemp("marks") / "venue")
    try:
        venue.start()
        venue.list_instruments(venue.specs)
        for symbol in ("BTC", "ETH"):
            submit(venue, inputs(venue, symbol))
        yield venue
    finally:
        venue.down()


def state_of(venue: TestVenue) -> tuple[str, str]:
    status = venue.call("public/status")
    return status["states"]["BTC"], status["mark_faults"]["BTC"]


def prices(venue: TestVenue) -> list[dict[str, Any]]:
    """Everything that tickers say, but for the moment of saying it."""
    tickers = [venue.call("public/ticker", instrument_name=name) for name in (CALL, PERPETUAL)]
    return [{name: value for name, value in ticker.items() if name != "timestamp"} for ticker in tickers]


REFUSED = {
    "a forged signature": (lambda venue: forged(venue, inputs(venue)), {"invalid_signature"}),
    "signatures over another message": (
        lambda venue: other_message(venue, inputs(venue)),
        {"invalid_signature"},
    ),
    "a stranger's signature": (
        lambda venue: submit(venue, inputs(venue), [KEYS[0], secret("stranger")]),
        {"not_oracle"},
    ),
    "one signature of two": (lambda venue: submit(venue, inputs(venue), KEYS[2:]), {"quorum_missing"}),
    "no signature": (lambda venue: submit(venue, inputs(venue), []), {"quorum_missing"}),
    "an old mark again": (lambda venue: submit(venue, inputs(venue, time=venue.now - DAY // 2)), {"mark_time"}),
    "a mark from the future": (
        lambda venue: submit(venue, inputs(venue, time=venue.now + 3_600 * SECOND)),
        {"mark_from_future"},
    ),
    "an index of zero": (lambda venue: submit(venue, inputs(venue, index=0)), {"invalid_mark"}),
    "an index of ten times": (lambda venue: submit(venue, inputs(venue, index=10 * INDEX["BTC"])), {"index_jump"}),
    "an index of a tenth": (lambda venue: submit(venue, inputs(venue, index=INDEX["BTC"] // 10)), {"index_jump"}),
    "a forward of ten times": (
        lambda venue: submit(venue, inputs(venue, expiries=(ExpiryInputs(EXPIRY, 10 * INDEX["BTC"], 0, SMILE),))),
        {"invalid_mark"},
    ),
    "a perpetual mark of zero": (lambda venue: submit(venue, inputs(venue, perpetual_mark=0)), {"invalid_mark"}),
    "an expiry left out": (lambda venue: submit(venue, inputs(venue, expiries=())), {"invalid_mark"}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_mark_that_is_not_good_changes_nothing(marked: TestVenue, kind: str) -> None:
    attempt, reasons = REFUSED[kind]
    sequence = marked.sequence
    before = prices(marked)
    with pytest.raises(VenueError) as refused:
        attempt(marked)
    assert refused.value.reason in reasons
    assert prices(marked) == before
    assert marked.sequence == sequence, "a refused mark leaves no trace in the journal"
    assert state_of(marked) == ("open", "none")


def test_any_two_oracles_are_a_quorum(marked: TestVenue) -> None:
    for keys in (KEYS[1:], [KEYS[0], KEYS[2]], KEYS):
        submit(marked, inputs(marked, index=INDEX["BTC"] + len(keys) * 10**9), keys)
    ticker = marked.call("public/ticker", instrument_name=CALL)
    assert float(ticker["index_price"]) == INDEX["BTC"] / 10**9 + 3


async def test_without_good_marks_positions_can_be_reduced_and_nothing_else(tmp_path: Path) -> None:
    venue = three_oracles(tmp_path / "venue")
    try:
        venue.start()
        venue.list_instruments(venue.specs)
        assert state_of(venue) == ("reduce_only", "no_underlying_mark")
        submit(venue, inputs(venue))
        assert state_of(venue) == ("open", "none")
        for key in (ALICE, BOB):
            venue.deposit(address_of(key))
        async with Client(venue.config.websocket_url, ALICE) as alice, Client(venue.config.websocket_url, BOB) as bob:
            for client in (alice, bob):
                await client.login()
            await alice.place(Side.SELL, CALL, "0.5", 1_500)
            await bob.place(Side.BUY, CALL, "0.5", 1_500)
            await _reduces_only(venue, bob, inputs(venue, sources=2), "few_sources")
            await _reduces_only(venue, bob, inputs(venue, confidence=20_000_000), "low_confidence")
            venue.set_parameter(Parameter.MARK_STALENESS, SECOND)
            last = inputs(venue)
            submit(venue, last)
            await settled(lambda: state_of(venue) == ("reduce_only", "stale_mark"))
            await _reduces_only(venue, bob, None, "stale_mark")
            with pytest.raises(VenueError) as refused:
                submit(venue, inputs(venue, time=last.time + 1))
            assert refused.value.reason == "stale_mark", "a mark that was held back does not open the venue"
            venue.set_parameter(Parameter.MARK_STALENESS, DAY)
            submit(venue, inputs(venue))
            assert state_of(venue) == ("open", "none")
            assert (await bob.place(Side.BUY, CALL, "0.01", 1_400)).order.is_open
    finally:
        venue.down()


async def _reduces_only(venue: TestVenue, bob: Client, marks: MarkInputs | None, fault: str) -> None:
    """After such a mark Bob, who is long, may sell and not buy."""
    if marks is not None:
        submit(venue, marks)
    assert state_of(venue) == ("reduce_only", fault)
    with pytest.raises(RequestRefused) as refused:
        await bob.place(Side.BUY, CALL, "0.01", 1_400)
    assert refused.value.reason == fault
    offer = await bob.place(Side.SELL, CALL, "0.01", 1_800)
    assert offer.order.is_open
    await bob.cancel(offer.order.order_id)
