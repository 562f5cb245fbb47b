// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {OrderType, PostOnly, TimeInForce, Units} from "src/verifier/Types.sol";
import {OrderCommands, PlaceOrder} from "src/verifier/commands/OrderCommands.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Admission, Candidate} from "src/verifier/orders/Admission.sol";
import {Admitted} from "src/verifier/orders/IOrderGate.sol";
import {Opening} from "src/verifier/orders/Openings.sol";
import {OrderGate} from "src/verifier/orders/OrderGate.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

/// @title The gate of new orders
contract PlaceGate is OrderGate {
    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    function _admit(Opening memory step) internal view override returns (Admitted memory) {
        PlaceOrder memory command = OrderCommands.decodePlace(step.body);
        Candidate memory order = _candidate(step, command.subaccount, command.instrument);
        _requireFlags(command, step.time);
        order.postOnly = command.postOnly;
        order.market = command.orderType == OrderType.Market;
        order.taker = _taker(command, order, Globals.clock(step.ledger).sequence * Units.ORDERS_PER_COMMAND);
        Admission.admit(step, margin, order);
        return Admitted(order.taker, false, command.timeInForce == TimeInForce.Fok);
    }

    /// The flags of an order do not contradict each other.
    function _requireFlags(PlaceOrder memory command, uint256 time) private pure {
        bool market = command.orderType == OrderType.Market;
        bool dated = command.timeInForce == TimeInForce.Gtd;
        bool immediate = command.timeInForce == TimeInForce.Ioc || command.timeInForce == TimeInForce.Fok;
        bool makes = command.postOnly != PostOnly.No;
        requireLegal(!(market && dated) && !(makes && (market || immediate)), "invalid_flags");
        requireLegal(dated ? command.validUntil > time : command.validUntil == 0, "invalid_valid_until");
    }

    function _taker(PlaceOrder memory command, Candidate memory order, uint256 id)
        private
        pure
        returns (TakerLeaf memory taker)
    {
        bool stays = command.timeInForce == TimeInForce.Gtc || command.timeInForce == TimeInForce.Gtd;
        taker.order = id;
        taker.subaccount = command.subaccount;
        taker.instrument = command.instrument;
        taker.side = command.side;
        taker.limit = Admission.ticksOf(order.terms, command.limitPrice);
        taker.lots = Admission.lotsOf(order.terms, command.amount);
        taker.maxFee = Admission.sound(command.maxFee);
        taker.validUntil = command.validUntil;
        taker.rests = stays && !order.market;
        taker.reduceOnly = command.reduceOnly;
        taker.selfTrade = command.selfTrade;
    }
}
