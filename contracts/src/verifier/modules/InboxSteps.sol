// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {InboxCommands, InboxItem} from "src/verifier/commands/InboxCommands.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Grants} from "src/verifier/rules/Grants.sol";
import {Leaving} from "src/verifier/rules/Leaving.sol";
import {Payouts} from "src/verifier/rules/Payouts.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Signers} from "src/verifier/state/Signers.sol";
import {AssetTotals, InboxLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {GrantLeaf, KeyLeaf} from "src/verifier/state/leaves/KeyLeaf.sol";

/// @title Steps of the contract's inbox
/// @notice Items are taken in order, and none is ever refused: what cannot be done is void, and moves only the inbox.
/// That an item is the one of the contract's own queue is checked where batches are.
contract InboxSteps is StepBase, MarginUser {
    using Steps for Step;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    /// @inheritdoc StepBase
    function _run(Step memory step) internal view override {
        step.opens(CommandKind.INBOX_ITEM);
        if (step.kind != StepKind.FORCED_WITHDRAW) step.noSubject();
        InboxItem memory item = InboxCommands.decode(step.body);
        requireLegal(item.kind == step.kind, "kind");
        _take(step.ledger, item);

        bool goesOn = false;
        if (step.kind == StepKind.DEPOSIT) _deposit(step.ledger, item);
        else if (step.kind == StepKind.FORCED_WITHDRAW) _withdraw(step, item);
        else if (step.kind == StepKind.FORCED_CANCEL_ALL) goesOn = _cancelAll(step.ledger, item);
        else if (step.kind == StepKind.FORCED_CLOSE_ONLY) goesOn = _closeOnly(step.ledger, item);
        else if (step.kind == StepKind.INBOX_REGISTER_KEY) _registerKey(step, item);
        else _raiseFloor(step.ledger, item);
        if (goesOn) step.goesOn();
        else step.ends();
    }

    /// The item is the next one; the inbox chain takes it in.
    function _take(Ledger memory ledger, InboxItem memory item) private pure {
        InboxLeaf memory inbox = Globals.inbox(ledger);
        requireLegal(item.index == inbox.cursor, "wrong_inbox_index");
        ++inbox.cursor;
        inbox.hash = keccak256(bytes.concat(inbox.hash, item.body));
        Globals.setInbox(ledger, inbox);
    }

    function _deposit(Ledger memory ledger, InboxItem memory item) private pure {
        AssetTotals[] memory totals = Globals.totals(ledger);
        if (item.asset >= totals.length || item.amount <= 0) return;
        totals[item.asset].deposited += item.amount;
        if (totals[item.asset].deposited > type(int128).max) return;

        (bool found, Account memory account) = _own(ledger, item);
        if (!found) {
            (, KeyLeaf memory key) = Signers.find(ledger, item.owner);
            found = key.subaccounts != 0;
            if (found) account = Accounts.load(ledger, key.firstSubaccount);
        }
        if (found && Accounts.balance(account, item.asset) + item.amount > type(int64).max) return;
        if (!found) account = Grants.openSubaccount(ledger, item.owner);
        Globals.setTotals(ledger, totals);
        Accounts.credit(account, item.asset, item.amount);
    }

    /// The subject names how much leaves.
    function _withdraw(Step memory step, InboxItem memory item) private view {
        Ledger memory ledger = step.ledger;
        int256 paid = step.onlyAmount();
        (bool found, Account memory account) = _own(ledger, item);
        bool served = found && item.recipient != address(0) && !account.leaf.hasLiquidation;
        if (!served || item.asset >= Globals.totals(ledger).length) {
            step.noSubject();
            return;
        }
        Leaving.requireMost(margin, ledger, account, item.asset, item.amount, paid);
        if (paid > 0) Payouts.payOut(ledger, account, item.asset, paid);
    }

    /// Says whether orders leave.
    function _cancelAll(Ledger memory ledger, InboxItem memory item) private pure returns (bool) {
        (bool found, Account memory account) = _own(ledger, item);
        return found && account.leaf.openOrders != 0;
    }

    /// Says whether orders leave.
    function _closeOnly(Ledger memory ledger, InboxItem memory item) private pure returns (bool) {
        (bool found, Account memory account) = _own(ledger, item);
        if (!found || account.leaf.closeOnly) return false;
        account.leaf.closeOnly = true;
        return account.leaf.openOrders != 0;
    }

    function _registerKey(Step memory step, InboxItem memory item) private pure {
        GrantLeaf memory grant = GrantLeaf(item.owner, item.scopes, new uint256[](0), item.expiry, false);
        if (Grants.fault(step, item.key, grant) == 0) Grants.give(step.ledger, item.key, grant);
    }

    function _raiseFloor(Ledger memory ledger, InboxItem memory item) private pure {
        (, KeyLeaf memory key) = Signers.find(ledger, item.key);
        bool granted = key.hasGrant && key.grant.owner == item.owner;
        if ((item.key != item.owner && !granted) || item.floor <= key.floor) return;
        key.floor = item.floor;
        Signers.save(ledger, item.key, key);
    }

    /// The subaccount of an item when it is its owner's.
    function _own(Ledger memory ledger, InboxItem memory item) private pure returns (bool, Account memory account) {
        if (item.subaccount == 0 || item.subaccount > Globals.counters(ledger).subaccounts) return (false, account);
        account = Accounts.load(ledger, item.subaccount);
        return (account.leaf.owner == item.owner, account);
    }
}
