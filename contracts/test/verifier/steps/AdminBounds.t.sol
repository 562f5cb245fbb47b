// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StepIllegal} from "src/verifier/IStepModule.sol";
import {Parameter} from "src/verifier/Types.sol";
import {Ranges} from "src/verifier/rules/Ranges.sol";

/// What administrators may raise, as crates/engine/src/parameters.rs has it.
contract AdminBoundsTest is Test {
    /// Administrators set another value.
    function set(Parameter parameter, int256 before, int256 value) external pure {
        Ranges.requireWithin(parameter, value);
        Ranges.requireJudgeable(parameter, before, value);
    }

    function test_bounds_are_not_raised_beyond_what_is_judged() external {
        _isHeld(Parameter.MaxInstruments, 64);
        _isHeld(Parameter.MaxOpenOrders, 512);
    }

    function test_other_parameters_take_their_whole_range() external view {
        for (uint256 i = 0; i <= uint256(type(Parameter).max); ++i) {
            Parameter parameter = Parameter(i);
            if (parameter == Parameter.MaxInstruments || parameter == Parameter.MaxOpenOrders) continue;
            (int256 least, int256 greatest) = Ranges.range(parameter);
            this.set(parameter, least, greatest);
        }
    }

    function _isHeld(Parameter parameter, int256 judged) private {
        this.set(parameter, 1, judged);
        _refused(parameter, 1, judged + 1);
        _refused(parameter, judged, judged + 1);
        // What the venue opened with may stay, and come down.
        this.set(parameter, judged + 9, judged + 8);
        _refused(parameter, judged + 9, judged + 10);
    }

    function _refused(Parameter parameter, int256 before, int256 value) private {
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, bytes32("parameter_range")));
        this.set(parameter, before, value);
    }
}
