// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IBatchData} from "../interfaces/IBatchData.sol";
import {IBonds} from "../interfaces/IBonds.sol";

/// @notice What a bonded settlement contract is built with. All of it but the three roles is for good.
/// @param owner Adds assets, sets caps, releases the brake; schedules what takes time
/// @param guardian Holds the brake
/// @param operator Commits batches
/// @param genesisRoot State root of the empty venue, a constant of the protocol
/// @param challengeWindow Seconds from commit to finality
/// @param maxTimeLead Seconds that a batch's last command may lie ahead of the block's timestamp
/// @param maxTimeLag Seconds that the last batch's time may stay behind the chain's; no less than `serveDeadline`
/// @param serveDeadline Seconds that the operator has to serve an inbox item
/// @param upgradeDelay Seconds from the announcement of a change to its effect; longer than a user needs to leave
/// @param batchData Where chunks are posted
/// @param bonds Where operators' bonds are
/// @param exits Where users leave once the venue is frozen
struct BondedConfig {
    address owner;
    address guardian;
    address operator;
    bytes32 genesisRoot;
    uint64 challengeWindow;
    uint64 maxTimeLead;
    uint64 maxTimeLag;
    uint64 serveDeadline;
    uint64 upgradeDelay;
    IBatchData batchData;
    IBonds bonds;
    address exits;
}
