// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

import {BatchData} from "src/BatchData.sol";
import {BondedSettlement} from "src/BondedSettlement.sol";
import {Bonds} from "src/Bonds.sol";
import {Challenges} from "src/Challenges.sol";
import {Exits} from "src/custody/Exits.sol";
import {IBatchData} from "src/interfaces/IBatchData.sol";
import {IBondedBatches} from "src/interfaces/IBondedBatches.sol";
import {IBondedSettlement} from "src/interfaces/IBondedSettlement.sol";
import {IBonds} from "src/interfaces/IBonds.sol";
import {IExitValuer} from "src/interfaces/IExitValuer.sol";
import {IFraudProof} from "src/interfaces/IFraudProof.sol";
import {IOmissionProof} from "src/interfaces/IOmissionProof.sol";
import {IStepVerifier} from "src/interfaces/IStepVerifier.sol";
import {TestUSDC} from "src/testing/TestUSDC.sol";
import {BatchHeader} from "src/types/BatchHeader.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {BondedConfig} from "src/types/BondedConfig.sol";
import {Chunk, Progress, Step} from "src/types/Chunk.sol";
import {StepOpening, TraceLeaf} from "src/types/StepOpening.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {ScriptedJudge} from "../mocks/ScriptedJudge.sol";
import {ScriptedValuer} from "../mocks/ScriptedValuer.sol";
import {MerkleReference} from "./MerkleReference.sol";

