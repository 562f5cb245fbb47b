// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Reconciliation} from "src/Reconciliation.sol";
import {Advances} from "src/custody/Advances.sol";
import {IBondedBatches} from "src/interfaces/IBondedBatches.sol";
import {IBondedSettlement} from "src/interfaces/IBondedSettlement.sol";
import {ExitClaim} from "src/interfaces/IExitValuer.sol";
import {IFreeze} from "src/interfaces/IFreeze.sol";
import {IQuorum} from "src/interfaces/IQuorum.sol";
import {InboxItems} from "src/libraries/InboxItems.sol";
import {StatePath} from "src/libraries/StateProof.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {TokenWithDecimals} from "../mocks/TokenWithDecimals.sol";
import {BondedFixture} from "../utils/BondedFixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

/// @notice A bonded venue that lives at random: users deposit, demand and claim; operators commit batches, of which some are proven
/// wrong; a reserve pays before batches are final, and may be wrong; the guardian pauses; the venue may freeze, and users exit. Of
/// the two assets of the vault the venue knows one: deposits of the other are credited to nobody. Keeps its own books of all of
/// it: what each account has behind each batch.
/// The subaccount of a user is its number, from 1. Operators are honest or, when they are told to be greedy, list withdrawals of money
/// that nobody has.
contract BondedVenueHandler is BondedFixture {
    uint256 public constant USERS = 3;

    /// @dev What came through the inbox: whose deposit of how much, or a demand.
    struct Item {
        uint256 user;
        uint64 amount;
        bytes data;
        bool returned;
        bool strange;
    }

    /// @dev A batch: what accounts had before it, what it lists, and what it takes to prove it wrong.
    struct Made {
        uint64[USERS] before;
        Withdrawal[] listed;
        bytes dispute;
        bytes32 batchHash;
    }

    /// @dev An asset of the vault that the venue does not have.
    uint16 internal constant STRANGE = 1;

    bool public immutable greedy;

    Reconciliation public reconciliation;
    Advances public advances;
    TokenWithDecimals public strange;

    /// @notice Token units that users put in, got out, and gave away.
    uint256 public deposited;
    uint256 public paid;
    uint256 public donated;
    /// @notice How much of it each user got.
    uint256[USERS] public paidTo;
    /// @notice Who ever had a bond, and which batches were proven wrong.
    address[] public operators;
    bytes32[] public wrong;

    uint64[USERS] internal _balances;
    Item[] internal _items;
    Made[] internal _made;
    bool[USERS] internal _claimedExit;
    bool[USERS] internal _paidExit;
    mapping(uint64 number => bool) internal _claimed;
    /// @dev What it takes to reclaim a strange deposit, from the last batch that served it.
    mapping(uint256 item => bytes) internal _openings;

    constructor(bool greedy_) {
        greedy = greedy_;
    }

    function setUp() public override {
        super.setUp();
        operators.push(operator);
        reconciliation = new Reconciliation(IBondedSettlement(address(settlement)), 2 hours, STAKE);
        change(abi.encodeCall(IFreeze.setReconciliation, (address(reconciliation))));
        advances = new Advances(IBondedSettlement(address(settlement)), IQuorum(address(this)), address(this));
        advances.setEarlyCap(USDC, type(uint64).max / 2);
        strange = new TokenWithDecimals(8);
        vm.prank(owner);
        settlement.addAsset(strange, type(uint64).max);
    }

    /// @notice A quorum that vouches for every batch.
    function isVouchedFor(bytes32) external pure returns (bool) {
        return true;
    }

    // ---- users

    function depositSome(uint256 seed, uint64 amount) external {
        if (settlement.frozen()) return;
        uint256 user = seed % USERS;
        amount = uint64(bound(amount, 1, 1000e6));
        deposit(userAt(user), amount);
        deposited += amount;
        _items.push(Item(user, amount, InboxItems.deposit(userAt(user), 0, USDC, amount), false, false));
    }

    function depositStrange(uint256 seed, uint64 amount) external {
        if (settlement.frozen()) return;
        uint256 user = seed % USERS;
        amount = uint64(bound(amount, 1, 1000e8));
        strange.mint(userAt(user), amount);
        vm.startPrank(userAt(user));
        strange.approve(address(settlement), amount);
        settlement.deposit(STRANGE, amount, 0);
        vm.stopPrank();
        _items.push(Item(user, amount, InboxItems.deposit(userAt(user), 0, STRANGE, amount), false, true));
    }

    function demand(uint256 seed) external {
        if (settlement.frozen()) return;
        address user = userAt(seed % USERS);
        vm.prank(user);
        settlement.forceCancelAll(1);
        _items.push(Item(0, 0, InboxItems.forcedCancelAll(user, 1), true, false));
    }

    function donate(uint64 amount) external {
        amount = uint64(bound(amount, 0, 10e6));
        usdc.mint(address(settlement), amount);
        donated += amount;
    }

    function claim(uint256 batchSeed, uint256 leafSeed) external {
        if (_made.length == 0) return;
        uint64 batch = uint64(batchSeed % _made.length);
        uint256 count = _made[batch].listed.length;
        if (count != 0) claimOne(batch, leafSeed % count);
    }

    /// @dev Pays a withdrawal of a batch from the reserve, whatever becomes of the batch.
    function payEarly(uint256 batchSeed, uint256 leafSeed) external {
        if (_made.length == 0) return;
        uint64 batch = uint64(batchSeed % _made.length);
        Withdrawal[] memory listed = _made[batch].listed;
        if (listed.length == 0) return;
        uint256 leaf = leafSeed % listed.length;
        Withdrawal memory item = listed[leaf];
        if (_claimed[item.number] || settlement.advancedBy(leafOf(item)) != address(0)) return;
        usdc.mint(address(advances), item.amount);
        bytes32[] memory siblings = MerkleReference.proof(leavesOf(listed), leaf);
        advances.claimEarly(batch, item, uint64(leaf), uint64(listed.length), siblings);
        paidTo[uint160(item.recipient) - 0xa11ce0] += item.amount;
    }

    function askForAccount(uint64 subaccount) external {
        if (settlement.frozen()) return;
        subaccount %= 2;
        (address requester,) = reconciliation.requestOf(subaccount);
        if (requester != address(0)) return;
        uint256 stake = reconciliation.stakeNow();
        usdc.mint(challenger, stake);
        vm.startPrank(challenger);
        usdc.approve(address(reconciliation), stake);
        reconciliation.requestReconciliation(subaccount);
        vm.stopPrank();
    }

    // ---- operators, and their brake

    function pause() external {
        if (settlement.batchesPaused()) {
            vm.prank(owner);
            settlement.unpauseBatches();
        } else {
            vm.prank(guardian);
            settlement.pauseBatches();
        }
    }

    /// @dev Serves some items, and pays some of what accounts have out.
    function commitBatch(uint256 seed, uint256 serve) external {
        if (settlement.frozen() || settlement.batchesPaused()) return;
        if (settlement.operator() == address(0)) _succeed();
        Made storage made = _made.push();
        made.before = _balances;
        uint64 cursor = tip().inboxCursor;
        serve = bound(serve, 0, _items.length - cursor);
        delete commands;
        add(recordOf(8, abi.encode(seed)), 2);
        for (uint256 i = 0; i < serve; i++) {
            Item storage item = _items[cursor + i];
            addItem(uint64(cursor + i), item.data);
            if (item.strange) _refuse();
            else _balances[item.user] += item.amount;
        }
        _list(made, seed);
        BatchOpening memory batch = commit(made.listed);
        (StepOpening memory opening, bytes memory record) = openStep(0);
        made.dispute = abi.encode(batch, opening, record);
        for (uint256 i = 0; i < serve; i++) {
            if (!_items[cursor + i].strange) continue;
            // Two steps of the first command, and one of each item.
            (opening, record) = openStep(2 + i);
            _openings[cursor + i] = abi.encode(batch, opening, record);
        }
        made.batchHash = keccak256(abi.encode(batch.header));
    }

    /// @dev Proves a batch wrong, if it can be challenged yet.
    function challenge(uint256 seed) external {
        if (_made.length == 0) return;
        uint64 index = uint64(seed % _made.length);
        (BatchOpening memory batch, StepOpening memory opening, bytes memory record) =
            abi.decode(_made[index].dispute, (BatchOpening, StepOpening, bytes));
        if (settlement.isFinal(index)) {
            vm.expectRevert(abi.encodeWithSelector(IBondedBatches.BatchFinal.selector, index));
            challenges.challengeStep(batch, opening, record, hex"01", 0);
            return;
        }
        challenges.challengeStep(batch, opening, record, hex"01", 0);
        _note(_made[index].batchHash);
        _balances = _made[index].before;
        while (_made.length > index) _made.pop();
    }

    function passTime(uint256 time) external {
        skip(bound(time, 1, 6 hours));
    }

    // ---- the way out

    function freeze() external {
        if (!settlement.frozen() && settlement.isOverdue()) settlement.freeze();
    }

    function punishSilence(uint64 subaccount) external {
        subaccount %= 2;
        (address requester,) = reconciliation.requestOf(subaccount);
        if (requester == address(0) || settlement.frozen() || settlement.batchesPaused()) return;
        if (block.timestamp > reconciliation.deadlineOf(subaccount)) reconciliation.punishSilence(subaccount);
    }

    function openExit() public {
        if (!settlement.frozen() || exits.closesAt() != 0) return;
        uint64 batches = settlement.batches();
        if (batches != 0 && !settlement.isFinal(batches - 1)) return;
        uint64[] memory amounts = new uint64[](1);
        uint64[] memory prices = new uint64[](1);
        for (uint256 i = 0; i < USERS; i++) {
            amounts[0] += _balances[i];
        }
        prices[0] = 1e6;
        exits.open(abi.encode(amounts, prices));
    }

    function claimExit(uint256 seed) public {
        uint256 user = seed % USERS;
        if (exits.closesAt() == 0 || settlement.batches() == 0 || _claimedExit[user]) return;
        uint64[] memory amounts = new uint64[](1);
        amounts[0] = _balances[user];
        exits.claim(uint64(user + 1), abi.encode(ExitClaim(userAt(user), new uint16[](1), amounts)));
        _claimedExit[user] = true;
    }

    function payExit(uint256 seed) public {
        uint256 user = seed % USERS;
        uint64 closesAt = exits.closesAt();
        if (closesAt == 0 || block.timestamp < closesAt) return;
        bool due = _claimedExit[user] && !_paidExit[user] && _balances[user] != 0;
        try exits.pay(uint64(user + 1), USDC) {
            assertTrue(due, "paid what was not owed, or twice");
            _paidExit[user] = true;
            _pay(user, _balances[user]);
        } catch {
            assertFalse(due, "an exit is stuck");
        }
    }

    function returnDeposit(uint256 seed) public {
        if (_items.length == 0) return;
        uint64 index = uint64(seed % _items.length);
        Item storage item = _items[index];
        bool due = settlement.frozen() && index >= tip().inboxCursor && !item.returned;
        try exits.returnDeposit(index, item.data) {
            assertTrue(due, "returned what was credited, or twice");
            _returned(item);
        } catch {
            assertFalse(due, "a deposit is stuck");
        }
    }

    /// @dev In a venue that lives as in one that is frozen.
    function reclaimDeposit(uint256 seed) public {
        if (_items.length == 0) return;
        uint64 index = uint64(seed % _items.length);
        Item storage item = _items[index];
        if (_openings[index].length == 0) return;
        (BatchOpening memory batch, StepOpening memory opening, bytes memory record) =
            abi.decode(_openings[index], (BatchOpening, StepOpening, bytes));
        uint64 number = batch.header.index;
        bool stands = number < _made.length && _made[number].batchHash == keccak256(abi.encode(batch.header));
        bool due = stands && settlement.isFinal(number) && !item.returned;
        try exits.reclaimDeposit(batch, opening, record, knownTotals(), knownTotals()) {
            assertTrue(due, "returned too early, or twice");
            _returned(item);
        } catch {
            assertFalse(due, "a refused deposit is stuck");
        }
    }

    /// @notice Everybody leaves, from wherever the venue is.
    function leave() external {
        if (!settlement.frozen()) {
            this.demand(0);
            // The demand is the newest item, and no item waits for longer than this.
            vm.warp(block.timestamp + 2 * DEADLINE + 1);
            settlement.freeze();
        }
        vm.warp(block.timestamp + WINDOW);
        openExit();
        for (uint256 i = 0; i < USERS; i++) {
            claimExit(i);
        }
        if (block.timestamp < exits.closesAt()) vm.warp(exits.closesAt());
        for (uint256 i = 0; i < USERS; i++) {
            payExit(i);
        }
        for (uint256 i = 0; i < _items.length; i++) {
            returnDeposit(i);
            reclaimDeposit(i);
        }
        for (uint64 i = 0; i < _made.length; i++) {
            for (uint256 j = 0; j < _made[i].listed.length; j++) {
                claimOne(i, j);
            }
        }
    }

    // ---- what the invariants read

    function venue() external view returns (IBondedSettlement) {
        return IBondedSettlement(address(settlement));
    }

    function userAt(uint256 user) public pure returns (address) {
        return address(uint160(0xa11ce0 + user));
    }

    function standing() external view returns (uint256) {
        return _made.length;
    }

    function operatorsEver() external view returns (uint256) {
        return operators.length;
    }

    function provenWrong() external view returns (uint256) {
        return wrong.length;
    }

    /// @notice What the venue owes: to accounts that did not exit, to withdrawals that were not claimed, and for deposits that were
    /// neither credited nor returned.
    function owed() external view returns (uint256 sum) {
        for (uint256 i = 0; i < USERS; i++) {
            if (!_paidExit[i]) sum += _balances[i];
        }
        for (uint256 i = 0; i < _made.length; i++) {
            for (uint256 j = 0; j < _made[i].listed.length; j++) {
                Withdrawal storage listed = _made[i].listed[j];
                if (!_claimed[listed.number]) sum += listed.amount;
            }
        }
        for (uint256 i = tip().inboxCursor; i < _items.length; i++) {
            if (!_items[i].returned && !_items[i].strange) sum += _items[i].amount;
        }
    }

    /// @notice Strange deposits that did not go back.
    function strangeDeposits() external view returns (uint256 sum) {
        for (uint256 i = 0; i < _items.length; i++) {
            if (!_items[i].returned && _items[i].strange) sum += _items[i].amount;
        }
    }

    /// @notice How many withdrawals the batches that stand list.
    function listedWithdrawals() external view returns (uint256 count) {
        for (uint256 i = 0; i < _made.length; i++) {
            count += _made[i].listed.length;
        }
    }

    // ---- inside

    function claimOne(uint64 batch, uint256 leaf) public {
        Withdrawal[] memory listed = _made[batch].listed;
        Withdrawal memory item = listed[leaf];
        bool due = !_claimed[item.number] && settlement.isFinal(batch);
        bytes32[] memory siblings = MerkleReference.proof(leavesOf(listed), leaf);
        try settlement.claimWithdrawal(batch, item, uint64(leaf), uint64(listed.length), siblings) {
            assertTrue(due, "claimed twice, or too early");
            _claimed[item.number] = true;
            // Who was paid early is not paid again: the reserve is.
            if (settlement.advancedBy(leafOf(item)) == address(0)) {
                paidTo[uint160(item.recipient) - 0xa11ce0] += item.amount;
            }
            paid += item.amount;
        } catch {
            // What was listed honestly is there.
            assertFalse(due && !greedy, "a final withdrawal is stuck");
        }
    }

    /// @dev Leaves the item that was just added without effect: the totals before and behind it are the same.
    function _refuse() private {
        bytes32 root = keccak256(abi.encodePacked("synchromesh.state.v1", knownTotals().trees));
        uint256 last = commands.length - 1;
        commands[last].steps[0].root = root;
        Command storage before = commands[last - 1];
        before.steps[before.steps.length - 1].root = root;
    }

    /// @dev Totals of the one asset that the venue has.
    function knownTotals() internal pure returns (StatePath memory path) {
        path.key = bytes32(uint256(9) << 248);
        path.value = abi.encodePacked(uint16(1), uint128(7), uint128(5));
        path.trees[4] = keccak256(abi.encodePacked(bytes1(0), path.key, keccak256(path.value)));
        path.bits = new uint16[](0);
        path.siblings = new bytes32[](0);
    }

    function _returned(Item storage item) private {
        item.returned = true;
        if (!item.strange) _pay(item.user, item.amount);
    }

    /// @dev The same batch may be made, and fall, again.
    function _note(bytes32 batchHash) private {
        for (uint256 i = 0; i < wrong.length; i++) {
            if (wrong[i] == batchHash) return;
        }
        wrong.push(batchHash);
    }

    function _pay(uint256 user, uint256 amount) private {
        paid += amount;
        paidTo[user] += amount;
    }

    /// @dev Up to two withdrawals of what accounts have, or of thin air.
    function _list(Made storage made_, uint256 seed) private {
        uint64 number = settlement.withdrawals();
        for (uint256 i = 0; i < seed % 3; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            uint256 user = random % USERS;
            uint256 most = greedy ? 2000e6 : _balances[user];
            uint64 amount = uint64((random >> 128) % (most + 1));
            if (amount == 0) continue;
            if (!greedy) _balances[user] -= amount;
            made_.listed.push(Withdrawal(number++, USDC, amount, userAt(user)));
        }
    }

    /// @dev The next operator: the standby first, then whoever the owner named in time.
    function _succeed() private {
        if (settlement.isStandby(standby)) {
            operators.push(standby);
            bond(standby, BOND);
            vm.prank(standby);
            settlement.takeOver();
        } else {
            address next = address(uint160(0x0e0000 + operators.length));
            operators.push(next);
            bond(next, BOND);
            vm.prank(address(settlement));
            settlement.setOperator(next);
        }
    }
}
