// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Layouts} from "src/verifier/state/Layouts.sol";

/// @notice What an owner lets a session key do.
/// @param owner Whose key it is
/// @param scopes Scope bits
/// @param subaccounts Subaccounts it may act for, ascending; empty: all
/// @param expiry It is dead from this time on, ns
/// @param revoked Whether it was taken back
struct GrantLeaf {
    address owner;
    uint256 scopes;
    uint256[] subaccounts;
    uint256 expiry;
    bool revoked;
}

/// @notice An address that signs: an owner, a session key, or both.
/// @param subaccounts Number of subaccounts it owns
/// @param firstSubaccount The first of them; 0 if none
/// @param nextNonce Next nonce of its owner actions
/// @param floor Trading nonces below are dead
/// @param nonces The highest used trading nonces, ascending
/// @param hasGrant Whether it is a session key
/// @param grant What its owner lets it do
struct KeyLeaf {
    uint256 subaccounts;
    uint256 firstSubaccount;
    uint256 nextNonce;
    uint256 floor;
    uint256[] nonces;
    bool hasGrant;
    GrantLeaf grant;
}

/// @title Codec of addresses that sign
library KeyLeaves {
    using Decoder for Cursor;
    using Encoder for Writer;
    using Layouts for Cursor;
    using Layouts for Writer;

    /// The fields before the nonces.
    bytes32 private constant LAYOUT = hex"04080808";

    function decode(bytes memory value) internal pure returns (KeyLeaf memory leaf) {
        Cursor memory cursor = Decoder.leaf(value);
        cursor.read(_words(leaf), LAYOUT);
        leaf.nonces = _decodeList(cursor);
        leaf.hasGrant = cursor.flag();
        if (leaf.hasGrant) {
            GrantLeaf memory grant = leaf.grant;
            grant.owner = cursor.addr();
            grant.scopes = cursor.u8();
            grant.subaccounts = _decodeList(cursor);
            grant.expiry = cursor.u64();
            grant.revoked = cursor.flag();
        }
        cursor.finish();
    }

    function encode(KeyLeaf memory leaf) internal pure returns (bytes memory) {
        GrantLeaf memory grant = leaf.grant;
        Writer memory writer = Encoder.start(63 + 8 * (leaf.nonces.length + grant.subaccounts.length));
        writer.write(_words(leaf), LAYOUT);
        _encodeList(writer, leaf.nonces);
        writer.flag(leaf.hasGrant);
        if (leaf.hasGrant) {
            writer.addr(grant.owner);
            writer.u8(grant.scopes);
            _encodeList(writer, grant.subaccounts);
            writer.u64(grant.expiry);
            writer.flag(grant.revoked);
        }
        return writer.finish();
    }

    function _decodeList(Cursor memory cursor) private pure returns (uint256[] memory list) {
        list = new uint256[](cursor.u16());
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = cursor.u64();
        }
    }

    function _encodeList(Writer memory writer, uint256[] memory list) private pure {
        writer.u16(list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            writer.u64(list[i]);
        }
    }

    function _words(KeyLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }
}
