"""The vectors that the forge tests run through the contracts are what the Python reference and our own code say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_utils import keccak

from settlement import reference
from synchromesh._native import batch_hash, merkle_verify, recover, sign, withdrawal_proof, withdrawal_root
from synchromesh.protocol import TypedDomain
from synchromesh.settlement.inbox import inbox_chain


def vectors() -> Any:
    return json.loads(reference.VECTORS.read_text())


def test_the_file_is_what_the_reference_writes() -> None:
    assert reference.VECTORS.read_text() == reference.text()


def test_inbox_items_chain_from_zero() -> None:
    chain = reference.ZERO
    for index, vector in enumerate(vectors()["inbox"]):
        item = bytes.fromhex(vector["item"][2:])
        before, chain = chain, reference.inbox_chain(chain, index, item)
        assert vector["hash"] == "0x" + chain.hex()
        assert inbox_chain(before, index, item) == chain
        assert item[0] == reference.INBOX_FIELDS[vector["kind"]][0]


def test_our_consent_is_that_of_the_vectors() -> None:
    vector = vectors()["consent"]
    owner, key = (bytes.fromhex(vector[name][2:]) for name in ("owner", "key"))
    domain = TypedDomain(int(vector["chainId"]), bytes.fromhex(vector["contract"][2:]))
    digest = domain.session_key_consent(
        owner=owner, key=key, scopes=int(vector["scopes"]), key_expiry=int(vector["keyExpiry"])
    )
    signature = bytes.fromhex(vector["signature"][2:])
    assert recover(digest, signature) == key
    assert sign(digest, keccak(b"session")) == signature


def test_our_withdrawal_trees_are_those_of_the_vectors() -> None:
    for tree in vectors()["withdrawals"]:
        items = [
            (int(item["number"]), int(item["asset"]), int(item["amount"]), bytes.fromhex(item["recipient"][2:]))
            for item in tree["items"]
        ]
        root = withdrawal_root(items)
        assert "0x" + root.hex() == tree["root"]
        for index, item in enumerate(tree["items"]):
            proof = withdrawal_proof(items, index)
            assert ["0x" + sibling.hex() for sibling in proof] == item["proof"]
            assert merkle_verify(root, bytes.fromhex(item["leaf"][2:]), index, len(items), proof)


def test_our_batch_hash_is_that_of_the_vectors() -> None:
    header = vectors()["batch"]
    packed = b"".join(
        bytes.fromhex(header[name][2:]) if kind == "bytes32" else int(header[name]).to_bytes(int(kind[4:]) // 8)
        for name, kind in reference.HEADER_TYPES
    )
    assert "0x" + batch_hash(packed).hex() == header["hash"]


@pytest.mark.parametrize("size", range(1, 34))
def test_proofs_fold_to_the_root(size: int) -> None:
    leaves = [keccak(bytes([i])) for i in range(size)]
    root = reference.merkle_root(leaves)
    for index in range(size):
        assert fold(leaves[index], index, size, reference.merkle_proof(leaves, index)) == root


def test_no_withdrawals_have_the_root_zero() -> None:
    assert reference.merkle_root([]) == bytes(32)


def fold(node: bytes, index: int, count: int, siblings: list[bytes]) -> bytes:
    """The contract's way up the tree, level by level; the reference's proofs come from the recursive definition."""
    rest = iter(siblings)
    while count > 1:
        if index % 2:
            node = keccak(b"\x01" + next(rest) + node)
        elif index + 1 < count:
            node = keccak(b"\x01" + node + next(rest))
        index, count = index // 2, (count + 1) // 2
    assert next(rest, None) is None
    return node
