// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Ledger, Ledgers} from "src/verifier/state/Ledger.sol";

/// @title What the venue was opened with
library Venues {
    using Decoder for Cursor;

    /// Bytes of an asset in front of its symbol: its id.
    uint256 private constant ID_BYTES = 2;
    /// And behind it: token and decimals.
    uint256 private constant TOKEN_BYTES = 21;

    /// @notice Keccak of an asset's symbol, which is what is signed.
    function assetSymbol(Ledger memory ledger, uint256 asset) internal pure returns (bytes32) {
        Cursor memory cursor = Decoder.leaf(Ledgers.preimage(ledger, Globals.venue(ledger).assets));
        requireLegal(asset < cursor.u16(), "unknown_asset");
        for (uint256 id = 0; id < asset; ++id) {
            cursor.skip(ID_BYTES);
            cursor.skip(cursor.u8());
            cursor.skip(TOKEN_BYTES);
        }
        cursor.skip(ID_BYTES);
        return keccak256(cursor.take(cursor.u8()));
    }
}
