// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StatePath, StateProof} from "src/libraries/StateProof.sol";

/// @notice Two leaves of one tree, shown and shown not to be others.
contract StateProofTest is Test {
    uint256 internal constant TREE = StateProof.INSTRUMENTS;
    /// @dev Keys that differ first in bit 4.
    bytes32 internal constant ONE = bytes32(uint256(3) << 248);
    bytes32 internal constant OTHER = bytes32(uint256(9) << 248);

    function lookUp(bytes32 root, bytes32 key, StatePath calldata path) external pure returns (bool) {
        return StateProof.lookUp(root, TREE, key, path);
    }

    function state() internal pure returns (StatePath memory path, bytes32 root) {
        path.key = ONE;
        path.value = "one";
        bytes32 left = keccak256(abi.encodePacked(bytes1(0), ONE, keccak256("one")));
        bytes32 right = keccak256(abi.encodePacked(bytes1(0), OTHER, keccak256("other")));
        path.trees[TREE] = keccak256(abi.encodePacked(bytes1(0x01), uint16(4), left, right));
        path.bits = new uint16[](1);
        path.bits[0] = 4;
        path.siblings = new bytes32[](1);
        path.siblings[0] = right;
        root = rootOf(path);
    }

    function rootOf(StatePath memory path) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("synchromesh.state.v1", path.trees));
    }

    function test_lookUp_findsALeaf() public view {
        (StatePath memory path, bytes32 root) = state();
        assertTrue(this.lookUp(root, ONE, path));
    }

    function test_lookUp_findsNoLeafInAnEmptyTree() public {
        StatePath memory path;
        path.bits = new uint16[](0);
        path.siblings = new bytes32[](0);
        assertFalse(this.lookUp(rootOf(path), ONE, path));
        vm.expectPartialRevert(StateProof.StateRootWrong.selector);
        this.lookUp("another", ONE, path);
    }

    /// @dev The search for 0x02… goes where 0x03… is; that for 0x0a… goes where 0x09… is.
    function test_lookUp_showsAnAbsenceWhereTheSearchEnds() public {
        (StatePath memory path, bytes32 root) = state();
        assertFalse(this.lookUp(root, bytes32(uint256(2) << 248), path));
        vm.expectRevert(abi.encodeWithSelector(StateProof.LeafElsewhere.selector, ONE));
        this.lookUp(root, bytes32(uint256(10) << 248), path);
    }

    function test_lookUp_refusesPathsThatAreNone() public {
        (StatePath memory path, bytes32 root) = state();
        path.siblings = new bytes32[](2);
        vm.expectRevert(StateProof.PathMalformed.selector);
        this.lookUp(root, ONE, path);
        path.bits = new uint16[](2);
        (path.bits[0], path.bits[1]) = (4, 4);
        vm.expectRevert(StateProof.PathMalformed.selector);
        this.lookUp(root, ONE, path);
    }

    function test_lookUp_refusesAnotherValue() public {
        (StatePath memory path, bytes32 root) = state();
        path.value = "another";
        vm.expectPartialRevert(StateProof.TreeRootWrong.selector);
        this.lookUp(root, ONE, path);
    }
}
