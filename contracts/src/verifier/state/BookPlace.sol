// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Side} from "src/verifier/Types.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

/// @notice Where a resting order stands; ascends from the best to the worst of a side.
/// @param instrument Its instrument
/// @param side Its side
/// @param rank Rank of its price: the best of a side is the lowest
/// @param place Its place in time
struct BookPlace {
    uint256 instrument;
    Side side;
    uint256 rank;
    uint256 place;
}

/// @title Places in the books
library BookPlaces {
    using Decoder for Cursor;

    uint256 private constant SIGN = 1 << 63;
    uint256 private constant ALL_BITS = type(uint64).max;

    /// @notice The place of an order with a price in ticks that came in at `place`.
    function at(uint256 instrument, Side side, int256 price, uint256 place) internal pure returns (BookPlace memory) {
        return BookPlace(instrument, side, rank(side, price), place);
    }

    /// @notice Rank of a price in ticks.
    function rank(Side side, int256 price) internal pure returns (uint256) {
        uint256 ascending = (uint256(price) & ALL_BITS) ^ SIGN;
        return side == Side.Buy ? ALL_BITS ^ ascending : ascending;
    }

    /// @notice The price of a rank, in ticks.
    function ticksOf(Side side, uint256 priceRank) internal pure returns (int256) {
        uint256 ascending = side == Side.Buy ? ALL_BITS ^ priceRank : priceRank;
        return int256(int64(uint64(ascending ^ SIGN)));
    }

    /// @notice The price in ticks.
    function ticks(BookPlace memory self) internal pure returns (int256) {
        return ticksOf(self.side, self.rank);
    }

    /// @notice Value of a leaf of an account's orders tree.
    function encode(BookPlace memory self) internal pure returns (bytes memory) {
        return abi.encodePacked(uint32(self.instrument), uint8(self.side), uint64(self.rank), uint64(self.place));
    }

    /// @notice The other direction.
    function decode(bytes memory value) internal pure returns (BookPlace memory self) {
        Cursor memory cursor = Decoder.leaf(value);
        self.instrument = cursor.u32();
        self.side = Side(cursor.choice(2));
        self.rank = cursor.u64();
        self.place = cursor.u64();
        cursor.finish();
    }
}
