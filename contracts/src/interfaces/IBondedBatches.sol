// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BatchHeader} from "../types/BatchHeader.sol";
import {BondedBatch} from "../types/BatchOpening.sol";
import {Chunk, Progress} from "../types/Chunk.sol";
import {Withdrawal} from "../types/Withdrawal.sol";
import {IAttestations} from "./IAttestations.sol";
import {IBatchData} from "./IBatchData.sol";
import {IBonds} from "./IBonds.sol";

/// @title Bonded batches
/// @notice The chain of roots of a bonded operator. Batches have a trace, so that whoever finds one wrong step has the
/// batch and its descendants taken back. Of the header nothing is claimed: chunks and withdrawals give every field.
interface IBondedBatches {
    /// @notice A batch was committed.
    /// @param index Number of the batch
    /// @param newRoot State root after it
    /// @param batchHash Hash of its header
    /// @param header The header
    event BatchCommitted(uint64 indexed index, bytes32 newRoot, bytes32 batchHash, BatchHeader header);

    /// @notice Batches were proven wrong, or built on one that was.
    /// @param first The first of them
    /// @param last The last of them
    /// @param root State root that the next batch continues from
    event BatchesReverted(uint64 indexed first, uint64 last, bytes32 root);

    /// @notice Another account commits batches; zero: nobody does.
    event OperatorChanged(address indexed previous, address indexed current);

    /// @notice An account may take over when there is no bonded operator, or may no longer.
    event StandbyChanged(address indexed standby, bool ready);

    /// @notice Challenges are judged by another contract.
    event ChallengesChanged(address indexed challenges);

    /// @notice Operators' keys are attested by another contract; zero: they need not be.
    event AttestationsChanged(IAttestations indexed attestations);

    /// @notice The caller is not the operator.
    error NotOperator(address caller);

    /// @notice The operator has too little at stake.
    error OperatorNotBonded(address operator);

    /// @notice The operator's key is not attested.
    error OperatorNotAttested(address operator);

    /// @notice The caller is no standby.
    error NotStandby(address caller);

    /// @notice There is an operator, whose bond is whole.
    error OperatorPresent(address operator);

    /// @notice The caller is not the contract that judges challenges.
    error NotChallenges(address caller);

    /// @notice The batch was made to continue another root than the last.
    error PreviousRootWrong(bytes32 root, bytes32 expected);

    /// @notice The inbox chain behind the batch is not that of this inbox.
    error InboxHashWrong(bytes32 inboxHash, bytes32 expected);

    /// @notice The last command's time lies too far ahead of the block's; ns.
    error TimeAhead(uint64 lastTime, uint256 latest);

    /// @notice No such batch.
    error BatchUnknown(uint64 index);

    /// @notice The batch is final.
    error BatchFinal(uint64 index);

    /// @notice A released bond would be free before the items that came until then are overdue, and the batches final.
    error BondDelayTooShort(uint64 delay, uint64 minimum);

    /// @notice Commits the next batch; the operator only.
    /// @param previousRoot The state root that it continues
    /// @param chunks Its data: posted before, or in blobs of this transaction, in order
    /// @param listed Its withdrawals, in the order of their numbers
    function commitBatch(bytes32 previousRoot, Chunk[] calldata chunks, Withdrawal[] calldata listed) external;

    /// @notice Takes back a batch that is not final, and its descendants; the contract that judges challenges only. Who
    /// committed it loses bond and office.
    /// @param index Number of the batch
    /// @param start Where the journal stood before it
    function revertBatches(uint64 index, Progress calldata start) external;

    /// @notice Makes the caller the operator: a bonded standby, when there is none, or when his bond is not whole.
    function takeOver() external;

    /// @notice Names another operator; scheduled.
    function setOperator(address operator_) external;

    /// @notice Lets an account take over when there is no bonded operator, or no longer; scheduled.
    function setStandby(address standby, bool ready) external;

    /// @notice Names another contract that judges challenges; scheduled.
    function setChallenges(address challenges_) external;

    /// @notice Names another contract that attests keys, or none; scheduled.
    function setAttestations(IAttestations attestations_) external;

    /// @notice Whether a batch exists and its challenge window has passed.
    function isFinal(uint64 index) external view returns (bool);

    /// @notice Where the journal stands behind the last batch.
    function tip() external view returns (Progress memory);

    /// @notice How many batches are committed.
    function batches() external view returns (uint64);

    /// @notice How many withdrawals they have.
    function withdrawals() external view returns (uint48);

    /// @notice What is kept of a batch.
    function batchAt(uint64 index) external view returns (BondedBatch memory);

    /// @notice Who commits batches; zero: nobody, since the last one was proven wrong.
    function operator() external view returns (address);

    /// @notice Whether an account may take over when there is no bonded operator.
    function isStandby(address account) external view returns (bool);

    /// @notice Who judges challenges.
    function challenges() external view returns (address);

    /// @notice Who attests keys; zero: they need not be attested.
    function attestations() external view returns (IAttestations);

    /// @notice Where chunks are posted.
    function batchData() external view returns (IBatchData);

    /// @notice Where operators' bonds are.
    function bonds() external view returns (IBonds);

    /// @notice State root of the empty venue.
    function genesisRoot() external view returns (bytes32);

    /// @notice Seconds from commit to finality.
    function challengeWindow() external view returns (uint64);

    /// @notice How many seconds a batch's last command may lie ahead of the block's timestamp.
    function maxTimeLead() external view returns (uint64);
}
