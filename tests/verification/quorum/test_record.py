"""What a verifier signed survives whatever happens to its process."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.venue import secret
from synchromesh.protocol import SignatureError, address_of
from synchromesh.verification.quorum.pool import Pool
from synchromesh.verification.quorum.record import EvidenceRecord, RecordError, SignedRecord
from synchromesh.verification.quorum.vouch import SignedVouch, Vouch, VouchDomain, VouchError, VouchLine

DOMAIN = VouchDomain(31_337, b"\x11" * 20, b"\x22" * 20)
KEY = secret("verifier")


def vouch(index: int = 7, batch: int = 1, root: int = 9) -> Vouch:
    return Vouch(index, bytes([root]) * 32, bytes([batch]) * 32)


def test_one_batch_for_each_place_across_restarts(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    record = SignedRecord(path)
    assert record.admit(vouch(8))
    assert record.admit(vouch(7))
    assert record.admit(vouch(7))
    assert not record.admit(vouch(7, batch=2))
    assert record.admit(vouch(7, batch=2, root=10)), "another root before it is another place"
    record.close()
    again = SignedRecord(path)
    assert list(again.since(8)) == [vouch(8)]
    assert not again.admit(vouch(7, batch=2))
    assert not again.admit(vouch(8, batch=3))
    assert list(again.since(0)) == [vouch(7), vouch(7, batch=2, root=10), vouch(8)]
    assert len(path.read_text().splitlines()) == 3


def test_a_line_without_an_end_was_never_signed(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    record = SignedRecord(path)
    record.admit(vouch(1))
    record.admit(vouch(2))
    record.close()
    whole = path.read_bytes()
    for cut in range(whole.index(b"\n") + 1, len(whole), 20):
        path.write_bytes(whole[:cut])
        torn = SignedRecord(path)
        assert list(torn.since(0)) == [vouch(1)]
        assert torn.admit(vouch(2, batch=5))
        torn.close()
        last = SignedRecord(path)
        assert list(last.since(0)) == [vouch(1), vouch(2, batch=5)]
        last.close()


def test_two_processes_cannot_sign_from_one_record(tmp_path: Path) -> None:
    record = SignedRecord(tmp_path / "signed")
    with pytest.raises(RecordError, match="another process"):
        SignedRecord(tmp_path / "signed")
    record.close()
    SignedRecord(tmp_path / "signed").close()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}\n", "line 1"),
        ("nonsense\n", "line 1"),
        ('{"index":1,"previous_root":"0x00","batch_hash":"0x00"}\n', "not 32"),
        (
            "".join(f'{{"index":1,"previous_root":"0x{"00" * 32}","batch_hash":"0x{b * 32}"}}\n' for b in ("01", "02")),
            "two batches",
        ),
    ],
)
def test_a_record_that_nobody_wrote_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "signed").write_text(text)
    with pytest.raises(RecordError, match=reason):
        SignedRecord(tmp_path / "signed")


def test_evidence_survives(tmp_path: Path) -> None:
    evidence = EvidenceRecord(tmp_path / "seen")
    signed = DOMAIN.sign(vouch(), KEY)
    evidence.keep(signed)
    evidence.close()
    assert EvidenceRecord(tmp_path / "seen").found == [signed]


def test_a_line_is_the_vouch_and_nothing_else() -> None:
    signed = DOMAIN.sign(vouch(), KEY)
    assert VouchLine.of(signed.vouch, signed.signature).signed() == signed
    assert DOMAIN.signer(signed) == address_of(KEY)
    for other in (vouch(8), vouch(batch=2), vouch(root=1)):
        assert DOMAIN.signer(SignedVouch(other, signed.signature)) != address_of(KEY)
    with pytest.raises(SignatureError):
        DOMAIN.signer(SignedVouch(vouch(), bytes(65)))
    with pytest.raises(VouchError, match="65"):
        VouchLine.of(vouch()).signed()
    with pytest.raises(VouchError, match="numbers no batch"):
        VouchLine.of(Vouch(2**64, bytes(32), bytes(32))).vouch()


def test_signatures_of_another_quorum_or_venue_mean_nothing() -> None:
    signed = DOMAIN.sign(vouch(), KEY)
    for domain in (
        VouchDomain(1, b"\x11" * 20, b"\x22" * 20),
        VouchDomain(31_337, b"\x12" * 20, b"\x22" * 20),
        VouchDomain(31_337, b"\x11" * 20, b"\x23" * 20),
    ):
        assert domain.signer(signed) != address_of(KEY)


def test_the_pool_finds_who_signed_two_batches() -> None:
    pool, alice, bob = Pool(), b"a" * 20, b"b" * 20
    right, wrong = SignedVouch(vouch(), b"1" * 65), SignedVouch(vouch(batch=2), b"2" * 65)
    assert pool.add(alice, right)
    assert not pool.add(alice, right)
    assert pool.add(bob, SignedVouch(vouch(8), b"3" * 65))
    assert pool.equivocations == []
    assert pool.add(alice, wrong)
    [found] = pool.equivocations
    assert (found.signer, found.first, found.second) == (alice, right, wrong)
    assert pool.of_batch(right.vouch.batch_hash) == [
        (vouch(), {alice: b"1" * 65}),
        (vouch(8), {bob: b"3" * 65}),
    ]
    pool.forget_below(8)
    assert [each for each, _ in pool.of_batch(right.vouch.batch_hash)] == [vouch(8)]
    assert not pool.knows(right)
