// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Side} from "src/verifier/Types.sol";

/// @title Sides of a book
library Sides {
    /// @notice The side that an order meets.
    function opposite(Side side) internal pure returns (Side) {
        return side == Side.Buy ? Side.Sell : Side.Buy;
    }

    /// @notice 1 for a buyer, whose position grows, and −1 for a seller.
    function sign(Side side) internal pure returns (int256) {
        return side == Side.Buy ? int256(1) : int256(-1);
    }

    /// @notice Whether an order of `side` that goes to `limit` trades with one at `ticks`.
    function reaches(Side side, int256 limit, int256 ticks) internal pure returns (bool) {
        return side == Side.Buy ? ticks <= limit : ticks >= limit;
    }
}
