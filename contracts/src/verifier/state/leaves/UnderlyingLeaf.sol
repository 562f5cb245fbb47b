// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Mode} from "src/verifier/Types.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Layouts} from "src/verifier/state/Layouts.sol";

/// @notice A risk table.
/// @param version Its number
/// @param parameters Keccak of its encoded RiskParameters
struct RiskLeaf {
    uint256 version;
    bytes32 parameters;
}

/// @notice A risk table that waits.
/// @param effective It counts for marks whose oracle time is not before this, ns
/// @param table The table
struct NextRiskLeaf {
    uint256 effective;
    RiskLeaf table;
}

/// @notice An underlying: mode, listings and the oracle's last word.
/// @param symbolHash Keccak of its symbol
/// @param mode What it accepts
/// @param listingEpoch Raised whenever the set of open instruments changes, or a risk table is set
/// @param openInstruments Number of open instruments
/// @param perpetual Its perpetual; 0 if none
/// @param markEpoch Number of marks so far
/// @param markTime Oracle time of the last mark, ns
/// @param index 1e-9 USD
/// @param confidence 1e-9 of the index
/// @param sources Fresh index sources
/// @param perpetualMark 1e-9 USD
/// @param fundingRate Per eight hours, 1e-9
/// @param hasRisk Whether it has a risk table
/// @param risk The risk table that its arrays are made with
/// @param hasNextRisk Whether a risk table waits
/// @param nextRisk The one that follows
struct UnderlyingLeaf {
    bytes32 symbolHash;
    Mode mode;
    uint256 listingEpoch;
    uint256 openInstruments;
    uint256 perpetual;
    uint256 markEpoch;
    uint256 markTime;
    int256 index;
    uint256 confidence;
    uint256 sources;
    int256 perpetualMark;
    int256 fundingRate;
    bool hasRisk;
    RiskLeaf risk;
    bool hasNextRisk;
    NextRiskLeaf nextRisk;
}

/// @title Codec of underlyings
library UnderlyingLeaves {
    using Decoder for Cursor;
    using Encoder for Writer;
    using Layouts for Cursor;
    using Layouts for Writer;

    /// The fields before the risk tables.
    bytes32 private constant LAYOUT = hex"208404040404084804014848";
    bytes32 private constant RISK = hex"0420";
    /// @notice Bytes of the leaf with both tables.
    uint256 internal constant BYTES_MAX = 168;

    function decode(bytes memory value) internal pure returns (UnderlyingLeaf memory leaf) {
        Cursor memory cursor = Decoder.leaf(value);
        cursor.read(_words(leaf), LAYOUT);
        leaf.hasRisk = cursor.flag();
        if (leaf.hasRisk) cursor.read(_words(leaf.risk), RISK);
        leaf.hasNextRisk = cursor.flag();
        if (leaf.hasNextRisk) {
            leaf.nextRisk.effective = cursor.u64();
            cursor.read(_words(leaf.nextRisk.table), RISK);
        }
        cursor.finish();
    }

    function encode(UnderlyingLeaf memory leaf) internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(BYTES_MAX);
        writer.write(_words(leaf), LAYOUT);
        writer.flag(leaf.hasRisk);
        if (leaf.hasRisk) writer.write(_words(leaf.risk), RISK);
        writer.flag(leaf.hasNextRisk);
        if (leaf.hasNextRisk) {
            writer.u64(leaf.nextRisk.effective);
            writer.write(_words(leaf.nextRisk.table), RISK);
        }
        return writer.finish();
    }

    function _words(UnderlyingLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }

    function _words(RiskLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }
}
