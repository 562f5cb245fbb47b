"""The tree of the Rust crate against the plain reference."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commitment import reference
from synchromesh._native import CodecError, MerkleError, MerkleTree

# Few distinct bytes in few places: keys that share long prefixes, next to keys that share none.
KEYS = st.one_of(
    st.builds(
        lambda kind, number, tail: reference.pad(bytes([kind]), number.to_bytes(8, "big"), bytes([tail])),
        st.integers(0, 3),
        st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1)),
        st.integers(0, 2),
    ),
    st.binary(min_size=32, max_size=32),
)
VALUES = st.binary(max_size=80)
CHANGES = st.lists(st.tuples(KEYS, st.one_of(st.none(), VALUES)), max_size=60)


@settings(deadline=None)
@given(CHANGES)
def test_roots_follow_the_definition_through_any_history(changes: list[tuple[bytes, bytes | None]]) -> None:
    tree, items = MerkleTree(), dict[bytes, bytes]()
    for key, value in changes:
        if value is None:
            assert tree.delete(key) == (items.pop(key, None) is not None)
        else:
            assert tree.set(key, value) == (key not in items)
            items[key] = value
        assert tree.root() == reference.tree_root(items)
        assert len(tree) == len(items)


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=30), KEYS)
def test_proofs_hold_for_the_reference(items: dict[bytes, bytes], other: bytes) -> None:
    tree = MerkleTree()
    for key, value in items.items():
        tree.set(key, value)
    root = tree.root()
    for key, value in items.items():
        encoded = tree.prove(key)
        assert encoded is not None
        MerkleTree.verify(root, key, value, encoded)
        proof = reference.Proof.decode(encoded)
        assert (proof.key, proof.value_hash, proof.root()) == (key, reference.keccak(value), root)
    if other not in items:
        encoded = tree.prove(other)
        MerkleTree.verify_absent(root, other, encoded)
        if encoded is not None:
            proof = reference.Proof.decode(encoded)
            assert proof.key != other
            assert proof.root() == root
            assert proof.agrees(other)


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=30), st.binary(max_size=2))
def test_the_first_under_a_prefix_is_the_lowest_key(items: dict[bytes, bytes], prefix: bytes) -> None:
    tree = MerkleTree()
    for key, value in items.items():
        tree.set(key, value)
    encoded = tree.prove_first(prefix)
    assert encoded is not None
    covered = sorted(key for key in items if key.startswith(prefix))
    if covered:
        assert MerkleTree.verify_first(tree.root(), prefix, encoded) == covered[0]
    else:
        with pytest.raises(MerkleError):
            MerkleTree.verify_first(tree.root(), prefix, encoded)


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=20), st.data())
def test_a_forged_proof_is_refused(items: dict[bytes, bytes], data: st.DataObject) -> None:
    tree = MerkleTree()
    for key, value in items.items():
        tree.set(key, value)
    key = data.draw(st.sampled_from(sorted(items)))
    encoded = tree.prove(key)
    assert encoded is not None
    at = data.draw(st.integers(0, len(encoded) * 8 - 1))
    forged = bytearray(encoded)
    forged[at // 8] ^= 1 << at % 8
    with pytest.raises((MerkleError, CodecError)):
        MerkleTree.verify(tree.root(), key, items[key], bytes(forged))
    with pytest.raises(MerkleError, match="the leaf is there"):
        MerkleTree.verify_absent(tree.root(), key, encoded)


def test_bytes_of_the_wrong_length_are_refused_by_name() -> None:
    tree = MerkleTree()
    with pytest.raises(ValueError, match="key has 3 bytes, not 32"):
        tree.set(b"abc", b"")
    with pytest.raises(ValueError, match="prefix has 33 bytes"):
        tree.prove_first(bytes(33))
    with pytest.raises(CodecError):
        MerkleTree.verify(bytes(32), bytes(32), b"", b"short")
