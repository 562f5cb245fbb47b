// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StepIllegal} from "src/verifier/IStepModule.sol";
import {Step} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {MarkSteps} from "src/verifier/modules/MarkSteps.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Expiries, Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {StateKeys} from "src/verifier/state/StateKeys.sol";
import {ExpiryLeaf} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {CollateralSchedule, RiskTables} from "src/verifier/state/leaves/RiskTables.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

import {Oracle} from "./utils/Oracle.sol";
import {Scene} from "./utils/Scene.sol";

/// What the operator asserts beside the truth.
enum Lie {
    None,
    NoNewEpoch,
    OtherLot,
    OtherIndex,
    NegativeMark,
    Lanes,
    NoMarkAtAll,
    LeafTooShort,
    LeafGone,
    LeafMore,
    OtherUnderlying,
    OtherForward
}

/// What the venue has before the mark, beside the scene.
enum Before {
    Nothing,
    OldMark,
    WaitingRisk,
    WaitingCollateral,
    OtherInstruments,
    NoSeries
}

/// A mark and what is asserted behind it.
struct Case {
    uint256 key;
    uint256 time;
    int256 index;
    int256 forward;
    uint256 expiry;
    uint256 listingEpoch;
    int256 fundingRate;
    Lie lie;
    Before before;
    uint256 signatures;
}

