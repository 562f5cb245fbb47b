// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ledger} from "src/verifier/state/Ledger.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {ExpiryLeaf, ExpiryLeaves} from "src/verifier/state/leaves/ExpiryLeaf.sol";

/// @notice Expiries of one underlying or of all, ascending.
/// @param underlyings The underlying of each
/// @param times When each expires, ns
/// @param leaves Their leaves
struct SeriesList {
    uint256[] underlyings;
    uint256[] times;
    ExpiryLeaf[] leaves;
}

/// @title Every series there is
library AllSeries {
    using PartialTree for Tree;

    /// @dev Keys of expiries: `0x02 ‖ underlying u16 ‖ expiry u64`.
    uint256 private constant _FIRST_BYTE = 2;

    /// @notice All series of an underlying. The witness opens them all.
    function ofUnderlying(Ledger memory ledger, uint256 underlying) internal pure returns (SeriesList memory) {
        return _under(ledger, bytes32(_FIRST_BYTE << 248 | underlying << 232), 24);
    }

    /// @notice All series of the venue. The witness opens them all.
    function everywhere(Ledger memory ledger) internal pure returns (SeriesList memory) {
        return _under(ledger, bytes32(_FIRST_BYTE << 248), 8);
    }

    /// Takes leaf after leaf off a copy until the one is left that was put behind them all: so none is left out, and no search
    /// leaves what the witness opens.
    function _under(Ledger memory ledger, bytes32 prefix, uint256 bits) private pure returns (SeriesList memory list) {
        (bool found, bytes32 key) = ledger.instruments.firstKey(prefix, bits);
        if (!found) return list;
        bytes32 end = prefix | bytes32(type(uint256).max >> bits);
        Tree memory rest = _copyUpTo(ledger, end);
        uint256 count = 0;
        for (; key != end; ++count) {
            rest.remove(key);
            (, key) = rest.firstKey(prefix, bits);
        }
        list = SeriesList(new uint256[](count), new uint256[](count), new ExpiryLeaf[](count));
        rest = _copyUpTo(ledger, end);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory value;
            (, key, value) = rest.first(prefix, bits);
            list.underlyings[i] = uint16(uint256(key) >> 232);
            list.times[i] = uint64(uint256(key) >> 168);
            list.leaves[i] = ExpiryLeaves.decode(value);
            rest.remove(key);
        }
    }

    /// The instruments tree with one more leaf. Nodes whose hash is known are not changed in place, which makes it a copy.
    function _copyUpTo(Ledger memory ledger, bytes32 end) private pure returns (Tree memory rest) {
        ledger.instruments.root();
        rest = Tree(ledger.instruments.node);
        rest.set(end, "");
    }
}
