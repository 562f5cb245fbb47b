"""Batch header and the withdrawal tree against the plain reference."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from commitment import reference
from synchromesh._native import batch_hash, merkle_verify, withdrawal_proof, withdrawal_root

HEADER = [
    "uint64", "bytes32", "bytes32", "uint16", "uint16", "uint64", "uint64", "bytes32", "bytes32", "uint64", "bytes32",
    "bytes32", "bytes32", "bytes32", "uint64",
]  # fmt: skip
FIELDS = {
    "uint64": st.integers(0, 2**64 - 1),
    "uint16": st.integers(0, 2**16 - 1),
    "bytes32": st.binary(min_size=32, max_size=32),
}
FORMATS = {"uint64": ">Q", "uint16": ">H", "bytes32": "32s"}
WITHDRAWALS = st.lists(
    st.tuples(st.integers(0, 2**16 - 1), st.integers(1, 2**63 - 1), st.binary(min_size=20, max_size=20)), max_size=20
)


@settings(deadline=None)
@given(st.tuples(*(FIELDS[kind] for kind in HEADER)))
def test_the_batch_hash_is_that_of_the_contract(values: tuple[int | bytes, ...]) -> None:
    packed = b"".join(struct.pack(FORMATS[kind], value) for kind, value in zip(HEADER, values, strict=True))
    assert batch_hash(packed) == reference.keccak(encode([f"({','.join(HEADER)})"], [values]))


def test_the_contract_vectors_hash_alike() -> None:
    vectors = json.loads((Path(__file__).parent.parent / "vectors" / "settlement.json").read_text())
    *fields, expected = vectors["batch"].values()
    packed = b"".join(
        struct.pack(FORMATS[kind], bytes.fromhex(field[2:]) if kind == "bytes32" else int(field))
        for kind, field in zip(HEADER, fields, strict=True)
    )
    assert batch_hash(packed).hex() == expected.removeprefix("0x")
    for batch in vectors["withdrawals"]:
        items = [
            (int(item["number"]), int(item["asset"]), int(item["amount"]), bytes.fromhex(item["recipient"][2:]))
            for item in batch["items"]
        ]
        assert withdrawal_root(items).hex() == batch["root"].removeprefix("0x")


@settings(deadline=None)
@given(st.integers(0, 2**60), WITHDRAWALS)
def test_withdrawals_are_proved_under_the_reference_root(first: int, items: list[tuple[int, int, bytes]]) -> None:
    withdrawals = [(first + i, *item) for i, item in enumerate(items)]
    leaves = [reference.withdrawal_leaf(*withdrawal) for withdrawal in withdrawals]
    root = withdrawal_root(withdrawals)
    assert root == reference.binary_root(leaves)
    for index, leaf in enumerate(leaves):
        path = withdrawal_proof(withdrawals, index)
        assert merkle_verify(root, leaf, index, len(leaves), path)
        assert not merkle_verify(root, leaf, index, len(leaves), [*path, bytes(32)])
    with pytest.raises(ValueError, match="no withdrawal at index"):
        withdrawal_proof(withdrawals, len(withdrawals))


def test_withdrawals_with_a_gap_are_refused() -> None:
    with pytest.raises(ValueError, match="withdrawal 7 follows 5"):
        withdrawal_root([(5, 0, 1, bytes(20)), (7, 0, 1, bytes(20))])
