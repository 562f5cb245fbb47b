// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IAdvances} from "../interfaces/IAdvances.sol";
import {IBondedSettlement} from "../interfaces/IBondedSettlement.sol";
import {IQuorum} from "../interfaces/IQuorum.sol";
import {BinaryMerkle} from "../libraries/BinaryMerkle.sol";
import {EngineUnits} from "../libraries/EngineUnits.sol";
import {Asset} from "../types/Asset.sol";
import {BondedBatch} from "../types/BatchOpening.sol";
import {Withdrawal} from "../types/Withdrawal.sol";

/// @title Advances
/// @notice See {IAdvances}.
contract Advances is IAdvances, Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev What was paid of an asset since a time, engine units.
    struct Early {
        uint64 since;
        uint64 paid;
    }

    /// @inheritdoc IAdvances
    IBondedSettlement public immutable settlement;
    /// @inheritdoc IAdvances
    IQuorum public immutable quorum;
    /// @notice Seconds from commit to finality.
    uint64 public immutable window;

    /// @inheritdoc IAdvances
    mapping(uint16 asset => uint64) public earlyCap;

    mapping(uint16 asset => Early) private _early;

    /// @param settlement_ The venue
    /// @param quorum_ Whose word is taken
    /// @param owner_ Whose reserve it is
    constructor(IBondedSettlement settlement_, IQuorum quorum_, address owner_) Ownable(owner_) {
        settlement = settlement_;
        quorum = quorum_;
        window = settlement_.challengeWindow();
    }

    /// @inheritdoc IAdvances
    function claimEarly(
        uint64 batchIndex,
        Withdrawal calldata withdrawal,
        uint64 leafIndex,
        uint64 leafCount,
        bytes32[] calldata siblings
    ) external nonReentrant {
        BondedBatch memory batch = settlement.batchAt(batchIndex);
        require(quorum.isVouchedFor(batch.batchHash), BatchNotVouchedFor(batchIndex));
        bytes32 root = BinaryMerkle.fold(withdrawal.leaf(), leafIndex, leafCount, siblings);
        require(root == batch.withdrawalRoot, WithdrawalNotListed(root, batch.withdrawalRoot));

        _useCap(withdrawal.asset, withdrawal.amount);
        Asset memory held = settlement.assetAt(withdrawal.asset);
        uint256 amount = EngineUnits.toToken(withdrawal.amount, held.tokenDecimals, held.engineDecimals);
        held.token.forceApprove(address(settlement), amount);
        settlement.advance(withdrawal);
    }

    /// @inheritdoc IAdvances
    function setEarlyCap(uint16 asset, uint64 cap) external onlyOwner {
        earlyCap[asset] = cap;
        emit EarlyCapChanged(asset, cap);
    }

    /// @inheritdoc IAdvances
    function withdraw(IERC20 token, uint256 amount, address to) external onlyOwner nonReentrant {
        emit ReserveWithdrawn(token, to, amount);
        token.safeTransfer(to, amount);
    }

    /// @dev What was paid counts for one challenge window at least: until its batch is final.
    function _useCap(uint16 asset, uint64 amount) private {
        Early memory early = _early[asset];
        if (block.timestamp >= uint256(early.since) + window) early = Early(uint64(block.timestamp), 0);
        uint64 cap = earlyCap[asset];
        require(amount <= cap && early.paid <= cap - amount, EarlyCapExceeded(asset, amount, early.paid, cap));
        early.paid += amount;
        _early[asset] = early;
    }
}
