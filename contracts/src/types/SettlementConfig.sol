// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What a settlement contract is built with.
/// @param owner Adds assets, sets caps, names operator and guardian, releases the brake
/// @param guardian Holds the brake
/// @param operator Commits batches
/// @param genesisRoot State root of the empty venue, a constant of the protocol
/// @param challengeWindow Seconds from commit to finality
/// @param maxTimeLead Seconds that a batch's last command may lie ahead of the block's timestamp
struct SettlementConfig {
    address owner;
    address guardian;
    address operator;
    bytes32 genesisRoot;
    uint64 challengeWindow;
    uint64 maxTimeLead;
}
