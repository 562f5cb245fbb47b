// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title A module that asks other contracts about the step it executes
/// @notice What a step must be judged by does not fit into one contract beside what it writes. So a module asks another one, with its own
/// arguments: that one opens the same witness, changes nothing, and answers.
abstract contract Asking {
    /// @notice What `judge` answers to `question`, a function that takes what `IStepModule.execute` takes. Its reverts are those of
    /// the step: what is illegal there is illegal here.
    function _ask(address judge, bytes4 question) internal view returns (bytes memory answer) {
        bool answered;
        (answered, answer) = judge.staticcall(abi.encodePacked(question, msg.data[4:]));
        if (answered) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }
}
