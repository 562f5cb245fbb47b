// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Mode} from "src/verifier/Types.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Books} from "src/verifier/state/Books.sol";
import {Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {WitnessMissing} from "src/verifier/state/Witness.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";

/// @title Open orders of an account
/// @notice Which of them a command names, and which a cancel-all takes next.
library OpenOrders {
    using PartialTree for Tree;

    /// @notice An open order, and where it rests.
    function load(Ledger memory ledger, Account memory account, uint256 id)
        internal
        pure
        returns (BookPlace memory place, OrderLeaf memory resting)
    {
        bool open;
        (open, place) = Accounts.order(account, id);
        requireLegal(open, "unknown_order");
        (open, resting) = Books.get(ledger, place);
        // An open order rests, so this is never seen.
        require(open, WitnessMissing("order"));
    }

    /// @notice Whether the underlying of an instrument is halted: then its orders stay as they are.
    function isHalted(Ledger memory ledger, uint256 instrument) internal pure returns (bool) {
        return Underlyings.load(ledger, Instruments.load(ledger, instrument).underlying).mode == Mode.Halt;
    }

    /// @notice The first two open orders, ascending by id, that a cancel-all takes: what it takes next, and whether that is the
    /// last.
    /// @param instrument Only of this one; 0: any
    /// @param underlying Only of this one; 0: any
    /// @param most How many are asked for, 1 or 2: what is not asked for need not be in the witness
    /// @return found How many there are, at most `most`
    /// @return id The first
    /// @return place Where it rests
    function fitting(Ledger memory ledger, Account memory account, uint256 instrument, uint256 underlying, uint256 most)
        internal
        pure
        returns (uint256 found, uint256 id, BookPlace memory place)
    {
        // Taking leaves away from a tree that shares its nodes is how it is walked from the left.
        Tree memory ahead = Tree(account.orders.node);
        while (found < most) {
            (bool any, bytes32 key, bytes memory value) = ahead.first(0, 0);
            if (!any) break;
            ahead.remove(key);
            BookPlace memory next = BookPlaces.decode(value);
            if (instrument != 0 && next.instrument != instrument) continue;
            if (!_isTaken(ledger, next.instrument, underlying)) continue;
            if (found == 0) (id, place) = (uint256(key) >> 192, next);
            ++found;
        }
    }

    function _isTaken(Ledger memory ledger, uint256 instrument, uint256 underlying) private pure returns (bool) {
        if (underlying != 0 && Instruments.load(ledger, instrument).underlying != underlying) return false;
        return !isHalted(ledger, instrument);
    }
}
