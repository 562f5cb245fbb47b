// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, Parameter, StepKind, Units} from "src/verifier/Types.sol";
import {ExpiryInputs, MarkInputs, MarkUpdates} from "src/verifier/commands/MarkUpdates.sol";
import {AllSeries, SeriesList} from "src/verifier/risk/AllSeries.sol";
import {MarkedLeaves, Marking} from "src/verifier/risk/MarkedLeaves.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Expiries, Underlyings} from "src/verifier/state/Instruments.sol";
import {Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {ExpiryLeaf} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {CollateralSchedule} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @title The mark step
/// @notice Executes what an oracle quorum signed: the underlying, its series, and the tables that become active by it. The
/// instruments root behind it is taken from the claim and compared with the one before, see {MarkedLeaves}.
/// @dev The witness holds, besides the state before, the five roots that the claimed root is made of (a preimage), and the
/// claimed instruments tree. So the asserted root is bound to the claim, never to what a challenger writes.
contract MarkSteps is StepBase {
    using Decoder for Cursor;
    using PartialTree for Tree;

    /// @dev Highest index, 1e-9 USD.
    int256 private constant _INDEX_MAX = 100_000_000 * Units.NANO_ONE;
    /// @dev Highest funding rate either way, 1e-9 per eight hours.
    int256 private constant _FUNDING_RATE_MAX = Units.NANO_ONE / 10;
    /// @dev How far the allowed move of the index grows by waiting.
    int256 private constant _JUMP_GROWN_MAX = Units.NANO_ONE / 2;
    /// @dev Bytes of the domain in front of the five roots, and where the instruments root starts behind it.
    uint256 private constant _DOMAIN_BYTES = 20;
    uint256 private constant _INSTRUMENTS_AT = 64;

    function _run(Step memory step) internal view override {
        requireLegal(step.kind == StepKind.MARK, "kind");
        Steps.opens(step, CommandKind.MARK_UPDATE);
        Steps.noSubject(step);
        (MarkInputs memory inputs, bytes32 inputsHash) = MarkUpdates.decodeInputs(step.body);
        UnderlyingLeaf memory underlying = Underlyings.load(step.ledger, inputs.underlying);
        Actions.requireOracles(step, MarkUpdates.structHash(underlying.symbolHash, inputs.time, inputsHash), step.body);
        _requireTime(step, underlying, inputs);
        _requireNumbers(step, underlying, inputs);
        requireLegal(MarkUpdates.decodeListingEpoch(step.body) == underlying.listingEpoch, "wrong_listing_epoch");
        _markSeries(step, inputs);
        _activateCollateral(step, inputs.time);
        _markUnderlying(step, underlying, inputs);
        _takeOver(step, underlying, inputs);
    }

    /// Marks go forward, come from no future, and are not stale when they come.
    function _requireTime(Step memory step, UnderlyingLeaf memory underlying, MarkInputs memory inputs) private pure {
        requireLegal(underlying.markEpoch == 0 || inputs.time > underlying.markTime, "mark_time");
        uint256 ahead = uint256(Parameters.value(step.ledger, Parameter.NonceFuture));
        requireLegal(inputs.time <= step.time + ahead, "mark_from_future");
        uint256 staleness = uint256(Parameters.value(step.ledger, Parameter.MarkStaleness));
        requireLegal(inputs.time + staleness >= step.time, "stale_mark");
    }

    function _requireNumbers(Step memory step, UnderlyingLeaf memory underlying, MarkInputs memory inputs)
        private
        pure
    {
        int256 index = inputs.index;
        requireLegal(index >= 1 && index <= _INDEX_MAX, "invalid_mark");
        if (underlying.markEpoch != 0) _requireJump(step, underlying, inputs);
        (int256 low, int256 high) = (index - index / 2, 2 * index);
        int256 perpetual = inputs.perpetualMark;
        bool fits = underlying.perpetual != 0
            ? perpetual >= low && perpetual <= high
            : perpetual >= 0 && perpetual <= _INDEX_MAX;
        requireLegal(fits, "invalid_mark");
        int256 rate = inputs.fundingRate;
        requireLegal(rate >= -_FUNDING_RATE_MAX && rate <= _FUNDING_RATE_MAX, "invalid_mark");
        for (uint256 i = 0; i < inputs.expiries.length; ++i) {
            int256 forward = inputs.expiries[i].forward;
            requireLegal(forward >= low && forward <= high, "invalid_mark");
        }
    }

    /// How far the index may be from that of the last mark: `MaxIndexJump`, and as much again for each `MarkStaleness`
    /// since then.
    function _requireJump(Step memory step, UnderlyingLeaf memory last, MarkInputs memory inputs) private pure {
        int256 once = Parameters.value(step.ledger, Parameter.MaxIndexJump);
        uint256 staleness = uint256(Parameters.value(step.ledger, Parameter.MarkStaleness));
        int256 grown = once * int256((inputs.time - last.markTime) / staleness + 1);
        if (grown > _JUMP_GROWN_MAX) grown = _JUMP_GROWN_MAX;
        if (grown < once) grown = once;
        int256 moved = inputs.index > last.index ? inputs.index - last.index : last.index - inputs.index;
        requireLegal(moved * Units.NANO_ONE <= grown * last.index, "index_jump");
    }

    /// Every series of the underlying takes over what the inputs say of it, and they name exactly those that are open and
    /// ahead. What a mark no longer carries is zero.
    function _markSeries(Step memory step, MarkInputs memory inputs) private pure {
        SeriesList memory series = AllSeries.ofUnderlying(step.ledger, inputs.underlying);
        uint256 named = 0;
        for (uint256 i = 0; i < series.times.length; ++i) {
            ExpiryLeaf memory leaf = series.leaves[i];
            (bool given, uint256 at) = MarkUpdates.place(inputs, series.times[i]);
            requireLegal(given == (!leaf.settled && series.times[i] > inputs.time), "expiry_coverage");
            ExpiryInputs memory said;
            if (given) {
                said = inputs.expiries[at];
                ++named;
            }
            (leaf.forward, leaf.rate) = (said.forward, said.rate);
            (leaf.a, leaf.b, leaf.rho, leaf.m, leaf.sigma) = (said.a, said.b, said.rho, said.m, said.sigma);
            Expiries.save(step.ledger, inputs.underlying, series.times[i], leaf);
        }
        requireLegal(named == inputs.expiries.length, "expiry_coverage");
    }

    /// Collateral terms that waited for a mark of this time become active.
    function _activateCollateral(Step memory step, uint256 time) private pure {
        CollateralSchedule[] memory table = Globals.collateral(step.ledger);
        bool changed = false;
        for (uint256 asset = 0; asset < table.length; ++asset) {
            if (!table[asset].hasNext || table[asset].effective > time) continue;
            (table[asset].hasActive, table[asset].active) = (true, table[asset].next);
            table[asset].hasNext = false;
            changed = true;
        }
        if (changed) Globals.setCollateral(step.ledger, table);
    }

    function _markUnderlying(Step memory step, UnderlyingLeaf memory leaf, MarkInputs memory inputs) private pure {
        if (leaf.hasNextRisk && leaf.nextRisk.effective <= inputs.time) {
            (leaf.hasRisk, leaf.risk) = (true, leaf.nextRisk.table);
            leaf.hasNextRisk = false;
        }
        leaf.markEpoch += 1;
        leaf.markTime = inputs.time;
        leaf.index = inputs.index;
        leaf.confidence = inputs.confidence;
        leaf.sources = inputs.sources;
        leaf.perpetualMark = inputs.perpetualMark;
        leaf.fundingRate = inputs.fundingRate;
        Underlyings.save(step.ledger, inputs.underlying, leaf);
    }

    /// Puts the instruments tree of the claim in the place of the executed one, which it must agree with.
    function _takeOver(Step memory step, UnderlyingLeaf memory underlying, MarkInputs memory inputs) private pure {
        Cursor memory roots = Decoder.leaf(Ledgers.preimage(step.ledger, step.rootAfter));
        roots.take(_DOMAIN_BYTES + _INSTRUMENTS_AT);
        Tree memory asserted = Ledgers.nested(step.ledger, roots.word());
        Marking memory marking =
            Marking(inputs.underlying, inputs.time, underlying.markEpoch, inputs.index, underlying.hasRisk);
        MarkedLeaves.compare(step.ledger, asserted, marking);
        step.ledger.instruments = asserted;
    }
}
