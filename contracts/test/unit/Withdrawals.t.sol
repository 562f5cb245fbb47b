// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IVault} from "src/interfaces/IVault.sol";
import {IWithdrawals} from "src/interfaces/IWithdrawals.sol";
import {BinaryMerkle} from "src/libraries/BinaryMerkle.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {ReentrantToken} from "../mocks/ReentrantToken.sol";
import {TokenWithDecimals} from "../mocks/TokenWithDecimals.sol";
import {ClaimsFixture} from "../utils/ClaimsFixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

contract WithdrawalsTest is ClaimsFixture {
    Withdrawal[] internal three;
    uint64 internal batch;

    function setUp() public override {
        super.setUp();
        deposit(alice, 100e6);
        three.push(Withdrawal(0, USDC, 10e6, alice));
        three.push(Withdrawal(1, USDC, 20e6, bob));
        three.push(Withdrawal(2, USDC, 30e6, alice));
        batch = commitWithdrawals(three);
    }

    function test_claim_paysEachOnce() public {
        skip(WINDOW);
        for (uint64 i = 0; i < 3; i++) {
            uint256 before = usdc.balanceOf(three[i].recipient);
            vm.expectEmit(address(settlement));
            emit IWithdrawals.WithdrawalClaimed(i, USDC, three[i].recipient, three[i].amount);
            claim(batch, three, i);
            assertEq(usdc.balanceOf(three[i].recipient), before + three[i].amount);
            assertTrue(settlement.isClaimed(i));
        }
        assertFalse(settlement.isClaimed(3));
        assertEq(settlement.assetAt(USDC).custody, 40e6);
        assertEq(usdc.balanceOf(address(settlement)), 40e6);
    }

    function test_claim_refusesTwice() public {
        skip(WINDOW);
        claim(batch, three, 1);
        bytes32[] memory proof = MerkleReference.proof(leavesOf(three), 1);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.WithdrawalAlreadyClaimed.selector, 1));
        settlement.claimWithdrawal(batch, three[1], 1, 3, proof);
    }

    function test_claim_refusesBeforeFinality() public {
        skip(WINDOW - 1);
        bytes32[] memory proof = MerkleReference.proof(leavesOf(three), 0);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.BatchNotFinal.selector, batch));
        settlement.claimWithdrawal(batch, three[0], 0, 3, proof);
    }

    function test_claim_refusesUnknownBatch() public {
        skip(WINDOW);
        bytes32[] memory proof = MerkleReference.proof(leavesOf(three), 0);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.BatchNotFinal.selector, 1));
        settlement.claimWithdrawal(1, three[0], 0, 3, proof);
    }

    function test_claim_refusesEveryAlteredField() public {
        skip(WINDOW);
        for (uint256 field = 0; field < 4; field++) {
            Withdrawal memory altered = three[0];
            if (field == 0) altered.number = 3;
            if (field == 1) altered.asset = 1;
            if (field == 2) altered.amount += 1;
            if (field == 3) altered.recipient = bob;
            expectWrongRoot(altered, 0, 3, MerkleReference.proof(leavesOf(three), 0));
        }
    }

    function test_claim_refusesAnotherPositionOrProof() public {
        skip(WINDOW);
        bytes32[] memory proof = MerkleReference.proof(leavesOf(three), 0);
        expectWrongRoot(three[0], 1, 3, proof);
        expectWrongRoot(three[0], 3, 4, proof);
        proof[1] = bytes32(uint256(proof[1]) ^ 1);
        expectWrongRoot(three[0], 0, 3, proof);
    }

    /// @dev Expects that the claim folds to some root that is not the batch's.
    function expectWrongRoot(Withdrawal memory item, uint64 index, uint64 count, bytes32[] memory proof) internal {
        vm.expectPartialRevert(IWithdrawals.WithdrawalProofWrong.selector);
        settlement.claimWithdrawal(batch, item, index, count, proof);
    }

    function test_claim_refusesProofsOfTheWrongLength() public {
        skip(WINDOW);
        bytes32[] memory proof = MerkleReference.proof(leavesOf(three), 0);
        vm.expectRevert(abi.encodeWithSelector(BinaryMerkle.ProofLengthWrong.selector, 2, 1));
        settlement.claimWithdrawal(batch, three[0], 0, 2, proof);
        vm.expectRevert(abi.encodeWithSelector(BinaryMerkle.ProofLengthWrong.selector, 2, 3));
        settlement.claimWithdrawal(batch, three[0], 0, 5, proof);
        vm.expectRevert(abi.encodeWithSelector(BinaryMerkle.LeafOutOfRange.selector, 3, 3));
        settlement.claimWithdrawal(batch, three[0], 3, 3, proof);
        vm.expectRevert(abi.encodeWithSelector(BinaryMerkle.LeafOutOfRange.selector, 0, 0));
        settlement.claimWithdrawal(batch, three[0], 0, 0, proof);
    }

    function test_claim_ofABatchWithoutWithdrawalsIsRefused() public {
        commitSome();
        skip(WINDOW);
        bytes32 leaf = leafOf(three[0]);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.WithdrawalProofWrong.selector, leaf, bytes32(0)));
        settlement.claimWithdrawal(1, three[0], 0, 1, new bytes32[](0));
    }

    function test_claim_anInnerNodeIsNoWithdrawal() public {
        // The 38 bytes of a withdrawal cannot be the 64 bytes of two nodes, and the prefixes differ: a proof that
        // stops one level early leads nowhere.
        skip(WINDOW);
        bytes32[] memory short = new bytes32[](1);
        short[0] = leafOf(three[2]);
        expectWrongRoot(three[0], 0, 2, short);
    }

    function test_claim_neverPaysMoreThanIsInCustody() public {
        Withdrawal[] memory greedy = one(Withdrawal(3, USDC, 100e6 + 1, bob));
        uint64 bad = commitWithdrawals(greedy);
        // Tokens that somebody sent without a deposit are not up for grabs either.
        usdc.mint(address(settlement), 50e6);
        skip(WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IVault.CustodyExceeded.selector, USDC, 100e6 + 1, 100e6));
        settlement.claimWithdrawal(bad, greedy[0], 0, 1, new bytes32[](0));
        assertFalse(settlement.isClaimed(3));
    }

    function test_claim_refusesUnknownAsset() public {
        Withdrawal[] memory odd = one(Withdrawal(3, 5, 1, bob));
        uint64 bad = commitWithdrawals(odd);
        skip(WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IVault.AssetUnknown.selector, 5));
        settlement.claimWithdrawal(bad, odd[0], 0, 1, new bytes32[](0));
    }

    function test_claim_convertsToTokenUnits() public {
        pays(18, 3e8, 3e18);
        pays(8, 3e8, 3e8);
        // The engine's 1e-8 is finer than the token's 1e-6: what no token unit can express stays in the vault.
        pays(6, 3e8 + 99, 3e6);
    }

    function pays(uint8 decimals, uint64 amount, uint256 expected) internal {
        TokenWithDecimals coin = new TokenWithDecimals(decimals);
        vm.prank(owner);
        uint16 asset = settlement.addAsset(token(address(coin)), type(uint256).max);
        uint256 held = 5 * 10 ** decimals;
        coin.mint(alice, held);
        vm.startPrank(alice);
        coin.approve(address(settlement), held);
        settlement.deposit(asset, held, 0);
        vm.stopPrank();
        Withdrawal[] memory all = one(Withdrawal(settlement.withdrawals(), asset, amount, bob));
        uint64 paying = commitWithdrawals(all);
        skip(WINDOW);
        claim(paying, all, 0);
        assertEq(coin.balanceOf(bob), expected);
        assertEq(settlement.assetAt(asset).custody, held - expected);
    }

    function test_claim_cannotBePaused() public {
        vm.startPrank(guardian);
        settlement.pauseDeposits();
        settlement.pauseBatches();
        vm.stopPrank();
        skip(WINDOW);
        claim(batch, three, 0);
    }

    function test_claim_cannotBeReentered() public {
        ReentrantToken evil = new ReentrantToken();
        vm.prank(owner);
        uint16 asset = settlement.addAsset(token(address(evil)), type(uint256).max);
        evil.mint(alice, 2);
        vm.startPrank(alice);
        evil.approve(address(settlement), 2);
        settlement.deposit(asset, 2, 0);
        vm.stopPrank();
        Withdrawal[] memory two = new Withdrawal[](2);
        two[0] = Withdrawal(3, asset, 100, bob);
        two[1] = Withdrawal(4, asset, 100, bob);
        uint64 evilBatch = commitWithdrawals(two);
        skip(WINDOW);
        bytes32[] memory proof = MerkleReference.proof(leavesOf(two), 1);
        bytes memory inside = abi.encodeCall(IWithdrawals.claimWithdrawal, (evilBatch, two[1], 1, 2, proof));
        evil.arm(address(settlement), inside);
        claim(evilBatch, two, 0);
        assertFalse(evil.accepted());
        assertEq(bytes4(evil.answer()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(evil.balanceOf(bob), 1);
        claim(evilBatch, two, 1);
        assertEq(evil.balanceOf(bob), 2);
    }
}
