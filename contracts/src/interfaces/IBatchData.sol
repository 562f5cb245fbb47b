// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Chunk, Progress} from "../types/Chunk.sol";

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

    /// @notice Posts a chunk.
    /// @param start Where reading stands before it
    /// @param data Commands and their steps, in the layout of docs/protocol/batches.md
    /// @return chunk What follows from its bytes
    function post(Progress calldata start, bytes calldata data) external returns (Chunk memory chunk);

    /// @notice Follows the chunks of a batch: posted ones, and those of the transaction's blobs, in their order. A posted
    /// one was read by the chain; what is said of one in a blob is a claim until somebody submits the blob.
    /// @param start Where the journal stands before the batch
    /// @param chunks Its data
    /// @param firstWithdrawal Number of its first withdrawal
    /// @param withdrawals How many it has
    /// @return end Where the journal stands behind it
    /// @return traceRoot Merkle root over the trace roots of the chunks
    /// @return dataHash The header's data hash
    function follow(Progress calldata start, Chunk[] calldata chunks, uint64 firstWithdrawal, uint64 withdrawals)
        external
        view
        returns (Progress memory end, bytes32 traceRoot, bytes32 dataHash);

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
}
