// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Parameter} from "src/verifier/Types.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @title Whether marks are good enough for new risk
/// @notice The time is that of the clock leaf, which the first step of a command moves before anything else.
library Soundness {
    /// @notice Widest index confidence under which new risk is accepted, 1e-9 of the index.
    uint256 internal constant CONFIDENCE_MAX = 10_000_000;

    /// @notice Why the last mark of an underlying is not sound; zero when it is.
    function fault(Ledger memory ledger, UnderlyingLeaf memory leaf) internal pure returns (bytes32) {
        if (leaf.markEpoch == 0) return "no_underlying_mark";
        uint256 freshUntil = leaf.markTime + Parameters.unsigned(ledger, Parameter.MarkStaleness);
        if (Globals.clock(ledger).time > freshUntil) return "stale_mark";
        if (leaf.sources < Parameters.unsigned(ledger, Parameter.MinIndexSources)) return "few_sources";
        if (leaf.confidence > CONFIDENCE_MAX) return "low_confidence";
        return 0;
    }

    /// @notice Whether the last mark of an underlying is fresh, from enough sources, and sure enough.
    function isSound(Ledger memory ledger, UnderlyingLeaf memory leaf) internal pure returns (bool) {
        return fault(ledger, leaf) == 0;
    }

    /// @notice The step is illegal unless the marks of an underlying are sound.
    function requireSound(Ledger memory ledger, uint256 underlying) internal pure {
        bytes32 reason = fault(ledger, Underlyings.load(ledger, underlying));
        requireLegal(reason == 0, reason);
    }

    /// @notice Taking margin away is new risk: the step is illegal unless every underlying that the account holds
    /// something of has sound marks.
    function requireHoldingsSound(Ledger memory ledger, Account memory account) internal pure {
        (uint256[] memory instruments,) = Accounts.holdings(account);
        uint256 last = 0;
        for (uint256 i = 0; i < instruments.length; ++i) {
            uint256 underlying = Instruments.load(ledger, instruments[i]).underlying;
            if (underlying != last) requireSound(ledger, underlying);
            last = underlying;
        }
    }
}
