// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Units} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {Margins} from "src/verifier/margin/Margins.sol";
import {Numbers} from "src/verifier/margin/Numbers.sol";
import {Soundness} from "src/verifier/margin/Soundness.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";

/// @title Assets that leave a subaccount
library Leaving {
    using Margins for IMarginCalculator;

    /// @notice Taking margin away is new risk: it needs sound marks wherever the account has something, and no more may go than
    /// is free.
    function requireFree(
        IMarginCalculator margin,
        Ledger memory ledger,
        Account memory account,
        uint256 asset,
        int256 amount
    ) internal pure {
        requireLegal(amount > 0, "amount_not_positive");
        requireLegal(!account.leaf.hasLiquidation, "in_liquidation");
        if (asset == Units.USDC || Globals.collateral(ledger)[asset].hasActive) {
            Soundness.requireHoldingsSound(ledger, account);
        }
        int256[] memory amounts = new int256[](1);
        amounts[0] = amount;
        bool[] memory may = margin.mayLeave(ledger, MarginAccounts.load(ledger, account), asset, amounts);
        requireLegal(may[0], "insufficient_funds");
    }

    /// @notice An amount is as much of what is wanted as can leave: so much may, and one unit more may not or is not
    /// wanted.
    function requireMost(
        IMarginCalculator margin,
        Ledger memory ledger,
        Account memory account,
        uint256 asset,
        int256 wanted,
        int256 amount
    ) internal pure {
        requireLegal(amount >= 0 && amount <= Numbers.max(wanted, 0), "subject");
        if (wanted <= 0) return;
        int256[] memory amounts = new int256[](2);
        (amounts[0], amounts[1]) = (amount, amount + 1);
        bool[] memory may = margin.mayLeave(ledger, MarginAccounts.load(ledger, account), asset, amounts);
        requireLegal(amount == 0 || may[0], "insufficient_funds");
        requireLegal(amount == wanted || !may[1], "more_may_leave");
    }

    /// @notice A balance that does not fit is refused.
    function requireFits(int256 balance) internal pure {
        requireLegal(balance <= type(int64).max, "overflow");
    }
}
