// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {Ledger} from "src/verifier/state/Ledger.sol";

import {Scene} from "./Scene.sol";

/// @title The only oracle of the venue in memory
library Oracle {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    /// @notice Its key.
    uint256 internal constant KEY = 1;

    /// @notice Makes it the whole quorum.
    function govern(Ledger memory ledger) internal pure {
        address[] memory oracles = new address[](1);
        oracles[0] = VM.addr(KEY);
        Scene.govern(ledger, oracles);
    }

    /// @notice A list of its signature over a struct, made with some key.
    function sign(uint256 key, bytes32 structHash) internal pure returns (bytes memory) {
        return sign(key, structHash, 1);
    }

    /// @notice The same with the signature in it so many times.
    function sign(uint256 key, bytes32 structHash, uint256 count) internal pure returns (bytes memory list) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Synchromesh"),
                keccak256("1"),
                1,
                address(0)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(key, keccak256(abi.encodePacked("\x19\x01", domain, structHash)));
        list = abi.encodePacked(uint16(count));
        for (uint256 i = 0; i < count; ++i) {
            list = abi.encodePacked(list, VM.addr(KEY), r, s, v);
        }
    }
}
