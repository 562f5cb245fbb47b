// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {OrderCommands, ReplaceOrder} from "src/verifier/commands/OrderCommands.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {Holdings} from "src/verifier/margin/MarginAccount.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Admission, Candidate} from "src/verifier/orders/Admission.sol";
import {Admitted} from "src/verifier/orders/IOrderGate.sol";
import {OpenOrders} from "src/verifier/orders/OpenOrders.sol";
import {Opening} from "src/verifier/orders/Openings.sol";
import {OrderGate} from "src/verifier/orders/OrderGate.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace, BookPlaces} from "src/verifier/state/BookPlace.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

/// @title The gate of replaced orders
contract ReplaceGate is OrderGate {
    using BookPlaces for BookPlace;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    function _admit(Opening memory step) internal view override returns (Admitted memory) {
        ReplaceOrder memory command = OrderCommands.decodeReplace(step.body);
        (BookPlace memory place, OrderLeaf memory resting) =
            OpenOrders.load(step.ledger, Accounts.load(step.ledger, command.subaccount), command.order);
        requireLegal(resting.validUntil == 0 || step.time < resting.validUntil, "order_expired");
        Candidate memory order = _candidate(step, command.subaccount, place.instrument);
        order.postOnly = command.postOnly;
        order.replaces = true;
        order.taker = _taker(command, order, place, resting);
        bool keepsPlace = order.taker.limit == place.ticks() && order.taker.lots <= resting.lots;
        if (keepsPlace) {
            // It adds no risk: it only needs an instrument that trades.
            Admission.requireTradable(step, order);
            Admission.requireReducing(order);
        } else {
            (, HoldingLeaf memory leaf) = Accounts.holding(order.account, place.instrument);
            Holdings.takeOrder(order.before, step.ledger, leaf, place, resting.lots, true);
            Admission.admit(step, margin, order);
        }
        return Admitted(order.taker, keepsPlace, false);
    }

    /// A replaced order keeps what the command does not name. The amount that is signed is the total, what is filled included.
    function _taker(
        ReplaceOrder memory command,
        Candidate memory order,
        BookPlace memory place,
        OrderLeaf memory resting
    ) private pure returns (TakerLeaf memory taker) {
        int256 lots = Admission.lotsOf(order.terms, command.amount);
        requireLegal(lots > resting.filled, "amount_below_filled");
        taker.order = resting.order;
        taker.subaccount = resting.subaccount;
        taker.instrument = place.instrument;
        taker.side = place.side;
        taker.limit = Admission.ticksOf(order.terms, command.limitPrice);
        taker.lots = lots - resting.filled;
        taker.filled = resting.filled;
        taker.maxFee = Admission.sound(command.maxFee);
        taker.validUntil = resting.validUntil;
        taker.rests = true;
        taker.reduceOnly = command.reduceOnly;
        taker.selfTrade = resting.selfTrade;
    }
}
