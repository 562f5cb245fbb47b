"""The binary tree, the command chain and receipts: native module, Python and reference agree."""

import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import reference, strategies
from synchromesh import _native
from synchromesh.protocol import (
    Frame,
    Receipt,
    SignatureError,
    TypedDomain,
    chain_hash,
    command_path,
    command_root,
    record_hash,
)

DOMAIN = TypedDomain(31_337, b"\x5f" * 20)
OPERATOR = b"\x09" * 32


@given(st.lists(st.binary(max_size=60), max_size=40))
@settings(max_examples=60, deadline=None)
def test_roots_and_proofs_equal_the_reference(items):
    leaves = [_native.merkle_leaf(item) for item in items]
    assert leaves == [reference.merkle_leaf(item) for item in items]
    root = _native.merkle_root(leaves)
    assert root == reference.merkle_root(leaves)
    for index, leaf in enumerate(leaves):
        path = _native.merkle_proof(leaves, index)
        assert path == reference.merkle_proof(leaves, index)
        assert _native.merkle_verify(root, leaf, index, len(leaves), path)
        assert not _native.merkle_verify(root, leaf, index, len(leaves), [*path, bytes(32)])
        directions, node = _native.merkle_directions(index, len(leaves)), leaf
        for level, sibling in enumerate(path):
            pair = sibling + node if directions >> level & 1 else node + sibling
            node = keccak(b"\x01" + pair)
        assert node == root
    with pytest.raises(ValueError, match="no leaf"):
        _native.merkle_proof(leaves, len(leaves))


@given(st.lists(strategies.records, min_size=1, max_size=5))
@settings(max_examples=20, deadline=None)
def test_the_command_chain_equals_the_reference(records):
    data = [record.encode() for record in records]
    chain = bytes(32)
    for record in data:
        assert record_hash(record) == _native.record_hash(record) == reference.record_hash(record)
        chain = chain_hash(chain, record_hash(record))
    assert chain == reference.command_chain(data)


def receipt(index: int, count: int = 5) -> Receipt:
    hashes = [keccak(bytes([i])) for i in range(count)]
    frame = Frame(2, 40, 1_000, count, command_root(hashes), b"\x03" * 32)
    signature = _native.sign(frame.digest(DOMAIN), OPERATOR)
    return Receipt(frame, signature, 1_000 + index, hashes[index], command_path(hashes, index))


@given(strategies.messages(Frame))
def test_a_frame_has_the_digest_of_the_reference(frame):
    fields = {
        "epoch": frame.epoch,
        "frame": frame.frame,
        "firstSequence": frame.first_sequence,
        "count": frame.count,
        "commandRoot": frame.command_root,
        "chainHash": frame.chain_hash,
    }
    expected = reference.digest(31_337, b"\x5f" * 20, "Frame", fields)
    assert frame.digest(DOMAIN) == _native.frame_digest(frame.encode(), 31_337, b"\x5f" * 20) == expected


def test_a_receipt_proves_one_command_at_one_sequence():
    operator = _native.address_of(OPERATOR)
    for index in range(5):
        good = receipt(index)
        good.verify(operator, DOMAIN)
        assert Receipt.decode(good.encode()) == good
    good = receipt(1)
    for sequence, reason in ((1_002, "path"), (999, "not one of"), (1_005, "not one of")):
        with pytest.raises(SignatureError, match=reason):
            Receipt(good.frame, good.signature, sequence, good.command_hash, good.path).verify(operator, DOMAIN)
    with pytest.raises(SignatureError, match="path"):
        Receipt(good.frame, good.signature, good.sequence, bytes(32), good.path).verify(operator, DOMAIN)
    with pytest.raises(SignatureError, match="signed by"):
        good.verify(bytes(20), DOMAIN)
