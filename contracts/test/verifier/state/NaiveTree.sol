// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Tree without any cleverness
/// @notice Sorted lists; roots and witnesses are built from them by the definition of docs/protocol/state.md.
library NaiveTree {
    struct Leaves {
        bytes32[] keys;
        bytes[] values;
    }

    function has(Leaves storage self, bytes32 key) internal view returns (bool) {
        (bool found,) = _find(self, key);
        return found;
    }

    function value(Leaves storage self, bytes32 key) internal view returns (bytes memory) {
        (, uint256 at) = _find(self, key);
        return self.values[at];
    }

    function set(Leaves storage self, bytes32 key, bytes memory data) internal {
        (bool found, uint256 at) = _find(self, key);
        if (!found) {
            self.keys.push();
            self.values.push();
            for (uint256 i = self.keys.length - 1; i > at; --i) {
                self.keys[i] = self.keys[i - 1];
                self.values[i] = self.values[i - 1];
            }
            self.keys[at] = key;
        }
        self.values[at] = data;
    }

    function remove(Leaves storage self, bytes32 key) internal returns (bool) {
        (bool found, uint256 at) = _find(self, key);
        if (!found) return false;
        for (uint256 i = at; i + 1 < self.keys.length; ++i) {
            self.keys[i] = self.keys[i + 1];
            self.values[i] = self.values[i + 1];
        }
        self.keys.pop();
        self.values.pop();
        return true;
    }

    function first(Leaves storage self, bytes32 prefix, uint256 bits) internal view returns (bool, bytes32) {
        for (uint256 i = 0; i < self.keys.length; ++i) {
            if (bits == 0 || (self.keys[i] ^ prefix) >> (256 - bits) == 0) return (true, self.keys[i]);
        }
        return (false, 0);
    }

    function root(Leaves storage self) internal view returns (bytes32) {
        return self.keys.length == 0 ? bytes32(0) : _root(self, 0, self.keys.length);
    }

    /// The witness bytes: everything, or the way to one key with all else closed.
    function open(Leaves storage self, bytes32 key, bool everything) internal view returns (bytes memory) {
        return _open(self, 0, self.keys.length, key, everything);
    }

    function _open(Leaves storage self, uint256 from, uint256 to, bytes32 key, bool everything)
        private
        view
        returns (bytes memory)
    {
        if (to - from == 1) {
            return abi.encodePacked(uint8(2), self.keys[from], uint16(self.values[from].length), self.values[from]);
        }
        (uint256 bit, uint256 split) = _split(self, from, to);
        bool right = uint256(key) >> (255 - bit) & 1 == 1;
        bytes memory left = everything || !right
            ? _open(self, from, split, key, everything)
            : abi.encodePacked(uint8(0), _root(self, from, split));
        bytes memory behind = everything || right
            ? _open(self, split, to, key, everything)
            : abi.encodePacked(uint8(0), _root(self, split, to));
        return abi.encodePacked(uint8(1), uint16(bit), left, behind);
    }

    function _root(Leaves storage self, uint256 from, uint256 to) private view returns (bytes32) {
        if (to - from == 1) {
            return keccak256(abi.encodePacked(uint8(0), self.keys[from], keccak256(self.values[from])));
        }
        (uint256 bit, uint256 split) = _split(self, from, to);
        return keccak256(abi.encodePacked(uint8(1), uint16(bit), _root(self, from, split), _root(self, split, to)));
    }

    /// The first bit in which the keys of a range differ, and the first key with a 1 there.
    function _split(Leaves storage self, uint256 from, uint256 to) private view returns (uint256 bit, uint256 split) {
        uint256 difference = uint256(self.keys[from] ^ self.keys[to - 1]);
        while (difference >> (255 - bit) == 0) ++bit;
        split = from;
        while (uint256(self.keys[split]) >> (255 - bit) & 1 == 0) ++split;
    }

    function _find(Leaves storage self, bytes32 key) private view returns (bool, uint256) {
        for (uint256 i = 0; i < self.keys.length; ++i) {
            if (self.keys[i] == key) return (true, i);
            if (self.keys[i] > key) return (false, i);
        }
        return (false, self.keys.length);
    }
}
