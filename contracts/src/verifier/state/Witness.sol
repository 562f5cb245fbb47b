// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice The witness does not show something that the step reads.
/// @param what The key that is searched, or the hash of what is missing
error WitnessMissing(bytes32 what);

/// @notice The witness is not one, or not one of this state.
error WitnessMalformed();
