// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Side} from "src/verifier/Types.sol";
import {Holding, Holdings, MarginAccount, MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Terms, TermsOf} from "src/verifier/margin/Terms.sol";

/// @notice What is traded, seen from one account.
/// @param side Its side
/// @param lots How many
/// @param cash Price × size, micro-USDC
/// @param fee Negative is a rebate
struct Trade {
    Side side;
    int256 lots;
    int256 cash;
    int256 fee;
}

/// @notice An account after its side of a fill.
/// @param cash Micro-USDC
/// @param holding What it has in the instrument
/// @param fee What it paid
/// @param funding Funding settled first; negative was paid
/// @param positionBefore Lots before
/// @param reduces Whether the fill only shrinks the position
/// @param interest Change of the sum of long positions
struct Leg {
    int256 cash;
    Holding holding;
    int256 fee;
    int256 funding;
    int256 positionBefore;
    bool reduces;
    int256 interest;
}

/// @title Sides of a fill
library Legs {
    using Holdings for Holding;
    using Numbers for Fit;
    using TermsOf for Terms;

    /// @notice The account after a trade, its funding settled first.
    /// @param cash Its cash before
    /// @param holding What it has in the instrument, with its open orders as they are behind the trade; becomes what it
    /// has then
    function make(Terms memory terms, Fit memory fit, int256 cash, Holding memory holding, Trade memory trade)
        internal
        pure
        returns (Leg memory leg)
    {
        leg.holding = holding;
        leg.fee = trade.fee;
        leg.positionBefore = holding.position;
        leg.reduces = trade.lots <= holding.reducible(trade.side);
        leg.funding = terms.fundingDue(fit, holding.position, holding.funding);
        holding.funding = terms.leaf.fundingIndex;
        int256 realised = _trade(fit, holding, trade);
        int256 signed = trade.side == Side.Buy ? trade.cash : -trade.cash;
        leg.cash = fit.narrow(fit.narrow(cash + leg.funding) + (terms.perpetual ? realised : -signed));
        leg.cash = fit.narrow(leg.cash - trade.fee);
        leg.interest = Numbers.max(holding.position, 0) - Numbers.max(leg.positionBefore, 0);
    }

    /// @notice Takes a leg over into a copy of its account.
    function take(Leg memory leg, MarginAccount memory account) internal pure {
        account.cash = leg.cash;
        MarginAccounts.put(account, leg.holding);
    }

    /// Changes position and cost; returns the P&L realised on what was closed, rounded down.
    function _trade(Fit memory fit, Holding memory holding, Trade memory trade) private pure returns (int256 realised) {
        int256 sign = trade.side == Side.Buy ? int256(1) : -1;
        int256 closed = Numbers.min(trade.lots, holding.reducible(trade.side));
        if (closed != 0) {
            // The size is whole lots at one price, so a part of the cash is exact.
            int256 closedCash = trade.cash * closed / trade.lots;
            int256 share = TermsOf.closedCost(fit, holding.cost, closed, Numbers.magnitude(holding.position));
            realised = fit.narrow(-sign * closedCash - share);
        }
        holding.cost = fit.narrow(fit.narrow(holding.cost + sign * trade.cash) + realised);
        holding.position = fit.narrow(holding.position + sign * trade.lots);
    }
}
