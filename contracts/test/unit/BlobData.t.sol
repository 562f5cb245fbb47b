// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {BlobData} from "src/libraries/BlobData.sol";

/// @notice Bytes that are no elements of a blob, or too few of them.
contract BlobDataTest is Test {
    function requireContents(bytes calldata elements) external view {
        BlobData.requireContents("hash", elements, elements, elements);
    }

    function decode(bytes calldata elements) external pure returns (bool wellFormed, bytes memory data) {
        return BlobData.decode(elements);
    }

    function test_requireContents_refusesWhatIsNoElements() public {
        uint256[2] memory lengths = [uint256(33), 32 * (BlobData.USED_ELEMENTS + 1)];
        for (uint256 i = 0; i < lengths.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(BlobData.ElementsMalformed.selector, lengths[i]));
            this.requireContents(new bytes(lengths[i]));
        }
    }

    function test_requireContents_refusesNumbersOutsideTheField() public {
        vm.expectRevert(abi.encodeWithSelector(BlobData.ElementOutOfField.selector, 1));
        this.requireContents(bytes.concat(bytes32(0), bytes32(type(uint256).max)));
    }

    function test_decode_needsTheElementsOfItsData() public {
        vm.expectRevert(abi.encodeWithSelector(BlobData.ElementsMalformed.selector, 0));
        this.decode("");
        bytes memory short = bytes.concat(bytes1(0), bytes4(uint32(28)), bytes27("data"));
        vm.expectRevert(abi.encodeWithSelector(BlobData.ElementsMalformed.selector, 32));
        this.decode(short);
    }

    function test_decode_saysWhatIsMalformed() public view {
        (bool wellFormed,) = this.decode(bytes.concat(bytes1(0x01), bytes31(0)));
        assertFalse(wellFormed);
        bytes memory tooLong = bytes.concat(bytes1(0), bytes4(uint32(BlobData.MAX_BYTES + 1)), bytes27(0));
        (wellFormed,) = this.decode(tooLong);
        assertFalse(wellFormed);
        bytes memory data;
        (wellFormed, data) = this.decode(bytes.concat(bytes1(0), bytes4(uint32(27)), bytes27("data")));
        assertTrue(wellFormed);
        assertEq(data, bytes.concat(bytes27("data")));
    }
}
