// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {MarginModel, Side} from "src/verifier/Types.sol";
import {Unfilled} from "src/verifier/margin/Unfilled.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Account, Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {Collateral} from "src/verifier/state/leaves/AccountLeaf.sol";
import {HoldingLeaf, OpenSide} from "src/verifier/state/leaves/HoldingLeaf.sol";

/// @notice The open orders of an account on one side of an instrument.
/// @param lots Their lots
/// @param worst The highest bid or lowest offer, ticks; 0 when there is none
struct OpenOrders {
    int256 lots;
    int256 worst;
}

/// @notice A position, and the open orders in its instrument.
/// @param instrument The instrument
/// @param position Lots, negative when short
/// @param cost What the position cost to enter, micro-USDC
/// @param funding Funding index up to which a perpetual has settled
/// @param bids Open bids
/// @param offers Open offers
struct Holding {
    uint256 instrument;
    int256 position;
    int256 cost;
    int256 funding;
    OpenOrders bids;
    OpenOrders offers;
}

/// @notice An account as margin sees it: a copy, which may be changed to ask what would be.
/// @param model How it is margined
/// @param cash Micro-USDC
/// @param collateral Other assets, ascending
/// @param holdings Ascending by instrument, none empty
struct MarginAccount {
    MarginModel model;
    int256 cash;
    Collateral[] collateral;
    Holding[] holdings;
}

/// @title Holdings as margin sees them
library Holdings {
    using Ledgers for Ledger;
    using PartialTree for Tree;

    /// @notice From the leaf, with the worst price of each side.
    function from(Ledger memory ledger, uint256 instrument, HoldingLeaf memory leaf)
        internal
        pure
        returns (Holding memory self)
    {
        self.instrument = instrument;
        self.position = leaf.lots;
        self.cost = leaf.cost;
        self.funding = leaf.fundingIndex;
        self.bids = _open(ledger, leaf.bids, Side.Buy);
        self.offers = _open(ledger, leaf.offers, Side.Sell);
    }

    /// @notice A copy of its own.
    function copy(Holding memory self) internal pure returns (Holding memory other) {
        other.instrument = self.instrument;
        other.position = self.position;
        other.cost = self.cost;
        other.funding = self.funding;
        other.bids = OpenOrders(self.bids.lots, self.bids.worst);
        other.offers = OpenOrders(self.offers.lots, self.offers.worst);
    }

    /// @notice Whether there is neither a position nor an order.
    function isEmpty(Holding memory self) internal pure returns (bool) {
        return self.position == 0 && self.bids.lots == 0 && self.offers.lots == 0;
    }

    /// @notice Open orders of one side, to be changed in place.
    function open(Holding memory self, Side side) internal pure returns (OpenOrders memory) {
        return side == Side.Buy ? self.bids : self.offers;
    }

    /// @notice Lots that an order of a side can trade before the position is flat.
    function reducible(Holding memory self, Side side) internal pure returns (int256) {
        int256 lots = side == Side.Buy ? -self.position : self.position;
        return lots > 0 ? lots : int256(0);
    }

    /// @notice With one more order on a side.
    function addOrder(Holding memory self, Side side, int256 lots, int256 ticks) internal pure {
        OpenOrders memory orders = open(self, side);
        bool worse = side == Side.Buy ? ticks > orders.worst : ticks < orders.worst;
        if (orders.lots == 0 || worse) orders.worst = ticks;
        orders.lots += lots;
    }

    /// @notice Without `lots` of an order that rests at `place`; `gone` when nothing of it is left, and the next worst
    /// price comes forward.
    /// @param leaf The holding's leaf while the order rests
    function takeOrder(
        Holding memory self,
        Ledger memory ledger,
        HoldingLeaf memory leaf,
        BookPlace memory place,
        int256 lots,
        bool gone
    ) internal pure {
        OpenOrders memory orders = open(self, place.side);
        orders.lots -= lots;
        if (!gone) return;
        OpenSide memory side = place.side == Side.Buy ? leaf.bids : leaf.offers;
        Tree memory own = ledger.nested(side.root);
        own.remove(StateKeys.own(place));
        (bool found, bytes32 key) = own.firstKey(0, 0);
        orders.worst = found ? BookPlaces.ticksOf(place.side, uint256(key) >> 192) : int256(0);
    }

    function _open(Ledger memory ledger, OpenSide memory side, Side which) private pure returns (OpenOrders memory) {
        (bool found, int256 ticks) = Accounts.worst(ledger, side, which);
        return OpenOrders(side.lots, found ? ticks : int256(0));
    }
}

/// @title Accounts as margin sees them
library MarginAccounts {
    using Holdings for Holding;

    /// @notice The account as it is in the ledger.
    function load(Ledger memory ledger, Account memory account) internal pure returns (MarginAccount memory self) {
        self.model = account.leaf.marginModel;
        self.cash = account.leaf.cash;
        self.collateral = account.leaf.collateral;
        (uint256[] memory instruments, HoldingLeaf[] memory leaves) = Accounts.holdings(account);
        self.holdings = Unfilled.holdings(leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            self.holdings[i] = Holdings.from(ledger, instruments[i], leaves[i]);
        }
    }

    /// @notice A copy that may be changed by the functions of this library; a holding in it is replaced, not changed.
    function copy(MarginAccount memory self) internal pure returns (MarginAccount memory) {
        return MarginAccount(self.model, self.cash, self.collateral, self.holdings);
    }

    /// @notice A copy of what it has in an instrument; empty when it has nothing.
    function holding(MarginAccount memory self, uint256 instrument) internal pure returns (Holding memory held) {
        (bool found, uint256 at) = _find(self.holdings, instrument);
        if (found) return self.holdings[at].copy();
        held.instrument = instrument;
    }

    /// @notice Puts a holding in its place, or takes the place away when it holds nothing.
    function put(MarginAccount memory self, Holding memory held) internal pure {
        Holding[] memory before = self.holdings;
        (bool found, uint256 at) = _find(before, held.instrument);
        bool empty = held.isEmpty();
        if (empty && !found) return;
        Holding[] memory list = new Holding[](found ? (empty ? before.length - 1 : before.length) : before.length + 1);
        uint256 length = 0;
        for (uint256 i = 0; i < at; ++i) {
            list[length++] = before[i];
        }
        if (!empty) list[length++] = held;
        for (uint256 i = found ? at + 1 : at; i < before.length; ++i) {
            list[length++] = before[i];
        }
        self.holdings = list;
    }

    /// Where an instrument is, or would be.
    function _find(Holding[] memory holdings, uint256 instrument) private pure returns (bool found, uint256 at) {
        while (at < holdings.length && holdings[at].instrument < instrument) {
            ++at;
        }
        found = at < holdings.length && holdings[at].instrument == instrument;
    }
}
