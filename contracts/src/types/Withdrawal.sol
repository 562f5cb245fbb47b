// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BinaryMerkle} from "../libraries/BinaryMerkle.sol";

using {leaf} for Withdrawal global;

/// @notice Assets that left the venue's books and may be claimed on chain.
/// @param number Venue-wide number of the withdrawal, from 0
/// @param asset Asset id
/// @param amount Amount in engine units
/// @param recipient Who is paid
struct Withdrawal {
    uint64 number;
    uint16 asset;
    uint64 amount;
    address recipient;
}

/// @notice The withdrawal's leaf in its batch's withdrawal tree.
function leaf(Withdrawal calldata withdrawal) pure returns (bytes32) {
    return
        BinaryMerkle.leaf(
            abi.encodePacked(withdrawal.number, withdrawal.asset, withdrawal.amount, withdrawal.recipient)
        );
}
