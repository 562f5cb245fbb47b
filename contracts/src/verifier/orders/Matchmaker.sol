// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "src/verifier/IStepModule.sol";
import {SelfTrade, Side} from "src/verifier/Types.sol";
import {IMarginCalculator, MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {Leg, Legs, Trade} from "src/verifier/margin/Legs.sol";
import {Holding, Holdings, MarginAccount, MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Margins} from "src/verifier/margin/Margins.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Terms, TermsOf} from "src/verifier/margin/Terms.sol";
import {IMatchmaker, Meeting, TradeSide, Verdict} from "src/verifier/orders/IMatchmaker.sol";
import {Opening, Openings} from "src/verifier/orders/Openings.sol";
import {Sides} from "src/verifier/orders/Sides.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Books} from "src/verifier/state/Books.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {WitnessMalformed} from "src/verifier/state/Witness.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

/// @notice Two orders that meet, and whose they are.
struct Pair {
    TakerLeaf taker;
    Account taking;
    BookPlace place;
    OrderLeaf resting;
    Account making;
}

/// @title Meetings of an incoming order with the book
/// @notice Which step comes next while the taker register is present is a function of the state, and this is it: an operator can
/// neither pass over the best order, nor stop a taker without reason, nor go on behind a stop.
contract Matchmaker is IMatchmaker, MarginUser {
    using BookPlaces for BookPlace;
    using Holdings for Holding;
    using Legs for Leg;
    using MarginAccounts for MarginAccount;
    using Margins for IMarginCalculator;
    using Sides for Side;
    using TermsOf for Terms;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    /// @inheritdoc IMatchmaker
    function judge(StepInput calldata input, bytes calldata witness) external view returns (Meeting memory meeting) {
        Opening memory step = Openings.open(input, witness);
        Pair memory pair;
        bool found;
        (found, pair.taker) = Globals.taker(step.ledger);
        require(found, WitnessMalformed());
        TakerLeaf memory taker = pair.taker;
        if (taker.lots == 0) return meeting;
        (found, pair.place, pair.resting) = Books.best(step.ledger, taker.instrument, taker.side.opposite());
        if (!found || !taker.side.reaches(taker.limit, pair.place.ticks())) return meeting;
        pair.taking = Accounts.load(step.ledger, taker.subaccount);
        pair.making = Accounts.load(step.ledger, pair.resting.subaccount);
        meeting.verdict = _screen(step.time, pair);
        if (meeting.verdict == Verdict.Trade) meeting.verdict = _negotiate(step.ledger, pair, meeting);
    }

    /// Reasons that need no margin: the resting order's end, and self-trade prevention.
    function _screen(uint256 time, Pair memory pair) private pure returns (Verdict) {
        uint256 end = pair.resting.validUntil;
        if (end != 0 && time >= end) return Verdict.Remove;
        if (pair.making.leaf.owner != pair.taking.leaf.owner) return Verdict.Trade;
        SelfTrade choice = pair.taker.selfTrade;
        if (choice == SelfTrade.CancelNewest) return Verdict.Stop;
        return choice == SelfTrade.CancelOldest ? Verdict.Remove : Verdict.RemoveAndStop;
    }

    /// Size, fees and margin of the trade, in the engine's order: the first that fails says who ends.
    function _negotiate(Ledger memory ledger, Pair memory pair, Meeting memory meeting) private view returns (Verdict) {
        TakerLeaf memory taker = pair.taker;
        MarginAccount memory making = MarginAccounts.load(ledger, pair.making);
        Holding memory made = making.holding(taker.instrument);
        (, HoldingLeaf memory leaf) = Accounts.holding(pair.taking, taker.instrument);
        Holding memory taken = Holdings.from(ledger, taker.instrument, leaf);

        meeting.lots = Numbers.min(taker.lots, pair.resting.lots);
        if (pair.resting.reduceOnly) meeting.lots = Numbers.min(meeting.lots, made.reducible(pair.place.side));
        if (meeting.lots == 0) return Verdict.Remove;
        if (taker.reduceOnly) meeting.lots = Numbers.min(meeting.lots, taken.reducible(taker.side));
        if (meeting.lots == 0) return Verdict.Stop;

        Terms memory terms = TermsOf.load(ledger, taker.instrument);
        Fit memory fit;
        meeting.cash = terms.cash(fit, meeting.lots, pair.place.ticks());
        if (fit.lost || !_takes(terms, fit, pair, meeting, taken)) return Verdict.Stop;
        (bool borne, Leg memory leg) = _makes(ledger, terms, pair, meeting, made);
        if (!borne || !_isMargined(ledger, making, leg)) return Verdict.Remove;
        return fit.lost ? Verdict.Stop : Verdict.Trade;
    }

    /// The incoming side of the trade; `false` when its fee is above what was signed. Of what does not fit behind the fee,
    /// `fit` tells: it stops the taker, but only once the maker can trade. The sums over the rest of its account fit: its funds covered
    /// them with all of this order when it came in.
    function _takes(Terms memory terms, Fit memory fit, Pair memory pair, Meeting memory meeting, Holding memory held)
        private
        pure
        returns (bool)
    {
        int256 fee = terms.takerFeeOf(fit, meeting.lots, meeting.cash);
        if (fit.lost || !terms.feeAllowed(fee, pair.taker.maxFee, meeting.lots)) return false;
        Trade memory trade = Trade(pair.taker.side, meeting.lots, meeting.cash, fee);
        meeting.taker = _side(Legs.make(terms, fit, pair.taking.leaf.cash, held, trade));
        return true;
    }

    /// The resting side of the trade; `false` when its fee is above what was signed, or a number does not fit.
    function _makes(
        Ledger memory ledger,
        Terms memory terms,
        Pair memory pair,
        Meeting memory meeting,
        Holding memory held
    ) private pure returns (bool, Leg memory leg) {
        Fit memory fit;
        int256 fee = terms.makerFeeOf(fit, meeting.lots, meeting.cash);
        if (fit.lost || !terms.feeAllowed(fee, pair.resting.maxFee, meeting.lots)) return (false, leg);
        (, HoldingLeaf memory leaf) = Accounts.holding(pair.making, held.instrument);
        held.takeOrder(ledger, leaf, pair.place, meeting.lots, meeting.lots == pair.resting.lots);
        Trade memory trade = Trade(pair.place.side, meeting.lots, meeting.cash, fee);
        leg = Legs.make(terms, fit, pair.making.leaf.cash, held, trade);
        meeting.maker = _side(leg);
        return (!fit.lost, leg);
    }

    /// Whether the maker covers initial margin behind the fill, or only mends its position by it.
    function _isMargined(Ledger memory ledger, MarginAccount memory making, Leg memory leg)
        private
        view
        returns (bool)
    {
        MarginAccount memory behind = making.copy();
        leg.take(behind);
        MarginFigures memory figures = margin.figures(ledger, behind);
        if (Margins.isMargined(figures)) return true;
        return leg.reduces && !Margins.raises(margin.figures(ledger, making), figures);
    }

    function _side(Leg memory leg) private pure returns (TradeSide memory) {
        return TradeSide(leg.cash, leg.holding.position, leg.holding.cost, leg.fee, leg.funding);
    }
}
