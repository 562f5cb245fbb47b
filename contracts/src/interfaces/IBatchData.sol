// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BatchHeader} from "../types/BatchHeader.sol";
import {Chunk, Progress} from "../types/Chunk.sol";
import {Withdrawal} from "../types/Withdrawal.sol";

/// @title Batch data
/// @notice Reads chunks of batch data as they are posted. What a posted chunk says is not claimed but computed: the
/// price of calldata covers it. Anybody may post; a batch names the chunks that it consists of.
interface IBatchData {
    /// @notice A chunk was posted; its bytes are the calldata of this transaction.
    /// @param id What {isPosted} knows it by
    /// @param chunk What follows from its bytes
    event ChunkPosted(bytes32 indexed id, Chunk chunk);

    /// @notice The bytes are no chunk that may stand there.
    error ChunkMalformed();

    /// @notice The chunk is larger than one may be.
    error ChunkTooLong(uint256 length);

    /// @notice A chunk was not posted to stand where it does.
    error ChunkNotPosted(uint256 chunk);

    /// @notice A chunk's blob is not the transaction's next one.
    error BlobMissing(uint256 chunk, bytes32 versionedHash);

    /// @notice The batch has more chunks than whoever disputes it could show in one transaction.
    error TooManyChunks(uint256 chunks);

    /// @notice A batch has at least one chunk, and ends with a whole command.
    error BatchIncomplete();

    /// @notice Withdrawals are numbered one after the other.
    error WithdrawalNumberWrong(uint64 number, uint64 expected);

    /// @notice The last command's time lies before that of the last batch; ns.
    error TimeBackwards(uint64 lastTime, uint64 previous);

    /// @notice Posts a chunk.
    /// @param start Where reading stands before it
    /// @param data Commands and their steps, in the layout of docs/protocol/batches.md
    /// @return chunk What follows from its bytes
    function post(Progress calldata start, bytes calldata data) external returns (Chunk memory chunk);

    /// @notice Follows the chunks of a batch: posted ones, and those of the transaction's blobs, in their order. A posted
    /// one was read by the chain; what is said of one in a blob is a claim until somebody submits the blob. From them and the
    /// withdrawals follows the whole header.
    /// @param start Where the journal stands before the batch
    /// @param index Number of the batch
    /// @param chunks Its data
    /// @param firstWithdrawal Number of its first withdrawal
    /// @param listed Its withdrawals, in the order of their numbers
    /// @return header The header
    /// @return end Where the journal stands behind it
    function follow(
        Progress calldata start,
        uint64 index,
        Chunk[] calldata chunks,
        uint64 firstWithdrawal,
        Withdrawal[] calldata listed
    ) external view returns (BatchHeader memory header, Progress memory end);

    /// @notice Reads a chunk without posting it.
    /// @return wellFormed Whether the bytes are a chunk that may stand there; if not, nothing else counts
    /// @return traceRoot Merkle root over the trace leaves of its steps
    /// @return end Where reading stands behind it
    function read(Progress calldata start, bytes calldata data)
        external
        pure
        returns (bool wellFormed, bytes32 traceRoot, Progress memory end);

    /// @notice Whether a chunk was posted, to stand behind `start`.
    function isPosted(Progress calldata start, Chunk calldata chunk) external view returns (bool);

    /// @notice Version of commands, events and state leaves that batches are made under.
    function protocolVersion() external pure returns (uint16);

    /// @notice Version of the step rules that batches are made under.
    function verifierVersion() external pure returns (uint16);
}
