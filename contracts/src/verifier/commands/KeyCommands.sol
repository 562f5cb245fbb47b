// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LibString} from "solady/utils/LibString.sol";
import {Actions, Authorization, Scope, Signature} from "src/verifier/Actions.sol";
import {SignedStruct, SignedStructs} from "src/verifier/commands/SignedStruct.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

/// @notice The owner lets `key` act for it, and the key agrees: both sign the same struct. Fields as in
/// docs/protocol/commands.md.
struct RegisterSessionKey {
    address key;
    uint256 scopes;
    uint256[] subaccounts;
    uint256 keyExpiry;
    Authorization auth;
    Signature consent;
}

/// @notice The owner takes a session key back.
struct RevokeSessionKey {
    address key;
    Authorization auth;
}

/// @notice The signer kills all its trading nonces below `floor`.
struct RaiseNonceFloor {
    uint256 floor;
    Authorization auth;
}

/// @title Commands about keys
/// @notice How they are decoded, and the structs that are signed for them.
library KeyCommands {
    using Decoder for Cursor;
    using SignedStructs for SignedStruct;

    bytes32 private constant CREATE_SUBACCOUNT_TYPE =
        keccak256("CreateSubaccount(uint64 nonce,uint64 expiry,address signer)");
    bytes32 private constant REGISTER_SESSION_KEY_TYPE = keccak256(
        "RegisterSessionKey(address key,string scopes,string subaccounts,uint64 keyExpiry,uint64 nonce,uint64 expiry,address signer)"
    );
    bytes32 private constant REVOKE_SESSION_KEY_TYPE =
        keccak256("RevokeSessionKey(address key,uint64 nonce,uint64 expiry,address signer)");
    bytes32 private constant RAISE_NONCE_FLOOR_TYPE =
        keccak256("RaiseNonceFloor(uint64 floor,uint64 nonce,uint64 expiry,address signer)");

    /// Most subaccounts that a session key names.
    uint256 private constant SUBACCOUNTS_MAX = 256;

    /// @notice The authorization is the whole command.
    function decodeCreateSubaccount(Cursor memory cursor) internal pure returns (Authorization memory auth) {
        auth = Actions.authorization(cursor);
        cursor.finish();
    }

    function createSubaccountHash(Authorization memory auth) internal pure returns (bytes32) {
        return SignedStructs.begin(CREATE_SUBACCOUNT_TYPE).signedBy(auth);
    }

    function decodeRegister(Cursor memory cursor) internal pure returns (RegisterSessionKey memory command) {
        command.key = cursor.addr();
        command.scopes = cursor.choice(Scope.ALL + 1);
        command.subaccounts = new uint256[](cursor.count(SUBACCOUNTS_MAX));
        for (uint256 i = 0; i < command.subaccounts.length; ++i) {
            command.subaccounts[i] = cursor.u64();
            if (i != 0 && command.subaccounts[i - 1] >= command.subaccounts[i]) cursor.fail();
        }
        command.keyExpiry = cursor.u64();
        command.auth = Actions.authorization(cursor);
        command.consent = Actions.signature(cursor);
        cursor.finish();
    }

    function structHash(RegisterSessionKey memory command) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(REGISTER_SESSION_KEY_TYPE);
        fields.addr(command.key);
        fields.text(_scopeWords(command.scopes));
        fields.text(_decimals(command.subaccounts));
        fields.uint_(command.keyExpiry);
        return fields.signedBy(command.auth);
    }

    function decodeRevoke(Cursor memory cursor) internal pure returns (RevokeSessionKey memory command) {
        command.key = cursor.addr();
        command.auth = Actions.authorization(cursor);
        cursor.finish();
    }

    function structHash(RevokeSessionKey memory command) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(REVOKE_SESSION_KEY_TYPE);
        fields.addr(command.key);
        return fields.signedBy(command.auth);
    }

    function decodeRaiseFloor(Cursor memory cursor) internal pure returns (RaiseNonceFloor memory command) {
        command.floor = cursor.u64();
        command.auth = Actions.authorization(cursor);
        cursor.finish();
    }

    function structHash(RaiseNonceFloor memory command) internal pure returns (bytes32) {
        SignedStruct memory fields = SignedStructs.begin(RAISE_NONCE_FLOOR_TYPE);
        fields.uint_(command.floor);
        return fields.signedBy(command.auth);
    }

    /// The words of scope bits, in bit order, joined by commas.
    function _scopeWords(uint256 scopes) private pure returns (bytes memory text) {
        if (scopes & Scope.TRADE != 0) text = _joined(text, "trade");
        if (scopes & Scope.CANCEL != 0) text = _joined(text, "cancel");
        if (scopes & Scope.RFQ != 0) text = _joined(text, "rfq");
        if (scopes & Scope.TRANSFER != 0) text = _joined(text, "transfer");
    }

    function _decimals(uint256[] memory list) private pure returns (bytes memory text) {
        for (uint256 i = 0; i < list.length; ++i) {
            text = _joined(text, bytes(LibString.toString(list[i])));
        }
    }

    function _joined(bytes memory text, bytes memory item) private pure returns (bytes memory) {
        return text.length == 0 ? item : bytes.concat(text, ",", item);
    }
}
