// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {Settlement} from "src/Settlement.sol";
import {SettlementConfig} from "src/types/SettlementConfig.sol";

import {Fixture} from "../utils/Fixture.sol";

contract SettlementTest is Fixture {
    function test_constructor_keepsItsConfiguration() public view {
        assertEq(settlement.owner(), owner);
        assertEq(settlement.guardian(), guardian);
        assertEq(settlement.operator(), operator);
        assertEq(settlement.genesisRoot(), GENESIS);
        assertEq(settlement.challengeWindow(), WINDOW);
        assertEq(settlement.maxTimeLead(), LEAD);
        assertEq(settlement.protocolVersion(), 1);
        assertEq(settlement.verifierVersion(), 0);
    }

    function test_constructor_needsAnOwner() public {
        SettlementConfig memory ownerless = config();
        ownerless.owner = address(0);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableInvalidOwner.selector, address(0)));
        new Settlement(ownerless);
    }

    function test_domainSeparator_isThatOfTheSigningDomain() public view {
        bytes32 typehash =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 expected = keccak256(
            abi.encode(typehash, keccak256("Synchromesh"), keccak256("1"), block.chainid, address(settlement))
        );
        assertEq(settlement.domainSeparator(), expected);
    }

    function test_domainSeparator_followsAForkOfTheChain() public {
        bytes32 before = settlement.domainSeparator();
        vm.chainId(999);
        assertNotEq(settlement.domainSeparator(), before);
    }

    function test_takesNoEther() public {
        vm.deal(address(this), 1 ether);
        (bool taken,) = address(settlement).call{value: 1}("");
        assertFalse(taken);
    }
}
