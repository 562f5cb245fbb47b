// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

/// @notice Fixes the settlement price of a series. The signatures follow.
/// @param underlying The underlying
/// @param expiry When the series expired, ns
/// @param price Settlement price, micro-USDC
struct Expire {
    uint256 underlying;
    uint256 expiry;
    int256 price;
}

/// @notice Settles orders and positions of a series whose price is fixed.
/// @param underlying The underlying
/// @param expiry When the series expired, ns
/// @param limit Most units of work
struct SettleExpired {
    uint256 underlying;
    uint256 expiry;
    uint256 limit;
}

/// @title The commands of an expiry: Expire and SettleExpired
library ExpiryCommands {
    using Decoder for Cursor;

    bytes32 private constant TYPEHASH = keccak256("SettlementPrice(string underlying,uint64 expiry,uint64 price)");

    /// @notice An Expire up to its signatures.
    function decodeExpire(Cursor memory body) internal pure returns (Expire memory command) {
        command.underlying = body.u16();
        command.expiry = body.u64();
        command.price = body.i64();
    }

    /// @notice What oracles sign of an Expire, before the domain. Its price is not negative.
    function structHash(Expire memory command, bytes32 symbolHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, symbolHash, command.expiry, command.price));
    }

    /// @notice A SettleExpired.
    function decodeSettleExpired(Cursor memory body) internal pure returns (SettleExpired memory command) {
        command.underlying = body.u16();
        command.expiry = body.u64();
        command.limit = body.u16();
        body.finish();
    }
}
