// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Funding} from "src/verifier/margin/Funding.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {AssetTotals, CountersLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";

/// @title Assets that leave the venue
library Payouts {
    /// @notice Takes assets out that were checked to be free, and counts the withdrawal.
    function payOut(Ledger memory ledger, Account memory account, uint256 asset, int256 amount) internal pure {
        Funding.settle(ledger, account);
        Accounts.credit(account, asset, -amount);

        AssetTotals[] memory totals = Globals.totals(ledger);
        totals[asset].withdrawn += amount;
        Globals.setTotals(ledger, totals);

        CountersLeaf memory counters = Globals.counters(ledger);
        ++counters.withdrawals;
        Globals.setCounters(ledger, counters);
    }
}
