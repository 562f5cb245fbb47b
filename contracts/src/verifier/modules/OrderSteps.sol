// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions, Authorization, Scope} from "src/verifier/Actions.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {OrderCommands, PlaceOrder, ReplaceOrder} from "src/verifier/commands/OrderCommands.sol";
import {Asking} from "src/verifier/orders/Asking.sol";
import {Admitted, IOrderGate} from "src/verifier/orders/IOrderGate.sol";
import {Incoming} from "src/verifier/orders/Incoming.sol";
import {OpenOrders} from "src/verifier/orders/OpenOrders.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace} from "src/verifier/state/BookPlace.sol";
import {Instruments} from "src/verifier/state/Instruments.sol";
import {Account} from "src/verifier/state/Ledger.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";

/// @title Orders that come in
/// @notice Step 14, an order arrives, and 17, a resting order changes. Signature, key and nonce are checked here; the gate says whether the
/// order may come in, and as what. It rests at once if nothing crosses it, ends if it may not rest, else opens the taker
/// register. A replaced order keeps its place if only its size shrinks; else it leaves the book and arrives again, with its id and
/// behind all others.
contract OrderSteps is StepBase, Asking {
    IOrderGate private immutable PLACE_GATE;
    IOrderGate private immutable REPLACE_GATE;

    constructor(IOrderGate placeGate, IOrderGate replaceGate) {
        (PLACE_GATE, REPLACE_GATE) = (placeGate, replaceGate);
    }

    function _run(Step memory step) internal view override {
        Steps.noSubject(step);
        if (step.kind == StepKind.PLACE) _place(step);
        else if (step.kind == StepKind.REPLACE) _replace(step);
        else revert NotServed(step.kind);
    }

    function _place(Step memory step) private view {
        Steps.opens(step, CommandKind.PLACE_ORDER);
        PlaceOrder memory command = OrderCommands.decodePlace(step.body);
        bytes32 name = Instruments.load(step.ledger, command.instrument).nameHash;
        Account memory account =
            _authorized(step, command.subaccount, OrderCommands.structHash(command, name), command.auth);
        Admitted memory order = _admitted(PLACE_GATE);
        Incoming.arrive(step, account, order.taker, order.fillOrKill);
    }

    function _replace(Step memory step) private view {
        Steps.opens(step, CommandKind.REPLACE_ORDER);
        ReplaceOrder memory command = OrderCommands.decodeReplace(step.body);
        Account memory account = _authorized(step, command.subaccount, OrderCommands.structHash(command), command.auth);
        (BookPlace memory place, OrderLeaf memory resting) = OpenOrders.load(step.ledger, account, command.order);
        Admitted memory order = _admitted(REPLACE_GATE);
        if (!order.keepsPlace) {
            Accounts.removeOrder(step.ledger, account, place);
            return Incoming.arrive(step, account, order.taker, false);
        }
        Steps.ends(step);
        resting.lots = order.taker.lots;
        resting.maxFee = order.taker.maxFee;
        resting.reduceOnly = order.taker.reduceOnly;
        Accounts.updateOrder(step.ledger, account, place, resting);
    }

    /// The account of a command that was signed by a key that may trade for it; the nonce is used.
    function _authorized(Step memory step, uint256 subaccount, bytes32 structHash, Authorization memory auth)
        private
        view
        returns (Account memory account)
    {
        account = Accounts.load(step.ledger, subaccount);
        Actions.requireSigned(step.ledger, structHash, auth);
        Actions.authorize(step, account, auth, Scope.TRADE);
        Actions.useTradingNonce(step, auth);
    }

    function _admitted(IOrderGate gate) private view returns (Admitted memory) {
        return abi.decode(_ask(address(gate), IOrderGate.admit.selector), (Admitted));
    }
}
