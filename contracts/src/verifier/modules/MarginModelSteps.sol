// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {OwnerCommands, SetMarginModel} from "src/verifier/commands/OwnerCommands.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginAccount, MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Margins} from "src/verifier/margin/Margins.sol";
import {Soundness} from "src/verifier/margin/Soundness.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";

/// @title Steps that change how an account is margined
contract MarginModelSteps is StepBase, MarginUser {
    using Margins for IMarginCalculator;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    /// @inheritdoc StepBase
    function _run(Step memory step) internal view override {
        requireLegal(step.kind == StepKind.SET_MARGIN_MODEL, "kind");
        Steps.opens(step, CommandKind.SET_MARGIN_MODEL);
        Steps.ends(step);
        Steps.noSubject(step);
        Ledger memory ledger = step.ledger;
        SetMarginModel memory command = OwnerCommands.decodeSetMarginModel(step.body);
        Account memory account = Accounts.load(ledger, command.subaccount);
        Actions.requireOwner(step, account, command.auth);
        Actions.requireSigned(ledger, OwnerCommands.structHash(command), command.auth);
        Actions.useOwnerNonce(step, account.leaf.owner, command.auth.nonce);
        requireLegal(account.leaf.marginModel != command.model, "nothing_to_do");
        requireLegal(!account.leaf.hasLiquidation, "in_liquidation");
        Soundness.requireHoldingsSound(ledger, account);

        account.leaf.marginModel = command.model;
        MarginAccount memory behind = MarginAccounts.load(ledger, account);
        Margins.requireLanes(ledger, behind);
        requireLegal(Margins.isMargined(margin.figures(ledger, behind)), "margin_model_refused");
    }
}
