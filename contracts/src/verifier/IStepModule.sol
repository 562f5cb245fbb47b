// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice The step cannot be under the state before it: whoever committed it is at fault.
/// @dev Only ever raised from what is proven: the record, the shape of the trace, and reads of the state before.
/// @param reason The engine's word for the refusal, or what of the step's shape is wrong
error StepIllegal(bytes32 reason);

/// @notice Says that the step cannot be, unless `legal`.
/// @dev One function for all, which keeps modules small.
function requireLegal(bool legal, bytes32 reason) pure {
    if (!legal) revert StepIllegal(reason);
}

/// @notice One step as it was committed.
/// @param rootBefore State root before it
/// @param record The command it belongs to, as journaled: `kind u8 ‖ time u64 ‖ body`
/// @param kind What it is said to do
/// @param subject What it is said to do it to, where that does not follow from the command and the state; else zero
/// @param first Whether it is the first of its command
/// @param last Whether it is said to be the last of its command
/// @param rootAfter State root that was committed behind it
struct StepInput {
    bytes32 rootBefore;
    bytes record;
    uint8 kind;
    bytes32 subject;
    bool first;
    bool last;
    bytes32 rootAfter;
}

/// @title A module of the step verifier
/// @notice Executes the steps of some kinds over a witness.
interface IStepModule {
    /// @notice The state root behind a step.
    /// @dev Reverts with `StepIllegal` when the step cannot be, and with anything else when the witness does not decide.
    /// @param input The step
    /// @param witness Pruned trees of the state before it, and preimages
    function execute(StepInput calldata input, bytes calldata witness) external view returns (bytes32 rootAfter);
}
