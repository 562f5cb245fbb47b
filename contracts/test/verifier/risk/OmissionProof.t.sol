// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {IOmissionProof, LookedAt, Omission} from "src/interfaces/IOmissionProof.sol";
import {OmissionProof} from "src/verifier/OmissionProof.sol";
import {CallLevel, CommandKind, MarginModel, Mode, StepKind} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {WitnessMalformed} from "src/verifier/state/Witness.sol";
import {LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";

import {Scene} from "./utils/Scene.sol";

/// The proof over the venue in memory: 200 lots of the perpetual, entered at 50,000 with 10,000 of cash.
contract OmissionProbe is OmissionProof {
    constructor(IMarginCalculator marginCalculator) OmissionProof(marginCalculator) {}

    /// What is said of an account in liquidation with so many orders.
    function leftOpen(uint256 orders) external view returns (Omission) {
        Ledger memory ledger = Scene.ledger();
        LiquidationLeaf memory running;
        Scene.liquidate(ledger, Scene.SUBJECT, 10_000e6, running);
        Accounts.load(ledger, Scene.SUBJECT).leaf.openOrders = orders;
        return _omitted(ledger, Scene.SUBJECT);
    }

    /// What is said of an account of a portfolio in what has no lanes, which lacks margin.
    function unsummed() external view returns (Omission) {
        Ledger memory ledger = Scene.ledger();
        Scene.hold(ledger, Scene.SUBJECT, Scene.PERPETUAL, 200);
        Scene.call(ledger, Scene.SUBJECT, 0, CallLevel.None);
        Accounts.load(ledger, Scene.SUBJECT).leaf.marginModel = MarginModel.Portfolio;
        return _omitted(ledger, Scene.SUBJECT);
    }

    function omitted(int256 mark, CallLevel call, bool liquidated, Mode mode) external view returns (Omission) {
        Ledger memory ledger = Scene.ledger();
        Scene.hold(ledger, Scene.SUBJECT, Scene.PERPETUAL, 200);
        Scene.mark(ledger, Scene.PERPETUAL, mark);
        Scene.lastMark(ledger, Scene.NOW, mode);
        Scene.call(ledger, Scene.SUBJECT, 10_000e6, call);
        LiquidationLeaf memory running;
        if (liquidated) Scene.liquidate(ledger, Scene.SUBJECT, 10_000e6, running);
        return _omitted(ledger, Scene.SUBJECT);
    }
}

contract OmissionProofTest is Test {
    OmissionProbe private proof;

    function setUp() external {
        proof = new OmissionProbe(IMarginCalculator(address(new MarginCalculator())));
    }

    function _omitted(int256 mark, CallLevel call, bool liquidated, Mode mode, Omission expected) private view {
        assertEq(uint256(proof.omitted(mark, call, liquidated, mode)), uint256(expected));
    }

    function test_who_lacks_margin_is_called_and_liquidated() external view {
        // Above initial margin; below maintenance margin with its buffer; below maintenance margin.
        _omitted(50_000e6, CallLevel.None, false, Mode.Normal, Omission.None);
        _omitted(50_000e6, CallLevel.Initial, false, Mode.Normal, Omission.Call);
        _omitted(47_500e6, CallLevel.None, false, Mode.Normal, Omission.Call);
        _omitted(47_500e6, CallLevel.Maintenance, false, Mode.Normal, Omission.None);
        _omitted(47_000e6, CallLevel.Maintenance, false, Mode.Normal, Omission.Liquidation);
    }

    function test_what_the_engine_rightly_leaves_alone_is_no_omission() external view {
        _omitted(47_000e6, CallLevel.Maintenance, true, Mode.Normal, Omission.None);
        // A halted underlying freezes who could be made whole there.
        _omitted(47_000e6, CallLevel.Maintenance, false, Mode.Halt, Omission.None);
        // Nobody is called for numbers that cannot be summed.
        assertEq(uint256(proof.unsummed()), uint256(Omission.None));
    }

    function test_who_is_being_liquidated_has_no_order() external view {
        assertEq(uint256(proof.leftOpen(0)), uint256(Omission.None));
        assertEq(uint256(proof.leftOpen(1)), uint256(Omission.Liquidation));
    }

    function _at(uint256 command, uint256 before, uint256 kind, bool last, uint256 behind)
        private
        pure
        returns (LookedAt memory)
    {
        return LookedAt(bytes32(0), uint8(command), uint8(before), uint8(kind), last, uint8(behind));
    }

    function _reads(LookedAt memory place) private {
        // The place is one; what is missing is the witness.
        vm.expectRevert(WitnessMalformed.selector);
        proof.judge(place, 7, hex"0000");
    }

    function _proves_nothing(LookedAt memory place) private {
        vm.expectRevert(IOmissionProof.NothingDueHere.selector);
        proof.judge(place, 7, hex"0000");
    }

    function test_everybody_is_looked_at_before_the_rounds() external {
        _reads(_at(CommandKind.MARK_UPDATE, 0, StepKind.MARK, true, 0));
        _reads(_at(CommandKind.MARK_UPDATE, StepKind.MARK, StepKind.MARGIN_CALL, false, StepKind.LIQUIDATION_ROUND));
        _reads(_at(CommandKind.CLOCK, StepKind.LIQUIDATION_START, StepKind.REMOVE, true, 0));
    }

    function test_before_the_end_of_the_look_nothing_is_proven() external {
        _proves_nothing(_at(CommandKind.MARK_UPDATE, 0, StepKind.MARK, false, StepKind.MARGIN_CALL));
        _proves_nothing(_at(CommandKind.PLACE_ORDER, 0, StepKind.PLACE, true, 0));
    }

    function test_behind_a_round_nothing_is_proven() external {
        _proves_nothing(_at(CommandKind.CLOCK, StepKind.FILL, StepKind.FINISH, true, 0));
        _proves_nothing(_at(CommandKind.CLOCK, StepKind.LIQUIDATION_END, StepKind.MARGIN_CALL, true, 0));
        _proves_nothing(
            _at(CommandKind.CLOCK, StepKind.LIQUIDATION_ROUND, StepKind.DELEVERAGE, false, StepKind.LIQUIDATION_ROUND)
        );
    }
}
