// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BatchHeader} from "./BatchHeader.sol";
import {Chunk, Progress} from "./Chunk.sol";

/// @notice A batch as it was committed: what its hash stands for.
/// @param header The header
/// @param start Where the journal stood before it
/// @param chunks Its data
/// @param firstWithdrawal Number of its first withdrawal
/// @param withdrawals How many it has
struct BatchOpening {
    BatchHeader header;
    Progress start;
    Chunk[] chunks;
    uint64 firstWithdrawal;
    uint64 withdrawals;
}

/// @notice What the chain keeps of a batch.
/// @param batchHash Hash of its header
/// @param withdrawalRoot Merkle root of its withdrawals
/// @param committedAt Timestamp of the block that committed it, seconds
/// @param firstWithdrawal Number of its first withdrawal
/// @param operator Who committed it
struct BondedBatch {
    bytes32 batchHash;
    bytes32 withdrawalRoot;
    uint48 committedAt;
    uint48 firstWithdrawal;
    address operator;
}

/// @notice The header's data hash, of verifier version 1.
/// @param start Where the journal stood before the batch
/// @param chunks Its data
/// @param firstWithdrawal Number of its first withdrawal
/// @param withdrawals How many it has
function batchDataHash(Progress memory start, Chunk[] calldata chunks, uint64 firstWithdrawal, uint64 withdrawals)
    pure
    returns (bytes32)
{
    return keccak256(abi.encode(start, chunks, firstWithdrawal, withdrawals));
}
