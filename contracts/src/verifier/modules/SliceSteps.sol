// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, Steps} from "src/verifier/StepBase.sol";
import {Mode, Parameter, SelfTrade, Side, StepKind, Units} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Standing} from "src/verifier/margin/Margins.sol";
import {Numbers} from "src/verifier/margin/Numbers.sol";
import {Soundness} from "src/verifier/margin/Soundness.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {RiskSteps} from "src/verifier/risk/RiskSteps.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Books} from "src/verifier/state/Books.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Account} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

/// @title Slices
/// @notice The step `liquidation_slice`: an order of an account in liquidation meets the book. It writes the taker register, and
/// the steps of matching do the rest. That the slice is the best of those possible is not judged.
contract SliceSteps is RiskSteps {
    using BookPlaces for BookPlace;

    /// @dev Most lots of an order.
    int256 private constant _ORDER_LOTS_MAX = 100_000_000_000;
    /// @dev Nano-USDC in a micro-USDC, times the least share of the index that a price limit is measured from.
    int256 private constant _INDEX_SHARE = 1000 * 100;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    function _run(Step memory step) internal view override {
        requireLegal(step.kind == StepKind.LIQUIDATION_SLICE, "kind");
        Liquidations.requireLooking(step);
        Steps.goesOn(step);
        requireLegal(step.subject.other == 0, "subject");
        Account memory account = Liquidations.inRound(step);
        requireLegal(account.leaf.liquidation.stage == Liquidations.BOOK, "stage");
        Standing memory standing = _standing(step, account);
        bool mended = standing.equity >= standing.maintenance && standing.initialEquity >= standing.initial;
        requireLegal(!mended, "over");
        InstrumentLeaf memory leaf = Instruments.load(step.ledger, step.subject.instrument);
        _requireTradable(step, leaf);
        (, HoldingLeaf memory held) = Accounts.holding(account, step.subject.instrument);
        requireLegal(held.lots != 0, "nothing_to_reduce");
        Side side = held.lots > 0 ? Side.Sell : Side.Buy;
        int256 limit = _limit(step, leaf, side);
        requireLegal(step.subject.amount >= 1 && step.subject.amount <= _wanted(step, leaf, held.lots), "slice_size");
        _requireCrosses(step, side, limit);
        _take(step, account, side, limit);
    }

    /// The instrument trades, and its price is known.
    function _requireTradable(Step memory step, InstrumentLeaf memory leaf) private pure {
        requireLegal(!Liquidations.hasExpired(leaf, step.time), "instrument_not_open");
        requireLegal(leaf.markEpoch != 0, "no_mark");
        requireLegal(Underlyings.load(step.ledger, leaf.underlying).mode != Mode.Halt, "mode");
        Soundness.requireSound(step.ledger, leaf.underlying);
    }

    /// The worst price of a slice, ticks.
    function _limit(Step memory step, InstrumentLeaf memory leaf, Side side) private pure returns (int256) {
        int256 base = Numbers.max(leaf.mark, leaf.markIndex / _INDEX_SHARE);
        int256 share = Parameters.value(step.ledger, Parameter.LiquidationPriceLimit);
        int256 width = Numbers.divCeil(share * base, Units.NANO_ONE);
        if (side == Side.Buy) return Numbers.divFloor(leaf.mark + width, leaf.tickSize);
        return (Numbers.max(leaf.mark - width, 1) - 1) / leaf.tickSize + 1;
    }

    /// The most lots of a slice of a position.
    function _wanted(Step memory step, InstrumentLeaf memory leaf, int256 position) private pure returns (int256) {
        int256 share = Parameters.value(step.ledger, Parameter.LiquidationSlice);
        int256 part = Numbers.divCeil(share * Numbers.magnitude(position), Units.NANO_ONE);
        return Numbers.min(part, Numbers.min(_ORDER_LOTS_MAX, type(int64).max / leaf.lotSize));
    }

    /// Somebody stands in the book within the limit.
    function _requireCrosses(Step memory step, Side side, int256 limit) private pure {
        (bool found, BookPlace memory best,) =
            Books.best(step.ledger, step.subject.instrument, side == Side.Buy ? Side.Sell : Side.Buy);
        requireLegal(found, "no_cross");
        int256 price = best.ticks();
        requireLegal(side == Side.Buy ? price <= limit : price >= limit, "no_cross");
    }

    /// The order goes to the book: immediate, reduce-only, and it takes out what it meets of its own owner's.
    function _take(Step memory step, Account memory account, Side side, int256 limit) private pure {
        TakerLeaf memory taker;
        taker.order = step.sequence << 10;
        taker.subaccount = account.id;
        taker.instrument = step.subject.instrument;
        taker.side = side;
        taker.limit = limit;
        taker.lots = step.subject.amount;
        taker.maxFee = type(int64).max;
        taker.reduceOnly = true;
        taker.selfTrade = SelfTrade.CancelOldest;
        taker.liquidation = account.leaf.liquidation.liquidation;
        Globals.setTaker(step.ledger, taker);
    }
}
