// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Where reading of the journal stands: before a chunk, or behind it.
/// @param root State root after the last step
/// @param chainHash Command chain after the last command
/// @param command Hash of a command whose steps go on in the next chunk; zero between commands
/// @param inboxHash Inbox chain after the items consumed
/// @param sequence Sequence of the last command
/// @param inboxCursor Inbox items consumed
/// @param lastTime Time of the last command, venue clock, ns
/// @param step Steps of the batch so far
struct Progress {
    bytes32 root;
    bytes32 chainHash;
    bytes32 command;
    bytes32 inboxHash;
    uint64 sequence;
    uint64 inboxCursor;
    uint64 lastTime;
    uint32 step;
}

/// @notice What is posted of a step.
/// @param kind What it does
/// @param last Whether it is the last of its command
/// @param subject What it does it to, where that does not follow from the command and the state; else zero
/// @param root State root after it
struct Step {
    uint8 kind;
    bool last;
    bytes32 subject;
    bytes32 root;
}

/// @notice Where the bytes of a chunk are.
enum Source {
    Calldata,
    Blob
}

/// @notice One chunk of a batch's data.
/// @param source Where its bytes are
/// @param content Keccak-256 of its bytes, or the versioned hash of its blob
/// @param traceRoot Merkle root over the trace leaves of its steps
/// @param end Where reading stands behind it
struct Chunk {
    Source source;
    bytes32 content;
    bytes32 traceRoot;
    Progress end;
}
