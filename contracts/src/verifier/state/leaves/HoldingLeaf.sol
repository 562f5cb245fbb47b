// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Side} from "src/verifier/Types.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Layouts} from "src/verifier/state/Layouts.sol";

/// @notice Resting orders of one account on one side of one book.
/// @param lots Their lots
/// @param root Tree of them, worst price first
struct OpenSide {
    int256 lots;
    bytes32 root;
}

/// @notice What an account has in one instrument.
/// @param lots Position, long positive
/// @param cost What the position cost to enter, micro-USDC
/// @param fundingIndex Funding index of a perpetual position at its last settlement, 1e-9 USD per contract; 0 without lots
/// @param bids Its bids
/// @param offers Its offers
struct HoldingLeaf {
    int256 lots;
    int256 cost;
    int256 fundingIndex;
    OpenSide bids;
    OpenSide offers;
}

/// @title Codec of holdings
library HoldingLeaves {
    using Decoder for Cursor;
    using Encoder for Writer;
    using Layouts for Cursor;
    using Layouts for Writer;

    bytes32 private constant POSITION = hex"484848";
    bytes32 private constant SIDE = hex"4820";
    uint256 private constant BYTES = 3 * 8 + 2 * 40;

    function decode(bytes memory value) internal pure returns (HoldingLeaf memory leaf) {
        Cursor memory cursor = Decoder.leaf(value);
        cursor.read(_words(leaf), POSITION);
        cursor.read(_words(leaf.bids), SIDE);
        cursor.read(_words(leaf.offers), SIDE);
        cursor.finish();
    }

    function encode(HoldingLeaf memory leaf) internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(BYTES);
        writer.write(_words(leaf), POSITION);
        writer.write(_words(leaf.bids), SIDE);
        writer.write(_words(leaf.offers), SIDE);
        return writer.finish();
    }

    /// @notice Whether there is neither a position nor an order: then there is no leaf.
    function isEmpty(HoldingLeaf memory leaf) internal pure returns (bool) {
        return leaf.lots == 0 && leaf.bids.root == 0 && leaf.offers.root == 0;
    }

    /// @notice The orders of one side, to be changed in place.
    function side(HoldingLeaf memory leaf, Side which) internal pure returns (OpenSide memory) {
        return which == Side.Buy ? leaf.bids : leaf.offers;
    }

    function _words(HoldingLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }

    function _words(OpenSide memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }
}
