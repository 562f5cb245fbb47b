// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IFraudProof} from "src/interfaces/IFraudProof.sol";
import {IOmissionProof, LookedAt, Omission} from "src/interfaces/IOmissionProof.sol";
import {IStepVerifier} from "src/interfaces/IStepVerifier.sol";
import {StepInput} from "src/verifier/IStepModule.sol";
import {Judgement} from "src/verifier/StepVerifier.sol";

/// @notice Judges as the evidence says: its first byte is the judgement, 0xff is none. Only of the step or the place that it was
/// told to expect, so that what the challenge hands over is seen.
contract ScriptedJudge is IStepVerifier, IOmissionProof, IFraudProof {
    error Undecided();
    error StepUnexpected();

    bytes32 private _expected;

    function expect(StepInput memory input) external {
        _expected = keccak256(abi.encode(input));
    }

    function judge(StepInput calldata input, bytes calldata witness) external view returns (Judgement) {
        return Judgement(_verdict(input, witness));
    }

    function expect(LookedAt memory place, uint64 subaccount) external {
        _expected = keccak256(abi.encode(place, subaccount));
    }

    function judge(LookedAt calldata place, uint64 subaccount, bytes calldata witness)
        external
        view
        returns (Omission)
    {
        return Omission(_read(keccak256(abi.encode(place, subaccount)), witness));
    }

    function proves(StepInput calldata input, bytes calldata evidence) external view returns (bool) {
        return _verdict(input, evidence) != 0;
    }

    function _verdict(StepInput calldata input, bytes calldata evidence) private view returns (uint8) {
        return _read(keccak256(abi.encode(input)), evidence);
    }

    function _read(bytes32 question, bytes calldata evidence) private view returns (uint8) {
        require(_expected == 0 || question == _expected, StepUnexpected());
        require(evidence[0] != 0xff, Undecided());
        return uint8(evidence[0]);
    }
}
