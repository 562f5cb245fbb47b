// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Layouts} from "src/verifier/state/Layouts.sol";

/// @notice An expiry: forward and smile of the last mark, and the settlement price once it is fixed.
/// @param instruments Number of its instruments that are not closed
/// @param forward 1e-9 USD
/// @param rate Discount rate, 1e-9
/// @param a Raw SVI slice, 1e-9 as the others
/// @param b Raw SVI slice
/// @param rho Raw SVI slice
/// @param m Raw SVI slice
/// @param sigma Raw SVI slice
/// @param settled Whether the settlement price is fixed
/// @param settlement Settlement price, micro-USDC
struct ExpiryLeaf {
    uint256 instruments;
    int256 forward;
    int256 rate;
    int256 a;
    int256 b;
    int256 rho;
    int256 m;
    int256 sigma;
    bool settled;
    int256 settlement;
}

/// @title Codec of expiries
library ExpiryLeaves {
    using Decoder for Cursor;
    using Encoder for Writer;
    using Layouts for Cursor;
    using Layouts for Writer;

    /// The fields before the settlement price.
    bytes32 private constant LAYOUT = hex"0448484848484848";
    uint256 private constant BYTES_MAX = 69;

    function decode(bytes memory value) internal pure returns (ExpiryLeaf memory leaf) {
        Cursor memory cursor = Decoder.leaf(value);
        cursor.read(_words(leaf), LAYOUT);
        leaf.settled = cursor.flag();
        if (leaf.settled) leaf.settlement = cursor.i64();
        cursor.finish();
    }

    function encode(ExpiryLeaf memory leaf) internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(BYTES_MAX);
        writer.write(_words(leaf), LAYOUT);
        writer.flag(leaf.settled);
        if (leaf.settled) writer.i64(leaf.settlement);
        return writer.finish();
    }

    function _words(ExpiryLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }
}
