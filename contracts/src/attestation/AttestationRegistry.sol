// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Attestation, IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @title Registry of attested keys
/// @notice See {IAttestationRegistry}. Attesters and measurements are fixed: another set is another contract, which the
/// settlement's owner announces long before it counts.
contract AttestationRegistry is IAttestationRegistry, EIP712 {
    bytes32 private constant _ATTESTATION_TYPEHASH =
        keccak256("Attestation(address key,bytes32 measurement,uint64 expiry)");

    /// @notice How many attesters must sign.
    uint256 public immutable threshold;
    /// @notice Longest time that an attestation may count, seconds.
    uint64 public immutable maxAge;

    /// @inheritdoc IAttestationRegistry
    mapping(address account => bool) public isAttester;
    /// @inheritdoc IAttestationRegistry
    mapping(bytes32 measurement => bool) public isKnown;
    /// @inheritdoc IAttestationRegistry
    mapping(address key => uint64) public expiryOf;
    /// @inheritdoc IAttestationRegistry
    mapping(address key => bool) public isRevoked;

    /// @param attesters Who checks quotes
    /// @param measurements Code that may hold keys
    /// @param threshold_ How many attesters must sign
    /// @param maxAge_ Longest time that an attestation may count, seconds
    constructor(address[] memory attesters, bytes32[] memory measurements, uint256 threshold_, uint64 maxAge_)
        EIP712("Synchromesh attestations", "1")
    {
        require(threshold_ != 0 && threshold_ <= attesters.length, ThresholdOutOfRange(threshold_, attesters.length));
        threshold = threshold_;
        maxAge = maxAge_;
        for (uint256 i = 0; i < attesters.length; i++) {
            isAttester[attesters[i]] = true;
        }
        for (uint256 i = 0; i < measurements.length; i++) {
            isKnown[measurements[i]] = true;
        }
    }

    /// @inheritdoc IAttestationRegistry
    function attest(Attestation calldata attestation, bytes[] calldata signatures) external {
        require(isKnown[attestation.measurement], MeasurementUnknown(attestation.measurement));
        require(!isRevoked[attestation.key], KeyRevoked(attestation.key));
        uint256 latest = block.timestamp + maxAge;
        require(
            attestation.expiry > block.timestamp && attestation.expiry <= latest,
            ExpiryOutOfRange(attestation.expiry, latest)
        );
        address[] memory signers = Signatures.signers(digestOf(attestation), signatures);
        require(signers.length >= threshold, TooFewSignatures(signers.length, threshold));
        for (uint256 i = 0; i < signers.length; i++) {
            require(isAttester[signers[i]], NotAttester(signers[i]));
        }
        expiryOf[attestation.key] = attestation.expiry;
        emit KeyAttested(attestation.key, attestation.measurement, attestation.expiry);
    }

    /// @inheritdoc IAttestationRegistry
    function revoke(address key) external {
        require(isAttester[msg.sender], NotAttester(msg.sender));
        isRevoked[key] = true;
        emit KeyWasRevoked(key, msg.sender);
    }

    /// @inheritdoc IAttestationRegistry
    function digestOf(Attestation calldata attestation) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(_ATTESTATION_TYPEHASH, attestation.key, attestation.measurement, attestation.expiry))
        );
    }

    /// @notice Whether a key belongs to code that was attested, and the attestation has not expired.
    function isAttested(address key) external view returns (bool) {
        return block.timestamp < expiryOf[key] && !isRevoked[key];
    }
}
