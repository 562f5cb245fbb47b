"""Every hash of the protocol in plain Python, from its definition in ``docs/protocol``; slow, and on its own.

Nothing here comes from the package under test. Words are built one by one, trees by recursion.
"""

from collections.abc import Sequence
from typing import Any

from eth_utils import keccak

DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
STRUCTS = {
    text.split("(")[0]: text
    for text in (
        "Order(uint64 subaccount,string instrument,string side,uint64 amount,uint64 limitPrice,string orderType,"
        "string timeInForce,uint64 validUntil,string postOnly,bool reduceOnly,string selfTrade,uint64 maxFee,"
        "string clientId,uint64 nonce,uint64 expiry,address signer)",
        "Replace(uint64 subaccount,uint64 order,uint64 amount,uint64 limitPrice,string postOnly,bool reduceOnly,"
        "uint64 maxFee,uint64 nonce,uint64 expiry,address signer)",
        "Cancel(uint64 subaccount,uint64 order,uint64 nonce,uint64 expiry,address signer)",
        "CancelAll(uint64 subaccount,string instrument,string underlying,uint64 nonce,uint64 expiry,address signer)",
        "RaiseNonceFloor(uint64 floor,uint64 nonce,uint64 expiry,address signer)",
        "Withdraw(uint64 subaccount,string asset,uint64 amount,address recipient,uint64 nonce,uint64 expiry,"
        "address signer)",
        "Transfer(uint64 from,uint64 to,string asset,uint64 amount,uint64 nonce,uint64 expiry,address signer)",
        "CreateSubaccount(uint64 nonce,uint64 expiry,address signer)",
        "RegisterSessionKey(address key,string scopes,string subaccounts,uint64 keyExpiry,uint64 nonce,"
        "uint64 expiry,address signer)",
        "SessionKeyConsent(address owner,address key,uint8 scopes,uint64 keyExpiry)",
        "RevokeSessionKey(address key,uint64 nonce,uint64 expiry,address signer)",
        "LiquidationBid(uint64 subaccount,uint64 target,uint64 share,int64 limit,uint64 nonce,uint64 expiry,"
        "address signer)",
        "SetMarginModel(uint64 subaccount,string model,uint64 nonce,uint64 expiry,address signer)",
        "FundInsurance(uint64 subaccount,uint64 amount,uint64 nonce,uint64 expiry,address signer)",
        "MarkUpdate(string underlying,uint64 time,bytes32 inputs)",
        "SettlementPrice(string underlying,uint64 expiry,uint64 price)",
        "Administration(string action,bytes32 body,uint64 nonce)",
        "Frame(uint64 epoch,uint64 frame,uint64 firstSequence,uint32 count,bytes32 commandRoot,bytes32 chainHash)",
    )
}


def fields(text: str) -> list[tuple[str, str]]:
    """(type, name) of each field of a type string."""
    inside = text[text.index("(") + 1 : -1]
    return [tuple(field.split(" ")) for field in inside.split(",")]  # type: ignore[misc]


def word(kind: str, value: Any) -> bytes:
    """One field as EIP-712 encodes it."""
    if kind == "string":
        return keccak(text=value)
    if kind == "bytes32":
        assert len(value) == 32
        return value
    if kind == "address":
        assert len(value) == 20
        return bytes(12) + value
    if kind == "int64":
        return value.to_bytes(32, signed=True)
    bits = 1 if kind == "bool" else int(kind.removeprefix("uint"))
    assert 0 <= int(value) < 1 << bits
    return int(value).to_bytes(32)


def struct_hash(text: str, message: dict[str, Any]) -> bytes:
    """Hash of a struct with the given fields."""
    return keccak(keccak(text=text) + b"".join(word(kind, message[name]) for kind, name in fields(text)))


def domain_separator(chain_id: int, contract: bytes) -> bytes:
    """Hash of the venue's domain."""
    names = {"name": "Synchromesh", "version": "1", "chainId": chain_id, "verifyingContract": contract}
    return struct_hash(DOMAIN, names)


def digest(chain_id: int, contract: bytes, name: str, message: dict[str, Any]) -> bytes:
    """What is signed for struct ``name``."""
    return keccak(b"\x19\x01" + domain_separator(chain_id, contract) + struct_hash(STRUCTS[name], message))


def typed_data(chain_id: int, contract: bytes, name: str, message: dict[str, Any]) -> dict[str, Any]:
    """The same as JSON for eth_account."""
    types = {name: [{"type": kind, "name": field} for kind, field in fields(STRUCTS[name])]}
    types["EIP712Domain"] = [{"type": kind, "name": field} for kind, field in fields(DOMAIN)]
    return {
        "types": types,
        "primaryType": name,
        "domain": {
            "name": "Synchromesh",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": "0x" + contract.hex(),
        },
        "message": {key: "0x" + value.hex() if isinstance(value, bytes) else value for key, value in message.items()},
    }


def personal_digest(message: bytes) -> bytes:
    """EIP-191."""
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)


def record_hash(record: bytes) -> bytes:
    """Hash of a record."""
    return keccak(record)


def command_chain(records: Sequence[bytes]) -> bytes:
    """The command chain after ``records``."""
    chain = bytes(32)
    for record in records:
        chain = keccak(chain + record_hash(record))
    return chain


def merkle_leaf(item: bytes) -> bytes:
    """Leaf of an item."""
    return keccak(b"\x00" + item)


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root of the binary tree: the left part is the largest power of two that leaves something to the right."""
    if not leaves:
        return bytes(32)
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return keccak(b"\x01" + merkle_root(leaves[:left]) + merkle_root(leaves[left:]))


def merkle_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Siblings of a leaf, from the leaf up."""
    if len(leaves) == 1:
        return []
    left = 1 << (len(leaves) - 1).bit_length() - 1
    if index < left:
        return [*merkle_proof(leaves[:left], index), merkle_root(leaves[left:])]
    return [*merkle_proof(leaves[left:], index - left), merkle_root(leaves[:left])]
