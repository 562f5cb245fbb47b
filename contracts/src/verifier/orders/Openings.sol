// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "src/verifier/IStepModule.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Ledger, Ledgers} from "src/verifier/state/Ledger.sol";

/// @notice A step that is being judged.
/// @param ledger The state before it
/// @param body The body of its command's record
/// @param command Kind of its command
/// @param time Time of the command, ns
struct Opening {
    Ledger ledger;
    Cursor body;
    uint256 command;
    uint256 time;
}

/// @title Steps that are judged
library Openings {
    using Decoder for Cursor;

    /// @notice Opens the witness of a step, and reads the head of its record.
    function open(StepInput calldata input, bytes calldata witness) internal pure returns (Opening memory step) {
        step.ledger = Ledgers.open(witness, input.rootBefore);
        step.body = Decoder.record(input.record);
        step.command = step.body.u8();
        step.time = step.body.u64();
    }
}
