// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {AdminCommands, SetMode, SetParameter} from "src/verifier/commands/AdminCommands.sol";
import {Ranges} from "src/verifier/rules/Ranges.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Underlyings} from "src/verifier/state/Instruments.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @title Steps that change how the venue runs
/// @notice Modes and parameters, at the administrators' word; and the clock, at nobody's.
contract AdminSteps is StepBase {
    using Decoder for Cursor;
    using Steps for Step;

    /// @inheritdoc StepBase
    function _run(Step memory step) internal view override {
        step.noSubject();
        if (step.kind == StepKind.SET_MODE) _setMode(step);
        else if (step.kind == StepKind.SET_PARAMETER) _setParameter(step);
        else if (step.kind == StepKind.CLOCK) _clock(step);
        else revert NotServed(step.kind);
    }

    function _setMode(Step memory step) private view {
        step.opens(CommandKind.SET_MODE);
        step.ends();
        SetMode memory command = AdminCommands.decodeSetMode(step.body);
        Actions.useAdministration(step, "SetMode", command.body, step.body);
        UnderlyingLeaf memory underlying = Underlyings.load(step.ledger, command.underlying);
        requireLegal(underlying.mode != command.mode, "nothing_to_do");
        underlying.mode = command.mode;
        Underlyings.save(step.ledger, command.underlying, underlying);
    }

    /// What accounts are called or liquidated for it follows in other steps.
    function _setParameter(Step memory step) private view {
        step.opens(CommandKind.SET_PARAMETER);
        SetParameter memory command = AdminCommands.decodeSetParameter(step.body);
        Actions.useAdministration(step, "SetParameter", command.body, step.body);
        Ranges.requireWithin(command.parameter, command.value);
        int256 before = Parameters.value(step.ledger, command.parameter);
        requireLegal(before != command.value, "nothing_to_do");
        Ranges.requireJudgeable(command.parameter, before, command.value);
        bytes memory table = Parameters.tableWith(step.ledger, command.parameter, command.value);
        Ranges.requireAgreement(table);
        Globals.setHash(step.ledger, Globals.PARAMETERS, keccak256(table));
    }

    /// Time passes. The orders that it ends, and what accounts are called or liquidated for it, follow in other steps.
    function _clock(Step memory step) private pure {
        step.opens(CommandKind.CLOCK);
        step.body.u16();
        step.body.finish();
    }
}
