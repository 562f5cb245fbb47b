// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {SelfTrade, Side} from "src/verifier/Types.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Books} from "src/verifier/state/Books.sol";
import {Account as Subaccount, Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {HoldingLeaf, OpenSide} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";

/// Subaccounts over an empty ledger: what comes and goes leaves nothing behind, and the trees tell one story.
contract AccountsTest is Test {
    using PartialTree for Tree;

    address private constant OWNER = address(0xA11CE);
    bytes private constant EMPTY = hex"00050000000000000000000000000000000000";

    function test_a_handle_is_opened_once_and_written_back() public pure {
        Ledger memory ledger = _ledger();
        Subaccount memory account = Accounts.create(ledger, 7, OWNER);
        account.leaf.cash = 5;
        (bool found, Subaccount memory again) = Accounts.find(ledger, 7);
        assertTrue(found);
        again.leaf.cash += 1;
        assertEq(account.leaf.cash, 6);
        (found,) = Accounts.find(ledger, 8);
        assertFalse(found);
        bytes32 before = Ledgers.root(ledger);
        Accounts.close(ledger);
        assertTrue(Ledgers.root(ledger) != before);
        (, address owner) = Accounts.ownerOf(ledger, 7);
        assertEq(owner, OWNER);
    }

    function testFuzz_balances_ascend_and_none_is_zero(uint256 seed) public pure {
        Subaccount memory account;
        int256[6] memory expected;
        for (uint256 i = 0; i < 24; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            uint256 asset = word % 6;
            int256 delta = (word >> 8) % 3 == 0 ? -expected[asset] : int256((word >> 16) % 100);
            expected[asset] += delta;
            Accounts.credit(account, asset, delta);
            uint256 last = 0;
            for (uint256 j = 0; j < account.leaf.collateral.length; ++j) {
                assertGt(account.leaf.collateral[j].asset, last);
                last = account.leaf.collateral[j].asset;
                assertTrue(account.leaf.collateral[j].amount != 0);
            }
            for (uint256 j = 0; j < 6; ++j) {
                assertEq(Accounts.balance(account, j), expected[j]);
            }
        }
    }

    function testFuzz_orders_come_change_and_go(uint256 seed) public pure {
        Ledger memory ledger = _ledger();
        Subaccount memory account = Accounts.create(ledger, 1, OWNER);
        Accounts.close(ledger);
        bytes32 before = Ledgers.root(ledger);
        BookPlace[8] memory places;
        for (uint256 i = 0; i < 8; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            places[i] = BookPlaces.at(1 + word % 2, Side((word >> 8) % 2), int256((word >> 16) % 50) + 1, i);
            Accounts.putOrder(ledger, account, places[i], _order(i, int256(10 + i)));
        }
        OrderLeaf memory changed = _order(3, 100);
        Accounts.updateOrder(ledger, account, places[3], changed);
        _assertOneStory(ledger, account, places, 0);
        for (uint256 i = 0; i < 8; ++i) {
            assertEq(Accounts.removeOrder(ledger, account, places[i]).order, i);
            _assertOneStory(ledger, account, places, i + 1);
        }
        Accounts.close(ledger);
        assertEq(Ledgers.root(ledger), before);
    }

    /// The orders from `from` on rest, and every tree says so.
    function _assertOneStory(Ledger memory ledger, Subaccount memory account, BookPlace[8] memory places, uint256 from)
        private
        pure
    {
        assertEq(account.leaf.openOrders, 8 - from);
        (bool found, uint256 id,) = Accounts.oldest(account);
        assertEq(found, from < 8);
        if (found) assertEq(id, from);
        for (uint256 instrument = 1; instrument <= 2; ++instrument) {
            (, HoldingLeaf memory held) = Accounts.holding(account, instrument);
            _assertSide(ledger, held.bids, places, from, instrument, Side.Buy);
            _assertSide(ledger, held.offers, places, from, instrument, Side.Sell);
        }
        (uint256[] memory instruments,) = Accounts.holdings(account);
        assertEq(instruments.length, account.leaf.holdings);
    }

    function _assertSide(
        Ledger memory ledger,
        OpenSide memory open,
        BookPlace[8] memory places,
        uint256 from,
        uint256 instrument,
        Side side
    ) private pure {
        int256 lots = 0;
        int256 worst = 0;
        for (uint256 i = from; i < 8; ++i) {
            if (places[i].instrument != instrument || places[i].side != side) continue;
            lots += i == 3 ? int256(100) : int256(10 + i);
            int256 ticks = BookPlaces.ticks(places[i]);
            bool higher = ticks > worst;
            // The worst price is the highest bid or the lowest offer; so is the best one of the book.
            if (worst == 0 || higher == (side == Side.Buy)) worst = ticks;
        }
        assertEq(open.lots, lots);
        (bool found, int256 price) = Accounts.worst(ledger, open, side);
        assertEq(found, lots != 0);
        if (found) assertEq(price, worst);
        (bool rests, BookPlace memory place,) = Books.best(ledger, instrument, side);
        assertEq(rests, found);
        if (rests) assertEq(BookPlaces.ticks(place), worst);
    }

    function _order(uint256 id, int256 lots) private pure returns (OrderLeaf memory) {
        return OrderLeaf(id, 1, lots, 0, 0, 0, false, SelfTrade.CancelNewest);
    }

    function _ledger() private pure returns (Ledger memory) {
        bytes32 root = keccak256(abi.encodePacked("synchromesh.state.v1", new bytes(160)));
        return Ledgers.open(EMPTY, root);
    }
}
