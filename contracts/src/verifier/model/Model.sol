// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {MarkedOption, OptionModel} from "./OptionModel.sol";
import {PerpetualModel} from "./PerpetualModel.sol";
import {Scenarios} from "./Scenarios.sol";
import {InstrumentKind, Units} from "src/verifier/Types.sol";
import {MarkInputs, MarkUpdates} from "src/verifier/commands/MarkUpdates.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {ScenarioParameters} from "src/verifier/state/leaves/RiskTables.sol";

/// @notice What a mark says of one instrument. A lane and a gap have an index.
enum Figure {
    Mark,
    Iv,
    Delta,
    Vega,
    Lane,
    Gap
}

/// @title The pricing model
/// @notice One figure of one instrument from what oracles signed, what the instrument is, and the risk table: the integer
/// that `pricing::mark_arrays` finds.
library Model {
    using MarkUpdates for MarkInputs;

    /// @notice The inputs do not name the instrument's expiry, so the mark says nothing of it.
    error NotMarked();

    /// @notice There is no such lane or gap.
    error NoSuchFigure(uint256 index);

    /// @notice The figure that follows from the inputs; not `defined` when the inputs are none from which marks follow.
    /// @param inputs What oracles signed
    /// @param leaf What the instrument is; its figures are not read
    /// @param table The scenarios of its underlying, for a lane or a gap
    /// @param figure Which figure
    /// @param index Which lane or gap; 0 for the others
    function figureOf(
        MarkInputs memory inputs,
        InstrumentLeaf memory leaf,
        ScenarioParameters memory table,
        Figure figure,
        uint256 index
    ) internal pure returns (bool defined, int256 value) {
        uint256 count = figure == Figure.Lane ? Scenarios.LANES : figure == Figure.Gap ? Scenarios.GAPS : 1;
        require(index < count, NoSuchFigure(index));
        if (inputs.index <= 0 || inputs.perpetualMark <= 0) return (false, 0);
        if (leaf.kind == InstrumentKind.Perpetual) {
            return (true, _ofPerpetual(inputs.perpetualMark, leaf, table, figure, index));
        }
        (bool found, uint256 place) = inputs.place(leaf.expiry);
        require(found, NotMarked());
        MarkedOption memory option;
        (defined, option) = OptionModel.open(inputs.time, inputs.expiries[place], leaf);
        if (!defined) return (false, 0);
        if (figure == Figure.Mark) return OptionModel.mark(option);
        if (figure == Figure.Iv) return OptionModel.iv(option);
        if (figure == Figure.Delta) return OptionModel.delta(option);
        if (figure == Figure.Vega) return OptionModel.vega(option);
        if (figure == Figure.Lane) return (true, OptionModel.lane(option, leaf, table, index));
        return (true, OptionModel.gap(option, leaf, table, index));
    }

    function _ofPerpetual(
        int256 perpetualMark,
        InstrumentLeaf memory leaf,
        ScenarioParameters memory table,
        Figure figure,
        uint256 index
    ) private pure returns (int256) {
        if (figure == Figure.Mark) return PerpetualModel.mark(perpetualMark);
        if (figure == Figure.Delta) return Units.NANO_ONE;
        if (figure == Figure.Lane) return PerpetualModel.lane(perpetualMark, leaf, table, index);
        // Neither vols nor the shape of a straight line.
        return 0;
    }
}
