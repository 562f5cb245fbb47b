// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions, Authorization, Scope} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {CancelAll, CancelOrder, OrderCommands} from "src/verifier/commands/OrderCommands.sol";
import {OpenOrders} from "src/verifier/orders/OpenOrders.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace} from "src/verifier/state/BookPlace.sol";
import {Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Account} from "src/verifier/state/Ledger.sol";

/// @title Cancelling orders
/// @notice Step 15 takes one order out of the book. Step 16 accepts a cancel-all, whose orders leave by steps 18. Both are signed by a key
/// that may cancel, or come unsigned for a session that has logged in: the operator's word, which can end orders but not
/// make any.
contract CancelSteps is StepBase {
    function _run(Step memory step) internal view override {
        Steps.noSubject(step);
        if (step.kind == StepKind.CANCEL) _cancel(step);
        else if (step.kind == StepKind.CANCEL_ALL) _cancelAll(step);
        else revert NotServed(step.kind);
    }

    function _cancel(Step memory step) private view {
        Steps.opens(step, CommandKind.CANCEL_ORDER);
        Steps.ends(step);
        CancelOrder memory command = OrderCommands.decodeCancel(step.body);
        Account memory account = Accounts.load(step.ledger, command.subaccount);
        if (command.isSigned) _authorize(step, account, OrderCommands.structHash(command), command.auth);
        (BookPlace memory place,) = OpenOrders.load(step.ledger, account, command.order);
        requireLegal(!OpenOrders.isHalted(step.ledger, place.instrument), "mode");
        Accounts.removeOrder(step.ledger, account, place);
    }

    function _cancelAll(Step memory step) private view {
        Steps.opens(step, CommandKind.CANCEL_ALL);
        Steps.goesOn(step);
        CancelAll memory command = OrderCommands.decodeCancelAll(step.body);
        Account memory account = Accounts.load(step.ledger, command.subaccount);
        bytes32 instrument = keccak256("");
        if (command.instrument != 0) instrument = Instruments.load(step.ledger, command.instrument).nameHash;
        bytes32 underlying = keccak256("");
        if (command.underlying != 0) underlying = Underlyings.load(step.ledger, command.underlying).symbolHash;
        if (command.isSigned) {
            _authorize(step, account, OrderCommands.structHash(command, instrument, underlying), command.auth);
        }
        (uint256 found,,) = OpenOrders.fitting(step.ledger, account, command.instrument, command.underlying, 1);
        requireLegal(found != 0, "nothing_to_cancel");
    }

    function _authorize(Step memory step, Account memory account, bytes32 structHash, Authorization memory auth)
        private
        view
    {
        Actions.requireSigned(step.ledger, structHash, auth);
        Actions.authorize(step, account, auth, Scope.TRADE | Scope.CANCEL);
        Actions.useTradingNonce(step, auth);
    }
}
