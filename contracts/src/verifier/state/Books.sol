// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Side} from "src/verifier/Types.sol";
import {BookPlace} from "src/verifier/state/BookPlace.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {OrderLeaf, OrderLeaves} from "src/verifier/state/leaves/OrderLeaf.sol";

/// @title The books tree
/// @notice Orders come, change and go through `Accounts`, which keeps all trees that know them together.
library Books {
    using PartialTree for Tree;

    /// @notice The best order of one side of a book.
    function best(Ledger memory ledger, uint256 instrument, Side side)
        internal
        pure
        returns (bool found, BookPlace memory place, OrderLeaf memory leaf)
    {
        bytes32 prefix = StateKeys.bookSide(instrument, side);
        bytes32 key;
        bytes memory value;
        (found, key, value) = ledger.books.first(prefix, StateKeys.BOOK_SIDE_BITS);
        if (!found) return (false, place, leaf);
        place = BookPlace(instrument, side, uint64(uint256(key) >> 144), uint64(uint256(key) >> 80));
        leaf = OrderLeaves.decode(value);
    }

    /// @notice The order that rests at a place.
    function get(Ledger memory ledger, BookPlace memory place)
        internal
        pure
        returns (bool found, OrderLeaf memory leaf)
    {
        bytes memory value;
        (found, value) = ledger.books.get(StateKeys.book(place));
        if (found) leaf = OrderLeaves.decode(value);
    }
}
