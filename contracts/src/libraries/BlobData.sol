// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Contents of an EIP-4844 blob
/// @notice Shows that elements are the contents of a blob, of which the chain knows only the versioned hash of its
/// commitment. The blob is a polynomial `p` of degree below 4096, given by its values at the roots of unity. The
/// elements give the value `y` at a point that follows from both them and the commitment, and the point evaluation
/// precompile says whether `p` has that value there. Were they other elements, their polynomial would agree with `p`
/// in at most 4095 of 2^255 points, and nobody chooses the point.
library BlobData {
    /// @dev Elements of a blob.
    uint256 private constant _ELEMENTS = 4096;
    /// @dev log2 of it.
    uint256 private constant _ELEMENT_BITS = 12;
    /// @dev Order of the scalar field of BLS12-381.
    uint256 private constant _MODULUS = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    /// @dev A primitive 4096th root of unity: 7^((r - 1) / 4096).
    uint256 private constant _ROOT_OF_UNITY = 0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306;
    /// @dev Its inverse, which is the last of its powers.
    uint256 private constant _INVERSE_ROOT_OF_UNITY =
        0x391b2856c609b4784ae25ffab9dc59865046d17864183203961a252dd8543362;
    /// @dev 1 / 4096 in the field.
    uint256 private constant _INVERSE_ELEMENTS = 0x73e66878b46ae3705eb6a46a89213de7d3686828bfce5c19400fffff00100001;
    /// @dev The precompile of EIP-4844.
    address private constant _POINT_EVALUATION = address(0x0a);
    /// @dev Far more than the precompile costs; when it refuses, it takes all that it was given.
    uint256 private constant _POINT_EVALUATION_GAS = 1_000_000;
    /// @dev Bytes of data that an element carries behind a zero byte.
    uint256 private constant _ELEMENT_BYTES = 31;
    /// @dev Bytes of the length before the data.
    uint256 private constant _LENGTH_BYTES = 4;

    /// @notice Elements of a blob that may carry data; those behind them have to be zero. Whoever shows the contents sends them
    /// in one transaction, with an opening of the batch, and nodes pass on no more than 128 KiB: as much as a whole blob.
    uint256 internal constant USED_ELEMENTS = 3712;

    /// @notice Most bytes of data that a blob may carry.
    uint256 internal constant MAX_BYTES = USED_ELEMENTS * _ELEMENT_BYTES - _LENGTH_BYTES;

    /// @notice More elements than a blob has or may use, or bytes that are no elements.
    error ElementsMalformed(uint256 length);

    /// @notice An element is not a number of the field, so the blob cannot hold it.
    error ElementOutOfField(uint256 index);

    /// @notice The elements are not those of the blob, or the proof is not one of them.
    error BlobMismatch(bytes32 versionedHash);

    /// @notice Reverts unless a blob holds these elements, and zeros behind them.
    /// @param versionedHash Versioned hash of the blob's commitment
    /// @param elements The elements, 32 bytes each, at least up to the last that is not zero
    /// @param commitment KZG commitment of the blob
    /// @param proof KZG proof of its value at {challengePoint}
    function requireContents(
        bytes32 versionedHash,
        bytes calldata elements,
        bytes calldata commitment,
        bytes calldata proof
    ) internal view {
        require(elements.length % 32 == 0 && elements.length <= 32 * USED_ELEMENTS, ElementsMalformed(elements.length));
        uint256 point = challengePoint(versionedHash, elements);
        _requireValue(versionedHash, point, _evaluate(elements, point), commitment, proof);
    }

    /// @notice Reverts unless a blob holds this element.
    /// @param versionedHash Versioned hash of the blob's commitment
    /// @param index Which element
    /// @param element The element
    /// @param commitment KZG commitment of the blob
    /// @param proof KZG proof of its value at the root of unity that the element stands for
    function requireElement(
        bytes32 versionedHash,
        uint16 index,
        bytes32 element,
        bytes calldata commitment,
        bytes calldata proof
    ) internal view {
        require(index < _ELEMENTS, ElementsMalformed(index));
        uint256 root = 1;
        uint256 power = _ROOT_OF_UNITY;
        for (uint256 exponent = _reversed(index); exponent != 0; exponent >>= 1) {
            if (exponent & 1 == 1) root = mulmod(root, power, _MODULUS);
            power = mulmod(power, power, _MODULUS);
        }
        _requireValue(versionedHash, root, uint256(element), commitment, proof);
    }

    /// @notice Where the blob is evaluated.
    function challengePoint(bytes32 versionedHash, bytes calldata elements) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(versionedHash, keccak256(elements)))) % _MODULUS;
    }

    /// @notice The data in a blob: `length u32 ‖ data`, 31 bytes to an element; what stands behind them means nothing.
    /// @param elements At least the elements that hold the data
    /// @return wellFormed Whether the blob carries data in this form
    /// @return data The data
    function decode(bytes calldata elements) internal pure returns (bool wellFormed, bytes memory data) {
        uint256 count = elements.length / 32;
        require(count > 0, ElementsMalformed(0));
        // Elements are written over each other, each behind the 31 bytes of the one before; the last one's zero byte
        // ends up behind the stream. The stream begins so that the data behind its length stand where the bytes of `data`
        // do, and its own length lies in the end of the word that holds the length of `data`.
        data = new bytes(count * _ELEMENT_BYTES + 32);
        uint256 highBytes = 0;
        assembly ("memory-safe") {
            let to := add(data, 28)
            let from := elements.offset
            for { let end := add(from, shl(5, count)) } lt(from, end) { from := add(from, 32) } {
                let word := calldataload(from)
                highBytes := or(highBytes, byte(0, word))
                mstore(to, shl(8, word))
                to := add(to, _ELEMENT_BYTES)
            }
        }
        uint256 length = uint32(bytes4(elements[1:5]));
        if (highBytes != 0 || length > MAX_BYTES) return (false, new bytes(0));
        // Fewer elements than the data need show nothing about the blob.
        require(length + _LENGTH_BYTES <= count * _ELEMENT_BYTES, ElementsMalformed(elements.length));
        assembly ("memory-safe") {
            mstore(data, length)
        }
        return (true, data);
    }

    /// @dev Reverts unless the polynomial of a blob has a value at a point.
    function _requireValue(
        bytes32 versionedHash,
        uint256 point,
        uint256 value,
        bytes calldata commitment,
        bytes calldata proof
    ) private view {
        (bool holds,) = _POINT_EVALUATION.staticcall{gas: _POINT_EVALUATION_GAS}(
            bytes.concat(versionedHash, bytes32(point), bytes32(value), commitment, proof)
        );
        require(holds, BlobMismatch(versionedHash));
    }

    /// @dev The value at `point` of the polynomial with these values at the roots of unity in bit-reversed order:
    /// `(point^4096 - 1) / 4096 × Σ value_i × ω_i / (point - ω_i)`. One inversion serves all terms: the inverse of the
    /// product of all gaps `point - ω_i`, times the product of the gaps before a term, is the inverse of the last gap.
    /// Elements past the last one shown are zero, and their terms with them.
    function _evaluate(bytes calldata elements, uint256 point) private view returns (uint256 value) {
        (uint256[] memory before, uint256 product) = _gapProducts(point);
        uint256 inverse = Math.invModPrime(product, _MODULUS);
        uint256 count = elements.length / 32;
        uint256 root = _INVERSE_ROOT_OF_UNITY;
        unchecked {
            for (uint256 i = _ELEMENTS; i > 0; i--) {
                uint256 index = _reversed(i - 1);
                if (index < count) {
                    uint256 element = _element(elements, index);
                    require(element < _MODULUS, ElementOutOfField(index));
                    uint256 term = mulmod(mulmod(inverse, before[i - 1], _MODULUS), root, _MODULUS);
                    value = addmod(value, mulmod(term, element, _MODULUS), _MODULUS);
                }
                inverse = mulmod(inverse, addmod(point, _MODULUS - root, _MODULUS), _MODULUS);
                root = mulmod(root, _INVERSE_ROOT_OF_UNITY, _MODULUS);
            }
            uint256 power = point;
            for (uint256 i = 0; i < _ELEMENT_BITS; i++) {
                power = mulmod(power, power, _MODULUS);
            }
            uint256 factor = mulmod(addmod(power, _MODULUS - 1, _MODULUS), _INVERSE_ELEMENTS, _MODULUS);
            value = mulmod(value, factor, _MODULUS);
        }
    }

    /// @dev The products of the gaps before each root of unity, in their natural order, and of all.
    function _gapProducts(uint256 point) private pure returns (uint256[] memory before, uint256 product) {
        before = new uint256[](_ELEMENTS);
        product = 1;
        uint256 root = 1;
        unchecked {
            for (uint256 i = 0; i < _ELEMENTS; i++) {
                before[i] = product;
                product = mulmod(product, addmod(point, _MODULUS - root, _MODULUS), _MODULUS);
                root = mulmod(root, _ROOT_OF_UNITY, _MODULUS);
            }
        }
    }

    /// @dev An element, of which the caller knows that there is one.
    function _element(bytes calldata elements, uint256 index) private pure returns (uint256 element) {
        assembly ("memory-safe") {
            element := calldataload(add(elements.offset, shl(5, index)))
        }
    }

    /// @dev The twelve bits of a number in reverse order: neighbours, then pairs, then the three nibbles change places.
    function _reversed(uint256 bits) private pure returns (uint256) {
        bits = (bits & 0x555) << 1 | bits >> 1 & 0x555;
        bits = (bits & 0x333) << 2 | bits >> 2 & 0x333;
        return (bits & 0x00f) << 8 | bits & 0x0f0 | bits >> 8;
    }
}
