// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {IStepModule, StepIllegal, StepInput} from "src/verifier/IStepModule.sol";
import {Judgement, StepVerifier} from "src/verifier/StepVerifier.sol";
import {WitnessMissing} from "src/verifier/state/Witness.sol";

/// A module that does as it is told by the first byte of its witness.
contract PuppetModule is IStepModule {
    error Look(bytes32 alike);

    function execute(StepInput calldata input, bytes calldata witness) external pure returns (bytes32) {
        uint8 order = uint8(witness[0]);
        if (order == 0) return input.rootAfter;
        if (order == 1) return keccak256("another root");
        if (order == 2) revert StepIllegal("not_authorized");
        if (order == 3) revert WitnessMissing(bytes32(uint256(7)));
        if (order == 4) assert(false);
        if (order == 5) while (true) {}
        if (order == 6) revert Look("not_authorized");
        bytes memory data = abi.encodePacked(StepIllegal.selector);
        // Too short, too long, or a text.
        if (order == 7) data = abi.encodePacked(data, uint248(0));
        if (order == 8) data = abi.encodePacked(data, uint256(0), uint256(0));
        if (order == 9) data = abi.encodeWithSignature("Error(string)", "not_authorized");
        if (order == 10) data = "";
        assembly ("memory-safe") {
            revert(add(data, 0x20), mload(data))
        }
    }
}

/// Only what is proven becomes a judgement.
contract StepVerifierTest is Test {
    StepVerifier private verifier;
    PuppetModule private module;

    function setUp() public {
        module = new PuppetModule();
        verifier = _verifier(1 << 14);
    }

    function test_tells_the_three_judgements_apart() public view {
        assertEq(uint8(_judge(14, 0)), uint8(Judgement.Honest));
        assertEq(uint8(_judge(14, 1)), uint8(Judgement.WrongRoot));
        assertEq(uint8(_judge(14, 2)), uint8(Judgement.Illegal));
    }

    function test_everything_else_is_undecided() public {
        for (uint8 order = 3; order <= 10; ++order) {
            StepInput memory input = _input(14);
            vm.expectPartialRevert(StepVerifier.Undecided.selector);
            verifier.judge{gas: 1_000_000}(input, abi.encodePacked(order));
        }
    }

    function test_the_reason_of_an_undecided_step_is_told() public {
        bytes memory reason = abi.encodeWithSelector(WitnessMissing.selector, bytes32(uint256(7)));
        vm.expectRevert(abi.encodeWithSelector(StepVerifier.Undecided.selector, reason));
        verifier.judge(_input(14), abi.encodePacked(uint8(3)));
    }

    function test_kinds_that_no_step_has_are_illegal() public view {
        for (uint8 kind = 21; kind <= 28; ++kind) {
            assertEq(uint8(_judge(kind, 0)), uint8(Judgement.Illegal));
        }
        assertEq(uint8(_judge(42, 0)), uint8(Judgement.Illegal));
        assertEq(uint8(_judge(52, 0)), uint8(Judgement.Illegal));
        assertEq(uint8(_judge(255, 0)), uint8(Judgement.Illegal));
    }

    function test_a_kind_without_a_module_is_undecided() public {
        vm.expectRevert(abi.encodeWithSelector(StepVerifier.NoModule.selector, 15));
        verifier.judge(_input(15), abi.encodePacked(uint8(0)));
    }

    function test_modules_must_be_contracts_of_kinds_that_exist_and_one_for_each() public {
        vm.expectRevert(abi.encodeWithSelector(StepVerifier.BadModule.selector, address(module)));
        _verifier(1 << 21);
        vm.expectRevert(abi.encodeWithSelector(StepVerifier.BadModule.selector, address(module)));
        _verifier(1 << 52);
        StepVerifier.Module[] memory modules = new StepVerifier.Module[](2);
        modules[0] = StepVerifier.Module(3, module);
        modules[1] = StepVerifier.Module(2, module);
        vm.expectRevert(abi.encodeWithSelector(StepVerifier.BadModule.selector, address(module)));
        new StepVerifier(modules);
        modules[1] = StepVerifier.Module(4, IStepModule(address(0xdead)));
        vm.expectRevert(abi.encodeWithSelector(StepVerifier.BadModule.selector, address(0xdead)));
        new StepVerifier(modules);
    }

    function _judge(uint8 kind, uint8 order) private view returns (Judgement) {
        return verifier.judge(_input(kind), abi.encodePacked(order));
    }

    function _verifier(uint64 kinds) private returns (StepVerifier) {
        StepVerifier.Module[] memory modules = new StepVerifier.Module[](1);
        modules[0] = StepVerifier.Module(kinds, module);
        return new StepVerifier(modules);
    }

    function _input(uint8 kind) private pure returns (StepInput memory input) {
        input.kind = kind;
        input.record = hex"08";
        input.rootAfter = keccak256("root");
    }
}