/// @notice A bonded venue, an operator that commits well-formed batches, and openings of them.
abstract contract BondedFixture is Test {
    /// @dev A command and its steps.
    struct Command {
        bytes record;
        Step[] steps;
    }

    bytes32 internal constant GENESIS = keccak256("genesis");
    uint64 internal constant WINDOW = 1 days;
    uint64 internal constant LEAD = 10 minutes;
    uint64 internal constant LAG = 4 days;
    uint64 internal constant DEADLINE = 12 hours;
    uint64 internal constant UPGRADE = 3 days;
    uint64 internal constant EXIT_WINDOW = 7 days;
    uint64 internal constant ANSWER = 1 hours;
    /// @dev Until a released bond is free.
    uint64 internal constant DELAY = DEADLINE + WINDOW;
    uint256 internal constant STAKE = 100e6;
    uint256 internal constant BOND = 50_000e6;
    uint16 internal constant REWARD_SHARE = 4000;
    uint16 internal constant USDC = 0;

    address internal owner = makeAddr("owner");
    address internal guardian = makeAddr("guardian");
    address internal operator = makeAddr("operator");
    address internal standby = makeAddr("standby");
    address internal insurance = makeAddr("insurance");
    address internal challenger = makeAddr("challenger");
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");

    TestUSDC internal usdc;
    BatchData internal batchData;
    BondedSettlement internal settlement;
    Bonds internal bonds;
    Exits internal exits;
    Challenges internal challenges;
    ScriptedJudge internal judge;
    ScriptedValuer internal valuer;

    /// @dev Commands of the batch that is being made.
    Command[] internal commands;

    function setUp() public virtual {
        vm.warp(1_770_163_200);
        vm.roll(100);
        usdc = TestUSDC(newUsdc());
        batchData = new BatchData();
        judge = new ScriptedJudge();
        valuer = new ScriptedValuer();
        address predicted = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 2);
        bonds = new Bonds(IERC20(address(usdc)), IBondedSettlement(predicted), insurance, BOND, REWARD_SHARE, DELAY);
        exits = new Exits(IBondedSettlement(predicted), IExitValuer(address(valuer)), EXIT_WINDOW);
        settlement = new BondedSettlement(config());
        assertEq(address(settlement), predicted);
        IFraudProof[] memory judges = new IFraudProof[](1);
        judges[0] = judge;
        challenges =
            new Challenges(IBondedSettlement(address(settlement)), judge, omissionProof(), judges, ANSWER, STAKE);
        change(abi.encodeCall(IBondedBatches.setChallenges, (address(challenges))));
        change(abi.encodeCall(IBondedBatches.setStandby, (standby, true)));
        vm.prank(owner);
        settlement.addAsset(IERC20(address(usdc)), 1_000_000e6);
        bond(operator, BOND);
    }

    /// @dev What is deposited, bonded and staked.
    function newUsdc() internal virtual returns (address) {
        return address(new TestUSDC());
    }

    /// @dev Who finds what was left out.
    function omissionProof() internal virtual returns (IOmissionProof) {
        return judge;
    }

    function config() internal view returns (BondedConfig memory) {
        return BondedConfig({
            owner: owner,
            guardian: guardian,
            operator: operator,
            genesisRoot: GENESIS,
            challengeWindow: WINDOW,
            maxTimeLead: LEAD,
            maxTimeLag: LAG,
            serveDeadline: DEADLINE,
            upgradeDelay: UPGRADE,
            batchData: IBatchData(address(batchData)),
            bonds: IBonds(address(bonds)),
            exits: address(exits)
        });
    }

    /// @dev Schedules a change and carries it out once it is ready.
    function change(bytes memory call_) internal {
        vm.prank(owner);
        settlement.schedule(call_);
        uint64 ready = settlement.readyAt(call_);
        if (ready > block.timestamp) vm.warp(ready);
        settlement.execute(call_);
    }

    function bond(address who, uint256 amount) internal {
        usdc.mint(who, amount);
        vm.startPrank(who);
        usdc.approve(address(bonds), amount);
        bonds.post(amount);
        vm.stopPrank();
    }

    function deposit(address who, uint256 amount) internal returns (uint64 index) {
        usdc.mint(who, amount);
        vm.startPrank(who);
        usdc.approve(address(settlement), amount);
        index = settlement.deposit(USDC, amount, 0);
        vm.stopPrank();
    }

    // A batch in the making.

    /// @dev A record of a kind, as of now.
    function recordOf(uint8 kind, bytes memory body) internal view returns (bytes memory) {
        return abi.encodePacked(kind, uint64(block.timestamp) * 1e9, body);
    }

    /// @dev Adds a command with some steps to the batch in the making.
    function add(bytes memory record, uint256 steps) internal {
        Command storage command = commands.push();
        command.record = record;
        for (uint256 i = 0; i < steps; i++) {
            bytes32 subject = i % 2 == 1 ? keccak256(abi.encode(record, i)) : bytes32(0);
            bytes32 root = keccak256(abi.encode("root", record, i, commands.length));
            command.steps.push(Step(uint8(7 + i % 40), i + 1 == steps, subject, root));
        }
    }

    /// @dev Adds a deposit that the inbox holds.
    function addItem(uint64 index, bytes memory item) internal {
        add(recordOf(1, abi.encodePacked(index, item)), 1);
    }

    function encode(Command memory command) internal pure returns (bytes memory all) {
        all = abi.encodePacked(uint16(command.record.length), command.record, uint16(command.steps.length));
        for (uint256 i = 0; i < command.steps.length; i++) {
            all = bytes.concat(all, encode(command.steps[i]));
        }
    }

    function encode(Step memory step) internal pure returns (bytes memory) {
        return step.subject == 0
            ? abi.encodePacked(step.kind, step.root)
            : abi.encodePacked(step.kind | 0x80, step.subject, step.root);
    }

    /// @dev The data of the batch in the making.
    function data() internal view returns (bytes memory all) {
        for (uint256 i = 0; i < commands.length; i++) {
            all = bytes.concat(all, encode(commands[i]));
        }
    }

    /// @dev Leaves of the steps of the batch in the making, numbered from 0.
    function traceLeaves() internal view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](256);
        uint32 count = 0;
        for (uint256 i = 0; i < commands.length; i++) {
            for (uint256 j = 0; j < commands[i].steps.length; j++) {
                Step memory step = commands[i].steps[j];
                leaves[count] = keccak256(
                    abi.encodePacked(
                        count, keccak256(commands[i].record), step.kind, step.last, step.subject, step.root
                    )
                );
                count++;
            }
        }
        assembly ("memory-safe") {
            mstore(leaves, count)
        }
    }

    /// @dev Where the journal stands at the tip.
    function tip() internal view returns (Progress memory) {
        return settlement.tip();
    }

    /// @dev Posts the batch in the making as one chunk and commits it.
    function commit(Withdrawal[] memory listed) internal returns (BatchOpening memory opening) {
        Progress memory start = tip();
        Chunk[] memory chunks = new Chunk[](1);
        chunks[0] = batchData.post(start, data());
        return commitChunks(chunks, listed);
    }

    function commit() internal returns (BatchOpening memory) {
        return commit(new Withdrawal[](0));
    }

    function commitChunks(Chunk[] memory chunks, Withdrawal[] memory listed)
        internal
        returns (BatchOpening memory opening)
    {
        opening.start = tip();
        opening.chunks = chunks;
        opening.firstWithdrawal = settlement.withdrawals();
        opening.withdrawals = uint64(listed.length);
        opening.header = headerOf(opening, listed);
        vm.prank(settlement.operator());
        settlement.commitBatch(opening.start.root, chunks, listed);
    }

    /// @dev The header that the chain must come to.
    function headerOf(BatchOpening memory opening, Withdrawal[] memory listed)
        internal
        view
        returns (BatchHeader memory header)
    {
        Progress memory end = opening.chunks[opening.chunks.length - 1].end;
        bytes32[] memory roots = new bytes32[](opening.chunks.length);
        for (uint256 i = 0; i < roots.length; i++) {
            roots[i] = opening.chunks[i].traceRoot;
        }
        header = BatchHeader({
            index: settlement.batches(),
            previousRoot: opening.start.root,
            newRoot: end.root,
            protocolVersion: 1,
            verifierVersion: 1,
            firstSequence: opening.start.sequence + 1,
            lastSequence: end.sequence,
            previousChainHash: opening.start.chainHash,
            chainHash: end.chainHash,
            inboxCursor: end.inboxCursor,
            inboxHash: end.inboxHash,
            traceRoot: MerkleReference.root(roots),
            withdrawalRoot: MerkleReference.root(leavesOf(listed)),
            dataHash: keccak256(
                abi.encode(opening.start, opening.chunks, opening.firstWithdrawal, opening.withdrawals)
            ),
            lastTime: end.lastTime
        });
    }

    /// @dev Makes a batch of three commands and commits it.
    function commitSome() internal returns (BatchOpening memory) {
        delete commands;
        add(recordOf(8, "place"), 3);
        add(recordOf(9, "cancel"), 1);
        add(recordOf(11, "cancel all"), 2);
        return commit();
    }

    /// @dev Opens step `index` of the last batch made, which is one chunk.
    function openStep(uint256 index) internal view returns (StepOpening memory opening, bytes memory record) {
        bytes32[] memory leaves = traceLeaves();
        opening.position = uint64(index);
        (opening.leaf, record) = traceLeaf(leaves, index);
        if (index > 0) (opening.previous,) = traceLeaf(leaves, index - 1);
    }

    function traceLeaf(bytes32[] memory leaves, uint256 index)
        internal
        view
        returns (TraceLeaf memory leaf, bytes memory record)
    {
        uint256 count = 0;
        for (uint256 i = 0; i < commands.length; i++) {
            if (index < count + commands[i].steps.length) {
                record = commands[i].record;
                leaf = TraceLeaf(
                    keccak256(record), commands[i].steps[index - count], MerkleReference.proof(leaves, index)
                );
                return (leaf, record);
            }
            count += commands[i].steps.length;
        }
        revert("no such step");
    }

    function leavesOf(Withdrawal[] memory listed) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](listed.length);
        for (uint256 i = 0; i < listed.length; i++) {
            leaves[i] = leafOf(listed[i]);
        }
    }

    function leafOf(Withdrawal memory item) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"00", item.number, item.asset, item.amount, item.recipient));
    }

    function one(Withdrawal memory withdrawal) internal pure returns (Withdrawal[] memory listed) {
        listed = new Withdrawal[](1);
        listed[0] = withdrawal;
    }
}
