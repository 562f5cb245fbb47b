// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "src/verifier/IStepModule.sol";
import {Judgement, StepVerifier} from "src/verifier/StepVerifier.sol";
import {WholeVerifier} from "test/verifier/utils/WholeVerifier.sol";

/// Steps of journals that the engine made (written by `referee --export`): each is honest, whatever a challenger does about it.
contract RealStepsTest is WholeVerifier {
    StepVerifier private verifier;
    string[] private names =
        ["withdraw", "raise_nonce_floor", "register_key", "list", "place", "fill", "replace", "margin_call"];

    function setUp() public {
        verifier = deployVerifier();
    }

    function test_every_kind_has_a_module_that_fits_on_chain() public view {
        for (uint256 kind = 0; kind < verifier.KINDS(); ++kind) {
            bool reserved = (kind >= 21 && kind <= 28) || kind == 42;
            uint256 size = address(verifier.moduleOf(kind)).code.length;
            assertEq(size == 0, reserved);
            assertLe(size, 24_576);
        }
    }

    function test_honest_steps_are_honest() public view {
        for (uint256 i = 0; i < names.length; ++i) {
            (StepInput memory input, bytes memory witness) = _load(names[i]);
            assertEq(uint8(verifier.judge(input, witness)), uint8(Judgement.Honest), names[i]);
        }
    }

    function test_another_root_is_wrong() public view {
        for (uint256 i = 0; i < names.length; ++i) {
            (StepInput memory input, bytes memory witness) = _load(names[i]);
            input.rootAfter = ~input.rootAfter;
            assertEq(uint8(verifier.judge(input, witness)), uint8(Judgement.WrongRoot), names[i]);
        }
    }

    function test_a_signature_of_somebody_else_is_illegal() public view {
        for (uint256 i = 0; i < names.length; ++i) {
            (StepInput memory input, bytes memory witness) = _load(names[i]);
            // Later steps of a command need no signature.
            if (!input.first) continue;
            input.record[input.record.length - 40] ^= 0x01;
            assertEq(uint8(verifier.judge(input, witness)), uint8(Judgement.Illegal), names[i]);
        }
    }

    /// Whatever runs out of gas where, also in the precompile that recovers signers, says nothing against the step.
    function test_too_little_gas_decides_nothing() public view {
        for (uint256 i = 0; i < names.length; ++i) {
            (StepInput memory input, bytes memory witness) = _load(names[i]);
            bool decided = false;
            for (uint256 gas_ = 20_000; !decided; gas_ += 4999) {
                try verifier.judge{gas: gas_}(input, witness) returns (Judgement judgement) {
                    assertEq(uint8(judgement), uint8(Judgement.Honest), names[i]);
                    decided = true;
                } catch {}
            }
        }
    }

    /// A bit of the witness flipped either is not looked at, or makes it no witness of this state.
    function testFuzz_a_corrupted_witness_decides_nothing_else(uint256 seed) public view {
        (StepInput memory input, bytes memory witness) = _load(names[seed % names.length]);
        uint256 place = uint256(keccak256(abi.encode(seed))) % (8 * witness.length);
        witness[place / 8] ^= bytes1(uint8(1 << (place % 8)));
        try verifier.judge(input, witness) returns (Judgement judgement) {
            assertEq(uint8(judgement), uint8(Judgement.Honest));
        } catch {}
    }

    function _load(string memory name) private view returns (StepInput memory input, bytes memory witness) {
        string memory json = vm.readFile(string.concat("test/verifier/fixtures/steps/", name, ".json"));
        input.rootBefore = vm.parseJsonBytes32(json, ".rootBefore");
        input.record = vm.parseJsonBytes(json, ".record");
        // forge-lint: disable-next-line(unsafe-typecast)
        input.kind = uint8(vm.parseJsonUint(json, ".kind"));
        input.subject = vm.parseJsonBytes32(json, ".subject");
        input.first = vm.parseJsonBool(json, ".first");
        input.last = vm.parseJsonBool(json, ".last");
        input.rootAfter = vm.parseJsonBytes32(json, ".rootAfter");
        witness = vm.parseJsonBytes(json, ".witness");
    }
}
