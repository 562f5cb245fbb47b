// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

import {Settlement} from "src/Settlement.sol";
import {TestUSDC} from "src/testing/TestUSDC.sol";
import {BatchHeader, Tip} from "src/types/BatchHeader.sol";
import {SettlementConfig} from "src/types/SettlementConfig.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {MerkleReference} from "./MerkleReference.sol";

/// @notice A settlement contract with USDC as asset 0, and an operator that commits well-formed batches.
abstract contract Fixture is Test {
    bytes32 internal constant GENESIS = keccak256("genesis");
    uint64 internal constant WINDOW = 1 hours;
    uint64 internal constant LEAD = 10 minutes;
    uint256 internal constant CAP = 1_000_000e6;
    uint16 internal constant USDC = 0;

    address internal owner = makeAddr("owner");
    address internal guardian = makeAddr("guardian");
    address internal operator = makeAddr("operator");
    address internal alice;
    uint256 internal aliceKey;
    address internal bob = makeAddr("bob");
    address internal session;
    uint256 internal sessionKey;

    Settlement internal settlement;
    TestUSDC internal usdc;

    function setUp() public virtual {
        (alice, aliceKey) = makeAddrAndKey("alice");
        (session, sessionKey) = makeAddrAndKey("session");
        vm.warp(1_770_163_200);
        settlement = new Settlement(config());
        usdc = new TestUSDC();
        vm.prank(owner);
        settlement.addAsset(token(address(usdc)), CAP);
    }

    function config() internal view returns (SettlementConfig memory) {
        return SettlementConfig(owner, guardian, operator, GENESIS, WINDOW, LEAD);
    }

    /// @dev The address as the interface type that the vault takes.
    function token(address at) internal pure returns (IERC20 typed) {
        return IERC20(at);
    }

    /// @dev Mints, approves and deposits test USDC for `who`.
    function deposit(address who, uint256 amount) internal returns (uint64 index) {
        usdc.mint(who, amount);
        vm.startPrank(who);
        usdc.approve(address(settlement), amount);
        index = settlement.deposit(USDC, amount, 0);
        vm.stopPrank();
    }

    /// @dev The consent of a key to be registered by `who`.
    function consentOf(uint256 secret, address who, uint8 scopes, uint64 expiry) internal view returns (bytes memory) {
        bytes32 kind = keccak256("SessionKeyConsent(address owner,address key,uint8 scopes,uint64 keyExpiry)");
        bytes32 consented = keccak256(abi.encode(kind, who, vm.addr(secret), scopes, expiry));
        bytes32 digest = keccak256(bytes.concat(hex"1901", settlement.domainSeparator(), consented));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digest);
        return bytes.concat(r, s, bytes1(v));
    }

    /// @dev A header that continues from the tip, over `data`.
    function nextHeader(bytes memory data) internal view returns (BatchHeader memory header) {
        Tip memory tip = settlement.tip();
        header.index = tip.batches;
        header.previousRoot = tip.root;
        header.newRoot = keccak256(abi.encode(tip.root, data));
        header.protocolVersion = 1;
        header.verifierVersion = 0;
        header.firstSequence = tip.lastSequence + 1;
        header.lastSequence = tip.lastSequence + 10;
        header.previousChainHash = tip.chainHash;
        header.chainHash = keccak256(abi.encode(tip.chainHash, data));
        header.inboxCursor = settlement.inboxLength();
        header.inboxHash = settlement.inboxHashAt(header.inboxCursor);
        header.dataHash = keccak256(data);
        header.lastTime = uint64(block.timestamp) * 1e9;
    }

    function commit(BatchHeader memory header, bytes memory data) internal {
        vm.prank(operator);
        settlement.commitBatch(header, data);
    }

    /// @dev Commits a batch with these withdrawals and returns its index.
    function commitWithdrawals(Withdrawal[] memory withdrawals) internal returns (uint64 index) {
        BatchHeader memory header = nextHeader("data");
        header.withdrawalRoot = MerkleReference.root(leavesOf(withdrawals));
        commit(header, "data");
        return header.index;
    }

    function leavesOf(Withdrawal[] memory withdrawals) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](withdrawals.length);
        for (uint256 i = 0; i < withdrawals.length; i++) {
            leaves[i] = leafOf(withdrawals[i]);
        }
    }

    function leafOf(Withdrawal memory item) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"00", item.number, item.asset, item.amount, item.recipient));
    }

    function claim(uint64 batch, Withdrawal[] memory withdrawals, uint64 index) internal {
        bytes32[] memory proof = MerkleReference.proof(leavesOf(withdrawals), index);
        settlement.claimWithdrawal(batch, withdrawals[index], index, uint64(withdrawals.length), proof);
    }

    function one(Withdrawal memory withdrawal) internal pure returns (Withdrawal[] memory withdrawals) {
        withdrawals = new Withdrawal[](1);
        withdrawals[0] = withdrawal;
    }
}
