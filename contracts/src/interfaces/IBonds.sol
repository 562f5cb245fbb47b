// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Bonds
/// @notice What an operator has at stake: forfeit, all of it, when a batch of his is proven wrong. One part is for who
/// proved it, the rest for the insurance; never all for the prover, or an operator who proves his own fraud would lose
/// nothing.
interface IBonds {
    /// @notice An operator put up more.
    event BondPosted(address indexed operator, uint256 amount);

    /// @notice An operator takes this much back; it is free from `freeAt` on, and forfeit like the rest until then.
    event BondReleasing(address indexed operator, uint256 amount, uint64 freeAt);

    /// @notice An operator took back what was free.
    event BondReleased(address indexed operator, uint256 amount);

    /// @notice An operator's bond is forfeit.
    /// @param operator Whose
    /// @param batchHash The batch that was proven wrong; zero when the venue was frozen
    /// @param reward Part for who proved it
    /// @param insured Part for the insurance
    event BondSlashed(address indexed operator, bytes32 indexed batchHash, uint256 reward, uint256 insured);

    /// @notice A reward was paid, or swept to the insurance.
    event RewardPaid(bytes32 indexed batchHash, address indexed to, uint256 amount);

    /// @notice Only `expected` may do this.
    error NotAuthorized(address caller, address expected);

    /// @notice The operator has less than that.
    error BondTooSmall(uint256 bond, uint256 amount);

    /// @notice What is being taken back is not free yet.
    error BondNotFree(uint64 freeAt);

    /// @notice An operator in office leaves what he has at stake where it is, unless the rest is enough.
    error InOffice(address operator);

    /// @notice There is no reward for that batch.
    error NoReward(bytes32 batchHash);

    /// @notice The reward is kept for a challenger who sealed his proof, until then.
    error RewardKept(uint64 until);

    /// @notice The share of the reward is no part of the bond.
    error ShareOutOfRange(uint16 rewardShare);

    /// @notice The token delivered less than was sent.
    error TransferInexact(uint256 sent, uint256 received);

    /// @notice Puts up the caller's tokens, which it approved before.
    function post(uint256 amount) external;

    /// @notice Starts to take back part of the caller's bond. It counts no more, and stays forfeit until it is free. A
    /// second call adds to it and starts the time anew.
    function release(uint256 amount) external;

    /// @notice Takes back what was released and is free, of who is out of office, or bonded with the rest.
    function withdraw() external;

    /// @notice Forfeits an operator's bond; the settlement contract only.
    /// @param operator Whose
    /// @param batchHash The batch that was proven wrong; zero when nobody is rewarded
    function slash(address operator, bytes32 batchHash) external;

    /// @notice Pays the reward for a batch; the settlement's challenges only.
    function payReward(bytes32 batchHash, address to) external;

    /// @notice Gives a reward that nobody earned in time to the insurance; anyone may.
    function sweepReward(bytes32 batchHash) external;

    /// @notice Pays the insurance what is its; anyone may. Not part of {slash}: a receiver that refuses must not save
    /// a fraud.
    function collect() external;

    /// @notice Who receives the rest of a bond, for the venue's insurance.
    function insurance() external view returns (address);

    /// @notice What bonds are made of.
    function token() external view returns (IERC20);

    /// @notice What waits for the insurance.
    function insured() external view returns (uint256);

    /// @notice Seconds until a released bond is free, and that a reward is kept for a sealed proof.
    function delay() external view returns (uint64);

    /// @notice Whether an operator has enough at stake to commit batches.
    function isBonded(address operator) external view returns (bool);

    /// @notice What an operator has at stake that counts.
    function bondOf(address operator) external view returns (uint256);

    /// @notice Reward that waits for who proved a batch wrong.
    function rewardOf(bytes32 batchHash) external view returns (uint256);
}
