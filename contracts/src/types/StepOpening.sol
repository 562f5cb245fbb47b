// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Step} from "./Chunk.sol";

/// @notice A leaf of the trace and its path.
/// @param command Hash of the command that the step belongs to
/// @param step The step
/// @param siblings Inclusion proof in the trace of its chunk, from the leaf up
struct TraceLeaf {
    bytes32 command;
    Step step;
    bytes32[] siblings;
}

/// @notice A step of a batch, with the one before it.
/// @param chunk Which chunk it is in, from 0
/// @param position Which step of the chunk it is, from 0
/// @param leaf The step
/// @param previous The step before it; of no account when the position is 0
struct StepOpening {
    uint64 chunk;
    uint64 position;
    TraceLeaf leaf;
    TraceLeaf previous;
}

/// @notice That an account was not called, or not liquidated, at a step by which it had to be.
/// @param previous The step before it, where it is the first of a chunk, but not of the batch; else of no account
/// @param next The step behind it, unless it is the last of its command; else of no account
/// @param subaccount The account
/// @param witness What its margin is made of in the state behind the step
struct OmissionEvidence {
    TraceLeaf previous;
    TraceLeaf next;
    uint64 subaccount;
    bytes witness;
}
