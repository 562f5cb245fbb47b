// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {Side} from "src/verifier/Types.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Underlyings} from "src/verifier/state/Instruments.sol";
import {Account as Subaccount, Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {WitnessMalformed, WitnessMissing} from "src/verifier/state/Witness.sol";
import {AccountLeaf, AccountLeaves} from "src/verifier/state/leaves/AccountLeaf.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {OrderLeaf, OrderLeaves} from "src/verifier/state/leaves/OrderLeaf.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";
import {Scene} from "test/verifier/risk/utils/Scene.sol";

/// What a witness lacks, or says twice, in the venue in memory.
contract StateEdgesTest is Test {
    using Ledgers for Ledger;
    using PartialTree for Tree;

    /// Keeps so many trees beside those that the venue has.
    function keep(uint256 trees) external pure {
        Ledger memory ledger;
        ledger.nodes = new uint256[](64);
        ledger.free = 64;
        for (uint256 i = 0; i < trees; ++i) {
            Tree memory tree;
            tree.set(keccak256(abi.encode(i)), hex"01");
            ledger.keep(tree);
        }
    }

    function test_a_place_for_trees_stays_free() external {
        this.keep(63);
        vm.expectRevert(WitnessMalformed.selector);
        this.keep(64);
    }

    /// Changes an order of an account that rests at so many ticks.
    function update(uint256 account, int256 ticks, int256 lots) external pure returns (int256 open, int256 filled) {
        Ledger memory ledger = Scene.ledger();
        Scene.rest(ledger, Scene.PERPETUAL, Side.Buy, 50_000, 10);
        BookPlace memory place = BookPlaces.at(Scene.PERPETUAL, Side.Buy, ticks, 99);
        OrderLeaf memory order;
        (order.order, order.subaccount, order.lots, order.filled) = (99, account, lots, 4);
        Accounts.updateOrder(ledger, Accounts.load(ledger, account), place, order);
        (, HoldingLeaf memory held) = Accounts.holding(Accounts.load(ledger, Scene.MAKER), Scene.PERPETUAL);
        (, bytes memory leaf) = ledger.books.get(StateKeys.book(place));
        return (held.bids.lots, OrderLeaves.decode(leaf).filled);
    }

    function test_an_order_changes_where_it_rests_and_as_whose_it_is() external {
        (int256 open, int256 filled) = this.update(Scene.MAKER, 50_000, 6);
        assertEq(open, 6);
        assertEq(filled, 4);
        (open, filled) = this.update(Scene.MAKER, 50_000, 10);
        assertEq(open, 10);
        assertEq(filled, 4);
        bytes32 key = StateKeys.book(BookPlaces.at(Scene.PERPETUAL, Side.Buy, 49_999, 99));
        vm.expectRevert(abi.encodeWithSelector(WitnessMissing.selector, key));
        this.update(Scene.MAKER, 49_999, 10);
        vm.expectRevert(WitnessMalformed.selector);
        this.update(Scene.SUBJECT, 50_000, 10);
    }

    function test_an_underlying_is_found_or_not() external pure {
        Ledger memory ledger = Scene.ledger();
        (bool found, UnderlyingLeaf memory leaf) = Underlyings.find(ledger, Scene.UNDERLYING);
        assertTrue(found);
        assertEq(leaf.index, Scene.INDEX);
        (found,) = Underlyings.find(ledger, Scene.UNDERLYING + 1);
        assertFalse(found);
    }

    function decode(bytes memory data) external pure returns (AccountLeaf memory) {
        return AccountLeaves.decode(data);
    }

    function test_the_flag_of_a_liquidation_says_what_follows() external {
        Ledger memory ledger = Scene.ledger();
        Subaccount memory account = Accounts.load(ledger, Scene.SUBJECT);
        bytes memory data = AccountLeaves.encode(account.leaf);
        assertFalse(this.decode(data).hasLiquidation);
        // The flags are behind the owner.
        data[20] = bytes1(uint8(2));
        vm.expectRevert(WitnessMalformed.selector);
        this.decode(data);
    }
}
