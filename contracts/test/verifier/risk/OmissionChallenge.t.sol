// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IChallenges} from "src/interfaces/IChallenges.sol";
import {IOmissionProof} from "src/interfaces/IOmissionProof.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {OmissionEvidence, StepOpening} from "src/types/StepOpening.sol";
import {CallLevel, CommandKind, StepKind} from "src/verifier/Types.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";
import {BondedFixture} from "test/utils/BondedFixture.sol";
import {StateWriter} from "test/utils/StateWriter.sol";

import {Scene} from "./utils/Scene.sol";

/// An omission from the committed batch to the forfeit bond, by the judge that a venue has: an account with 200 lots of the
/// perpetual, entered at 50,000 with 10,000 of cash, of which the mark makes something.
contract OmissionChallengeTest is BondedFixture {
    using Decoder for Cursor;
    using PartialTree for Tree;
    using StateWriter for StateWriter.Leaves;

    function omissionProof() internal override returns (IOmissionProof) {
        return IOmissionProof(deployCode("OmissionProof.sol", abi.encode(deployCode("MarginCalculator.sol"))));
    }

    function stateAt(int256 mark, CallLevel call, bool liquidated)
        public
        pure
        returns (bytes32 root, bytes memory witness)
    {
        Ledger memory ledger = Scene.ledger();
        Scene.hold(ledger, Scene.SUBJECT, Scene.PERPETUAL, 200);
        Scene.mark(ledger, Scene.PERPETUAL, mark);
        Scene.call(ledger, Scene.SUBJECT, 10_000e6, call);
        LiquidationLeaf memory running;
        if (liquidated) Scene.liquidate(ledger, Scene.SUBJECT, 10_000e6, running);
        Accounts.close(ledger);
        StateWriter.Leaves[5] memory trees = [
            _leaves(ledger.accounts),
            _leaves(ledger.books),
            _leaves(ledger.instruments),
            _leaves(ledger.keys),
            _leaves(ledger.globals)
        ];
        StateWriter.Leaves[] memory nested = new StateWriter.Leaves[](1);
        nested[0] = _leaves(Accounts.load(ledger, Scene.SUBJECT).holdings);
        Cursor memory known = Cursor(ledger.preimages, ledger.end, false);
        bytes[] memory preimages = new bytes[](known.u16());
        for (uint256 i = 0; i < preimages.length; ++i) {
            uint256 length = known.u8() << 16;
            preimages[i] = known.take(length | known.u16());
        }
        return StateWriter.witness(trees, nested, preimages);
    }

    function _leaves(Tree memory tree) private pure returns (StateWriter.Leaves memory leaves) {
        if (tree.node == 0) return StateWriter.empty();
        (leaves.keys, leaves.values) = tree.all();
    }

    /// A batch whose last command is a mark, behind which the state is that one; the mark is its only step, or a round follows.
    function _commit(bytes32 root, bool round) private returns (BatchOpening memory batch) {
        delete commands;
        add(recordOf(8, "place"), 1);
        // forge-lint: disable-next-item(unsafe-typecast)
        add(recordOf(uint8(CommandKind.MARK_UPDATE), "mark"), round ? 2 : 1);
        commands[1].steps[0].kind = uint8(StepKind.MARK);
        commands[1].steps[0].root = root;
        if (round) commands[1].steps[1].kind = uint8(StepKind.LIQUIDATION_ROUND);
        return commit();
    }

    function _challenge(BatchOpening memory batch, bytes memory witness, bool round) private {
        (StepOpening memory opening, bytes memory record) = openStep(1);
        OmissionEvidence memory evidence;
        evidence.subaccount = uint64(Scene.SUBJECT);
        evidence.witness = witness;
        if (round) (evidence.next,) = traceLeaf(traceLeaves(), 2);
        challenges.challengeOmission(batch, opening, record, evidence, 0);
    }

    function _convicts(int256 mark, CallLevel call, bool round) private {
        (bytes32 root, bytes memory witness) = this.stateAt(mark, call, false);
        BatchOpening memory batch = _commit(root, round);
        _challenge(batch, witness, round);
        assertEq(settlement.batches(), 0);
        assertEq(bonds.bondOf(operator), 0);
        assertEq(settlement.operator(), address(0));
    }

    function _acquits(int256 mark, CallLevel call, bool liquidated) private {
        (bytes32 root, bytes memory witness) = this.stateAt(mark, call, liquidated);
        BatchOpening memory batch = _commit(root, false);
        (StepOpening memory opening, bytes memory record) = openStep(1);
        OmissionEvidence memory evidence;
        evidence.subaccount = uint64(Scene.SUBJECT);
        evidence.witness = witness;
        vm.expectRevert(IChallenges.NothingProven.selector);
        challenges.challengeOmission(batch, opening, record, evidence, 0);
        assertEq(bonds.bondOf(operator), BOND);
    }

    function test_an_account_that_was_not_called() external {
        _convicts(47_500e6, CallLevel.None, false);
    }

    function test_an_account_that_was_not_liquidated() external {
        _convicts(47_000e6, CallLevel.Maintenance, false);
    }

    function test_before_the_rounds() external {
        _convicts(47_000e6, CallLevel.Maintenance, true);
    }

    function test_an_account_with_margin_is_none() external {
        _acquits(50_000e6, CallLevel.None, false);
    }

    function test_a_call_that_was_made_is_none() external {
        _acquits(47_500e6, CallLevel.Maintenance, false);
    }

    function test_a_liquidation_that_runs_is_none() external {
        _acquits(47_000e6, CallLevel.Maintenance, true);
    }

    /// Another account's numbers, or another state, do not open the root.
    function test_another_state_shows_nothing() external {
        (bytes32 root,) = this.stateAt(50_000e6, CallLevel.None, false);
        (, bytes memory witness) = this.stateAt(47_000e6, CallLevel.None, false);
        BatchOpening memory batch = _commit(root, false);
        (StepOpening memory opening, bytes memory record) = openStep(1);
        OmissionEvidence memory evidence;
        evidence.subaccount = uint64(Scene.SUBJECT);
        evidence.witness = witness;
        vm.expectRevert();
        challenges.challengeOmission(batch, opening, record, evidence, 0);
        assertEq(settlement.batches(), 1);
    }
}
