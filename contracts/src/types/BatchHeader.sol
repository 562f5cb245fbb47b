// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

using {hash} for BatchHeader global;

/// @notice What the operator commits to about one contiguous range of the journal.
/// @param index Number of the batch, from 0
/// @param previousRoot State root before the batch: the genesis root, or the parent's `newRoot`
/// @param newRoot State root after the batch
/// @param protocolVersion Version of commands, events and state leaves
/// @param verifierVersion Version of the step rules the batch may be disputed under
/// @param firstSequence Sequence of the first command; the journal starts at 1
/// @param lastSequence Sequence of the last command
/// @param previousChainHash Command chain before the batch, zero for an empty journal
/// @param chainHash Command chain after `lastSequence`
/// @param inboxCursor How many inbox items the journal has consumed after the batch
/// @param inboxHash Running hash of the inbox after `inboxCursor` items
/// @param traceRoot Merkle root over the trace roots of the batch's chunks
/// @param withdrawalRoot Merkle root of the withdrawals of the batch, zero when it has none
/// @param dataHash Keccak-256 of where reading starts, of the chunks, and of the numbers of the withdrawals; see `batchDataHash`
/// @param lastTime Time of the last command, venue clock, ns
struct BatchHeader {
    uint64 index;
    bytes32 previousRoot;
    bytes32 newRoot;
    uint16 protocolVersion;
    uint16 verifierVersion;
    uint64 firstSequence;
    uint64 lastSequence;
    bytes32 previousChainHash;
    bytes32 chainHash;
    uint64 inboxCursor;
    bytes32 inboxHash;
    bytes32 traceRoot;
    bytes32 withdrawalRoot;
    bytes32 dataHash;
    uint64 lastTime;
}

/// @notice The batch hash: Keccak-256 of the ABI encoding of the header, 15 words in the order of the fields.
function hash(BatchHeader calldata header) pure returns (bytes32) {
    return keccak256(abi.encode(header));
}
