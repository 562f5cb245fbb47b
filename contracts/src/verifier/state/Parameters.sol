// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Parameter} from "src/verifier/Types.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {WitnessMalformed} from "src/verifier/state/Witness.sol";

/// @title The parameter table
/// @notice `count u16 ‖ (parameter u8 ‖ value i64)*`, every parameter in order; its hash is a leaf of the globals tree.
library Parameters {
    /// @notice How many there are.
    uint256 internal constant COUNT = uint256(type(Parameter).max) + 1;
    /// @notice Bytes of the table.
    uint256 internal constant TABLE_BYTES = 2 + 9 * COUNT;

    /// @notice The value of one parameter.
    function value(Ledger memory ledger, Parameter parameter) internal pure returns (int256) {
        return valueIn(table(ledger), parameter);
    }

    /// @notice The same of a parameter that is a span of time or a count.
    function unsigned(Ledger memory ledger, Parameter parameter) internal pure returns (uint256) {
        return uint256(value(ledger, parameter));
    }

    /// @notice The table's bytes.
    function table(Ledger memory ledger) internal pure returns (bytes memory data) {
        data = ledger.parameters;
        if (data.length == 0) {
            data = Ledgers.preimage(ledger, Globals.hash(ledger, Globals.PARAMETERS));
            require(data.length == TABLE_BYTES, WitnessMalformed());
            ledger.parameters = data;
        }
    }

    /// @notice The table with another value of one parameter.
    function tableWith(Ledger memory ledger, Parameter parameter, int256 changed)
        internal
        pure
        returns (bytes memory data)
    {
        data = bytes.concat(table(ledger));
        bytes memory encoded = abi.encodePacked(int64(changed));
        uint256 at = 3 + 9 * uint256(parameter);
        for (uint256 i = 0; i < encoded.length; ++i) {
            data[at + i] = encoded[i];
        }
    }

    /// @notice The value of one parameter in a table.
    function valueIn(bytes memory data, Parameter parameter) internal pure returns (int256 signed) {
        assembly ("memory-safe") {
            // Behind the length word and the count, nine bytes for each, of which the first names it.
            signed := signextend(7, shr(192, mload(add(add(data, 0x23), mul(9, parameter)))))
        }
    }
}
