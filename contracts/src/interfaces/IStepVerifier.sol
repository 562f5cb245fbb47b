// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "../verifier/IStepModule.sol";
import {Judgement} from "../verifier/StepVerifier.sol";

/// @title The judge of steps
interface IStepVerifier {
    /// @notice Executes a step over a witness and compares. What is no proof, reverts.
    /// @param input The step as it was committed
    /// @param witness Pruned trees of the state before it, and preimages
    function judge(StepInput calldata input, bytes calldata witness) external view returns (Judgement);
}
