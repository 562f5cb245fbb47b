// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "src/verifier/IStepModule.sol";
import {MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {TermsOf} from "src/verifier/margin/Terms.sol";
import {Candidate} from "src/verifier/orders/Admission.sol";
import {Admitted, IOrderGate} from "src/verifier/orders/IOrderGate.sol";
import {Opening, Openings} from "src/verifier/orders/Openings.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Underlyings} from "src/verifier/state/Instruments.sol";
import {ClockLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";

/// @title Gates that orders come in by
/// @notice A gate reads the order of a command, new or replaced, and lets it in or not.
abstract contract OrderGate is IOrderGate, MarginUser {
    /// @inheritdoc IOrderGate
    function admit(StepInput calldata input, bytes calldata witness) external view returns (Admitted memory) {
        Opening memory step = Openings.open(input, witness);
        // Marks are as old as they are at the time of the command, which is the first step's to set.
        ClockLeaf memory clock = Globals.clock(step.ledger);
        clock.time = step.time;
        ++clock.sequence;
        Globals.setClock(step.ledger, clock);
        return _admit(step);
    }

    /// @notice Judges the order of a command, at the time of the command.
    function _admit(Opening memory step) internal view virtual returns (Admitted memory);

    /// @notice An order of an account in an instrument, with all that admission reads.
    function _candidate(Opening memory step, uint256 subaccount, uint256 instrument)
        internal
        pure
        returns (Candidate memory order)
    {
        order.account = Accounts.load(step.ledger, subaccount);
        order.margined = MarginAccounts.load(step.ledger, order.account);
        order.terms = TermsOf.load(step.ledger, instrument);
        order.underlying = Underlyings.load(step.ledger, order.terms.leaf.underlying);
        order.before = MarginAccounts.holding(order.margined, instrument);
    }
}
