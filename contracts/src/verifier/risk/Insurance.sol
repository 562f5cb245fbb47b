// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Parameter, Units} from "src/verifier/Types.sol";
import {Numbers} from "src/verifier/margin/Numbers.sol";
import {AllSeries, SeriesList} from "src/verifier/risk/AllSeries.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {FundsLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";

/// @title The insurance fund
library Insurance {
    /// @notice What one liquidation may still draw: its share of the free fund, as it was before it drew anything.
    /// @return known Whether that can be told: while a series settles, the fund lends to those settled before others and
    /// borrows from them, and how much is a sum over everybody who holds something of it
    /// @return amount What it may draw, micro-USDC
    function left(Ledger memory ledger, int256 drawn) internal pure returns (bool known, int256 amount) {
        SeriesList memory series = AllSeries.everywhere(ledger);
        for (uint256 i = 0; i < series.leaves.length; ++i) {
            if (series.leaves[i].settled) return (false, 0);
        }
        int256 free = Numbers.max(Globals.funds(ledger).insurance, 0);
        int256 share = Parameters.value(ledger, Parameter.InsuranceCap);
        int256 allowed = (free + drawn) * share / Units.NANO_ONE - drawn;
        return (true, Numbers.max(Numbers.min(allowed, free), 0));
    }

    /// @notice Takes what the fund pays for the liquidation of `account` out of it; who gets it is for the caller.
    function draw(Ledger memory ledger, Account memory account, int256 amount) internal pure {
        if (amount == 0) return;
        FundsLeaf memory funds = Globals.funds(ledger);
        funds.insurance -= amount;
        Globals.setFunds(ledger, funds);
        account.leaf.liquidation.insurance += amount;
    }
}
