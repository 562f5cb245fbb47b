// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Fit} from "src/verifier/margin/Numbers.sol";
import {Terms, TermsOf} from "src/verifier/margin/Terms.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {FundsLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";

/// @title Funding that is still pending
library Funding {
    using TermsOf for Terms;

    /// @notice Settles the pending funding of every perpetual of an account, out of the funding pool. What does not fit
    /// refuses the command.
    function settle(Ledger memory ledger, Account memory account) internal pure {
        (uint256[] memory instruments, HoldingLeaf[] memory leaves) = Accounts.holdings(account);
        Fit memory fit;
        int256 paid = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            HoldingLeaf memory leaf = leaves[i];
            if (leaf.lots == 0) continue;
            Terms memory terms = TermsOf.load(ledger, instruments[i]);
            if (leaf.fundingIndex == terms.leaf.fundingIndex) continue;
            paid += terms.fundingDue(fit, leaf.lots, leaf.fundingIndex);
            leaf.fundingIndex = terms.leaf.fundingIndex;
            Accounts.putHolding(account, instruments[i], leaf);
        }
        requireLegal(!fit.lost, "overflow");
        if (paid == 0) return;
        account.leaf.cash += paid;
        FundsLeaf memory funds = Globals.funds(ledger);
        funds.fundingPool -= paid;
        Globals.setFunds(ledger, funds);
    }
}
