// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {Settlement} from "src/Settlement.sol";
import {TestUSDC} from "src/testing/TestUSDC.sol";
import {BatchHeader, Tip} from "src/types/BatchHeader.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {MerkleReference} from "../utils/MerkleReference.sol";

/// @notice A venue that lives at random: users deposit, demand and claim; the operator commits batches, honest ones or,
/// when it is told to be greedy, withdrawals of money that was never deposited. Keeps its own books of all of it.
contract VenueHandler is Test {
    uint16 internal constant USDC = 0;
    uint256 internal constant MAX_DEPOSIT = 1000e6;

    Settlement public immutable settlement;
    TestUSDC public immutable usdc;
    address public immutable owner;
    address public immutable operator;
    bool public immutable greedy;

    /// @notice Token units that users put in, got out, and gave away.
    uint256 public deposited;
    uint256 public paid;
    uint256 public donated;
    /// @notice What an honest engine owes to accounts: deposits it has consumed, less withdrawals.
    uint256 public engineBalance;
    /// @notice Withdrawals in committed batches that were not claimed yet.
    uint256 public withdrawable;
    /// @notice How many withdrawals were paid, and refused because they had been.
    uint256 public claims;
    uint256 public secondClaims;
    /// @notice How many malformed batches the contract refused, and took.
    uint256 public refusedBatches;
    uint256 public takenBatches;

    BatchHeader[] internal _headers;
    Withdrawal[][] internal _trees;
    bytes32[] internal _chain;
    uint256[] internal _credits;
    uint64 internal _nextNumber;
    mapping(uint64 number => uint256) public timesPaid;

    constructor(Settlement settlement_, TestUSDC usdc_, address owner_, address operator_, bool greedy_) {
        (settlement, usdc, owner, operator, greedy) = (settlement_, usdc_, owner_, operator_, greedy_);
        _chain.push(0);
    }

    // ---- users

    function deposit(uint256 who, uint256 amount, uint64 subaccount) external {
        address user = actor(who);
        amount = bound(amount, 1, MAX_DEPOSIT);
        usdc.mint(user, amount);
        vm.startPrank(user);
        usdc.approve(address(settlement), amount);
        settlement.deposit(USDC, amount, subaccount);
        vm.stopPrank();
        deposited += amount;
        record(bytes.concat(hex"01", bytes20(user), bytes8(subaccount), hex"0000", bytes8(uint64(amount))), amount);
    }

    function demand(uint256 who, uint64 subaccount) external {
        address user = actor(who);
        vm.prank(user);
        settlement.forceCancelAll(subaccount);
        record(bytes.concat(hex"03", bytes20(user), bytes8(subaccount)), 0);
    }

    function donate(uint256 amount) external {
        amount = bound(amount, 0, MAX_DEPOSIT);
        usdc.mint(address(settlement), amount);
        donated += amount;
    }

    function claim(uint256 batchSeed, uint256 leafSeed) external {
        (bool found, uint64 batch) = someTree(batchSeed);
        if (!found) return;
        Withdrawal[] memory all = _trees[batch];
        uint64 leaf = uint64(bound(leafSeed, 0, all.length - 1));
        Withdrawal memory item = all[leaf];
        uint256 before = usdc.balanceOf(item.recipient);
        bool was = settlement.isClaimed(item.number);
        try settlement.claimWithdrawal(batch, item, leaf, uint64(all.length), proofOf(all, leaf)) {
            uint256 received = usdc.balanceOf(item.recipient) - before;
            paid += received;
            claims++;
            timesPaid[item.number]++;
            if (!greedy) withdrawable -= received;
        } catch {
            if (was) secondClaims++;
            // An honest venue owes nothing that it cannot pay: only finality and the first claim stand in the way.
            if (!greedy) require(was || !settlement.isFinal(batch), "an honest claim was refused");
        }
    }

    // ---- operator

    function commitBatch(uint256 seed, uint256 cursorSeed, uint256 count) external {
        Tip memory tip = settlement.tip();
        BatchHeader memory header = nextHeader(tip, seed);
        header.inboxCursor = uint64(bound(cursorSeed, tip.inboxCursor, settlement.inboxLength()));
        header.inboxHash = _chain[header.inboxCursor];
        for (uint64 i = tip.inboxCursor; i < header.inboxCursor; i++) {
            engineBalance += _credits[i];
        }
        _trees.push();
        bytes32[] memory leaves = withdraw(_trees[header.index], seed, bound(count, 0, 4));
        header.withdrawalRoot = MerkleReference.root(leaves);
        vm.prank(operator);
        settlement.commitBatch(header, data(seed));
        _headers.push(header);
    }

    /// @dev Every way of not continuing from the tip; none may be taken.
    function commitMalformed(uint256 seed, uint256 fault) external {
        Tip memory tip = settlement.tip();
        BatchHeader memory header = nextHeader(tip, seed);
        fault = bound(fault, 0, 8);
        if (fault == 0) header.index += 1;
        if (fault == 1) header.previousRoot = keccak256(abi.encode(header.previousRoot));
        if (fault == 2) header.previousChainHash = keccak256(abi.encode(header.previousChainHash));
        if (fault == 3) header.firstSequence += 1;
        if (fault == 4) header.lastSequence = header.firstSequence - 1;
        if (fault == 5) header.inboxHash = keccak256(abi.encode(header.inboxHash));
        if (fault == 6) header.inboxCursor = settlement.inboxLength() + 1;
        if (fault == 7) header.dataHash = keccak256(abi.encode(header.dataHash));
        if (fault == 8) header.protocolVersion += 1;
        vm.prank(operator);
        try settlement.commitBatch(header, data(seed)) {
            takenBatches++;
        } catch {
            refusedBatches++;
        }
    }

    function passTime(uint256 time) external {
        skip(bound(time, 1, 30 minutes));
    }

    // ---- what the invariants read

    function batches() external view returns (uint256) {
        return _headers.length;
    }

    function headerAt(uint256 index) external view returns (BatchHeader memory) {
        return _headers[index];
    }

    function chainAt(uint256 length) external view returns (bytes32) {
        return _chain[length];
    }

    function inboxLength() external view returns (uint256) {
        return _chain.length - 1;
    }

    function nextNumber() external view returns (uint64) {
        return _nextNumber;
    }

    // ---- inside

    function actor(uint256 seed) internal pure returns (address) {
        return address(uint160(0xa11ce0 + seed % 4));
    }

    function data(uint256 seed) internal pure returns (bytes memory) {
        return abi.encode(seed);
    }

    function record(bytes memory item, uint256 credit) internal {
        uint64 index = uint64(_chain.length - 1);
        _chain.push(keccak256(bytes.concat(_chain[index], bytes8(index), item)));
        _credits.push(credit);
    }

    function nextHeader(Tip memory tip, uint256 seed) internal view returns (BatchHeader memory header) {
        header.index = tip.batches;
        header.previousRoot = tip.root;
        header.newRoot = keccak256(abi.encode(tip.root, seed));
        header.protocolVersion = 1;
        header.verifierVersion = 0;
        header.firstSequence = tip.lastSequence + 1;
        header.lastSequence = tip.lastSequence + 1 + uint64(seed % 100);
        header.previousChainHash = tip.chainHash;
        header.chainHash = keccak256(abi.encode(tip.chainHash, seed));
        header.inboxCursor = tip.inboxCursor;
        header.inboxHash = _chain[tip.inboxCursor];
        header.dataHash = keccak256(data(seed));
        header.lastTime = uint64(block.timestamp) * 1e9;
    }

    /// @dev Draws withdrawals: from the engine's balance, or, greedy, out of thin air and under numbers used before.
    function withdraw(Withdrawal[] storage tree, uint256 seed, uint256 count)
        internal
        returns (bytes32[] memory leaves)
    {
        for (uint256 i = 0; i < count && (greedy || engineBalance > 0); i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            uint64 number = greedy ? uint64(random % 8) : _nextNumber;
            uint64 amount = uint64(greedy ? 1 + random % (2 * MAX_DEPOSIT) : 1 + random % engineBalance);
            if (!greedy) (engineBalance, withdrawable) = (engineBalance - amount, withdrawable + amount);
            if (number >= _nextNumber) _nextNumber = number + 1;
            tree.push(Withdrawal(number, USDC, amount, actor(random >> 128)));
        }
        return leavesOf(tree);
    }

    function leavesOf(Withdrawal[] memory tree) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](tree.length);
        for (uint256 i = 0; i < tree.length; i++) {
            Withdrawal memory item = tree[i];
            leaves[i] = keccak256(abi.encodePacked(hex"00", item.number, item.asset, item.amount, item.recipient));
        }
    }

    function proofOf(Withdrawal[] memory tree, uint256 leaf) internal pure returns (bytes32[] memory) {
        return MerkleReference.proof(leavesOf(tree), leaf);
    }

    /// @dev Some batch with withdrawals, from a random one on.
    function someTree(uint256 seed) internal view returns (bool, uint64) {
        uint256 count = _trees.length;
        for (uint256 i = 0; i < count; i++) {
            uint256 index = (seed % count + i) % count;
            if (_trees[index].length > 0) return (true, uint64(index));
        }
        return (false, 0);
    }
}
