// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {
    AssetTotals,
    ClockLeaf,
    CountersLeaf,
    FundsLeaf,
    GlobalLeaves,
    InboxLeaf,
    VenueLeaf
} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {CollateralSchedule, RiskTables} from "src/verifier/state/leaves/RiskTables.sol";
import {TakerLeaf, TakerLeaves} from "src/verifier/state/leaves/TakerLeaf.sol";

/// @title The globals tree
/// @notice Its numbered leaves. All of them but the registers are there from Genesis on; without one the venue is not open.
library Globals {
    using PartialTree for Tree;

    uint256 internal constant CLOCK = 0;
    uint256 internal constant FUNDS = 1;
    uint256 internal constant INBOX = 2;
    uint256 internal constant COUNTERS = 3;
    uint256 internal constant TAKER = 4;
    uint256 internal constant PARAMETERS = 5;
    uint256 internal constant VENUE = 6;
    uint256 internal constant TOTALS = 9;
    uint256 internal constant COLLATERAL = 10;

    function clock(Ledger memory ledger) internal pure returns (ClockLeaf memory) {
        return GlobalLeaves.decodeClock(_value(ledger, CLOCK));
    }

    function setClock(Ledger memory ledger, ClockLeaf memory leaf) internal pure {
        set(ledger, CLOCK, GlobalLeaves.encode(leaf));
    }

    function funds(Ledger memory ledger) internal pure returns (FundsLeaf memory) {
        return GlobalLeaves.decodeFunds(_value(ledger, FUNDS));
    }

    function setFunds(Ledger memory ledger, FundsLeaf memory leaf) internal pure {
        set(ledger, FUNDS, GlobalLeaves.encode(leaf));
    }

    function inbox(Ledger memory ledger) internal pure returns (InboxLeaf memory) {
        return GlobalLeaves.decodeInbox(_value(ledger, INBOX));
    }

    function setInbox(Ledger memory ledger, InboxLeaf memory leaf) internal pure {
        set(ledger, INBOX, GlobalLeaves.encode(leaf));
    }

    function counters(Ledger memory ledger) internal pure returns (CountersLeaf memory) {
        return GlobalLeaves.decodeCounters(_value(ledger, COUNTERS));
    }

    function setCounters(Ledger memory ledger, CountersLeaf memory leaf) internal pure {
        set(ledger, COUNTERS, GlobalLeaves.encode(leaf));
    }

    function venue(Ledger memory ledger) internal pure returns (VenueLeaf memory) {
        return GlobalLeaves.decodeVenue(_value(ledger, VENUE));
    }

    /// @notice Totals by asset.
    function totals(Ledger memory ledger) internal pure returns (AssetTotals[] memory) {
        return GlobalLeaves.decodeTotals(_value(ledger, TOTALS));
    }

    function setTotals(Ledger memory ledger, AssetTotals[] memory list) internal pure {
        set(ledger, TOTALS, GlobalLeaves.encode(list));
    }

    /// @notice The collateral table, by asset.
    function collateral(Ledger memory ledger) internal pure returns (CollateralSchedule[] memory) {
        return RiskTables.decodeCollateral(Ledgers.preimage(ledger, hash(ledger, COLLATERAL)));
    }

    /// @notice Replaces the collateral table. What this step reads of it is what was before.
    function setCollateral(Ledger memory ledger, CollateralSchedule[] memory table) internal pure {
        setHash(ledger, COLLATERAL, keccak256(RiskTables.encodeCollateral(table)));
    }

    /// @notice The order that is being matched.
    function taker(Ledger memory ledger) internal pure returns (bool found, TakerLeaf memory leaf) {
        bytes memory value;
        (found, value) = ledger.globals.get(StateKeys.global(TAKER));
        if (found) leaf = TakerLeaves.decode(value);
    }

    function setTaker(Ledger memory ledger, TakerLeaf memory leaf) internal pure {
        set(ledger, TAKER, TakerLeaves.encode(leaf));
    }

    function clearTaker(Ledger memory ledger) internal pure {
        ledger.globals.remove(StateKeys.global(TAKER));
    }

    /// @notice Whether there is a leaf.
    function has(Ledger memory ledger, uint256 number) internal pure returns (bool found) {
        (found,) = ledger.globals.get(StateKeys.global(number));
    }

    /// @notice A leaf that is a hash.
    function hash(Ledger memory ledger, uint256 number) internal pure returns (bytes32) {
        return bytes32(_value(ledger, number));
    }

    function setHash(Ledger memory ledger, uint256 number, bytes32 value) internal pure {
        set(ledger, number, abi.encodePacked(value));
    }

    /// @notice Puts the bytes of a leaf.
    function set(Ledger memory ledger, uint256 number, bytes memory value) internal pure {
        ledger.globals.set(StateKeys.global(number), value);
    }

    function _value(Ledger memory ledger, uint256 number) private pure returns (bytes memory value) {
        bool found;
        (found, value) = ledger.globals.get(StateKeys.global(number));
        requireLegal(found, "not_open");
    }
}
