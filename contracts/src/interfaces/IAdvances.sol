// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Withdrawal} from "../types/Withdrawal.sol";
import {IBondedSettlement} from "./IBondedSettlement.sol";
import {IQuorum} from "./IQuorum.sol";

/// @title Advances
/// @notice A reserve that pays withdrawals which a quorum of verifiers vouches for before their batch is final, up to a cap, and
/// is paid in their stead when it is. If the quorum is wrong the reserve has lost, and nobody else: what it pays with is
/// its own. Whoever funds it sends it tokens, and trusts its owner with them.
interface IAdvances {
    /// @notice An asset has another cap, engine units per challenge window.
    event EarlyCapChanged(uint16 indexed asset, uint64 cap);

    /// @notice The owner took tokens out.
    event ReserveWithdrawn(IERC20 indexed token, address indexed to, uint256 amount);

    /// @notice No quorum vouches for the batch.
    error BatchNotVouchedFor(uint64 index);

    /// @notice The batch does not list the withdrawal.
    error WithdrawalNotListed(bytes32 root, bytes32 expected);

    /// @notice The withdrawal would exceed the asset's cap; engine units.
    error EarlyCapExceeded(uint16 asset, uint64 amount, uint64 paid, uint64 cap);

    /// @notice Pays a withdrawal of a batch that the quorum vouches for; anyone may ask for it.
    /// @param batchIndex The batch that the withdrawal is in
    /// @param withdrawal The withdrawal
    /// @param leafIndex Its position among the withdrawals of the batch, from 0
    /// @param leafCount How many withdrawals the batch has
    /// @param siblings Inclusion proof, from the leaf up
    function claimEarly(
        uint64 batchIndex,
        Withdrawal calldata withdrawal,
        uint64 leafIndex,
        uint64 leafCount,
        bytes32[] calldata siblings
    ) external;

    /// @notice Changes what is paid of an asset in a challenge window, engine units; the owner only.
    function setEarlyCap(uint16 asset, uint64 cap) external;

    /// @notice Takes tokens out; the owner only.
    function withdraw(IERC20 token, uint256 amount, address to) external;

    /// @notice What may be paid of an asset in a challenge window, engine units.
    function earlyCap(uint16 asset) external view returns (uint64);

    /// @notice The venue.
    function settlement() external view returns (IBondedSettlement);

    /// @notice Whose word is taken.
    function quorum() external view returns (IQuorum);
}
