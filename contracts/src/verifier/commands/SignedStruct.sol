// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorization} from "src/verifier/Actions.sol";
import {requireLegal} from "src/verifier/IStepModule.sol";

/// @notice The words of a struct that is signed.
/// @param words Type hash and fields
/// @param at Words so far
struct SignedStruct {
    bytes32[] words;
    uint256 at;
}

/// @title EIP-712 structs
/// @notice Puts a struct together field by field, in the order of its type.
library SignedStructs {
    /// The longest struct is an order: its type and sixteen fields.
    uint256 private constant MOST = 17;

    /// @notice A struct of a type.
    function begin(bytes32 typeHash) internal pure returns (SignedStruct memory self) {
        self.words = new bytes32[](MOST);
        word(self, typeHash);
    }

    function word(SignedStruct memory self, bytes32 value) internal pure {
        self.words[self.at++] = value;
    }

    function uint_(SignedStruct memory self, uint256 value) internal pure {
        word(self, bytes32(value));
    }

    /// @notice A number that is signed as an unsigned one: nobody can have signed a negative one.
    function amount(SignedStruct memory self, int256 value) internal pure {
        requireLegal(value >= 0, "signature");
        word(self, bytes32(uint256(value)));
    }

    function int_(SignedStruct memory self, int256 value) internal pure {
        word(self, bytes32(uint256(value)));
    }

    function flag(SignedStruct memory self, bool value) internal pure {
        word(self, bytes32(uint256(value ? 1 : 0)));
    }

    function addr(SignedStruct memory self, address value) internal pure {
        word(self, bytes32(uint256(uint160(value))));
    }

    function text(SignedStruct memory self, bytes memory value) internal pure {
        word(self, keccak256(value));
    }

    /// @notice The three fields that end every action of a user, and then the hash.
    function signedBy(SignedStruct memory self, Authorization memory auth) internal pure returns (bytes32) {
        uint_(self, auth.nonce);
        uint_(self, auth.expiry);
        addr(self, auth.signer);
        return hash(self);
    }

    function hash(SignedStruct memory self) internal pure returns (bytes32 result) {
        bytes32[] memory words = self.words;
        uint256 length = 32 * self.at;
        assembly ("memory-safe") {
            result := keccak256(add(words, 0x20), length)
        }
    }
}
