// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepIllegal, requireLegal} from "src/verifier/IStepModule.sol";
import {Step, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, Side, StepKind} from "src/verifier/Types.sol";
import {ExpiryCommands, SettleExpired} from "src/verifier/commands/ExpiryCommands.sol";
import {InboxCommands, InboxItem} from "src/verifier/commands/InboxCommands.sol";
import {CancelAll, OrderCommands} from "src/verifier/commands/OrderCommands.sol";
import {OpenOrders} from "src/verifier/orders/OpenOrders.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace} from "src/verifier/state/BookPlace.sol";
import {Books} from "src/verifier/state/Books.sol";
import {Expiries, Instruments} from "src/verifier/state/Instruments.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {ExpiryLeaf} from "src/verifier/state/leaves/ExpiryLeaf.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";

/// @title Removals outside of matching
/// @notice Step 18 without a taker register: cancel-all, requests forced through the contract, orders past their end, orders of an
/// expired instrument, and orders of an account whose liquidation starts. The subject names account and order.
library Removals {
    /// @notice Takes the order of the subject out of the book, if the command of the step has cause to.
    function remove(Step memory step) internal pure {
        Account memory account = Accounts.load(step.ledger, step.subject.account);
        (BookPlace memory place, OrderLeaf memory resting) = OpenOrders.load(step.ledger, account, step.subject.other);
        requireLegal(step.subject.instrument == 0 && step.subject.amount == 0, "subject");

        if (step.command == CommandKind.CANCEL_ALL) _requireFits(step, account);
        else if (step.command == CommandKind.INBOX_ITEM) _requireForced(step, account);
        else if (account.leaf.hasLiquidation) _requireLiquidated(step, account);
        else if (step.command == CommandKind.CLOCK) _requirePastEnd(step, resting);
        else if (step.command == CommandKind.SETTLE_EXPIRED) _requireExpired(step, place);
        else revert StepIllegal("kind");
        Accounts.removeOrder(step.ledger, account, place);
    }

    /// A cancel-all takes the orders that fit, ascending by id, and ends with the last of them.
    function _requireFits(Step memory step, Account memory account) private pure {
        CancelAll memory command = OrderCommands.decodeCancelAll(step.body);
        Steps.follows(step);
        requireLegal(command.subaccount == account.id, "subject");
        (uint256 found, uint256 first,) =
            OpenOrders.fitting(step.ledger, account, command.instrument, command.underlying, 2);
        requireLegal(found != 0 && first == step.subject.other, "subject");
        requireLegal(step.last == (found == 1), "last");
    }

    /// A forced cancel-all, and a forced close-only, take every order, ascending by id.
    function _requireForced(Step memory step, Account memory account) private pure {
        Steps.follows(step);
        InboxItem memory item = InboxCommands.decode(step.body);
        requireLegal(item.kind == StepKind.FORCED_CANCEL_ALL || item.kind == StepKind.FORCED_CLOSE_ONLY, "kind");
        requireLegal(item.subaccount == account.id, "subject");
        _requireOldest(step, account);
        requireLegal(step.last == (account.leaf.openOrders == 1), "last");
    }

    /// A liquidation starts by ending every order, ascending by id, before anything else happens.
    function _requireLiquidated(Step memory step, Account memory account) private pure {
        Steps.follows(step);
        requireLegal(Liquidations.looks(step.command), "kind");
        _requireOldest(step, account);
        if (account.leaf.openOrders > 1) Steps.goesOn(step);
    }

    function _requireOldest(Step memory step, Account memory account) private pure {
        (bool any, uint256 oldest,) = Accounts.oldest(account);
        requireLegal(any && oldest == step.subject.other, "subject");
    }

    /// The clock ends what is past its end. Which order goes first is not judged, only that it must go.
    function _requirePastEnd(Step memory step, OrderLeaf memory resting) private pure {
        Steps.follows(step);
        requireLegal(resting.validUntil != 0 && step.time >= resting.validUntil, "subject");
    }

    /// A settlement takes the orders of its series, bids before offers and the best first. Which instrument goes first is not
    /// judged.
    function _requireExpired(Step memory step, BookPlace memory place) private pure {
        Ledger memory ledger = step.ledger;
        SettleExpired memory command = ExpiryCommands.decodeSettleExpired(step.body);
        (bool found, ExpiryLeaf memory series) = Expiries.find(ledger, command.underlying, command.expiry);
        requireLegal(found, "unknown_expiry");
        requireLegal(series.settled, "settlement_not_fixed");
        requireLegal(command.limit != 0, "nothing_to_do");
        InstrumentLeaf memory instrument = Instruments.load(ledger, place.instrument);
        requireLegal(instrument.underlying == command.underlying && instrument.expiry == command.expiry, "subject");
        (bool bids,,) = Books.best(ledger, place.instrument, Side.Buy);
        requireLegal(place.side == Side.Buy || !bids, "subject");
        (, BookPlace memory best,) = Books.best(ledger, place.instrument, place.side);
        requireLegal(best.rank == place.rank && best.place == place.place, "subject");
    }
}
