// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Parameter, Units} from "src/verifier/Types.sol";
import {Standing} from "src/verifier/margin/Margins.sol";
import {Numbers} from "src/verifier/margin/Numbers.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {Collateral} from "src/verifier/state/leaves/AccountLeaf.sol";
import {CollateralSchedule} from "src/verifier/state/leaves/RiskTables.sol";

/// @title Prices of auctions
library Auctions {
    /// @notice How far an auction's price has come, 1e-9: falling from its start through its middle to 0, or, of an insolvent
    /// one, rising from 0 to 1.
    function factor(Ledger memory ledger, Account memory seller, uint256 time) internal pure returns (int256) {
        int256 end = Parameters.value(ledger, Parameter.AuctionEndTime);
        int256 elapsed = Numbers.min(int256(time - seller.leaf.liquidation.opened), end);
        if (seller.leaf.liquidation.stage == Liquidations.INSOLVENT) return _between(0, Units.NANO_ONE, elapsed, end);
        int256 middle = Parameters.value(ledger, Parameter.AuctionMiddle);
        int256 middleTime = Parameters.value(ledger, Parameter.AuctionMiddleTime);
        if (elapsed < middleTime) {
            return _between(Parameters.value(ledger, Parameter.AuctionStart), middle, elapsed, middleTime);
        }
        return _between(middle, 0, elapsed - middleTime, end - middleTime);
    }

    /// @notice Price of a whole portfolio: what was paid into it before is not discounted again, and counts for at most half of
    /// the value.
    function price(int256 value, int256 reserve, int256 part) internal pure returns (int256) {
        reserve = Numbers.max(Numbers.min(reserve, value / 2), 0);
        return reserve + Numbers.divCeil((value - reserve) * part, Units.NANO_ONE);
    }

    /// @notice The largest share of which the price brings the seller back to maintenance margin with its buffer; 0 when it
    /// lacks nothing.
    function shareMax(Ledger memory ledger, Standing memory standing, int256 whole) internal pure returns (int256) {
        int256 lacking = Liquidations.buffered(ledger, standing.maintenance) - standing.equity;
        if (lacking <= 0) return 0;
        return Numbers.min(Numbers.divCeil(lacking * Units.NANO_ONE, lacking + whole), Units.NANO_ONE);
    }

    /// @notice The most that the fund offers for taking a portfolio without value: its debt, and what holding it requires, or
    /// what an auction would take off its collateral by its middle.
    function wholeOffer(Ledger memory ledger, Account memory seller, Standing memory standing, int256 value)
        internal
        pure
        returns (int256)
    {
        CollateralSchedule[] memory table = Globals.collateral(ledger);
        Collateral[] memory assets = seller.leaf.collateral;
        int256 collateral = 0;
        for (uint256 i = 0; i < assets.length; ++i) {
            collateral += Liquidations.assetValue(ledger, table[assets[i].asset], assets[i].amount);
        }
        int256 discount = Units.NANO_ONE - Parameters.value(ledger, Parameter.AuctionMiddle);
        int256 reward = Numbers.divCeil(collateral * discount, Units.NANO_ONE);
        return Numbers.max(standing.maintenance, reward) - Numbers.min(value, 0);
    }

    function _between(int256 from, int256 to, int256 passed, int256 whole) private pure returns (int256) {
        return from + (to - from) * passed / Numbers.max(whole, 1);
    }
}
