// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Units} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {Margins} from "src/verifier/margin/Margins.sol";
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
        (bool fits, int256 most) = margin.withdrawable(ledger, MarginAccounts.load(ledger, account), asset);
        requireLegal(fits, "overflow");
        requireLegal(amount <= most, "insufficient_funds");
    }

    /// @notice A balance that does not fit is refused.
    function requireFits(int256 balance) internal pure {
        requireLegal(balance <= type(int64).max, "overflow");
    }
}
