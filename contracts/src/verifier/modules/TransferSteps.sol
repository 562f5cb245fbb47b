// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions, Scope} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {OwnerCommands, Transfer} from "src/verifier/commands/OwnerCommands.sol";
import {Funding} from "src/verifier/margin/Funding.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Leaving} from "src/verifier/rules/Leaving.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Cursor} from "src/verifier/state/Decoder.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {Signers} from "src/verifier/state/Signers.sol";
import {Venues} from "src/verifier/state/Venues.sol";
import {KeyLeaf} from "src/verifier/state/leaves/KeyLeaf.sol";

/// @title The step that moves assets between subaccounts of one owner
contract TransferSteps is StepBase, MarginUser {
    using OwnerCommands for Cursor;
    using OwnerCommands for Transfer;
    using Steps for Step;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    /// @inheritdoc StepBase
    function _run(Step memory step) internal view override {
        require(step.kind == StepKind.TRANSFER, NotServed(step.kind));
        step.opens(CommandKind.TRANSFER);
        step.noSubject();
        step.ends();
        Transfer memory command = step.body.decodeTransfer();
        Ledger memory ledger = step.ledger;
        requireLegal(command.from != command.to, "same_subaccount");
        Account memory from = Accounts.load(ledger, command.from);
        Account memory to = Accounts.load(ledger, command.to);
        bytes32 symbol = Venues.assetSymbol(ledger, command.asset);
        Actions.requireSigned(ledger, command.structHash(symbol), command.auth);
        Actions.authorize(step, from, command.auth, Scope.TRANSFER);
        requireLegal(to.leaf.owner == from.leaf.owner, "foreign_subaccount");
        if (command.auth.signer != from.leaf.owner) {
            (, KeyLeaf memory key) = Signers.find(ledger, command.auth.signer);
            Actions.requireSubaccount(key.grant, command.to);
        }
        Actions.useOwnerNonce(step, from.leaf.owner, command.auth.nonce);
        Leaving.requireFree(margin, ledger, from, command.asset, command.amount);
        Leaving.requireFits(Accounts.balance(to, command.asset) + command.amount);

        Funding.settle(ledger, from);
        Accounts.credit(from, command.asset, -command.amount);
        Accounts.credit(to, command.asset, command.amount);
    }
}
