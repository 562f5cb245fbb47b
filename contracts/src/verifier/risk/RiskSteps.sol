// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase} from "src/verifier/StepBase.sol";
import {IMarginCalculator, MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Margins, Standing} from "src/verifier/margin/Margins.sol";
import {Account} from "src/verifier/state/Ledger.sol";

/// @title Frame of the steps that ask where an account stands
/// @notice The engine does nothing to an account whose numbers do not fit, so a step that does is illegal.
abstract contract RiskSteps is StepBase, MarginUser {
    using Margins for IMarginCalculator;

    /// @notice What an account has and needs.
    function _figures(Step memory step, Account memory account) internal view returns (MarginFigures memory figures) {
        figures = margin.figures(step.ledger, MarginAccounts.load(step.ledger, account));
        requireLegal(figures.fits, "overflow");
    }

    /// @notice Where an account stands, by its positions alone.
    function _standing(Step memory step, Account memory account) internal view returns (Standing memory) {
        return _standingOf(_figures(step, account));
    }

    /// @notice The same of figures that are there.
    function _standingOf(MarginFigures memory figures) internal pure returns (Standing memory standing) {
        standing = Margins.standingOf(figures);
        requireLegal(standing.fits, "overflow");
    }
}
