// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "../verifier/IStepModule.sol";

/// @title A fault of a step that its execution alone does not show
/// @notice What a step asserts rather than computes: marks that deviate from the model.
interface IFraudProof {
    /// @notice Whether the evidence proves the fault.
    /// @dev Anything but a proof must give false or revert; no evidence whatsoever may convict an honest step.
    /// @param input The step as it was committed
    /// @param evidence What the challenger shows
    function proves(StepInput calldata input, bytes calldata evidence) external view returns (bool);
}
