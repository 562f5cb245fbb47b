// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Parameter} from "src/verifier/Types.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

/// @notice The first command of every journal. Fields as in docs/protocol/commands.md; of each list the hash, which the
/// state keeps, and what else follows from it.
/// @param admins Hash of the list of administrators
/// @param adminCount How many they are
/// @param oracles Hash of the list of oracles
/// @param oracleCount How many they are
/// @param assets Hash of the list of assets
/// @param assetSymbols Their symbols, by id
/// @param underlyings Hash of the list of underlyings
/// @param underlyingSymbols Their symbols, by id less one
/// @param parameters The list of parameters, as encoded
struct Genesis {
    uint256 chainId;
    address settlement;
    address operator;
    bytes32 admins;
    uint256 adminCount;
    uint256 adminQuorum;
    bytes32 oracles;
    uint256 oracleCount;
    uint256 oracleQuorum;
    bytes32 assets;
    bytes[] assetSymbols;
    bytes32 underlyings;
    bytes[] underlyingSymbols;
    bytes parameters;
}

/// @title The command that opens the venue
library GenesisCommands {
    using Decoder for Cursor;

    /// Most administrators, and most oracles.
    uint256 private constant QUORUM_MAX = 64;
    /// Most assets, and most underlyings.
    uint256 private constant SPECS_MAX = 256;
    /// Longest symbol, characters.
    uint256 private constant SYMBOL_MAX = 16;

    /// @dev Ids that do not count are refused here, though they would encode: nobody opens a venue with them.
    function decode(Cursor memory cursor) internal pure returns (Genesis memory genesis) {
        genesis.chainId = cursor.u64();
        genesis.settlement = cursor.addr();
        genesis.operator = cursor.addr();
        (genesis.admins, genesis.adminCount) = _members(cursor);
        genesis.adminQuorum = cursor.u8();
        (genesis.oracles, genesis.oracleCount) = _members(cursor);
        genesis.oracleQuorum = cursor.u8();
        (genesis.assets, genesis.assetSymbols) = _assets(cursor);
        (genesis.underlyings, genesis.underlyingSymbols) = _underlyings(cursor);
        genesis.parameters = _parameters(cursor);
        cursor.finish();
    }

    function _members(Cursor memory cursor) private pure returns (bytes32 hash, uint256 count) {
        uint256 from = cursor.at;
        count = cursor.count(QUORUM_MAX);
        address last = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address member = cursor.addr();
            if (i != 0 && member <= last) cursor.fail();
            last = member;
        }
        hash = cursor.hashFrom(from);
    }

    function _assets(Cursor memory cursor) private pure returns (bytes32 hash, bytes[] memory symbols) {
        uint256 from = cursor.at;
        symbols = new bytes[](cursor.count(SPECS_MAX));
        for (uint256 i = 0; i < symbols.length; ++i) {
            if (cursor.u16() != i) cursor.fail();
            symbols[i] = cursor.text(SYMBOL_MAX);
            cursor.addr();
            cursor.u8();
        }
        hash = cursor.hashFrom(from);
    }

    function _underlyings(Cursor memory cursor) private pure returns (bytes32 hash, bytes[] memory symbols) {
        uint256 from = cursor.at;
        symbols = new bytes[](cursor.count(SPECS_MAX));
        for (uint256 i = 0; i < symbols.length; ++i) {
            if (cursor.u16() != i + 1) cursor.fail();
            symbols[i] = cursor.text(SYMBOL_MAX);
        }
        hash = cursor.hashFrom(from);
    }

    /// Every parameter, in order.
    function _parameters(Cursor memory cursor) private pure returns (bytes memory table) {
        table = cursor.peek();
        uint256 all = uint256(type(Parameter).max) + 1;
        if (cursor.u16() != all) cursor.fail();
        for (uint256 i = 0; i < all; ++i) {
            if (cursor.u8() != i) cursor.fail();
            cursor.i64();
        }
    }
}
