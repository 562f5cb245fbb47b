// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {BondedSettlement} from "src/BondedSettlement.sol";
import {IFreeze} from "src/interfaces/IFreeze.sol";
import {BondedConfig} from "src/types/BondedConfig.sol";

import {BondedFixture} from "../utils/BondedFixture.sol";

contract BondedSettlementTest is BondedFixture {
    function test_constructor_keepsItsConfiguration() public view {
        assertEq(settlement.owner(), owner);
        assertEq(settlement.guardian(), guardian);
        assertEq(settlement.operator(), operator);
        assertEq(settlement.genesisRoot(), GENESIS);
        assertEq(settlement.challengeWindow(), WINDOW);
        assertEq(settlement.maxTimeLead(), LEAD);
        assertEq(settlement.maxTimeLag(), LAG);
        assertEq(settlement.serveDeadline(), DEADLINE);
        assertEq(settlement.upgradeDelay(), UPGRADE);
        assertEq(settlement.exits(), address(exits));
        assertEq(address(settlement.bonds()), address(bonds));
        assertEq(address(settlement.batchData()), address(batchData));
    }

    function test_constructor_refusesALagShorterThanServing() public {
        BondedConfig memory hasty = config();
        hasty.maxTimeLag = DEADLINE - 1;
        vm.expectRevert(abi.encodeWithSelector(IFreeze.LagTooShort.selector, DEADLINE - 1, DEADLINE));
        new BondedSettlement(hasty);
    }

    function test_constructor_needsAnOwner() public {
        BondedConfig memory ownerless = config();
        ownerless.owner = address(0);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableInvalidOwner.selector, address(0)));
        new BondedSettlement(ownerless);
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
