// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Side} from "src/verifier/Types.sol";
import {BookPlace} from "src/verifier/state/BookPlace.sol";

/// @title Where each leaf stands in its tree
/// @dev Numbers are read from leaves and records, so they fit their width.
library StateKeys {
    /// @notice Accounts tree: a subaccount.
    function account(uint256 id) internal pure returns (bytes32) {
        return bytes32(id << 192);
    }

    /// @notice Holdings tree of an account: an instrument.
    function holding(uint256 id) internal pure returns (bytes32) {
        return bytes32(id << 224);
    }

    /// @notice Orders tree of an account: an open order.
    function order(uint256 id) internal pure returns (bytes32) {
        return bytes32(id << 192);
    }

    /// @notice Tree of an account's own orders of one instrument and side.
    function own(BookPlace memory place) internal pure returns (bytes32) {
        return bytes32(place.rank << 192 | place.place << 128);
    }

    /// @notice Books tree: a resting order.
    function book(BookPlace memory place) internal pure returns (bytes32) {
        return bookSide(place.instrument, place.side) | bytes32(place.rank << 144 | place.place << 80);
    }

    /// @notice Books tree: what the orders of one side of a book start with.
    function bookSide(uint256 id, Side side) internal pure returns (bytes32) {
        return bytes32(id << 216 | uint256(side) << 208);
    }

    /// @notice Bits of what the orders of one side of a book start with.
    uint256 internal constant BOOK_SIDE_BITS = 48;

    /// @notice Instruments tree: an instrument.
    function instrument(uint256 id) internal pure returns (bytes32) {
        return bytes32(id << 216);
    }

    /// @notice Instruments tree: an underlying.
    function underlying(uint256 id) internal pure returns (bytes32) {
        return bytes32(uint256(1) << 248 | id << 232);
    }

    /// @notice Instruments tree: an expiry of an underlying.
    function expiry(uint256 id, uint256 time) internal pure returns (bytes32) {
        return bytes32(uint256(2) << 248 | id << 232 | time << 168);
    }

    /// @notice Instruments tree: the name of an instrument.
    function name(bytes32 nameHash) internal pure returns (bytes32) {
        return bytes32(uint256(3) << 248 | uint256(nameHash) >> 8);
    }

    /// @notice Keys tree: an address that signs.
    function signer(address key) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(key)) << 96);
    }

    /// @notice Globals tree: one of the numbered leaves.
    function global(uint256 number) internal pure returns (bytes32) {
        return bytes32(number << 248);
    }
}
