// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ExitClaim, IExitValuer} from "src/interfaces/IExitValuer.sol";

/// @notice Values as the witness says.
contract ScriptedValuer is IExitValuer {
    function pools(bytes32, bytes calldata witness)
        external
        pure
        returns (uint64[] memory amounts, uint64[] memory prices)
    {
        return abi.decode(witness, (uint64[], uint64[]));
    }

    function claimOf(bytes32, uint64, bytes calldata witness) external pure returns (ExitClaim memory) {
        return abi.decode(witness, (ExitClaim));
    }
}
