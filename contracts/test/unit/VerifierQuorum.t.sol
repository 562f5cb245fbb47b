// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {VerifierQuorum} from "src/consensus/VerifierQuorum.sol";
import {IBondedSettlement} from "src/interfaces/IBondedSettlement.sol";
import {IVerifierQuorum, Vouch} from "src/interfaces/IVerifierQuorum.sol";
import {Signatures} from "src/libraries/Signatures.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";

import {BondedFixture} from "../utils/BondedFixture.sol";

contract VerifierQuorumTest is BondedFixture {
    uint192 internal constant VERIFIER_STAKE = 1000e6;
    uint64 internal constant LEAVE = WINDOW;

    VerifierQuorum internal quorum;
    /// @dev Three verifiers in the ascending order of their addresses.
    uint256[3] internal keys = [uint256(11), 12, 13];

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 2; i++) {
            for (uint256 j = 0; j < 2; j++) {
                if (vm.addr(keys[j]) > vm.addr(keys[j + 1])) (keys[j], keys[j + 1]) = (keys[j + 1], keys[j]);
            }
        }
        address[] memory listed = new address[](3);
        for (uint256 i = 0; i < 3; i++) {
            listed[i] = vm.addr(keys[i]);
        }
        quorum = make(2, LEAVE, listed);
        for (uint256 i = 0; i < 3; i++) {
            join(listed[i]);
        }
    }

    function make(uint256 threshold, uint64 delay, address[] memory listed) internal returns (VerifierQuorum) {
        IERC20 token = IERC20(address(usdc));
        IBondedSettlement venue = IBondedSettlement(address(settlement));
        return new VerifierQuorum(venue, token, VERIFIER_STAKE, threshold, delay, insurance, listed);
    }

    function join(address who) internal {
        usdc.mint(who, VERIFIER_STAKE);
        vm.startPrank(who);
        usdc.approve(address(quorum), VERIFIER_STAKE);
        quorum.join();
        vm.stopPrank();
    }

    function vouchFor(bytes32 batchHash) internal pure returns (Vouch memory) {
        return Vouch(7, "root", batchHash);
    }

    function sign(uint256 key, Vouch memory vouched) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, quorum.digestOf(vouched));
        return bytes.concat(r, s, bytes1(v));
    }

    function signed(uint256 first, uint256 second, Vouch memory vouched)
        internal
        view
        returns (bytes[] memory signatures)
    {
        signatures = new bytes[](2);
        (signatures[0], signatures[1]) = (sign(first, vouched), sign(second, vouched));
    }

    function test_vouch_byTheThreshold() public {
        assertFalse(quorum.isVouchedFor("batch"));
        quorum.vouch(vouchFor("batch"), signed(keys[0], keys[2], vouchFor("batch")));
        assertTrue(quorum.isVouchedFor("batch"));
    }

    function test_vouch_refusesTooFew() public {
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = sign(keys[0], vouchFor("batch"));
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.TooFewSignatures.selector, 1, 2));
        quorum.vouch(vouchFor("batch"), signatures);
    }

    function test_vouch_countsNobodyTwice() public {
        bytes[] memory signatures = signed(keys[0], keys[0], vouchFor("batch"));
        vm.expectRevert(abi.encodeWithSelector(Signatures.SignatureOutOfOrder.selector, 1));
        quorum.vouch(vouchFor("batch"), signatures);
        signatures[0] = "";
        vm.expectRevert(abi.encodeWithSelector(Signatures.SignatureOutOfOrder.selector, 0));
        quorum.vouch(vouchFor("batch"), signatures);
    }

    function test_vouch_refusesAnotherBatchsSignatures() public {
        bytes[] memory signatures = signed(keys[0], keys[1], vouchFor("batch"));
        vm.expectRevert();
        quorum.vouch(vouchFor("another"), signatures);
        assertFalse(quorum.isVouchedFor("another"));
    }

    function test_vouch_refusesWhoLeft() public {
        bytes[] memory signatures = signed(keys[0], keys[1], vouchFor("batch"));
        address who = vm.addr(keys[1]);
        vm.prank(who);
        quorum.leave();
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.NotVerifier.selector, who));
        quorum.vouch(vouchFor("batch"), signatures);
    }

    function test_leave_freesTheStakeLater() public {
        address who = vm.addr(keys[1]);
        vm.startPrank(who);
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.StakeNotFree.selector, 0));
        quorum.withdraw();
        quorum.leave();
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.StakeNotFree.selector, block.timestamp + LEAVE));
        quorum.withdraw();
        skip(LEAVE);
        quorum.withdraw();
        vm.stopPrank();
        assertEq(usdc.balanceOf(who), VERIFIER_STAKE);
        join(who);
    }

    function test_join_refusesOthersAndTwice() public {
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.NotListed.selector, address(this)));
        quorum.join();
        vm.prank(vm.addr(keys[0]));
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.AlreadyJoined.selector, vm.addr(keys[0])));
        quorum.join();
    }

    function test_proveEquivocation_takesTheStake() public {
        (bytes memory first, bytes memory second) = (sign(keys[0], vouchFor("one")), sign(keys[0], vouchFor("other")));
        // Also of a verifier that is leaving.
        vm.prank(vm.addr(keys[0]));
        quorum.leave();
        quorum.proveEquivocation(vouchFor("one"), first, vouchFor("other"), second);
        assertEq(usdc.balanceOf(address(this)), VERIFIER_STAKE / 2);
        assertEq(usdc.balanceOf(insurance), VERIFIER_STAKE / 2);
        assertFalse(quorum.isListed(vm.addr(keys[0])));
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.NothingAtStake.selector, vm.addr(keys[0])));
        quorum.proveEquivocation(vouchFor("one"), first, vouchFor("other"), second);
    }

    function test_proveWrongVouch_takesTheStake() public {
        BatchOpening memory batch = commitSome();
        bytes32 batchHash = keccak256(abi.encode(batch.header));
        Vouch memory vouched = Vouch(0, GENESIS, batchHash);
        bytes memory signature = sign(keys[0], vouched);
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.BatchNotProvenWrong.selector, batchHash));
        quorum.proveWrongVouch(vouched, signature);

        (StepOpening memory opening, bytes memory record) = openStep(0);
        challenges.challengeStep(batch, opening, record, hex"01", 0);
        // Also of a verifier that is leaving.
        vm.prank(vm.addr(keys[0]));
        quorum.leave();
        vm.prank(alice);
        quorum.proveWrongVouch(vouched, signature);
        assertEq(usdc.balanceOf(alice), VERIFIER_STAKE / 2);
        assertEq(usdc.balanceOf(insurance), VERIFIER_STAKE / 2);
        assertFalse(quorum.isListed(vm.addr(keys[0])));
        assertTrue(quorum.isVerifier(vm.addr(keys[1])));
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.NothingAtStake.selector, vm.addr(keys[0])));
        quorum.proveWrongVouch(vouched, signature);
    }

    /// @dev Who vouched for a batch that was built on a wrong one executed it rightly.
    function test_proveWrongVouch_sparesDescendants() public {
        BatchOpening memory wrong = commitSome();
        (StepOpening memory opening, bytes memory record) = openStep(0);
        BatchOpening memory child = commitSome();
        bytes32 childHash = keccak256(abi.encode(child.header));
        challenges.challengeStep(wrong, opening, record, hex"01", 0);
        Vouch memory vouched = Vouch(1, wrong.header.newRoot, childHash);
        bytes memory signature = sign(keys[0], vouched);
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.BatchNotProvenWrong.selector, childHash));
        quorum.proveWrongVouch(vouched, signature);
    }

    function test_proveEquivocation_refusesWhatIsNone() public {
        Vouch memory one = vouchFor("one");
        Vouch memory elsewhere = Vouch(7, "another root", "other");
        bytes memory signature = sign(keys[0], one);
        bytes memory other = sign(keys[0], elsewhere);
        vm.expectRevert(IVerifierQuorum.NoEquivocation.selector);
        quorum.proveEquivocation(one, signature, one, signature);
        vm.expectRevert(IVerifierQuorum.NoEquivocation.selector);
        quorum.proveEquivocation(one, signature, elsewhere, other);
        Vouch memory second = vouchFor("other");
        bytes memory somebodyElse = sign(keys[1], second);
        vm.expectRevert(IVerifierQuorum.NoEquivocation.selector);
        quorum.proveEquivocation(one, signature, second, somebodyElse);
    }

    function test_constructor_refusesAThresholdThatCannotBe() public {
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.ThresholdOutOfRange.selector, 1, 0));
        make(1, LEAVE, new address[](0));
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.ThresholdOutOfRange.selector, 0, 1));
        make(0, LEAVE, new address[](1));
    }

    function test_constructor_refusesStakesThatAreFreeTooSoon() public {
        vm.expectRevert(abi.encodeWithSelector(IVerifierQuorum.DelayTooShort.selector, WINDOW - 1, WINDOW));
        make(1, WINDOW - 1, new address[](1));
    }

    function test_constructor_takesTheChallengesOfTheTime() public view {
        assertEq(address(quorum.challenges()), address(challenges));
    }
}
