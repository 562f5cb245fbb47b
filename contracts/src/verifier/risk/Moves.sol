// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {InstrumentKind, Side, Units} from "src/verifier/Types.sol";
import {Leg, Legs, Trade} from "src/verifier/margin/Legs.sol";
import {Holding} from "src/verifier/margin/MarginAccount.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Terms} from "src/verifier/margin/Terms.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Instruments} from "src/verifier/state/Instruments.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {FundsLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";

/// @title Positions that change hands outside of the book
/// @notice They move at the mark: whoever gives lots gets their value, like in a fill without fees, so that nobody's wealth
/// changes by it. Funding of both sides is settled first.
library Moves {
    /// @notice Moves lots of an instrument to `taker`, from it when negative.
    function move(Ledger memory ledger, Account memory giver, Account memory taker, uint256 instrument, int256 lots)
        internal
        pure
    {
        // Of the terms a leg reads these alone.
        Terms memory terms;
        terms.instrument = instrument;
        terms.leaf = Instruments.load(ledger, instrument);
        terms.perpetual = terms.leaf.kind == InstrumentKind.Perpetual;
        Fit memory fit;
        Trade memory trade;
        trade.side = lots > 0 ? Side.Buy : Side.Sell;
        trade.lots = Numbers.magnitude(lots);
        trade.cash = Numbers.narrow(fit, trade.lots * terms.leaf.mark * terms.leaf.lotSize / Units.CONTRACT);
        _settle(ledger, terms, fit, taker, trade);
        trade.side = lots > 0 ? Side.Sell : Side.Buy;
        _settle(ledger, terms, fit, giver, trade);
        Instruments.save(ledger, instrument, terms.leaf);
        requireLegal(!fit.lost, "overflow");
    }

    /// One side: the account, and what the venue counts of it in `terms.leaf` and the funds.
    function _settle(
        Ledger memory ledger,
        Terms memory terms,
        Fit memory fit,
        Account memory account,
        Trade memory trade
    ) private pure {
        (, HoldingLeaf memory held) = Accounts.holding(account, terms.instrument);
        Holding memory before;
        before.instrument = terms.instrument;
        (before.position, before.cost, before.funding) = (held.lots, held.cost, held.fundingIndex);
        Leg memory leg = Legs.make(terms, fit, account.leaf.cash, before, trade);
        if (leg.funding != 0) {
            FundsLeaf memory funds = Globals.funds(ledger);
            funds.fundingPool -= leg.funding;
            Globals.setFunds(ledger, funds);
        }
        (held.lots, held.cost) = (leg.holding.position, leg.holding.cost);
        held.fundingIndex = held.lots == 0 ? int256(0) : leg.holding.funding;
        if (leg.positionBefore == 0) ++terms.leaf.holders;
        if (held.lots == 0) --terms.leaf.holders;
        terms.leaf.openInterest += leg.interest;
        account.leaf.cash = leg.cash;
        Accounts.putHolding(account, terms.instrument, held);
    }
}
