// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What was to happen to an account and did not.
enum Omission {
    None,
    Call,
    Liquidation
}

/// @notice The place in a trace at which everybody has been looked at.
/// @param root State root behind the step of that place
/// @param command Kind of its command
/// @param kindBefore Kind of the step before it, in the same command or not; zero of the first of a batch
/// @param kind Its kind
/// @param last Whether it is the last of its command
/// @param kindAfter Kind of the step behind it; not read of the last
struct LookedAt {
    bytes32 root;
    uint8 command;
    uint8 kindBefore;
    uint8 kind;
    bool last;
    uint8 kindAfter;
}

/// @title The judge of what was left out
interface IOmissionProof {
    /// @notice At this place of the trace not everybody needs to have been looked at.
    error NothingDueHere();

    /// @notice What was omitted of an account.
    /// @dev Who calls has proven the place: that its trace leaves stand side by side and belong to the batch.
    /// @param place Where in the trace
    /// @param subaccount The account
    /// @param witness What its margin is made of, as for a step that margins it
    function judge(LookedAt calldata place, uint64 subaccount, bytes calldata witness) external view returns (Omission);
}
