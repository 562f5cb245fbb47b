// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Actions, Authorization} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";
import {Step, StepBase, Steps} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {
    KeyCommands,
    RaiseNonceFloor,
    RegisterSessionKey,
    RevokeSessionKey
} from "src/verifier/commands/KeyCommands.sol";
import {Grants} from "src/verifier/rules/Grants.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Signers} from "src/verifier/state/Signers.sol";
import {GrantLeaf, KeyLeaf} from "src/verifier/state/leaves/KeyLeaf.sol";

/// @title Steps about who may act
/// @notice Subaccounts, session keys, nonce floors: each is one step.
contract KeySteps is StepBase {
    using Steps for Step;

    /// Most subaccounts of one owner.
    uint256 private constant SUBACCOUNTS_MAX = 256;

    /// @inheritdoc StepBase
    function _run(Step memory step) internal view override {
        step.noSubject();
        step.ends();
        if (step.kind == StepKind.CREATE_SUBACCOUNT) _createSubaccount(step);
        else if (step.kind == StepKind.REGISTER_KEY) _register(step);
        else if (step.kind == StepKind.REVOKE_KEY) _revoke(step);
        else if (step.kind == StepKind.RAISE_NONCE_FLOOR) _raiseFloor(step);
        else revert NotServed(step.kind);
    }

    function _createSubaccount(Step memory step) private view {
        step.opens(CommandKind.CREATE_SUBACCOUNT);
        Authorization memory auth = KeyCommands.decodeCreateSubaccount(step.body);
        _requireOwnerAction(step, KeyCommands.createSubaccountHash(auth), auth);
        (, KeyLeaf memory key) = Signers.find(step.ledger, auth.signer);
        requireLegal(key.subaccounts < SUBACCOUNTS_MAX, "too_many_subaccounts");
        Grants.openSubaccount(step.ledger, auth.signer);
    }

    function _register(Step memory step) private view {
        step.opens(CommandKind.REGISTER_SESSION_KEY);
        RegisterSessionKey memory command = KeyCommands.decodeRegister(step.body);
        bytes32 structHash = KeyCommands.structHash(command);
        address owner = command.auth.signer;
        _requireOwnerAction(step, structHash, command.auth);
        Actions.requireSignature(Actions.digest(step.ledger, structHash), command.key, command.consent);

        GrantLeaf memory grant = GrantLeaf(owner, command.scopes, command.subaccounts, command.keyExpiry, false);
        bytes32 fault = Grants.fault(step, command.key, grant);
        requireLegal(fault == 0, fault);
        for (uint256 i = 0; i < grant.subaccounts.length; ++i) {
            (bool found, address holder) = Accounts.ownerOf(step.ledger, grant.subaccounts[i]);
            requireLegal(found && holder == owner, "foreign_subaccount");
        }
        Grants.give(step.ledger, command.key, grant);
    }

    function _revoke(Step memory step) private view {
        step.opens(CommandKind.REVOKE_SESSION_KEY);
        RevokeSessionKey memory command = KeyCommands.decodeRevoke(step.body);
        _requireOwnerAction(step, KeyCommands.structHash(command), command.auth);
        (, KeyLeaf memory key) = Signers.find(step.ledger, command.key);
        bool live = key.hasGrant && key.grant.owner == command.auth.signer && !key.grant.revoked;
        requireLegal(live, "key_not_registered");
        key.grant.revoked = true;
        Signers.save(step.ledger, command.key, key);
    }

    function _raiseFloor(Step memory step) private view {
        step.opens(CommandKind.RAISE_NONCE_FLOOR);
        RaiseNonceFloor memory command = KeyCommands.decodeRaiseFloor(step.body);
        Authorization memory auth = command.auth;
        Actions.requireSigned(step.ledger, KeyCommands.structHash(command), auth);
        Actions.requireUnexpired(step, auth);
        (bool found, KeyLeaf memory key) = Signers.find(step.ledger, auth.signer);
        requireLegal(found, "unknown_signer");
        if (key.hasGrant && key.subaccounts == 0) Actions.requireLive(step, key.grant);
        requireLegal(command.floor > key.floor, "floor_not_raised");
        Actions.insertNonce(step, key, auth.nonce);
        key.floor = command.floor;
        Signers.save(step.ledger, auth.signer, key);
    }

    /// An action of whoever signed it, with its next number. An address needs no subaccount for it.
    function _requireOwnerAction(Step memory step, bytes32 structHash, Authorization memory auth) private view {
        Actions.requireSigned(step.ledger, structHash, auth);
        Actions.requireUnexpired(step, auth);
        Actions.useOwnerNonce(step, auth.signer, auth.nonce);
    }
}
