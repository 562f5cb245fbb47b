// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {MarginModel, Mode, Parameter, PostOnly, Side} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {Holding, Holdings, MarginAccount} from "src/verifier/margin/MarginAccount.sol";
import {Margins} from "src/verifier/margin/Margins.sol";
import {Soundness} from "src/verifier/margin/Soundness.sol";
import {Terms, TermsOf} from "src/verifier/margin/Terms.sol";
import {Opening} from "src/verifier/orders/Openings.sol";
import {Sides} from "src/verifier/orders/Sides.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Books} from "src/verifier/state/Books.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";
import {UnderlyingLeaf} from "src/verifier/state/leaves/UnderlyingLeaf.sol";

/// @notice An order that asks to come in.
/// @param taker What it would be on its way into the book; its limit is fitted to band and book
/// @param account Whose it is
/// @param margined The same as margin sees it, before anything changes
/// @param terms Its instrument
/// @param underlying Its underlying
/// @param before The holding that it would join, without the order that it replaces
/// @param postOnly Whether it must not trade at once
/// @param market Whether its limit gives way to the price band
/// @param replaces Whether it replaces a resting order
struct Candidate {
    TakerLeaf taker;
    Account account;
    MarginAccount margined;
    Terms terms;
    UnderlyingLeaf underlying;
    Holding before;
    PostOnly postOnly;
    bool market;
    bool replaces;
}

/// @title Admission of orders
/// @notice Whether an order may enter: its form, what the venue accepts now, and the margin for its worst case. What is not
/// admitted makes its step illegal.
library Admission {
    using Accounts for Account;
    using BookPlaces for BookPlace;
    using Holdings for Holding;
    using Margins for IMarginCalculator;
    using TermsOf for Terms;
    using Sides for Side;

    /// @notice Most lots of one order.
    int256 internal constant ORDER_LOTS_MAX = 100_000_000_000;
    /// @notice Highest limit price, micro-USDC per contract: that of marks.
    int256 internal constant ORDER_PRICE_MAX = 1_000_000_000_000_000;

    /// @notice Lots in an amount, which must be whole lots.
    function lotsOf(Terms memory terms, int256 amount) internal pure returns (int256 lots) {
        lots = amount / terms.leaf.lotSize;
        requireLegal(amount > 0 && lots * terms.leaf.lotSize == amount && lots <= ORDER_LOTS_MAX, "invalid_amount");
    }

    /// @notice Ticks in a price, which must be whole ticks.
    function ticksOf(Terms memory terms, int256 price) internal pure returns (int256 ticks) {
        ticks = price / terms.leaf.tickSize;
        requireLegal(price > 0 && price <= ORDER_PRICE_MAX && ticks * terms.leaf.tickSize == price, "invalid_price");
    }

    /// @notice A fee bound, which must not be negative.
    function sound(int256 maxFee) internal pure returns (int256) {
        requireLegal(maxFee >= 0, "invalid_max_fee");
        return maxFee;
    }

    /// @notice Checks all that an order meets before it may trade, and fits its limit to band and post-only.
    function admit(Opening memory step, IMarginCalculator margin, Candidate memory order) internal pure {
        requireLegal(!order.account.leaf.hasLiquidation, "in_liquidation");
        requireTradable(step, order);
        _requireLanes(step.ledger, order);
        _requireRiskAllowed(step.ledger, order);
        _fitToBand(step.ledger, order);
        if (!order.replaces) _requireLimits(step.ledger, order);
        requireReducing(order);
        _fitToBook(step.ledger, order);
        TakerLeaf memory taker = order.taker;
        requireLegal(
            margin.admits(step.ledger, order.margined, order.before, taker.side, taker.lots, taker.limit),
            "not_enough_margin"
        );
    }

    /// @notice The instrument has not expired, has a mark, and its underlying is not halted.
    function requireTradable(Opening memory step, Candidate memory order) internal pure {
        Terms memory terms = order.terms;
        requireLegal(terms.perpetual || step.time < terms.leaf.expiry, "instrument_not_open");
        requireLegal(terms.marked, "no_mark");
        requireLegal(order.underlying.mode != Mode.Halt, "mode");
    }

    /// @notice A reduce-only order has something to reduce.
    function requireReducing(Candidate memory order) internal pure {
        requireLegal(!order.taker.reduceOnly || order.before.reducible(order.taker.side) != 0, "nothing_to_reduce");
    }

    /// A portfolio-margined account trades only what has lanes.
    function _requireLanes(Ledger memory ledger, Candidate memory order) private pure {
        requireLegal(
            order.account.leaf.marginModel == MarginModel.Standard || Margins.hasLanes(ledger, order.terms.leaf),
            "no_lanes"
        );
    }

    /// Where new risk is refused, only orders that shrink the position pass, counted with those already open.
    function _requireRiskAllowed(Ledger memory ledger, Candidate memory order) private pure {
        int256 open = order.before.open(order.taker.side).lots + order.taker.lots;
        if (open <= order.before.reducible(order.taker.side)) return;
        requireLegal(order.underlying.mode != Mode.CancelOnly, "mode");
        requireLegal(!order.account.leaf.closeOnly, "close_only");
        Soundness.requireSound(ledger, order.terms.leaf.underlying);
    }

    function _fitToBand(Ledger memory ledger, Candidate memory order) private pure {
        TakerLeaf memory taker = order.taker;
        int256 limit = order.terms.bandLimit(ledger, taker.side);
        bool beyond = taker.side == Side.Buy ? taker.limit > limit : taker.limit < limit;
        if (!beyond) return;
        requireLegal(order.market && limit >= 1, "price_band");
        taker.limit = limit;
    }

    function _requireLimits(Ledger memory ledger, Candidate memory order) private pure {
        Account memory account = order.account;
        requireLegal(
            !order.taker.rests || account.leaf.openOrders < Parameters.unsigned(ledger, Parameter.MaxOpenOrders),
            "too_many_orders"
        );
        (bool held,) = account.holding(order.taker.instrument);
        requireLegal(
            held || account.leaf.holdings < Parameters.unsigned(ledger, Parameter.MaxInstruments),
            "too_many_instruments"
        );
    }

    /// Post-only, of the order or of the venue, against the best opposite price. An order that is past its end but still
    /// in the book counts.
    function _fitToBook(Ledger memory ledger, Candidate memory order) private pure {
        TakerLeaf memory taker = order.taker;
        bool makersOnly = order.underlying.mode == Mode.PostOnly;
        requireLegal(!makersOnly || taker.rests, "mode");
        if (!makersOnly && order.postOnly == PostOnly.No) return;
        (bool found, BookPlace memory best,) = Books.best(ledger, taker.instrument, taker.side.opposite());
        if (!found || !taker.side.reaches(taker.limit, best.ticks())) return;
        requireLegal(order.postOnly != PostOnly.No, "mode");
        int256 behind = best.ticks() - taker.side.sign();
        requireLegal(order.postOnly == PostOnly.Slide && behind >= 1, "post_only_would_trade");
        taker.limit = behind;
    }
}
