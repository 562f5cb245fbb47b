// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {Layouts} from "src/verifier/state/Layouts.sol";

/// @notice Where the journal stands.
/// @param time Venue time, ns
/// @param sequence Sequence of the last command
/// @param chainHash The command chain behind it
struct ClockLeaf {
    uint256 time;
    uint256 sequence;
    bytes32 chainHash;
}

/// @notice Money that belongs to no subaccount.
/// @param fees Fees earned, micro-USDC
/// @param insurance Insurance fund, micro-USDC
/// @param fundingPool Funding paid in and not paid out yet, micro-USDC
/// @param trades Number of trades so far
struct FundsLeaf {
    int256 fees;
    int256 insurance;
    int256 fundingPool;
    uint256 trades;
}

/// @notice How far the contract's inbox has been processed.
/// @param cursor Next index
/// @param hash The inbox chain behind the last item
struct InboxLeaf {
    uint256 cursor;
    bytes32 hash;
}

/// @notice Numbers given out so far.
/// @param subaccounts Subaccounts
/// @param instruments Instruments
/// @param withdrawals Withdrawals
/// @param administration Next administration nonce
/// @param liquidations Liquidations
struct CountersLeaf {
    uint256 subaccounts;
    uint256 instruments;
    uint256 withdrawals;
    uint256 administration;
    uint256 liquidations;
}

/// @notice What came in and went out of one asset so far, engine units.
/// @param deposited Deposited
/// @param withdrawn Withdrawn
struct AssetTotals {
    int256 deposited;
    int256 withdrawn;
}

/// @notice Who governs the venue, and where its vault is.
/// @param chainId Chain id of the signing domain
/// @param settlement Settlement contract
/// @param operator Operator key
/// @param adminQuorum Administrator signatures that a command needs
/// @param oracleQuorum Oracle signatures that a mark needs
/// @param admins Hash of the list of administrators
/// @param oracles Hash of the list of oracles
/// @param assets Hash of the list of assets
/// @param underlyings Hash of the list of underlyings
struct VenueLeaf {
    uint256 chainId;
    address settlement;
    address operator;
    uint256 adminQuorum;
    uint256 oracleQuorum;
    bytes32 admins;
    bytes32 oracles;
    bytes32 assets;
    bytes32 underlyings;
}

/// @title Codec of the leaves of the globals tree, but for the taker register
library GlobalLeaves {
    using Decoder for Cursor;
    using Encoder for Writer;
    using Layouts for Cursor;
    using Layouts for Writer;

    bytes32 private constant CLOCK = hex"080820";
    bytes32 private constant FUNDS = hex"48484808";
    bytes32 private constant INBOX = hex"0820";
    bytes32 private constant COUNTERS = hex"0804080808";
    bytes32 private constant VENUE = hex"081414010120202020";
    bytes32 private constant TOTALS = hex"5050";

    function decodeClock(bytes memory value) internal pure returns (ClockLeaf memory leaf) {
        Layouts.readAll(value, _words(leaf), CLOCK);
    }

    function encode(ClockLeaf memory leaf) internal pure returns (bytes memory) {
        return Layouts.writeAll(_words(leaf), CLOCK, 48);
    }

    function decodeFunds(bytes memory value) internal pure returns (FundsLeaf memory leaf) {
        Layouts.readAll(value, _words(leaf), FUNDS);
    }

    function encode(FundsLeaf memory leaf) internal pure returns (bytes memory) {
        return Layouts.writeAll(_words(leaf), FUNDS, 32);
    }

    function decodeInbox(bytes memory value) internal pure returns (InboxLeaf memory leaf) {
        Layouts.readAll(value, _words(leaf), INBOX);
    }

    function encode(InboxLeaf memory leaf) internal pure returns (bytes memory) {
        return Layouts.writeAll(_words(leaf), INBOX, 40);
    }

    function decodeCounters(bytes memory value) internal pure returns (CountersLeaf memory leaf) {
        Layouts.readAll(value, _words(leaf), COUNTERS);
    }

    function encode(CountersLeaf memory leaf) internal pure returns (bytes memory) {
        return Layouts.writeAll(_words(leaf), COUNTERS, 36);
    }

    function decodeVenue(bytes memory value) internal pure returns (VenueLeaf memory leaf) {
        Layouts.readAll(value, _words(leaf), VENUE);
    }

    function encode(VenueLeaf memory leaf) internal pure returns (bytes memory) {
        return Layouts.writeAll(_words(leaf), VENUE, 178);
    }

    function decodeTotals(bytes memory value) internal pure returns (AssetTotals[] memory list) {
        Cursor memory cursor = Decoder.leaf(value);
        list = new AssetTotals[](cursor.u16());
        for (uint256 i = 0; i < list.length; ++i) {
            cursor.read(_words(list[i]), TOTALS);
        }
        cursor.finish();
    }

    function encode(AssetTotals[] memory list) internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(2 + 32 * list.length);
        writer.u16(list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            writer.write(_words(list[i]), TOTALS);
        }
        return writer.finish();
    }

    function _words(ClockLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }

    function _words(FundsLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }

    function _words(InboxLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }

    function _words(CountersLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }

    function _words(VenueLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }

    function _words(AssetTotals memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }
}
