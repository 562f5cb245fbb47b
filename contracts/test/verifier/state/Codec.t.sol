// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StepIllegal} from "src/verifier/IStepModule.sol";
import {Exponential} from "src/verifier/margin/Exponential.sol";
import {Fit} from "src/verifier/margin/Numbers.sol";
import {Quads} from "src/verifier/margin/Quads.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";
import {WitnessMalformed} from "src/verifier/state/Witness.sol";

/// Bytes that are no values, and values that have no bytes.
contract CodecTest is Test {
    using Decoder for Cursor;
    using Encoder for Writer;

    /// A way to read.
    enum Read {
        Number,
        Choice,
        Count,
        Take,
        Skip,
        Text,
        Finish
    }

    function read(bytes memory data, bool record, Read how) external pure {
        Cursor memory cursor = record ? Decoder.record(data) : Decoder.leaf(data);
        if (how == Read.Number) cursor.u64();
        else if (how == Read.Choice) cursor.choice(3);
        else if (how == Read.Count) cursor.count(3);
        else if (how == Read.Take) cursor.take(5);
        else if (how == Read.Skip) cursor.skip(5);
        else if (how == Read.Text) cursor.text(4);
        else cursor.finish();
    }

    function write(uint256 value, uint256 room) external pure returns (bytes memory) {
        Writer memory writer = Encoder.start(room);
        writer.u16(value);
        return writer.finish();
    }

    function writeSigned(int256 value) external pure returns (bytes memory) {
        Writer memory writer = Encoder.start(8);
        writer.i64(value);
        return writer.finish();
    }

    function pack(int256 a, int256 b, int256 c, int256 d) external pure returns (bytes32) {
        return Quads.pack(a, b, c, d);
    }

    /// What is wrong in a record is a fault of the step, in a witness one of the witness.
    function test_what_is_no_value_is_refused() external {
        _refused(hex"00112233445566", Read.Number);
        _refused(hex"03", Read.Choice);
        _refused(hex"0004", Read.Count);
        _refused(hex"01020304", Read.Take);
        _refused(hex"01020304", Read.Skip);
        _refused(hex"056162636465", Read.Text);
        _refused(hex"02611f", Read.Text);
        _refused(hex"02617f", Read.Text);
        _refused(hex"0361", Read.Text);
        _refused(hex"00", Read.Finish);
    }

    function test_what_is_a_value_is_read() external view {
        this.read(hex"0011223344556677", true, Read.Number);
        this.read(hex"02", true, Read.Choice);
        this.read(hex"0003", true, Read.Count);
        this.read(hex"0102030405", false, Read.Take);
        this.read(hex"0102030405", false, Read.Skip);
        this.read(hex"046120207e", false, Read.Text);
        this.read("", false, Read.Finish);
    }

    function test_what_does_not_fit_is_not_written() external {
        assertEq(this.write(65_535, 2), hex"ffff");
        vm.expectRevert(Encoder.OutOfRange.selector);
        this.write(65_536, 2);
        vm.expectRevert(Encoder.NoRoom.selector);
        this.write(1, 1);
        assertEq(this.writeSigned(type(int64).min), hex"8000000000000000");
        vm.expectRevert(Encoder.OutOfRange.selector);
        this.writeSigned(int256(type(int64).min) - 1);
        vm.expectRevert(Encoder.OutOfRange.selector);
        this.writeSigned(int256(type(int64).max) + 1);
    }

    function testFuzz_four_numbers_make_a_word(int64 a, int64 b, int64 c, int64 d) external view {
        (int256 first, int256 second, int256 third, int256 fourth) = Quads.unpack(this.pack(a, b, c, d));
        assertEq(first, a);
        assertEq(second, b);
        assertEq(third, c);
        assertEq(fourth, d);
    }

    function test_a_word_has_no_larger_numbers() external {
        int256 large = int256(type(int64).max) + 1;
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(Quads.QuadOutOfRange.selector);
            this.pack(
                i == 0 ? large : int256(0),
                i == 1 ? large : int256(0),
                i == 2 ? large : int256(0),
                i == 3 ? large : int256(0)
            );
        }
    }

    function test_a_power_beyond_its_bounds_is_lost() external pure {
        Fit memory fit;
        assertEq(Exponential.minusOne(fit, 0), 0);
        // e − 1, rounded up.
        assertApproxEqAbs(Exponential.minusOne(fit, 1e9), 1_718_281_829, 30);
        assertFalse(fit.lost);
        Exponential.minusOne(fit, -1);
        assertTrue(fit.lost);
        fit.lost = false;
        Exponential.minusOne(fit, Exponential.ARGUMENT_MAX + 1);
        assertTrue(fit.lost);
    }

    function _refused(bytes memory data, Read how) private {
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, bytes32("record")));
        this.read(data, true, how);
        vm.expectRevert(WitnessMalformed.selector);
        this.read(data, false, how);
    }
}
