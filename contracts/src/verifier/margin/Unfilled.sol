// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Holding} from "src/verifier/margin/MarginAccount.sol";
import {Series, Strike} from "src/verifier/margin/Series.sol";
import {Terms} from "src/verifier/margin/Terms.sol";

/// @title Arrays of structs whose every item is put in before it is read
/// @notice `new T[](n)` makes n empty structs, which for lists that are filled at once is most of their cost.
library Unfilled {
    function holdings(uint256 count) internal pure returns (Holding[] memory list) {
        uint256 words = _words(count);
        assembly ("memory-safe") {
            list := words
        }
    }

    function terms(uint256 count) internal pure returns (Terms[] memory list) {
        uint256 words = _words(count);
        assembly ("memory-safe") {
            list := words
        }
    }

    function series(uint256 count) internal pure returns (Series[] memory list) {
        uint256 words = _words(count);
        assembly ("memory-safe") {
            list := words
        }
    }

    function strikes(uint256 count) internal pure returns (Strike[] memory list) {
        uint256 words = _words(count);
        assembly ("memory-safe") {
            list := words
        }
    }

    function _words(uint256 count) private pure returns (uint256 at) {
        uint256[] memory list = new uint256[](count);
        assembly ("memory-safe") {
            at := list
        }
    }
}