contract MarkStepsTest is Test, MarkSteps {
    using Ledgers for Ledger;
    using PartialTree for Tree;

    function mark(Case memory it) external view returns (UnderlyingLeaf memory, bytes32 asserted, bytes32 root) {
        Step memory step = Scene.step(CommandKind.MARK_UPDATE, StepKind.MARK, _body(it));
        step.first = true;
        Oracle.govern(step.ledger);
        _prepare(step.ledger, it.before);
        Tree memory tree = _asserted(step.ledger, it);
        asserted = step.ledger.keep(tree);
        bytes memory roots =
            abi.encodePacked("synchromesh.state.v1", bytes32(0), bytes32(0), asserted, bytes32(0), bytes32(0));
        Scene.keep(step.ledger, roots);
        step.rootAfter = keccak256(roots);
        _run(step);
        if (it.before == Before.WaitingCollateral) assertTrue(Globals.collateral(step.ledger)[1].hasActive);
        return (Underlyings.load(step.ledger, Scene.UNDERLYING), asserted, step.ledger.instruments.root());
    }

    function _prepare(Ledger memory ledger, Before before) private pure {
        UnderlyingLeaf memory underlying = Underlyings.load(ledger, Scene.UNDERLYING);
        if (before == Before.OldMark) underlying.markTime = Scene.NOW - 1000 * Scene.SECOND;
        if (before == Before.WaitingRisk) {
            (underlying.hasNextRisk, underlying.nextRisk.effective) = (true, Scene.NOW);
            underlying.nextRisk.table.version = 4;
        }
        Underlyings.save(ledger, Scene.UNDERLYING, underlying);
        if (before == Before.WaitingCollateral) _collateral(ledger);
        if (before == Before.OtherInstruments) {
            InstrumentLeaf memory leaf = Instruments.load(ledger, Scene.OPTION);
            leaf.expiry = Scene.NOW;
            Instruments.save(ledger, 3, leaf);
            leaf.underlying = 2;
            Instruments.save(ledger, 4, leaf);
        }
        if (before == Before.NoSeries) Expiries.remove(ledger, Scene.UNDERLYING, Scene.EXPIRY);
    }

    /// Terms that wait for this mark, and others that wait longer. They are known as they are now and as they will be.
    function _collateral(Ledger memory ledger) private pure {
        CollateralSchedule[] memory table = new CollateralSchedule[](3);
        (table[1].hasNext, table[1].effective, table[1].next.priceUnderlying) = (true, Scene.NOW, 1);
        (table[2].hasNext, table[2].effective, table[2].next.priceUnderlying) = (true, Scene.NOW + 1, 1);
        Scene.keep(ledger, RiskTables.encodeCollateral(table));
        Globals.setCollateral(ledger, table);
        (table[1].hasNext, table[1].effective, table[1].next.priceUnderlying) = (false, 0, 0);
        (table[1].hasActive, table[1].active.priceUnderlying) = (true, 1);
        Scene.keep(ledger, RiskTables.encodeCollateral(table));
    }

    function _body(Case memory it) private pure returns (bytes memory) {
        bytes memory inputs = abi.encodePacked(
            uint16(Scene.UNDERLYING),
            uint64(it.time),
            int64(it.index),
            uint32(1e6),
            uint8(4),
            int64(it.index),
            int64(it.fundingRate),
            uint16(1)
        );
        inputs = abi.encodePacked(
            inputs, uint64(it.expiry), int64(it.forward), int64(1), int64(2), int64(3), int64(4), int64(5), int64(6)
        );
        bytes32 hash = keccak256(
            abi.encode(
                keccak256("MarkUpdate(string underlying,uint64 time,bytes32 inputs)"),
                keccak256("BTC"),
                it.time,
                keccak256(inputs)
            )
        );
        bytes memory signatures = Oracle.sign(it.key, hash, it.signatures);
        return abi.encodePacked(inputs, signatures, uint32(it.listingEpoch), bytes32("arrays"));
    }

    /// The instruments tree that an operator asserts.
    function _asserted(Ledger memory before, Case memory it) private pure returns (Tree memory) {
        Ledger memory ledger;
        // Nodes whose hash is known are not changed in place.
        before.instruments.root();
        ledger.instruments = Tree(before.instruments.node);
        UnderlyingLeaf memory underlying = Underlyings.load(ledger, Scene.UNDERLYING);
        (underlying.markEpoch, underlying.markTime, underlying.index) = (6, it.time, it.index);
        (underlying.confidence, underlying.sources) = (1e6, 4);
        (underlying.perpetualMark, underlying.fundingRate) = (it.index, it.fundingRate);
        if (underlying.hasNextRisk) {
            (underlying.hasRisk, underlying.risk, underlying.hasNextRisk) = (true, underlying.nextRisk.table, false);
        }
        if (it.lie == Lie.OtherUnderlying) underlying.openInstruments += 1;
        Underlyings.save(ledger, Scene.UNDERLYING, underlying);
        (, ExpiryLeaf memory series) = Expiries.find(ledger, Scene.UNDERLYING, Scene.EXPIRY);
        (series.forward, series.rate) = (it.forward, 1);
        (series.a, series.b, series.rho, series.m, series.sigma) = (2, 3, 4, 5, 6);
        if (it.lie == Lie.OtherForward) series.forward += 1;
        Expiries.save(ledger, Scene.UNDERLYING, Scene.EXPIRY, series);
        _reprice(ledger, Scene.PERPETUAL, it, Lie.None);
        _reprice(ledger, Scene.OPTION, it, it.lie);
        bytes32 key = StateKeys.instrument(Scene.OPTION);
        if (it.lie == Lie.LeafGone) ledger.instruments.remove(key);
        if (it.lie == Lie.LeafMore) ledger.instruments.set(StateKeys.name("X"), hex"01");
        if (it.lie == Lie.LeafTooShort) ledger.instruments.set(key, hex"01");
        return ledger.instruments;
    }

    function _reprice(Ledger memory ledger, uint256 instrument, Case memory it, Lie lie) private pure {
        if (lie == Lie.NoMarkAtAll) return;
        InstrumentLeaf memory leaf = Instruments.load(ledger, instrument);
        (leaf.mark, leaf.iv, leaf.delta, leaf.vega) = (leaf.mark + 17, 18, 19, 20);
        if (lie != Lie.NoNewEpoch) leaf.markEpoch = 6;
        leaf.markIndex = it.index;
        if (lie == Lie.OtherLot) leaf.lotSize += 1;
        if (lie == Lie.OtherIndex) leaf.markIndex += 1;
        if (lie == Lie.NegativeMark) leaf.mark = -1;
        if (lie == Lie.Lanes) leaf.risk = new bytes(320);
        Instruments.save(ledger, instrument, leaf);
    }

    function _case() private pure returns (Case memory) {
        return Case(
            Oracle.KEY, Scene.NOW, Scene.INDEX + 100e9, Scene.INDEX, Scene.EXPIRY, 3, -5e4, Lie.None, Before.Nothing, 1
        );
    }

    function _refuted(Case memory it, bytes32 reason) private {
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, reason));
        this.mark(it);
    }

    function test_a_mark_moves_the_underlying_and_takes_the_asserted_root() external view {
        (UnderlyingLeaf memory leaf, bytes32 asserted, bytes32 root) = this.mark(_case());
        assertEq(leaf.index, Scene.INDEX + 100e9);
        assertEq(leaf.markEpoch, 6);
        assertEq(root, asserted);
    }

    function test_only_the_quorum_marks() external {
        Case memory it = _case();
        it.key = Oracle.KEY + 1;
        _refuted(it, "signature");
        it = _case();
        it.signatures = 0;
        _refuted(it, "quorum_missing");
        // Nobody signs twice.
        it.signatures = 2;
        _refuted(it, "record");
    }

    function test_time_goes_forward_and_is_neither_old_nor_ahead() external {
        Case memory it = _case();
        it.time = Scene.NOW - Scene.SECOND;
        _refuted(it, "mark_time");
        it.time = Scene.NOW + 60 * Scene.SECOND + 1;
        _refuted(it, "mark_from_future");
    }

    function test_the_index_jumps_no_further_than_allowed() external {
        Case memory it = _case();
        it.index = Scene.INDEX + Scene.INDEX / 10;
        this.mark(it);
        it.index += 1;
        _refuted(it, "index_jump");
        it.index = Scene.INDEX - Scene.INDEX / 10 - 1;
        _refuted(it, "index_jump");
        // Not by more than half, however long nobody marked.
        it.before = Before.OldMark;
        it.index = Scene.INDEX + Scene.INDEX / 2;
        this.mark(it);
        it.index += 1;
        _refuted(it, "index_jump");
    }

    function test_tables_that_waited_for_the_mark_count_from_it_on() external {
        Case memory it = _case();
        it.before = Before.WaitingCollateral;
        this.mark(it);
        // Under a risk table every mark has lanes.
        it.before = Before.WaitingRisk;
        _refuted(it, "asserted_mark");
        it.before = Before.OtherInstruments;
        this.mark(it);
    }

    function test_numbers_are_in_range() external {
        Case memory it = _case();
        it.forward = 2 * it.index + 1;
        _refuted(it, "invalid_mark");
        it = _case();
        it.fundingRate = 1e8 + 1;
        _refuted(it, "invalid_mark");
    }

    function test_the_series_are_those_that_are_open() external {
        Case memory it = _case();
        it.expiry += 1;
        _refuted(it, "expiry_coverage");
        it = _case();
        it.before = Before.NoSeries;
        _refuted(it, "expiry_coverage");
        it = _case();
        it.listingEpoch = 2;
        _refuted(it, "wrong_listing_epoch");
    }

    function test_every_lie_about_a_leaf_is_refuted() external {
        _lie(Lie.NoNewEpoch, "asserted_mark");
        _lie(Lie.OtherLot, "asserted_mark");
        _lie(Lie.OtherIndex, "asserted_mark");
        _lie(Lie.NegativeMark, "asserted_mark");
        _lie(Lie.Lanes, "asserted_mark");
        _lie(Lie.NoMarkAtAll, "asserted_mark");
        _lie(Lie.LeafTooShort, "asserted_mark");
        _lie(Lie.LeafGone, "asserted_leaf_missing");
        _lie(Lie.LeafMore, "asserted_new_leaf");
        _lie(Lie.OtherUnderlying, "asserted_leaf_changed");
        _lie(Lie.OtherForward, "asserted_leaf_changed");
    }

    function _lie(Lie lie, bytes32 reason) private {
        Case memory it = _case();
        it.lie = lie;
        _refuted(it, reason);
    }
}
