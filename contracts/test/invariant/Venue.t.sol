// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BatchHeader, Tip} from "src/types/BatchHeader.sol";

import {Fixture} from "../utils/Fixture.sol";
import {VenueHandler} from "./VenueHandler.sol";

/// @notice What holds whatever happens, and whatever the operator commits.
abstract contract VenueInvariants is Fixture {
    VenueHandler internal handler;

    function start(bool greedy) internal {
        super.setUp();
        vm.prank(owner);
        settlement.setDepositCap(USDC, type(uint256).max);
        handler = new VenueHandler(settlement, usdc, owner, operator, greedy);
        bytes4[] memory selectors = new bytes4[](7);
        selectors[0] = VenueHandler.deposit.selector;
        selectors[1] = VenueHandler.demand.selector;
        selectors[2] = VenueHandler.donate.selector;
        selectors[3] = VenueHandler.claim.selector;
        selectors[4] = VenueHandler.commitBatch.selector;
        selectors[5] = VenueHandler.commitMalformed.selector;
        selectors[6] = VenueHandler.passTime.selector;
        targetSelector(FuzzSelector(address(handler), selectors));
        targetContract(address(handler));
    }

    function invariant_custodyIsWhatCameInLessWhatWentOut() public view {
        uint256 custody = settlement.assetAt(USDC).custody;
        assertEq(custody, handler.deposited() - handler.paid());
        assertEq(usdc.balanceOf(address(settlement)), custody + handler.donated());
    }

    function invariant_noWithdrawalIsPaidTwice() public view {
        for (uint64 number = 0; number < handler.nextNumber(); number++) {
            assertEq(handler.timesPaid(number), settlement.isClaimed(number) ? 1 : 0);
        }
    }

    function invariant_noRootWithoutItsParent() public view {
        Tip memory tip = settlement.tip();
        assertEq(tip.batches, handler.batches());
        assertEq(handler.takenBatches(), 0);
        bytes32 root = GENESIS;
        bytes32 chainHash = 0;
        uint64 sequence = 0;
        for (uint64 i = 0; i < tip.batches; i++) {
            BatchHeader memory header = handler.headerAt(i);
            assertEq(settlement.batchAt(i).batchHash, keccak256(abi.encode(header)));
            assertEq(header.previousRoot, root);
            assertEq(header.previousChainHash, chainHash);
            assertEq(header.firstSequence, sequence + 1);
            (root, chainHash, sequence) = (header.newRoot, header.chainHash, header.lastSequence);
        }
        assertEq(tip.root, root);
        assertEq(tip.chainHash, chainHash);
        assertEq(tip.lastSequence, sequence);
    }

    function invariant_inboxChainIsIntact() public view {
        uint64 length = settlement.inboxLength();
        assertEq(length, handler.inboxLength());
        assertLe(settlement.tip().inboxCursor, length);
        for (uint64 i = 0; i <= length; i++) {
            assertEq(settlement.inboxHashAt(i), handler.chainAt(i));
        }
    }
}

/// @notice An honest operator: everything it owes can be paid.
contract HonestVenueTest is VenueInvariants {
    function setUp() public override {
        start(false);
    }

    function invariant_vaultCoversTheWithdrawable() public view {
        uint256 owed = handler.withdrawable() + handler.engineBalance();
        assertGe(settlement.assetAt(USDC).custody, owed);
        assertGe(usdc.balanceOf(address(settlement)), owed);
    }
}

/// @notice A greedy operator, whose batches nobody disputes: even it cannot pay out more than was paid in, pay a number
/// twice, or touch what belongs to no account.
contract GreedyVenueTest is VenueInvariants {
    function setUp() public override {
        start(true);
    }

    function invariant_noMoreGoesOutThanCameIn() public view {
        assertLe(handler.paid(), handler.deposited());
        assertGe(usdc.balanceOf(address(settlement)), handler.donated());
    }
}
