// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {SelfTrade, Side} from "src/verifier/Types.sol";
import {Layouts} from "src/verifier/state/Layouts.sol";

/// @notice The order that is being matched; present only between the steps of a command.
/// @param order Its id
/// @param subaccount Whose it is
/// @param instrument Its instrument
/// @param side Its side
/// @param limit Limit price, ticks
/// @param lots Lots left
/// @param filled Lots filled
/// @param maxFee Signed fee bound, micro-USDC per contract
/// @param validUntil When it ends, ns; 0: when it is cancelled
/// @param rests Whether what is left of it rests
/// @param reduceOnly May only shrink the position
/// @param selfTrade Self-trade prevention
/// @param liquidation The liquidation that it is a slice of; 0: an order
/// @param cash Price times size of its fills so far, micro-USDC
struct TakerLeaf {
    uint256 order;
    uint256 subaccount;
    uint256 instrument;
    Side side;
    int256 limit;
    int256 lots;
    int256 filled;
    int256 maxFee;
    uint256 validUntil;
    bool rests;
    bool reduceOnly;
    SelfTrade selfTrade;
    uint256 liquidation;
    int256 cash;
}

/// @title Codec of the taker register
library TakerLeaves {
    bytes32 private constant LAYOUT = hex"0808048248484848088282830848";
    uint256 private constant BYTES = 80;

    function decode(bytes memory value) internal pure returns (TakerLeaf memory leaf) {
        Layouts.readAll(value, _words(leaf), LAYOUT);
    }

    function encode(TakerLeaf memory leaf) internal pure returns (bytes memory) {
        return Layouts.writeAll(_words(leaf), LAYOUT, BYTES);
    }

    function _words(TakerLeaf memory leaf) private pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := leaf
        }
    }
}
