// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {AttestationRegistry} from "src/attestation/AttestationRegistry.sol";
import {Attestation, IAttestationRegistry} from "src/interfaces/IAttestationRegistry.sol";

contract AttestationRegistryTest is Test {
    uint64 internal constant MAX_AGE = 30 days;
    uint256 internal constant SECRET = 21;

    address internal key = makeAddr("key");
    AttestationRegistry internal registry;

    function setUp() public {
        vm.warp(1_770_163_200);
        registry = make(1);
    }

    function make(uint256 threshold) internal returns (AttestationRegistry) {
        address[] memory attesters = new address[](1);
        attesters[0] = vm.addr(SECRET);
        bytes32[] memory measurements = new bytes32[](1);
        measurements[0] = "code";
        return new AttestationRegistry(attesters, measurements, threshold, MAX_AGE);
    }

    function attestation() internal view returns (Attestation memory) {
        return Attestation(key, "code", uint64(block.timestamp) + 7 days);
    }

    function sign(uint256 secret, Attestation memory attested) internal view returns (bytes[] memory signatures) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, registry.digestOf(attested));
        signatures = new bytes[](1);
        signatures[0] = bytes.concat(r, s, bytes1(v));
    }

    function test_attest_untilItExpires() public {
        Attestation memory attested = attestation();
        assertFalse(registry.isAttested(key));
        registry.attest(attested, sign(SECRET, attested));
        assertTrue(registry.isAttested(key));
        vm.warp(attested.expiry);
        assertFalse(registry.isAttested(key));
    }

    function test_attest_refusesUnknownCode() public {
        Attestation memory attested = attestation();
        attested.measurement = "other code";
        bytes[] memory signatures = sign(SECRET, attested);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.MeasurementUnknown.selector, bytes32("other code")));
        registry.attest(attested, signatures);
    }

    function test_attest_refusesOthersSignatures() public {
        Attestation memory attested = attestation();
        bytes[] memory signatures = sign(22, attested);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, vm.addr(22)));
        registry.attest(attested, signatures);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.TooFewSignatures.selector, 0, 1));
        registry.attest(attested, new bytes[](0));
    }

    function test_attest_refusesExpiriesThatAreNone() public {
        Attestation memory attested = attestation();
        uint256 latest = block.timestamp + MAX_AGE;
        attested.expiry = uint64(block.timestamp);
        bytes[] memory signatures = sign(SECRET, attested);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.ExpiryOutOfRange.selector, block.timestamp, latest));
        registry.attest(attested, signatures);
        attested.expiry = uint64(latest + 1);
        signatures = sign(SECRET, attested);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.ExpiryOutOfRange.selector, latest + 1, latest));
        registry.attest(attested, signatures);
    }

    function test_revoke_isForGood() public {
        Attestation memory attested = attestation();
        bytes[] memory signatures = sign(SECRET, attested);
        registry.attest(attested, signatures);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, address(this)));
        registry.revoke(key);
        vm.prank(vm.addr(SECRET));
        registry.revoke(key);
        assertFalse(registry.isAttested(key));
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.KeyRevoked.selector, key));
        registry.attest(attested, signatures);
    }

    function test_constructor_refusesAThresholdThatCannotBe() public {
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.ThresholdOutOfRange.selector, 2, 1));
        make(2);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.ThresholdOutOfRange.selector, 0, 1));
        make(0);
    }
}
