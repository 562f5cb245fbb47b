"""Cosigning: an honest proposal is signed, and every single figure that is off is refused with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from marks.view import EXPIRIES, NOW, some_view
from support.venue import secret
from synchromesh.clock import DAY_NS, SECOND
from synchromesh.execution.marks import (
    CosignatureError,
    MarkSlice,
    MarkView,
    Reason,
    Reviewer,
    Signatures,
    Tolerance,
)
from synchromesh.execution.marks.cosigning import PROBES
from synchromesh.execution.marks.settlement import WINDOW_NS
from synchromesh.protocol import NANO_ONE, Cosignature, MarkInputs, TypedDomain, address_of, sign
from synchromesh.risk.surface import Smile

BTC = 1
DOMAIN = TypedDomain(31_337, bytes(19) + b"\x01")


def changed(**fields: int) -> MarkInputs:
    """The honest proposal with some fields of its own."""
    return msgspec.structs.replace(some_view().inputs(BTC), **fields)


def scaled(field: str, factor: float) -> MarkInputs:
    return changed(**{field: round(getattr(some_view().inputs(BTC), field) * factor)})


def expiry_changed(place: int, **fields: int) -> MarkInputs:
    """The honest proposal with one expiry's forward, rate or smile parameters changed."""
    inputs = some_view().inputs(BTC)
    expiries = list(inputs.expiries)
    smile = {name: fields.pop(name) for name in ("a", "b", "rho", "m", "sigma") if name in fields}
    one = msgspec.structs.replace(expiries[place], **fields)
    expiries[place] = msgspec.structs.replace(one, smile=msgspec.structs.replace(one.smile, **smile))
    return msgspec.structs.replace(inputs, expiries=tuple(expiries))


def without_last_expiry() -> MarkInputs:
    inputs = some_view().inputs(BTC)
    return msgspec.structs.replace(inputs, expiries=inputs.expiries[:-1])


def test_the_own_view_is_signed() -> None:
    reviewer = Reviewer(BTC)
    inputs = some_view().inputs(BTC)
    assert reviewer.admit(inputs, NOW + SECOND) is None
    assert reviewer.review(inputs, some_view()) is None


@pytest.mark.parametrize(
    "proposal",
    [
        lambda: scaled("index", 1.0015),
        lambda: scaled("confidence", 0.6),
        lambda: scaled("perpetual_mark", 0.9985),
        lambda: changed(sources=6, funding_rate=900_000),
        lambda: expiry_changed(0, forward=round(70_150 * NANO_ONE)),
        lambda: expiry_changed(1, a=5_500_000),
    ],
)
def test_what_two_honest_oracles_may_differ_by_is_signed(proposal: Callable[[], MarkInputs]) -> None:
    assert Reviewer(BTC).review(proposal(), some_view()) is None


