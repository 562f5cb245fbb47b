// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind, Units} from "src/verifier/Types.sol";
import {FundInsurance, OwnerCommands, Withdraw} from "src/verifier/commands/OwnerCommands.sol";
import {Funding} from "src/verifier/margin/Funding.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Leaving} from "src/verifier/rules/Leaving.sol";
import {Payouts} from "src/verifier/rules/Payouts.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Cursor} from "src/verifier/state/Decoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Venues} from "src/verifier/state/Venues.sol";
import {FundsLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";

/// @title Steps that take money out of a subaccount at the owner's word
/// @notice Withdrawals, and gifts to the insurance fund: each is one step.
contract CashSteps is StepBase, MarginUser {
    using OwnerCommands for Cursor;
    using OwnerCommands for FundInsurance;
    using OwnerCommands for Withdraw;
    using Steps for Step;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    /// @inheritdoc StepBase
    function _run(Step memory step) internal view override {
        step.noSubject();
        step.ends();
        if (step.kind == StepKind.WITHDRAW) _withdraw(step);
        else if (step.kind == StepKind.FUND_INSURANCE) _fundInsurance(step);
        else revert NotServed(step.kind);
    }

    function _withdraw(Step memory step) private view {
        step.opens(CommandKind.WITHDRAW);
        Withdraw memory command = step.body.decodeWithdraw();
        Ledger memory ledger = step.ledger;
        Account memory account = Accounts.load(ledger, command.subaccount);
        bytes32 symbol = Venues.assetSymbol(ledger, command.asset);
        Actions.requireSigned(ledger, command.structHash(symbol), command.auth);
        Actions.requireOwner(step, account, command.auth);
        Actions.useOwnerNonce(step, account.leaf.owner, command.auth.nonce);
        requireLegal(command.recipient != address(0), "invalid_recipient");
        Leaving.requireFree(margin, ledger, account, command.asset, command.amount);
        Payouts.payOut(ledger, account, command.asset, command.amount);
    }

    function _fundInsurance(Step memory step) private view {
        step.opens(CommandKind.FUND_INSURANCE);
        FundInsurance memory command = step.body.decodeFundInsurance();
        Ledger memory ledger = step.ledger;
        Account memory account = Accounts.load(ledger, command.subaccount);
        Actions.requireSigned(ledger, command.structHash(), command.auth);
        Actions.requireOwner(step, account, command.auth);
        Actions.useOwnerNonce(step, account.leaf.owner, command.auth.nonce);
        Leaving.requireFree(margin, ledger, account, Units.USDC, command.amount);

        Funding.settle(ledger, account);
        Accounts.credit(account, Units.USDC, -command.amount);
        FundsLeaf memory funds = Globals.funds(ledger);
        funds.insurance += command.amount;
        Leaving.requireFits(funds.insurance);
        Globals.setFunds(ledger, funds);
    }
}
