// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What is asked of a quorum of verifiers
interface IQuorum {
    /// @notice Whether enough verifiers signed that a batch is right.
    /// @param batchHash Hash of its header
    function isVouchedFor(bytes32 batchHash) external view returns (bool);
}
