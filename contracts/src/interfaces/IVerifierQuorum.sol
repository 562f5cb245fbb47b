// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IQuorum} from "./IQuorum.sol";

/// @notice What a verifier signs: it has executed the batch, and the batch is right.
/// @param index Number of the batch
/// @param previousRoot State root before it
/// @param batchHash Hash of its header
struct Vouch {
    uint64 index;
    bytes32 previousRoot;
    bytes32 batchHash;
}

/// @title Quorum of verifiers
/// @notice Independent parties execute every batch again and sign it. Enough of them let small withdrawals go early; they
/// make nothing final that a challenge could still take back. Who signs a batch that is proven wrong, or two batches for
/// one place, loses his stake. So a verifier signs what it executed itself, in final blocks only, and for each place once:
/// also where a batch fell because an opening was not answered, and another follows it.
interface IVerifierQuorum is IQuorum {
    /// @notice A verifier signs from now on.
    event VerifierJoined(address indexed verifier);

    /// @notice A verifier signs no more; its stake is free from `freeAt` on.
    event VerifierLeaving(address indexed verifier, uint64 freeAt);

    /// @notice Enough verifiers signed a batch.
    event BatchVouchedFor(bytes32 indexed batchHash, address[] signers);

    /// @notice A verifier signed what it must not, and lost its stake.
    event VerifierSlashed(address indexed verifier, address indexed accuser, uint256 stake);

    /// @notice The account may not be a verifier.
    error NotListed(address account);

    /// @notice The account is a verifier already, or has not taken its stake.
    error AlreadyJoined(address account);

    /// @notice The account is no verifier.
    error NotVerifier(address account);

    /// @notice The stake is not free; 0: it is not being released.
    error StakeNotFree(uint64 freeAt);

    /// @notice Too few signed.
    error TooFewSignatures(uint256 count, uint256 threshold);

    /// @notice These are not two signatures of one verifier for one place.
    error NoEquivocation();

    /// @notice Nothing wrong was proven of the batch.
    error BatchNotProvenWrong(bytes32 batchHash);

    /// @notice Who signed is no verifier, or has lost or taken back his stake.
    error NothingAtStake(address signer);

    /// @notice A stake would be free before what it answers for is final.
    error DelayTooShort(uint64 delay, uint64 challengeWindow);

    /// @notice Nobody, or more than there are, would have to sign.
    error ThresholdOutOfRange(uint256 threshold, uint256 verifiers);

    /// @notice Makes the caller, if listed, a verifier, for its stake, which it approved before.
    function join() external;

    /// @notice The caller signs no more.
    function leave() external;

    /// @notice Takes back the stake of a verifier that left, once it is free.
    function withdraw() external;

    /// @notice Notes that enough verifiers signed a batch; anyone may.
    /// @param vouched What they signed
    /// @param signatures Theirs, in the ascending order of the signers
    function vouch(Vouch calldata vouched, bytes[] calldata signatures) external;

    /// @notice Forfeits the stake of a verifier that signed two batches for one place: half of it is the caller's.
    function proveEquivocation(
        Vouch calldata first,
        bytes calldata firstSignature,
        Vouch calldata second,
        bytes calldata secondSignature
    ) external;

    /// @notice Forfeits the stake of a verifier that signed a batch which was proven wrong: half of it is the caller's.
    /// @param vouched What it signed
    /// @param signature Its signature
    function proveWrongVouch(Vouch calldata vouched, bytes calldata signature) external;

    /// @notice Whether an account signs.
    function isVerifier(address account) external view returns (bool);

    /// @notice Whether an account may be a verifier.
    function isListed(address account) external view returns (bool);

    /// @notice What a verifier signs, hashed.
    function digestOf(Vouch calldata vouched) external view returns (bytes32);
}
