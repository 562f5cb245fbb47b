// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Layouts} from "src/verifier/state/Layouts.sol";

/// @notice What the lanes of an underlying are made with, 1e-9 each; see docs/protocol/commands.md.
struct ScenarioParameters {
    int256 range;
    int256 volUp;
    int256 volDown;
    int256 powerShort;
    int256 powerLong;
    int256 volFloor;
    int256 skewLinear;
    int256 skewAbsolute;
    int256 termFront;
    int256 termBack;
}

/// @notice How the lanes of an underlying become margin; see docs/protocol/commands.md.
struct MarginParameters {
    int256 maintenanceShare;
    int256 basisMinMove;
    int256 basisRate;
    int256 shortFloor;
    int256 shortFloorLastDay;
    int256 deltaDepth;
    int256 deltaImpact;
    int256 vegaDepth;
    int256 vegaImpact;
    int256 strikeDepth;
    int256 strikeImpact;
    int256 impactMax;
    int256 confidenceMultiplier;
}

/// @notice Everything that the portfolio margin of one underlying depends on, beside marks and positions.
/// @param scenario The scenarios
/// @param margin The margin
struct RiskParameters {
    ScenarioParameters scenario;
    MarginParameters margin;
}

/// @notice What an asset counts for as collateral. Shares 1e-9, caps 1e-8 units of the asset.
/// @param priceUnderlying The underlying whose index prices one whole unit
/// @param scenarioUnderlying The underlying in whose lanes the asset moves; 0: in none
/// @param haircutInitial Share of the value that initial margin does not count
/// @param haircutMaintenance Share of the value that maintenance margin does not count
/// @param depeg Add-on against a break of the peg, share of the value
/// @param accountCap Most that one subaccount may count
/// @param venueCap Most that all subaccounts together may count
struct CollateralTerms {
    uint256 priceUnderlying;
    uint256 scenarioUnderlying;
    int256 haircutInitial;
    int256 haircutMaintenance;
    int256 depeg;
    int256 accountCap;
    int256 venueCap;
}

/// @notice Terms of one asset that are replaced after a delay.
/// @param hasActive Whether the asset counts
/// @param active The terms that count
/// @param hasNext Whether terms wait
/// @param effective They count from the first mark on whose oracle time is not before this, ns
/// @param next The terms that wait
struct CollateralSchedule {
    bool hasActive;
    CollateralTerms active;
    bool hasNext;
    uint256 effective;
    CollateralTerms next;
}

/// @title Codec of the tables of the margin model
library RiskTables {
    using Decoder for Cursor;
    using Encoder for Writer;
    using Layouts for Cursor;
    using Layouts for Writer;

    bytes32 private constant SCENARIO = hex"48484848484848484848";
    bytes32 private constant MARGIN = hex"48484848484848484848484848";
    bytes32 private constant TERMS = hex"02024848484848";

    /// @notice Bytes of encoded RiskParameters.
    uint256 internal constant RISK_BYTES = 23 * 8;
    /// @notice Bytes of encoded CollateralTerms.
    uint256 internal constant TERMS_BYTES = 2 * 2 + 5 * 8;

    /// @notice Risk parameters at the cursor.
    function risk(Cursor memory cursor) internal pure returns (RiskParameters memory parameters) {
        cursor.read(_words(parameters.scenario), SCENARIO);
        cursor.read(_words(parameters.margin), MARGIN);
    }

    /// @notice Collateral terms at the cursor.
    function terms(Cursor memory cursor) internal pure returns (CollateralTerms memory self) {
        cursor.read(_words(self), TERMS);
    }

    /// @notice The collateral table, by asset.
    function decodeCollateral(bytes memory value) internal pure returns (CollateralSchedule[] memory table) {
        Cursor memory cursor = Decoder.leaf(value);
        table = new CollateralSchedule[](cursor.u16());
        for (uint256 i = 0; i < table.length; ++i) {
            table[i].hasActive = cursor.flag();
            if (table[i].hasActive) table[i].active = terms(cursor);
            table[i].hasNext = cursor.flag();
            if (table[i].hasNext) {
                table[i].effective = cursor.u64();
                table[i].next = terms(cursor);
            }
        }
        cursor.finish();
    }

    /// @notice The other direction.
    function encodeCollateral(CollateralSchedule[] memory table) internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(2 + (10 + 2 * TERMS_BYTES) * table.length);
        writer.u16(table.length);
        for (uint256 i = 0; i < table.length; ++i) {
            writer.flag(table[i].hasActive);
            if (table[i].hasActive) encodeTerms(writer, table[i].active);
            writer.flag(table[i].hasNext);
            if (table[i].hasNext) {
                writer.u64(table[i].effective);
                encodeTerms(writer, table[i].next);
            }
        }
        return writer.finish();
    }

    /// @notice Puts collateral terms.
    function encodeTerms(Writer memory writer, CollateralTerms memory self) internal pure {
        writer.write(_words(self), TERMS);
    }

    function _words(ScenarioParameters memory self) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := self
        }
    }

    function _words(MarginParameters memory self) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := self
        }
    }

    function _words(CollateralTerms memory self) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := self
        }
    }
}
