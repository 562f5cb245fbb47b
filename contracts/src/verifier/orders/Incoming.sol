// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, Steps} from "src/verifier/StepBase.sol";
import {Side, Units} from "src/verifier/Types.sol";
import {Sides} from "src/verifier/orders/Sides.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {Books} from "src/verifier/state/Books.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account} from "src/verifier/state/Ledger.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

/// @title Incoming orders
/// @notice How an order that was admitted comes in, and how what is left of one ends.
library Incoming {
    using Accounts for Account;
    using BookPlaces for BookPlace;
    using Sides for Side;

    /// @notice The id of the order that the command of a step creates, and its place in time.
    function idOf(Step memory step) internal pure returns (uint256) {
        return step.sequence * Units.ORDERS_PER_COMMAND;
    }

    /// @notice Opens the register when the best opposite order crosses; else the order rests or ends at once.
    /// @param fillOrKill Whether it must be filled wholly
    function arrive(Step memory step, Account memory account, TakerLeaf memory taker, bool fillOrKill) internal pure {
        (bool found, BookPlace memory best,) = Books.best(step.ledger, taker.instrument, taker.side.opposite());
        if (found && taker.side.reaches(taker.limit, best.ticks())) {
            Steps.goesOn(step);
            Globals.setTaker(step.ledger, taker);
        } else {
            Steps.ends(step);
            requireFilled(taker, fillOrKill);
            end(step, account, taker);
        }
    }

    /// @notice A fill-or-kill order of which something is left should never have been accepted.
    function requireFilled(TakerLeaf memory taker, bool fillOrKill) internal pure {
        requireLegal(!fillOrKill || taker.lots == 0, "fill_or_kill");
    }

    /// @notice Ends an order that nothing crosses: what is left of it rests, unless it is immediate, or may only reduce and has
    /// nothing to.
    function end(Step memory step, Account memory account, TakerLeaf memory taker) internal pure {
        if (!taker.rests || taker.lots == 0) return;
        if (taker.reduceOnly && !_canReduce(account, taker)) return;
        BookPlace memory place = BookPlaces.at(taker.instrument, taker.side, taker.limit, idOf(step));
        OrderLeaf memory order = OrderLeaf({
            order: taker.order,
            subaccount: taker.subaccount,
            lots: taker.lots,
            filled: taker.filled,
            maxFee: taker.maxFee,
            validUntil: taker.validUntil,
            reduceOnly: taker.reduceOnly,
            selfTrade: taker.selfTrade
        });
        Accounts.putOrder(step.ledger, account, place, order);
    }

    /// Whether the position is one that the order shrinks.
    function _canReduce(Account memory account, TakerLeaf memory taker) private pure returns (bool) {
        (, HoldingLeaf memory held) = account.holding(taker.instrument);
        return held.lots * taker.side.sign() < 0;
    }
}
