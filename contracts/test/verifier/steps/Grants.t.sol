// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {Scope} from "src/verifier/Actions.sol";
import {StepIllegal} from "src/verifier/IStepModule.sol";
import {Step} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {KeyCommands, RegisterSessionKey} from "src/verifier/commands/KeyCommands.sol";
import {Grants} from "src/verifier/rules/Grants.sol";

import {Decoder} from "src/verifier/state/Decoder.sol";
import {Signers} from "src/verifier/state/Signers.sol";
import {GrantLeaf, KeyLeaf} from "src/verifier/state/leaves/KeyLeaf.sol";
import {Scene} from "test/verifier/risk/utils/Scene.sol";

/// Which keys an owner may give which rights.
contract GrantsTest is Test {
    address private constant KEY = address(0xC0DE);

    function _fault(address key, GrantLeaf memory grant) private pure returns (bytes32) {
        Step memory step = Scene.step(CommandKind.REGISTER_SESSION_KEY, StepKind.REGISTER_KEY, "");
        KeyLeaf memory owner;
        owner.subaccounts = 1;
        Signers.save(step.ledger, address(0xB0B), owner);
        return Grants.fault(step, key, grant);
    }

    function test_a_grant_is_of_another_key_of_some_scopes_and_ends_later() external pure {
        GrantLeaf memory grant = GrantLeaf(Scene.OWNER, Scope.ALL, new uint256[](0), Scene.NOW + 1, false);
        assertEq(_fault(KEY, grant), 0);
        assertEq(_fault(address(0), grant), "invalid_key");
        assertEq(_fault(Scene.OWNER, grant), "invalid_key");
        assertEq(_fault(address(0xB0B), grant), "key_taken");
        grant.expiry = Scene.NOW;
        assertEq(_fault(KEY, grant), "key_expiry_past");
        grant.scopes = Scope.ALL + 1;
        assertEq(_fault(KEY, grant), "no_scopes");
        grant.scopes = 0;
        assertEq(_fault(KEY, grant), "no_scopes");
    }

    function decode(uint64 first, uint64 second) external pure returns (RegisterSessionKey memory) {
        bytes memory rest = new bytes(8 + 20 + 16 + 65 + 65);
        return
            KeyCommands.decodeRegister(Decoder.record(abi.encodePacked(KEY, uint8(1), uint16(2), first, second, rest)));
    }

    function test_subaccounts_of_a_grant_ascend() external {
        assertEq(this.decode(3, 4).subaccounts.length, 2);
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, bytes32("record")));
        this.decode(4, 4);
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, bytes32("record")));
        this.decode(4, 3);
    }
}
