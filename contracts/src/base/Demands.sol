// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IBonds} from "../interfaces/IBonds.sol";
import {IDemands} from "../interfaces/IDemands.sol";

/// @title Stakes of demands
/// @notice See {IDemands}. Stakes are of the token of the bonds.
abstract contract Demands is IDemands, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev So many open demands double the price.
    uint256 private constant _DOUBLES_EVERY = 16;
    /// @dev Beyond so many doublings nobody pays anyway.
    uint256 private constant _DOUBLINGS = 64;

    /// @notice What is at stake in the venue.
    IBonds public immutable bonds;
    /// @inheritdoc IDemands
    uint64 public immutable answerTime;
    /// @inheritdoc IDemands
    uint256 public immutable requestStake;

    /// @inheritdoc IDemands
    uint256 public openDemands;
    /// @inheritdoc IDemands
    uint256 public insured;

    constructor(IBonds bonds_, uint64 answerTime_, uint256 requestStake_) {
        require(answerTime_ != 0, NoTimeToAnswer());
        bonds = bonds_;
        answerTime = answerTime_;
        requestStake = requestStake_;
    }

    /// @inheritdoc IDemands
    function collect() external nonReentrant {
        uint256 amount = insured;
        insured = 0;
        bonds.token().safeTransfer(bonds.insurance(), amount);
    }

    /// @inheritdoc IDemands
    function stakeNow() public view returns (uint256) {
        uint256 doublings = openDemands / _DOUBLES_EVERY;
        return requestStake << (doublings < _DOUBLINGS ? doublings : _DOUBLINGS);
    }

    /// @dev Opens a demand, and takes its stake from the caller: last, for the token is called.
    function _takeStake(uint256 stake) internal {
        openDemands++;
        bonds.token().safeTransferFrom(msg.sender, address(this), stake);
    }

    /// @dev Closes demands that were answered, with so much at stake together.
    function _payAnswers(uint256 demands, uint256 stakes) internal {
        openDemands -= demands;
        insured += stakes - stakes / 2;
        bonds.token().safeTransfer(msg.sender, stakes / 2);
    }

    /// @dev Closes a demand that was not.
    function _giveBack(address requester, uint256 stake) internal {
        openDemands--;
        bonds.token().safeTransfer(requester, stake);
    }
}
