// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {InstrumentKind, Mode, OptionType, Parameter} from "src/verifier/Types.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {CollateralTerms, RiskParameters, RiskTables} from "src/verifier/state/leaves/RiskTables.sol";

/// @notice Changes the mode of an underlying. Fields as in docs/protocol/commands.md; `body` is the hash that
/// administrators sign.
struct SetMode {
    uint256 underlying;
    Mode mode;
    bytes32 body;
}

/// @notice Changes one parameter.
struct SetParameter {
    Parameter parameter;
    int256 value;
    bytes32 body;
}

/// @notice Replaces the risk table of an underlying after a delay.
/// @param hash Keccak of the encoded parameters
struct SetRiskParameters {
    uint256 underlying;
    RiskParameters parameters;
    bytes32 hash;
    uint256 effective;
    bytes32 body;
}

/// @notice Replaces the collateral terms of an asset after a delay.
struct SetCollateral {
    uint256 asset;
    CollateralTerms terms;
    uint256 effective;
    bytes32 body;
}

/// @notice What an instrument is.
struct InstrumentSpec {
    uint256 instrument;
    bytes name;
    uint256 underlying;
    InstrumentKind kind;
    OptionType optionType;
    int256 strike;
    uint256 expiry;
    int256 tickSize;
    int256 lotSize;
    uint256 laneUnit;
}

/// @notice New instruments.
struct ListInstruments {
    InstrumentSpec[] instruments;
    bytes32 body;
}

/// @title Commands of administrators
/// @notice How they are decoded, up to the administrators' number and signatures that end each of them.
library AdminCommands {
    using Decoder for Cursor;

    /// Most instruments of one listing.
    uint256 private constant LISTING_MAX = 256;
    /// Longest name of an instrument, characters.
    uint256 private constant NAME_MAX = 48;

    function decodeSetMode(Cursor memory cursor) internal pure returns (SetMode memory command) {
        uint256 from = cursor.at;
        command.underlying = cursor.u16();
        command.mode = Mode(cursor.choice(4));
        command.body = cursor.hashFrom(from);
    }

    function decodeSetParameter(Cursor memory cursor) internal pure returns (SetParameter memory command) {
        uint256 from = cursor.at;
        command.parameter = Parameter(cursor.choice(uint256(type(Parameter).max) + 1));
        command.value = cursor.i64();
        command.body = cursor.hashFrom(from);
    }

    function decodeSetRisk(Cursor memory cursor) internal pure returns (SetRiskParameters memory command) {
        uint256 from = cursor.at;
        command.underlying = cursor.u16();
        uint256 table = cursor.at;
        command.parameters = RiskTables.risk(cursor);
        command.hash = cursor.hashFrom(table);
        command.effective = cursor.u64();
        command.body = cursor.hashFrom(from);
    }

    function decodeSetCollateral(Cursor memory cursor) internal pure returns (SetCollateral memory command) {
        uint256 from = cursor.at;
        command.asset = cursor.u16();
        command.terms = RiskTables.terms(cursor);
        command.effective = cursor.u64();
        command.body = cursor.hashFrom(from);
    }

    function decodeListing(Cursor memory cursor) internal pure returns (ListInstruments memory command) {
        uint256 from = cursor.at;
        command.instruments = new InstrumentSpec[](cursor.count(LISTING_MAX));
        for (uint256 i = 0; i < command.instruments.length; ++i) {
            command.instruments[i] = _spec(cursor);
        }
        command.body = cursor.hashFrom(from);
    }

    function _spec(Cursor memory cursor) private pure returns (InstrumentSpec memory spec) {
        spec.instrument = cursor.u32();
        spec.name = cursor.text(NAME_MAX);
        spec.underlying = cursor.u16();
        spec.kind = InstrumentKind(cursor.choice(2));
        spec.optionType = OptionType(cursor.choice(2));
        spec.strike = cursor.i64();
        spec.expiry = cursor.u64();
        spec.tickSize = cursor.i64();
        spec.lotSize = cursor.i64();
        spec.laneUnit = cursor.u32();
    }
}
