// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

/// @notice What oracles say of one series.
/// @param expiry When it expires, ns
/// @param forward Forward, 1e-9 USD
/// @param rate Discount rate, 1e-9
/// @param a Of the smile, as `b`, `rho`, `m` and `sigma`, 1e-9
struct ExpiryInputs {
    uint256 expiry;
    int256 forward;
    int256 rate;
    int256 a;
    int256 b;
    int256 rho;
    int256 m;
    int256 sigma;
}

/// @notice What oracles say of one underlying: the signed part of a MarkUpdate.
/// @param underlying The underlying
/// @param time When it was so, ns
/// @param index Index, 1e-9 USD
/// @param confidence Half-width, 1e-9 of the index
/// @param sources Fresh index sources
/// @param perpetualMark Mark of the perpetual, 1e-9 USD
/// @param fundingRate Per eight hours, 1e-9
/// @param expiries One for each series that is listed and ahead, ascending
struct MarkInputs {
    uint256 underlying;
    uint256 time;
    int256 index;
    uint256 confidence;
    uint256 sources;
    int256 perpetualMark;
    int256 fundingRate;
    ExpiryInputs[] expiries;
}

/// @title The commands that move the marks: MarkUpdate and FundingTick
library MarkUpdates {
    using Decoder for Cursor;

    /// @dev Most expiries of one mark.
    uint256 private constant MAX_EXPIRIES = 256;

    bytes32 private constant TYPEHASH = keccak256("MarkUpdate(string underlying,uint64 time,bytes32 inputs)");

    /// @notice The inputs of a MarkUpdate, and the hash of their encoding. The signatures follow them.
    function decodeInputs(Cursor memory body) internal pure returns (MarkInputs memory inputs, bytes32 hash) {
        uint256 from = body.at;
        inputs.underlying = body.u16();
        inputs.time = body.u64();
        inputs.index = body.i64();
        inputs.confidence = body.u32();
        inputs.sources = body.u8();
        inputs.perpetualMark = body.i64();
        inputs.fundingRate = body.i64();
        inputs.expiries = new ExpiryInputs[](body.count(MAX_EXPIRIES));
        for (uint256 i = 0; i < inputs.expiries.length; ++i) {
            inputs.expiries[i] = _decodeExpiry(body);
            if (i != 0 && inputs.expiries[i].expiry <= inputs.expiries[i - 1].expiry) body.fail();
        }
        hash = body.hashFrom(from);
    }

    /// @notice What follows the signatures: the listing epoch that the arrays cover. What the arrays hash to is for whoever
    /// makes them again.
    function decodeListingEpoch(Cursor memory body) internal pure returns (uint256 listingEpoch) {
        listingEpoch = body.u32();
        body.word();
        body.finish();
    }

    /// @notice What oracles sign, before the domain.
    function structHash(bytes32 symbolHash, uint256 time, bytes32 inputsHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, symbolHash, time, inputsHash));
    }

    /// @notice The underlying whose funding accrues.
    function decodeFundingTick(Cursor memory body) internal pure returns (uint256 underlying) {
        underlying = body.u16();
        body.finish();
    }

    /// @notice Where the inputs name a series.
    function place(MarkInputs memory inputs, uint256 expiry) internal pure returns (bool found, uint256 at) {
        for (; at < inputs.expiries.length; ++at) {
            if (inputs.expiries[at].expiry == expiry) return (true, at);
        }
        return (false, 0);
    }

    function _decodeExpiry(Cursor memory body) private pure returns (ExpiryInputs memory inputs) {
        inputs.expiry = body.u64();
        inputs.forward = body.i64();
        inputs.rate = body.i64();
        inputs.a = body.i64();
        inputs.b = body.i64();
        inputs.rho = body.i64();
        inputs.m = body.i64();
        inputs.sigma = body.i64();
    }
}
