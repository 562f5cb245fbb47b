// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Side, Units} from "src/verifier/Types.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Account, Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {WitnessMalformed, WitnessMissing} from "src/verifier/state/Witness.sol";
import {AccountLeaf, AccountLeaves, Collateral} from "src/verifier/state/leaves/AccountLeaf.sol";
import {HoldingLeaf, HoldingLeaves, OpenSide} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {OrderLeaf, OrderLeaves} from "src/verifier/state/leaves/OrderLeaf.sol";

/// @title Subaccounts
/// @notice The accounts tree and the trees below its leaves. A subaccount is opened once, changed in place, and written back
/// when the step closes.
library Accounts {
    using HoldingLeaves for HoldingLeaf;
    using Ledgers for Ledger;
    using PartialTree for Tree;

    /// @notice A subaccount, if there is one.
    function find(Ledger memory ledger, uint256 id) internal pure returns (bool found, Account memory account) {
        for (uint256 at = ledger.opened; at != 0; at = account.next) {
            account = _at(at);
            if (account.id == id) return (true, account);
        }
        bytes memory value;
        (found, value) = ledger.accounts.get(StateKeys.account(id));
        if (!found) return (false, account);
        account = _open(ledger, id);
        account.leaf = AccountLeaves.decode(value);
        account.orders = _below(ledger, account.leaf.ordersRoot);
        account.holdings = _below(ledger, account.leaf.holdingsRoot);
    }

    /// @notice A subaccount that must be there.
    function load(Ledger memory ledger, uint256 id) internal pure returns (Account memory) {
        (bool found, Account memory account) = find(ledger, id);
        requireLegal(found, "unknown_subaccount");
        return account;
    }

    /// @notice Whose a subaccount is.
    function ownerOf(Ledger memory ledger, uint256 id) internal pure returns (bool found, address owner) {
        bytes memory value;
        (found, value) = ledger.accounts.get(StateKeys.account(id));
        if (found) owner = address(bytes20(value));
    }

    /// @notice A new subaccount.
    function create(Ledger memory ledger, uint256 id, address owner) internal pure returns (Account memory account) {
        account = _open(ledger, id);
        account.leaf.owner = owner;
    }

    /// @notice Writes back every subaccount that was opened.
    function close(Ledger memory ledger) internal pure {
        Account memory account;
        for (uint256 at = ledger.opened; at != 0; at = account.next) {
            account = _at(at);
            account.leaf.ordersRoot = account.orders.root();
            account.leaf.holdingsRoot = account.holdings.root();
            bytes memory value = AccountLeaves.encode(account.leaf);
            bytes32 key = StateKeys.account(account.id);
            (bool found, bytes memory before) = ledger.accounts.get(key);
            if (!found || keccak256(before) != keccak256(value)) ledger.accounts.set(key, value);
        }
    }

    /// @notice Balance of an asset, engine units.
    function balance(Account memory account, uint256 asset) internal pure returns (int256) {
        if (asset == Units.USDC) return account.leaf.cash;
        Collateral[] memory list = account.leaf.collateral;
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i].asset == asset) return list[i].amount;
        }
        return 0;
    }

    /// @notice Adds to the balance of an asset.
    function credit(Account memory account, uint256 asset, int256 delta) internal pure {
        if (asset == Units.USDC) {
            account.leaf.cash += delta;
            return;
        }
        int256 amount = balance(account, asset) + delta;
        Collateral[] memory before = account.leaf.collateral;
        Collateral[] memory list = new Collateral[](before.length + 1);
        uint256 length = 0;
        bool placed = amount == 0;
        for (uint256 i = 0; i < before.length; ++i) {
            if (!placed && before[i].asset > asset) {
                list[length++] = Collateral(asset, amount);
                placed = true;
            }
            if (before[i].asset != asset) list[length++] = before[i];
        }
        if (!placed) list[length++] = Collateral(asset, amount);
        assembly ("memory-safe") {
            mstore(list, length)
        }
        account.leaf.collateral = list;
    }

    /// @notice What an account has in an instrument; all zero when it has nothing.
    function holding(Account memory account, uint256 instrument)
        internal
        pure
        returns (bool found, HoldingLeaf memory leaf)
    {
        bytes memory value;
        (found, value) = account.holdings.get(StateKeys.holding(instrument));
        if (found) leaf = HoldingLeaves.decode(value);
    }

    /// @notice Puts a holding in its place, or takes the place away when it holds nothing.
    function putHolding(Account memory account, uint256 instrument, HoldingLeaf memory leaf) internal pure {
        bytes32 key = StateKeys.holding(instrument);
        if (leaf.isEmpty()) {
            if (account.holdings.remove(key)) --account.leaf.holdings;
            return;
        }
        (bool found,) = account.holdings.get(key);
        if (!found) ++account.leaf.holdings;
        account.holdings.set(key, leaf.encode());
    }

    /// @notice Everything that an account has, ascending by instrument.
    function holdings(Account memory account)
        internal
        pure
        returns (uint256[] memory instruments, HoldingLeaf[] memory leaves)
    {
        (bytes32[] memory keys, bytes[] memory values) = account.holdings.all();
        require(keys.length == account.leaf.holdings, WitnessMalformed());
        instruments = new uint256[](keys.length);
        leaves = new HoldingLeaf[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            instruments[i] = uint256(keys[i]) >> 224;
            leaves[i] = HoldingLeaves.decode(values[i]);
        }
    }

    /// @notice Where an open order of an account stands.
    function order(Account memory account, uint256 id) internal pure returns (bool found, BookPlace memory place) {
        bytes memory value;
        (found, value) = account.orders.get(StateKeys.order(id));
        if (found) place = BookPlaces.decode(value);
    }

    /// @notice The oldest open order of an account.
    function oldest(Account memory account) internal pure returns (bool found, uint256 id, BookPlace memory place) {
        bytes32 key;
        bytes memory value;
        (found, key, value) = account.orders.first(0, 0);
        if (found) (id, place) = (uint256(key) >> 192, BookPlaces.decode(value));
    }

    /// @notice The worst price of an account's orders of one side: its highest bid, or its lowest offer; in ticks.
    function worst(Ledger memory ledger, OpenSide memory open, Side side)
        internal
        pure
        returns (bool found, int256 ticks)
    {
        bytes32 key;
        (found, key) = ledger.nested(open.root).firstKey(0, 0);
        if (found) ticks = BookPlaces.ticksOf(side, uint256(key) >> 192);
    }

    /// @notice A new order rests.
    function putOrder(Ledger memory ledger, Account memory account, BookPlace memory place, OrderLeaf memory leaf)
        internal
        pure
    {
        account.orders.set(StateKeys.order(leaf.order), BookPlaces.encode(place));
        ++account.leaf.openOrders;
        ledger.books.set(StateKeys.book(place), OrderLeaves.encode(leaf));

        (, HoldingLeaf memory held) = holding(account, place.instrument);
        OpenSide memory open = held.side(place.side);
        Tree memory own = ledger.nested(open.root);
        own.set(StateKeys.own(place), abi.encodePacked(uint64(leaf.order)));
        open.root = ledger.keep(own);
        open.lots += leaf.lots;
        putHolding(account, place.instrument, held);
    }

    /// @notice A resting order of an account leaves. Returns it as it was.
    function removeOrder(Ledger memory ledger, Account memory account, BookPlace memory place)
        internal
        pure
        returns (OrderLeaf memory leaf)
    {
        leaf = _resting(ledger, account, place);
        account.orders.remove(StateKeys.order(leaf.order));
        --account.leaf.openOrders;
        ledger.books.remove(StateKeys.book(place));

        (, HoldingLeaf memory held) = holding(account, place.instrument);
        OpenSide memory open = held.side(place.side);
        Tree memory own = ledger.nested(open.root);
        own.remove(StateKeys.own(place));
        open.root = ledger.keep(own);
        open.lots -= leaf.lots;
        putHolding(account, place.instrument, held);
    }

    /// @notice A resting order of an account changes where it stands.
    function updateOrder(Ledger memory ledger, Account memory account, BookPlace memory place, OrderLeaf memory leaf)
        internal
        pure
    {
        int256 change = leaf.lots - _resting(ledger, account, place).lots;
        ledger.books.set(StateKeys.book(place), OrderLeaves.encode(leaf));
        if (change == 0) return;
        (, HoldingLeaf memory held) = holding(account, place.instrument);
        held.side(place.side).lots += change;
        putHolding(account, place.instrument, held);
    }

    /// The order of an account that rests at a place.
    function _resting(Ledger memory ledger, Account memory account, BookPlace memory place)
        private
        pure
        returns (OrderLeaf memory)
    {
        bytes32 key = StateKeys.book(place);
        (bool found, bytes memory value) = ledger.books.get(key);
        require(found, WitnessMissing(key));
        OrderLeaf memory leaf = OrderLeaves.decode(value);
        require(leaf.subaccount == account.id, WitnessMalformed());
        return leaf;
    }

    /// A tree below an account. One that the witness does not show is closed: what would read it finds out.
    function _below(Ledger memory ledger, bytes32 root) private pure returns (Tree memory) {
        return ledger.hasNested(root) ? ledger.nested(root) : PartialTree.closed(root);
    }

    /// A new handle, empty.
    function _open(Ledger memory ledger, uint256 id) private pure returns (Account memory account) {
        account.id = id;
        account.next = ledger.opened;
        uint256 at;
        assembly ("memory-safe") {
            at := account
        }
        ledger.opened = at;
    }

    function _at(uint256 at) private pure returns (Account memory account) {
        assembly ("memory-safe") {
            account := at
        }
    }
}
