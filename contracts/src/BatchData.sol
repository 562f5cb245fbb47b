// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IBatchData} from "./interfaces/IBatchData.sol";
import {BinaryMerkle} from "./libraries/BinaryMerkle.sol";
import {BlobData} from "./libraries/BlobData.sol";
import {ChunkReader} from "./libraries/ChunkReader.sol";
import {batchDataHash} from "./types/BatchOpening.sol";
import {Chunk, Progress, Source} from "./types/Chunk.sol";

/// @title Batch data
/// @notice See {IBatchData}.
contract BatchData is IBatchData {
    /// @dev Chunks that were posted, by the hash of what they stand behind and of what they say.
    mapping(bytes32 id => bool) private _posted;

    /// @inheritdoc IBatchData
    function post(Progress calldata start, bytes calldata data) external returns (Chunk memory chunk) {
        require(data.length <= BlobData.MAX_BYTES, ChunkTooLong(data.length));
        bool wellFormed;
        chunk.source = Source.Calldata;
        chunk.content = keccak256(data);
        (wellFormed, chunk.traceRoot, chunk.end) = read(start, data);
        require(wellFormed, ChunkMalformed());
        bytes32 id = keccak256(abi.encode(start, chunk));
        _posted[id] = true;
        emit ChunkPosted(id, chunk);
    }

    /// @inheritdoc IBatchData
    function follow(Progress calldata start, Chunk[] calldata chunks, uint64 firstWithdrawal, uint64 withdrawals)
        external
        view
        returns (Progress memory end, bytes32 traceRoot, bytes32 dataHash)
    {
        bytes32[] memory roots = new bytes32[](chunks.length);
        uint256 blobs = 0;
        end = start;
        for (uint256 i = 0; i < chunks.length; i++) {
            Chunk calldata chunk = chunks[i];
            if (chunk.source == Source.Calldata) {
                require(_posted[keccak256(abi.encode(end, chunk))], ChunkNotPosted(i));
            } else {
                bytes32 versionedHash = blobhash(blobs++);
                require(versionedHash != 0 && versionedHash == chunk.content, BlobMissing(i, versionedHash));
            }
            roots[i] = chunk.traceRoot;
            end = chunk.end;
        }
        traceRoot = BinaryMerkle.root(roots, chunks.length);
        dataHash = batchDataHash(start, chunks, firstWithdrawal, withdrawals);
    }

    /// @inheritdoc IBatchData
    function isPosted(Progress calldata start, Chunk calldata chunk) external view returns (bool) {
        return _posted[keccak256(abi.encode(start, chunk))];
    }

    /// @inheritdoc IBatchData
    function read(Progress calldata start, bytes calldata data)
        public
        pure
        returns (bool wellFormed, bytes32 traceRoot, Progress memory end)
    {
        end = start;
        (wellFormed, traceRoot) = ChunkReader.read(data, end);
    }
}
