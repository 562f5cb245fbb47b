// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IBatchData} from "./interfaces/IBatchData.sol";
import {BinaryMerkle} from "./libraries/BinaryMerkle.sol";
import {BlobData} from "./libraries/BlobData.sol";
import {ChunkReader} from "./libraries/ChunkReader.sol";
import {BatchHeader} from "./types/BatchHeader.sol";
import {batchDataHash} from "./types/BatchOpening.sol";
import {Chunk, Progress, Source} from "./types/Chunk.sol";
import {Withdrawal} from "./types/Withdrawal.sol";

/// @title Batch data
/// @notice See {IBatchData}.
contract BatchData is IBatchData {
    /// @inheritdoc IBatchData
    uint16 public constant protocolVersion = 1;
    /// @inheritdoc IBatchData
    uint16 public constant verifierVersion = 1;

    /// @dev Most chunks of a batch: an opening of it, which every dispute begins with, has a few hundred bytes for each.
    uint256 private constant _MAX_CHUNKS = 24;

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
    function follow(
        Progress calldata start,
        uint64 index,
        Chunk[] calldata chunks,
        uint64 firstWithdrawal,
        Withdrawal[] calldata listed
    ) external view returns (BatchHeader memory header, Progress memory end) {
        (end, header.traceRoot) = _followChunks(start, chunks);
        require(end.sequence > start.sequence && end.command == 0, BatchIncomplete());
        require(end.lastTime >= start.lastTime, TimeBackwards(end.lastTime, start.lastTime));
        header.index = index;
        header.previousRoot = start.root;
        header.newRoot = end.root;
        header.protocolVersion = protocolVersion;
        header.verifierVersion = verifierVersion;
        header.firstSequence = start.sequence + 1;
        header.lastSequence = end.sequence;
        header.previousChainHash = start.chainHash;
        header.chainHash = end.chainHash;
        header.inboxCursor = end.inboxCursor;
        header.inboxHash = end.inboxHash;
        header.withdrawalRoot = _listRoot(firstWithdrawal, listed);
        header.dataHash = batchDataHash(start, chunks, firstWithdrawal, uint64(listed.length));
        header.lastTime = end.lastTime;
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

    /// @dev Where the journal stands behind chunks, and the root over their trace roots.
    function _followChunks(Progress calldata start, Chunk[] calldata chunks)
        private
        view
        returns (Progress memory end, bytes32 traceRoot)
    {
        require(chunks.length <= _MAX_CHUNKS, TooManyChunks(chunks.length));
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
    }

    /// @dev The root over withdrawals, which are numbered on from the last batch's.
    function _listRoot(uint64 number, Withdrawal[] calldata listed) private pure returns (bytes32) {
        bytes32[] memory leaves = new bytes32[](listed.length);
        for (uint256 i = 0; i < listed.length; i++) {
            require(listed[i].number == number, WithdrawalNumberWrong(listed[i].number, number));
            leaves[i] = listed[i].leaf();
            number++;
        }
        return BinaryMerkle.root(leaves, listed.length);
    }
}