@pytest.mark.parametrize(
    ("proposal", "reason"),
    [
        (lambda: scaled("index", 10.0), Reason.INDEX),
        (lambda: scaled("index", 0.0), Reason.INDEX),
        (lambda: scaled("index", 1.003), Reason.INDEX),
        (lambda: scaled("index", 0.997), Reason.INDEX),
        (lambda: scaled("confidence", 0.4), Reason.CONFIDENCE),
        (lambda: changed(sources=7), Reason.CONFIDENCE),
        (lambda: scaled("perpetual_mark", 1.003), Reason.PERPETUAL),
        (lambda: changed(funding_rate=NANO_ONE // 100), Reason.PERPETUAL),
        (without_last_expiry, Reason.EXPIRIES),
        (lambda: expiry_changed(0, expiry=EXPIRIES[0] + 1), Reason.EXPIRIES),
        (lambda: expiry_changed(0, forward=round(70_300 * NANO_ONE)), Reason.FORWARD),
        (lambda: expiry_changed(1, forward=round(7_030 * NANO_ONE)), Reason.FORWARD),
        (lambda: expiry_changed(1, rate=1), Reason.FORWARD),
        (lambda: expiry_changed(0, a=4_000_000), Reason.VOL),
        (lambda: expiry_changed(1, a=40_000_000), Reason.VOL),
        (lambda: expiry_changed(1, rho=500_000_000), Reason.VOL),
        (lambda: expiry_changed(1, m=300_000_000), Reason.VOL),
        (lambda: expiry_changed(1, a=-80_000_000), Reason.VOL),
        (lambda: expiry_changed(1, b=-1), Reason.VOL),
        (lambda: expiry_changed(1, rho=NANO_ONE), Reason.VOL),
        (lambda: expiry_changed(1, sigma=0), Reason.VOL),
    ],
)
def test_a_figure_that_is_off_is_refused(proposal: Callable[[], MarkInputs], reason: Reason) -> None:
    refusal = Reviewer(BTC).review(proposal(), some_view())
    assert refusal is not None
    assert refusal.reason is reason
    assert refusal.detail


def test_a_smile_that_is_right_at_the_probes_and_wrong_beyond_is_refused() -> None:
    """A hinge just outside four deviations: within the tolerance up to there, 640 % where the honest vol is 78 %."""
    proposal = expiry_changed(0, a=893_292, b=751_500_000, rho=996_007_984, m=126_000_000, sigma=100_000)
    own, hinge, t = some_view().slices[0].smile, Smile.from_fixed(proposal.expiries[0].smile), 1 / 365
    k = PROBES * np.sqrt(own.variance(np.zeros(1)))
    assert np.abs(hinge.vol(k, t) - own.vol(k, t)).max() < Tolerance().vol * np.sqrt(30)
    assert hinge.vol(np.array([0.2]), t) > 8 * own.vol(np.array([0.2]), t)
    refusal = Reviewer(BTC).review(proposal, some_view())
    assert refusal is not None
    assert refusal.reason is Reason.ARBITRAGE


def test_smiles_that_cross_are_refused_but_for_those_in_their_window() -> None:
    view = some_view()
    last = view.slices[1]
    before = MarkSlice(last.expiry - DAY_NS, last.forward, last.smile)
    crossing = replace(last, smile=Smile.from_fixed(msgspec.structs.replace(last.smile.fixed(), a=4_900_000)))
    refusal = Reviewer(BTC).review(*proposal_and_view(view, before, crossing))
    assert refusal is not None
    assert (refusal.reason, "crosses" in refusal.detail) == (Reason.ARBITRAGE, True)
    assert Reviewer(BTC).review(*proposal_and_view(view, before, last)) is None
    settling = replace(before, expiry=NOW + WINDOW_NS)
    assert Reviewer(BTC).review(*proposal_and_view(view, settling, crossing)) is None


def proposal_and_view(view: MarkView, *slices: MarkSlice) -> tuple[MarkInputs, MarkView]:
    """What an oracle that sees these slices proposes and sees."""
    own = replace(view, slices=slices)
    return own.inputs(BTC), own


@pytest.mark.parametrize("shift", [-3_100_000_000, 3_100_000_000])
def test_a_time_far_from_the_clock_is_not_admitted(shift: int) -> None:
    refusal = Reviewer(BTC).admit(some_view().inputs(BTC), NOW + shift)
    assert refusal is not None
    assert refusal.reason is Reason.TIME


def test_an_expiry_that_has_come_is_not_admitted() -> None:
    refusal = Reviewer(BTC).admit(changed(time=EXPIRIES[0]), EXPIRIES[0])
    assert refusal is not None
    assert refusal.reason is Reason.EXPIRIES


def test_no_moment_is_reviewed_twice() -> None:
    reviewer = Reviewer(BTC)
    assert reviewer.admit(some_view().inputs(BTC), NOW) is None
    for time in (NOW, NOW - 1):
        refusal = reviewer.admit(changed(time=time), NOW)
        assert refusal is not None
        assert refusal.reason is Reason.TIME
    assert reviewer.admit(changed(time=NOW + 1), NOW) is None


def test_a_proposal_for_another_underlying_is_not_admitted() -> None:
    refusal = Reviewer(2).admit(some_view().inputs(BTC), NOW)
    assert refusal is not None
    assert refusal.reason is Reason.UNDERLYING


def test_one_settlement_price_is_signed_per_expiry() -> None:
    reviewer = Reviewer(BTC)
    far = reviewer.review_settlement(EXPIRIES[0], 70_200_000_000, 70_000.0)
    assert far is not None
    assert far.reason is Reason.SETTLEMENT
    assert reviewer.review_settlement(EXPIRIES[0], 70_010_000_000, 70_000.0) is None
    assert reviewer.review_settlement(EXPIRIES[0], 70_010_000_000, 70_000.0) is None, "the same one again"
    second = reviewer.review_settlement(EXPIRIES[0], 70_000_000_000, 70_000.0)
    assert second is not None
    assert second.reason is Reason.SETTLEMENT
    assert reviewer.review_settlement(EXPIRIES[1], 70_000_000_000, 70_000.0) is None


def test_a_view_of_another_moment_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        Reviewer(BTC).review(some_view().inputs(BTC), replace(some_view(), time=NOW + 1))


# The quorum

KEYS = [secret(f"oracle-{number}") for number in range(4)]
DIGEST = DOMAIN.mark_update(underlying="BTC", time=NOW, inputs=b"what is signed")


def signature(key: bytes, digest: bytes = DIGEST, signer: bytes | None = None) -> Cosignature:
    return Cosignature(address_of(key) if signer is None else signer, sign(digest, key))


def test_a_quorum_is_complete_and_ascending() -> None:
    signatures = Signatures(DIGEST, [address_of(key) for key in KEYS], 3)
    for place, key in enumerate(KEYS):
        assert signatures.complete == (place >= 3)
        signatures.add(signature(key))
    signers = [each.signer for each in signatures.quorum()]
    assert len(signers) == 3
    assert signers == sorted(signers)


def test_the_same_oracle_twice_is_one() -> None:
    signatures = Signatures(DIGEST, [address_of(key) for key in KEYS], 2)
    signatures.add(signature(KEYS[0]))
    signatures.add(signature(KEYS[0]))
    assert not signatures.complete
    with pytest.raises(AssertionError):
        signatures.quorum()


@pytest.mark.parametrize(
    "forged",
    [
        signature(secret("stranger")),
        signature(KEYS[1], digest=bytes(32)),
        signature(KEYS[1], signer=address_of(KEYS[2])),
        Cosignature(address_of(KEYS[1]), bytes(65)),
    ],
)
def test_a_signature_that_is_not_what_it_says_does_not_count(forged: Cosignature) -> None:
    signatures = Signatures(DIGEST, [address_of(key) for key in KEYS], 2)
    signatures.add(signature(KEYS[0]))
    with pytest.raises(CosignatureError):
        signatures.add(forged)
    assert not signatures.complete
