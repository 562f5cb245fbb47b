// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Signatures of several
library Signatures {
    /// @notice A signature is none, or is not in the ascending order of the signers.
    error SignatureOutOfOrder(uint256 index);

    /// @notice Who signed, each once.
    /// @param digest What was signed
    /// @param signatures In the ascending order of the signers
    function signers(bytes32 digest, bytes[] calldata signatures) internal pure returns (address[] memory found) {
        found = new address[](signatures.length);
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; i++) {
            (address signer,,) = ECDSA.tryRecoverCalldata(digest, signatures[i]);
            require(signer > previous, SignatureOutOfOrder(i));
            found[i] = signer;
            previous = signer;
        }
    }
}
