// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StatePath} from "../libraries/StateProof.sol";
import {BatchOpening} from "../types/BatchOpening.sol";
import {StepOpening} from "../types/StepOpening.sol";

/// @title Exits
/// @notice How users leave a frozen venue by themselves. Once no batch is open to challenge any more, the last state
/// counts: every account proves what it holds, claims are collected for a while, and paid in full or, where an asset falls
/// short, in proportion. Withdrawals of final batches and deposits that the venue never credited are not part of it: they
/// are paid in full, at any time.
///
/// USDC falls short when losses are covered by other collateral; what the claims leave of that collateral then goes to the
/// claims on USDC, up to what they miss. Who claims late is paid from what is left.
///
/// What accounts have is in the vault, to the unit: nothing leaves it but final withdrawals, exits and these deposits, and what
/// is paid in advance is paid by others. So no claim waits for another, and nobody is last.
interface IExits {
    /// @notice The exit is open, from the state with this root.
    event ExitOpened(bytes32 root, uint64 closesAt);

    /// @notice An account claimed.
    event ExitClaimed(uint64 indexed subaccount, address indexed owner, uint16[] assets, uint64[] amounts, bool late);

    /// @notice Claims are paid from now on: of `claims`, `payable_` are covered, and each USDC claim has a share of `bonus`.
    event ExitSettled(uint16 indexed asset, uint64 claims, uint64 payable_, uint64 bonus, uint64 spare);

    /// @notice A claim was paid.
    event ExitPaid(uint64 indexed subaccount, uint16 indexed asset, address indexed owner, uint64 amount);

    /// @notice A deposit that no account was credited went back.
    event DepositReturned(uint64 indexed index, address indexed owner, uint16 indexed asset, uint64 amount);

    /// @notice The venue is not frozen.
    error NotFrozen();

    /// @notice Batches are still open to challenge.
    error BatchesPending(uint64 last);

    /// @notice The exit was opened before.
    error AlreadyOpen();

    /// @notice The exit was not opened.
    error NotOpen();

    /// @notice The subaccount has claimed.
    error AlreadyClaimed(uint64 subaccount);

    /// @notice Claims are still being collected.
    error ClaimsPending(uint64 until);

    /// @notice Nothing is owed to the subaccount in that asset, or it was paid.
    error NothingOwed(uint64 subaccount, uint16 asset);

    /// @notice The item was served, returned before, is not the inbox's, or is no deposit.
    error DepositNotReturnable(uint64 index);

    /// @notice The opening is of another batch than the chain's.
    error BatchWrong(bytes32 batchHash, bytes32 expected);

    /// @notice Opens the exit; anyone may, once the venue is frozen and its last batch final.
    /// @param witness Totals, collateral terms and prices of the last state; empty if the venue never had a batch
    function open(bytes calldata witness) external;

    /// @notice Claims for an account; anyone may, its owner is paid.
    /// @param subaccount The account
    /// @param witness What {IExitValuer} asks for
    function claim(uint64 subaccount, bytes calldata witness) external;

    /// @notice Pays an account what it claimed of an asset, once claims are collected; anyone may.
    function pay(uint64 subaccount, uint16 asset) external;

    /// @notice Returns a deposit that no batch served; anyone may, as soon as the venue is frozen.
    /// @param index Its inbox index
    /// @param item Its bytes
    function returnDeposit(uint64 index, bytes calldata item) external;

    /// @notice Returns a deposit that the venue served without crediting it, because its assets do not have this one, say;
    /// anyone may, as soon as the batch is final, in a venue that lives or not.
    /// @param batch The batch that served it
    /// @param opening The only step of its command
    /// @param record The record of its command
    /// @param totalsBefore Totals in the state before the step, or that there are none
    /// @param totalsAfter Totals in the state after it, or that there are none
    function reclaimDeposit(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        StatePath calldata totalsBefore,
        StatePath calldata totalsAfter
    ) external;

    /// @notice Until when claims are collected, seconds; 0 before the exit is open.
    function closesAt() external view returns (uint64);

    /// @notice Whether a subaccount has claimed.
    function hasClaimed(uint64 subaccount) external view returns (bool);
}
