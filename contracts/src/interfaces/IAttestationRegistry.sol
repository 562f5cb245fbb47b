// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAttestations} from "./IAttestations.sol";

/// @notice What an attester signs: it has checked a quote that binds the key to the code.
/// @param key Key that the code made and keeps
/// @param measurement Hash of the code
/// @param expiry From when on the attestation counts no more, seconds
struct Attestation {
    address key;
    bytes32 measurement;
    uint64 expiry;
}

/// @title Registry of attested keys
/// @notice Quotes of enclaves are checked off chain, by attesters of whom enough must agree: a check on chain costs millions
/// of gas. An attested key is further evidence that the venue runs the published code; it is never what custody rests on.
interface IAttestationRegistry is IAttestations {
    /// @notice A key is attested.
    event KeyAttested(address indexed key, bytes32 indexed measurement, uint64 expiry);

    /// @notice A key counts no more, for good.
    event KeyWasRevoked(address indexed key, address indexed attester);

    /// @notice No such code may hold keys.
    error MeasurementUnknown(bytes32 measurement);

    /// @notice The key was revoked.
    error KeyRevoked(address key);

    /// @notice The attestation has expired, or would count for too long.
    error ExpiryOutOfRange(uint64 expiry, uint256 latest);

    /// @notice Too few signed.
    error TooFewSignatures(uint256 count, uint256 threshold);

    /// @notice The account is no attester.
    error NotAttester(address account);

    /// @notice Nobody, or more than there are, would have to sign.
    error ThresholdOutOfRange(uint256 threshold, uint256 attesters);

    /// @notice Notes an attestation; anyone may.
    /// @param attestation What attesters signed
    /// @param signatures Theirs, in the ascending order of the signers
    function attest(Attestation calldata attestation, bytes[] calldata signatures) external;

    /// @notice Revokes a key, for good; any attester may.
    function revoke(address key) external;

    /// @notice Whether an account checks quotes.
    function isAttester(address account) external view returns (bool);

    /// @notice Whether code may hold keys.
    function isKnown(bytes32 measurement) external view returns (bool);

    /// @notice Until when a key is attested, seconds; 0: never.
    function expiryOf(address key) external view returns (uint64);

    /// @notice Whether a key was revoked.
    function isRevoked(address key) external view returns (bool);

    /// @notice What an attester signs, hashed.
    function digestOf(Attestation calldata attestation) external view returns (bytes32);
}
