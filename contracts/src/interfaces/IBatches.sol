// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BatchHeader, BatchRecord, Tip} from "../types/BatchHeader.sol";

/// @title Batches
/// @notice The operator's commitments to the journal: one unbroken chain of roots from the genesis root. A batch is
/// final once the challenge window has passed over it.
interface IBatches {
    /// @notice A batch was committed.
    /// @param index Number of the batch
    /// @param newRoot State root after it
    /// @param batchHash Hash of its header
    /// @param header The header
    event BatchCommitted(uint64 indexed index, bytes32 newRoot, bytes32 batchHash, BatchHeader header);

    /// @notice Another account commits batches.
    event OperatorChanged(address indexed previous, address indexed current);

    /// @notice The caller is not the operator.
    error NotOperator(address caller);

    /// @notice The header's index is not the next one.
    error BatchIndexWrong(uint64 index, uint64 expected);

    /// @notice The header does not continue from the last root.
    error PreviousRootWrong(bytes32 root, bytes32 expected);

    /// @notice The header does not continue from the last command chain.
    error PreviousChainHashWrong(bytes32 chainHash, bytes32 expected);

    /// @notice The header does not continue from the last sequence, or holds no command.
    error SequenceRangeWrong(uint64 firstSequence, uint64 lastSequence, uint64 expectedFirst);

    /// @notice The batch was made under another version.
    error VersionUnsupported(uint16 protocolVersion, uint16 verifierVersion);

    /// @notice The inbox cursor lies before that of the last batch.
    error InboxCursorBackwards(uint64 cursor, uint64 previous);

    /// @notice The inbox hash is not that of the inbox at the cursor.
    error InboxHashWrong(bytes32 inboxHash, bytes32 expected);

    /// @notice The data do not hash to the header's data hash.
    error DataHashWrong(bytes32 dataHash, bytes32 expected);

    /// @notice The last command's time lies before that of the last batch; ns.
    error TimeBackwards(uint64 lastTime, uint64 previous);

    /// @notice The last command's time lies too far ahead of the block's; ns.
    error TimeAhead(uint64 lastTime, uint256 latest);

    /// @notice No such batch.
    error BatchUnknown(uint64 index);

    /// @notice Commits the next batch; the operator only.
    /// @param header The commitment
    /// @param data The batch data: `u16 length ‖ record` for every command from `firstSequence` to `lastSequence`
    function commitBatch(BatchHeader calldata header, bytes calldata data) external;

    /// @notice Names another operator; the owner only.
    function setOperator(address operator_) external;

    /// @notice Whether a batch exists and its challenge window has passed.
    function isFinal(uint64 index) external view returns (bool);

    /// @notice Where the next batch must continue.
    function tip() external view returns (Tip memory);

    /// @notice What is kept of a batch.
    function batchAt(uint64 index) external view returns (BatchRecord memory);

    /// @notice Who commits batches.
    function operator() external view returns (address);

    /// @notice State root of the empty venue.
    function genesisRoot() external view returns (bytes32);

    /// @notice Seconds from commit to finality.
    function challengeWindow() external view returns (uint64);

    /// @notice How many seconds a batch's last command may lie ahead of the block's timestamp.
    function maxTimeLead() external view returns (uint64);

    /// @notice Version of commands, events and state leaves that batches are made under.
    function protocolVersion() external pure returns (uint16);

    /// @notice Version of the step rules that batches are made under; 0 has none, replay is the check.
    function verifierVersion() external pure returns (uint16);
}
