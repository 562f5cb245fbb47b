// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

import {Guardian} from "src/base/Guardian.sol";
import {Withdrawals} from "src/base/Withdrawals.sol";
import {IWithdrawals} from "src/interfaces/IWithdrawals.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {TokenWithDecimals} from "../mocks/TokenWithDecimals.sol";

/// @notice The vault and its claims alone; every batch is final and lists what it is told.
contract ListedWithdrawals is Withdrawals {
    mapping(uint64 batch => bytes32) private _roots;

    constructor() Guardian(msg.sender, msg.sender) {}

    /// @notice Makes a batch list one withdrawal.
    function list(uint64 batch, Withdrawal calldata withdrawal) external {
        _roots[batch] = withdrawal.leaf();
    }

    function _onBatchesUnpaused() internal override {}

    function _isFinal(uint64) internal pure override returns (bool) {
        return true;
    }

    function _withdrawalRoot(uint64 batch) internal view override returns (bytes32) {
        return _roots[batch];
    }

    function _typedDigest(bytes32 structHash) internal pure override returns (bytes32) {
        return structHash;
    }
}

/// @notice Properties of claims for all inputs: fuzzed by `forge test`, proven by `make prove`.
contract WithdrawalProofs is Test {
    uint256 internal constant CUSTODY = 1e15;

    ListedWithdrawals internal vault;
    TokenWithDecimals internal token;

    function setUp() public {
        vault = new ListedWithdrawals();
        token = new TokenWithDecimals(6);
        vault.addAsset(IERC20(address(token)), CUSTODY);
        token.mint(address(this), CUSTODY);
        token.approve(address(vault), CUSTODY);
        vault.deposit(0, CUSTODY, 1);
    }

    function claim(uint64 batch, Withdrawal memory withdrawal) internal returns (bool paid) {
        bytes32[] memory none = new bytes32[](0);
        (paid,) = address(vault).call(abi.encodeCall(IWithdrawals.claimWithdrawal, (batch, withdrawal, 0, 1, none)));
    }

    /// @notice Whatever batches list under a number: it is paid once.
    function testFuzz_aNumberIsPaidOnce(uint64 number, uint64 one, uint64 other, address to, address third) public {
        vm.assume(one <= CUSTODY && to != address(0));
        vault.list(0, Withdrawal(number, 0, one, to));
        vault.list(1, Withdrawal(number, 0, other, third));
        bool first = claim(0, Withdrawal(number, 0, one, to));
        assertTrue(first);
        bool same = claim(0, Withdrawal(number, 0, one, to));
        assertFalse(same);
        bool again = claim(1, Withdrawal(number, 0, other, third));
        assertFalse(again);
    }

    /// @notice A claim takes its amount from the vault and from what users own, and gives it to the recipient; a refused one moves
    /// nothing.
    function testFuzz_aClaimMovesItsAmount(uint64 number, uint64 amount, address to) public {
        vm.assume(to != address(vault) && to != address(this));
        vault.list(0, Withdrawal(number, 0, amount, to));
        bool paid = claim(0, Withdrawal(number, 0, amount, to));
        uint256 moved = paid ? amount : 0;
        assertEq(paid, amount <= CUSTODY && to != address(0));
        assertEq(vault.isClaimed(number), paid);
        assertEq(vault.assetAt(0).custody, CUSTODY - moved);
        assertEq(token.balanceOf(address(vault)), CUSTODY - moved);
        assertEq(token.balanceOf(to), moved);
    }

    /// @notice What a batch lists is paid, and nothing that differs from it in anything.
    function testFuzz_onlyWhatIsListedIsPaid(
        uint64 number,
        uint64 amount,
        address to,
        uint64 otherNumber,
        uint64 otherAmount,
        address other
    ) public {
        vm.assume(number != otherNumber || amount != otherAmount || to != other);
        vault.list(0, Withdrawal(number, 0, amount, to));
        bool paid = claim(0, Withdrawal(otherNumber, 0, otherAmount, other));
        assertFalse(paid);
        assertEq(token.balanceOf(address(vault)), CUSTODY);
    }
}
