// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";

/// Files that `crates/referee/src/fixtures.rs` wrote.
library Fixtures {
    using Decoder for Cursor;

    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// The lines of a file, unpacked.
    function read(string memory path) internal view returns (bytes[] memory all) {
        string[] memory lines = VM.split(VM.trim(VM.readFile(path)), "\n");
        all = new bytes[](lines.length);
        for (uint256 i = 0; i < lines.length; ++i) {
            all[i] = _unpacked(all, Decoder.leaf(VM.parseBytes(lines[i])));
        }
    }

    /// `length u24`, and until there is as much `count u24 ‖ bytes` and `count u24 ‖ line u16 ‖ place u24` by turns: bytes, and so
    /// many of a line before.
    function _unpacked(bytes[] memory all, Cursor memory packed) private pure returns (bytes memory data) {
        data = new bytes(u24(packed));
        uint256 at = 0;
        while (at < data.length) {
            uint256 count = u24(packed);
            _copy(data, at, packed.take(count), 0, count);
            at += count;
            if (at == data.length) break;
            count = u24(packed);
            bytes memory line = all[packed.u16()];
            _copy(data, at, line, u24(packed), count);
            at += count;
        }
        packed.finish();
    }

    /// A number of three bytes.
    function u24(Cursor memory cursor) internal pure returns (uint256) {
        uint256 high = cursor.u8();
        return (high << 16) | cursor.u16();
    }

    function _copy(bytes memory to, uint256 at, bytes memory from, uint256 place, uint256 count) private pure {
        assert(at + count <= to.length && place + count <= from.length);
        assembly ("memory-safe") {
            mcopy(add(add(to, 0x20), at), add(add(from, 0x20), place), count)
        }
    }
}
