// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPayouts} from "../interfaces/IPayouts.sol";
import {IQuorum} from "../interfaces/IQuorum.sol";
import {Withdrawal} from "../types/Withdrawal.sol";
import {BondedBatches} from "./BondedBatches.sol";
import {Withdrawals} from "./Withdrawals.sol";

/// @title Payouts besides final withdrawals
/// @notice See {IPayouts}.
abstract contract Payouts is IPayouts, BondedBatches {
    /// @dev What was paid early of an asset since a time, engine units.
    struct Early {
        uint64 since;
        uint64 paid;
    }

    /// @inheritdoc IPayouts
    address public immutable exits;

    /// @inheritdoc IPayouts
    IQuorum public quorum;
    /// @inheritdoc IPayouts
    mapping(uint16 asset => uint64) public earlyCap;
    /// @inheritdoc IPayouts
    mapping(uint64 number => bytes32) public paidEarly;

    mapping(uint16 asset => Early) private _early;

    constructor(address exits_) {
        exits = exits_;
    }

    /// @inheritdoc IPayouts
    function claimEarly(
        uint64 batchIndex,
        Withdrawal calldata withdrawal,
        uint64 leafIndex,
        uint64 leafCount,
        bytes32[] calldata siblings
    ) external nonReentrant whenLive {
        IQuorum signers = quorum;
        require(
            address(signers) != address(0) && signers.isVouchedFor(batchAt(batchIndex).batchHash),
            BatchNotVouchedFor(batchIndex)
        );
        bytes32 leaf = withdrawal.leaf();
        require(
            !isClaimed(withdrawal.number) && paidEarly[withdrawal.number] == 0,
            WithdrawalAlreadyClaimed(withdrawal.number)
        );
        _requireListed(batchIndex, leaf, leafIndex, leafCount, siblings);

        paidEarly[withdrawal.number] = leaf;
        _useEarlyCap(withdrawal.asset, withdrawal.amount);
        uint256 paid = _pay(withdrawal.asset, withdrawal.amount, withdrawal.recipient);
        emit WithdrawalPaidEarly(withdrawal.number, withdrawal.asset, withdrawal.recipient, paid);
    }

    /// @inheritdoc Withdrawals
    /// @dev A batch that was vouched for and reverted may be followed by one in which the number is another withdrawal's,
    /// whose recipient was not paid.
    function claimWithdrawal(
        uint64 batchIndex,
        Withdrawal calldata withdrawal,
        uint64 leafIndex,
        uint64 leafCount,
        bytes32[] calldata siblings
    ) public override {
        require(paidEarly[withdrawal.number] != withdrawal.leaf(), WithdrawalAlreadyClaimed(withdrawal.number));
        super.claimWithdrawal(batchIndex, withdrawal, leafIndex, leafCount, siblings);
    }

    /// @inheritdoc IPayouts
    function payExit(uint16 asset, uint64 amount, address recipient) external nonReentrant {
        require(msg.sender == exits && frozen, NotExits(msg.sender));
        uint256 paid = _pay(asset, amount, recipient);
        emit ExitPaid(asset, recipient, paid);
    }

    /// @inheritdoc IPayouts
    function setQuorum(IQuorum quorum_) external onlyScheduled {
        quorum = quorum_;
        emit QuorumChanged(quorum_);
    }

    /// @inheritdoc IPayouts
    function setEarlyCap(uint16 asset, uint64 cap) external onlyScheduled {
        _requireAsset(asset);
        earlyCap[asset] = cap;
        emit EarlyCapChanged(asset, cap);
    }

    /// @dev What was paid counts for one challenge window at least: until its batch is final.
    function _useEarlyCap(uint16 asset, uint64 amount) private {
        Early memory early = _early[asset];
        if (block.timestamp >= uint256(early.since) + challengeWindow) {
            early = Early(uint64(block.timestamp), 0);
        }
        uint64 cap = earlyCap[asset];
        require(amount <= cap && early.paid <= cap - amount, EarlyCapExceeded(asset, amount, early.paid, cap));
        early.paid += amount;
        _early[asset] = early;
    }
}
