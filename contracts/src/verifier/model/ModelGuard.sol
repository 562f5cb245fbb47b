// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Figure, Model} from "./Model.sol";
import {Scenarios} from "./Scenarios.sol";
import {IFraudProof} from "src/interfaces/IFraudProof.sol";
import {StepInput} from "src/verifier/IStepModule.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {MarkInputs, MarkUpdates} from "src/verifier/commands/MarkUpdates.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {RiskTables, ScenarioParameters} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @notice What a challenger of a mark shows.
/// @param instrument Whose figure is wrong
/// @param figure Which of its figures
/// @param index Which lane or gap; 0 for the other figures
/// @param witness The state behind the mark step, as of a step: the instrument's leaf, and for a lane or a gap the
/// underlying's leaf and the preimage of its risk table
struct MarkChallenge {
    uint256 instrument;
    Figure figure;
    uint256 index;
    bytes witness;
}

/// @title Guard of the pricing model
/// @notice A mark step asserts the figures of its instruments. This contract computes one of them again, bit for bit as the
/// native kernel does, from what the oracles signed, and compares: one unit off is a fault.
/// @dev Everything that a verdict rests on is committed: the inputs by the record, the rest by the root behind the step. That
/// everything of that state but the figures is right is for the mark step itself to show (`MarkSteps`); where it is not,
/// the step is at fault whatever is said here.
contract ModelGuard is IFraudProof {
    using Decoder for Cursor;
    using Ledgers for Ledger;

    /// @notice The step is not the mark of a MarkUpdate.
    error NotAMark();

    /// @notice The state behind the mark has no such instrument of that underlying, or one without lanes.
    error NoSuchInstrument(uint256 instrument);

    /// @inheritdoc IFraudProof
    function proves(StepInput calldata input, bytes calldata evidence) external pure returns (bool) {
        MarkChallenge memory shown = abi.decode(evidence, (MarkChallenge));
        MarkInputs memory inputs = _inputs(input);
        Ledger memory ledger = Ledgers.open(shown.witness, input.rootAfter);
        (bool found, InstrumentLeaf memory leaf) = Instruments.find(ledger, shown.instrument);
        require(found && leaf.underlying == inputs.underlying, NoSuchInstrument(shown.instrument));

        ScenarioParameters memory table;
        if (shown.figure == Figure.Lane || shown.figure == Figure.Gap) {
            require(leaf.risk.length != 0, NoSuchInstrument(shown.instrument));
            table = _scenario(ledger, inputs.underlying);
        }
        (bool defined, int256 value) = Model.figureOf(inputs, leaf, table, shown.figure, shown.index);
        return !defined || value != _committed(leaf, shown.figure, shown.index);
    }

    /// @dev What the oracles signed.
    function _inputs(StepInput calldata input) private pure returns (MarkInputs memory inputs) {
        require(input.kind == StepKind.MARK, NotAMark());
        Cursor memory record = Decoder.record(input.record);
        require(record.u8() == CommandKind.MARK_UPDATE, NotAMark());
        // The time at which the venue took it; the inputs carry that of the oracles.
        record.u64();
        (inputs,) = MarkUpdates.decodeInputs(record);
    }

    /// @dev The scenarios that the arrays of the mark are made with: those in force behind it.
    function _scenario(Ledger memory ledger, uint256 underlying) private pure returns (ScenarioParameters memory) {
        UnderlyingLeaf memory leaf = Underlyings.load(ledger, underlying);
        return RiskTables.risk(Decoder.leaf(ledger.preimage(leaf.risk.parameters))).scenario;
    }

    /// @dev The figure that the mark step asserts. `Model` knows its index.
    function _committed(InstrumentLeaf memory leaf, Figure figure, uint256 index) private pure returns (int256) {
        if (figure == Figure.Mark) return leaf.mark;
        if (figure == Figure.Iv) return leaf.iv;
        if (figure == Figure.Delta) return leaf.delta;
        if (figure == Figure.Vega) return leaf.vega;
        // Lanes of i32, then gaps of u32.
        Cursor memory risk = Decoder.leaf(leaf.risk);
        if (figure == Figure.Lane) {
            risk.take(4 * index);
            return risk.i32();
        }
        risk.take(4 * (Scenarios.LANES + index));
        return int256(risk.u32());
    }
}
