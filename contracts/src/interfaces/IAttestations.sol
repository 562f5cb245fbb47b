// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What is asked of a registry of attested keys
interface IAttestations {
    /// @notice Whether a key belongs to code that was attested, and the attestation has not expired.
    function isAttested(address key) external view returns (bool);
}
