// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {SelfTrade} from "src/verifier/Types.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Layouts} from "src/verifier/state/Layouts.sol";

/// @notice A resting limit order; instrument, side, price and time are in its place.
/// @param order Its id
/// @param subaccount Whose it is
/// @param lots Open lots
/// @param filled Lots filled so far
/// @param maxFee Signed fee bound, micro-USDC per contract
/// @param validUntil When it ends, ns; 0: when it is cancelled
/// @param reduceOnly May only shrink the position
/// @param selfTrade Self-trade prevention
struct OrderLeaf {
    uint256 order;
    uint256 subaccount;
    int256 lots;
    int256 filled;
    int256 maxFee;
    uint256 validUntil;
    bool reduceOnly;
    SelfTrade selfTrade;
}

/// @title Codec of resting orders
library OrderLeaves {
    using Decoder for Cursor;
    using Encoder for Writer;
    using Layouts for Cursor;
    using Layouts for Writer;

    /// The only kind of resting order in version 1.
    uint256 private constant LIMIT = 0;
    /// The fields behind the kind.
    bytes32 private constant LAYOUT = hex"0808484848088283";
    uint256 private constant BYTES = 51;

    function decode(bytes memory value) internal pure returns (OrderLeaf memory leaf) {
        Cursor memory cursor = Decoder.leaf(value);
        cursor.choice(LIMIT + 1);
        cursor.read(_words(leaf), LAYOUT);
        cursor.finish();
    }

    function encode(OrderLeaf memory leaf) internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(BYTES);
        writer.u8(LIMIT);
        writer.write(_words(leaf), LAYOUT);
        return writer.finish();
    }

    function _words(OrderLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }
}
