// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "src/verifier/IStepModule.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

/// @notice An order that may come in.
/// @param taker What it is on its way into the book; its limit is fitted to band and book
/// @param keepsPlace Whether it replaces a resting order that only shrinks: then it stays where that one is
/// @param fillOrKill Whether it must be filled wholly
struct Admitted {
    TakerLeaf taker;
    bool keepsPlace;
    bool fillOrKill;
}

/// @title What the order of a command becomes, if it may come in
interface IOrderGate {
    /// @notice Judges the order of a place or replace step. Whoever asks checks who signed it.
    /// @dev Reverts with `StepIllegal` when the order is refused, and with anything else when the witness does not decide.
    function admit(StepInput calldata input, bytes calldata witness) external view returns (Admitted memory);
}
