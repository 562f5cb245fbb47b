// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {InstrumentKind, OptionType} from "src/verifier/Types.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Layouts} from "src/verifier/state/Layouts.sol";

/// @notice An instrument: what it is, and its last mark.
/// @param nameHash Keccak of its name
/// @param underlying Its underlying
/// @param kind Option or perpetual
/// @param optionType Call or put
/// @param strike Micro-USDC
/// @param expiry When it expires, ns; 0 for a perpetual
/// @param tickSize Price step, micro-USDC per contract
/// @param lotSize Amount step, 1e-8 contracts
/// @param laneUnit Unit of the lanes, micro-USDC per lot
/// @param openInterest Lots of all longs
/// @param holders Number of subaccounts with a position
/// @param fundingIndex Cumulative funding, 1e-9 USD per contract, paid by longs
/// @param fundingTime Up to when funding has accrued, ns
/// @param mark Micro-USDC per contract; 0 before the first mark
/// @param markEpoch Epoch of the underlying that the mark belongs to; 0 before the first
/// @param markIndex Index that came with the mark, 1e-9 USD
/// @param iv Implied vol of the mark, 1e-9
/// @param delta 1e-9
/// @param vega Micro-USDC per contract and vol point
/// @param risk Lanes and gaps as committed, 64 × i32 and 16 × u32; empty in arrays version 0
struct InstrumentLeaf {
    bytes32 nameHash;
    uint256 underlying;
    InstrumentKind kind;
    OptionType optionType;
    int256 strike;
    uint256 expiry;
    int256 tickSize;
    int256 lotSize;
    uint256 laneUnit;
    int256 openInterest;
    uint256 holders;
    int256 fundingIndex;
    uint256 fundingTime;
    int256 mark;
    uint256 markEpoch;
    int256 markIndex;
    int256 iv;
    int256 delta;
    int256 vega;
    bytes risk;
}

/// @title Codec of instruments
library InstrumentLeaves {
    using Decoder for Cursor;
    using Encoder for Writer;
    using Layouts for Cursor;
    using Layouts for Writer;

    /// @notice Bytes of the lanes and gaps of one instrument.
    uint256 internal constant RISK_BYTES = 320;

    /// The fields before the lanes.
    bytes32 private constant LAYOUT = hex"20028282480848480448044808480448484848";
    uint256 private constant BYTES = 144;

    function decode(bytes memory value) internal pure returns (InstrumentLeaf memory leaf) {
        Cursor memory cursor = Decoder.leaf(value);
        cursor.read(_words(leaf), LAYOUT);
        if (cursor.flag()) leaf.risk = cursor.take(RISK_BYTES);
        cursor.finish();
    }

    function encode(InstrumentLeaf memory leaf) internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(BYTES + 1 + leaf.risk.length);
        writer.write(_words(leaf), LAYOUT);
        writer.flag(leaf.risk.length != 0);
        writer.raw(leaf.risk);
        return writer.finish();
    }

    function _words(InstrumentLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }
}
