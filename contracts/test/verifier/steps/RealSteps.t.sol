// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IStepModule, StepIllegal, StepInput} from "src/verifier/IStepModule.sol";
import {StepBase} from "src/verifier/StepBase.sol";
import {Judgement, StepVerifier} from "src/verifier/StepVerifier.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Fixtures} from "test/verifier/utils/Fixtures.sol";
import {WholeVerifier} from "test/verifier/utils/WholeVerifier.sol";

/// Steps of every kind, of journals that the engine made, as `referee --fixtures` wrote them with what it found of them
/// (docs/step-gas.md has the command).
contract RealStepsTest is WholeVerifier {
    using Decoder for Cursor;

    /// What the referee found of a step.
    enum Verdict {
        Honest,
        WrongRoot,
        Illegal,
        Undecided
    }

    /// A step and what is said of it.
    struct Real {
        StepInput input;
        bytes witness;
        Verdict verdict;
    }

    string private constant STEPS = "test/verifier/fixtures/steps.txt";
    /// Kinds of the honest steps that are put through more than once: register_key, raise_nonce_floor, place, replace, fill,
    /// list, withdraw, margin_call.
    uint256 private constant SAMPLED =
        (1 << 7) | (1 << 10) | (1 << 12) | (1 << 14) | (1 << 17) | (1 << 20) | (1 << 29) | (1 << 46);

    /// Kinds whose commands nobody signs: the genesis, and the items of the inbox.
    uint256 private constant UNSIGNED = (1 << 7) - 1;
    /// A kind that no step has.
    uint8 private constant RESERVED = 42;

    StepVerifier private verifier;
    /// The first honest step of each of these kinds.
    Real[] private sample;

    function setUp() public {
        verifier = deployVerifier();
        uint256 wanted = SAMPLED;
        bytes[] memory steps = Fixtures.read(STEPS);
        for (uint256 i = 0; i < steps.length; ++i) {
            Real memory real = _parse(steps[i]);
            if (real.verdict != Verdict.Honest || wanted >> real.input.kind & 1 == 0) continue;
            wanted ^= 1 << real.input.kind;
            sample.push(real);
        }
        assertEq(wanted, 0);
    }

    function test_every_kind_has_a_module_that_fits_on_chain() public view {
        for (uint256 kind = 0; kind < verifier.KINDS(); ++kind) {
            bool reserved = (kind >= 21 && kind <= 28) || kind == 42;
            uint256 size = address(verifier.moduleOf(kind)).code.length;
            assertEq(size == 0, reserved);
            assertLe(size, 24_576);
        }
    }

    function test_every_step_is_judged_as_by_the_referee() public view {
        uint256 honest = 0;
        bytes[] memory steps = Fixtures.read(STEPS);
        for (uint256 i = 0; i < steps.length; ++i) {
            (Verdict verdict, uint256 kind) = this.check(steps[i], vm.toString(i));
            if (verdict == Verdict.Honest) honest |= 1 << kind;
        }
        // An honest step of every kind is among them.
        assertEq(honest, (1 << verifier.KINDS()) - 1 - (255 << 21) - (1 << 42));
    }

    /// A module that is given a step of another's, by whoever put the verifier together wrongly, executes nothing.
    function test_modules_serve_their_own_kinds_only() public view {
        bytes[] memory steps = Fixtures.read(STEPS);
        for (uint256 i = 0; i < steps.length; ++i) {
            if (Verdict(uint8(steps[i][0])) == Verdict.Honest) this.misroute(steps[i]);
        }
    }

    /// Nothing else signs for the first record and for what comes from the chain's inbox: the command chain takes in every byte.
    function test_no_byte_of_an_unsigned_record_is_another() public view {
        uint256 wanted = UNSIGNED;
        bytes[] memory steps = Fixtures.read(STEPS);
        for (uint256 i = 0; i < steps.length; ++i) {
            Real memory real = _parse(steps[i]);
            if (real.verdict != Verdict.Honest || wanted >> real.input.kind & 1 == 0) continue;
            wanted ^= 1 << real.input.kind;
            for (uint256 at = 0; at < real.input.record.length; ++at) {
                this.garble(real, at);
            }
        }
        assertEq(wanted, 0);
    }

    function test_another_root_is_wrong() public view {
        for (uint256 i = 0; i < sample.length; ++i) {
            Real memory real = sample[i];
            real.input.rootAfter = ~real.input.rootAfter;
            assertEq(uint8(verifier.judge(real.input, real.witness)), uint8(Judgement.WrongRoot));
        }
    }

    function test_a_signature_of_somebody_else_is_illegal() public view {
        for (uint256 i = 0; i < sample.length; ++i) {
            Real memory real = sample[i];
            // Later steps of a command need no signature.
            if (!real.input.first) continue;
            real.input.record[real.input.record.length - 40] ^= 0x01;
            assertEq(uint8(verifier.judge(real.input, real.witness)), uint8(Judgement.Illegal));
        }
    }

    /// Whatever runs out of gas where, also in the precompile that recovers signers, says nothing against the step.
    function test_too_little_gas_decides_nothing() public view {
        for (uint256 i = 0; i < sample.length; ++i) {
            Real memory real = sample[i];
            bool decided = false;
            for (uint256 gas_ = 20_000; !decided; gas_ += 4999) {
                try verifier.judge{gas: gas_}(real.input, real.witness) returns (Judgement judgement) {
                    assertEq(uint8(judgement), uint8(Judgement.Honest));
                    decided = true;
                } catch {}
            }
        }
    }

    /// A bit of the witness flipped either is not looked at, or makes it no witness of this state.
    function testFuzz_a_corrupted_witness_decides_nothing_else(uint256 seed) public view {
        Real memory real = sample[seed % sample.length];
        uint256 place = uint256(keccak256(abi.encode(seed))) % (8 * real.witness.length);
        real.witness[place / 8] ^= bytes1(uint8(1 << (place % 8)));
        try verifier.judge(real.input, real.witness) returns (Judgement judgement) {
            assertEq(uint8(judgement), uint8(Judgement.Honest));
        } catch {}
    }

    /// A line of the file is judged as it says; outside, so that its memory does not stay.
    function check(bytes memory data, string memory label) external view returns (Verdict verdict, uint256 kind) {
        Real memory real = _parse(data);
        assertEq(uint8(_judge(real)), uint8(real.verdict), label);
        return (real.verdict, real.input.kind);
    }

    /// The module of an honest step is told that it is of no kind.
    function misroute(bytes memory data) external view {
        Real memory real = _parse(data);
        IStepModule module = verifier.moduleOf(real.input.kind);
        real.input.kind = RESERVED;
        try module.execute(real.input, real.witness) returns (bytes32) {
            revert("executed");
        } catch (bytes memory reason) {
            bytes4 said = bytes4(reason);
            assertTrue(said == StepIllegal.selector || said == StepBase.NotServed.selector);
        }
    }

    /// A byte of the record of an honest step is another.
    function garble(Real memory real, uint256 at) external view {
        real.input.record[at] ^= 0xff;
        assertTrue(_judge(real) != Verdict.Honest);
    }

    function _parse(bytes memory data) private pure returns (Real memory real) {
        Cursor memory cursor = Decoder.leaf(data);
        real.verdict = Verdict(cursor.u8());
        real.input.rootBefore = cursor.word();
        real.input.kind = uint8(cursor.u8());
        real.input.subject = cursor.word();
        real.input.first = cursor.flag();
        real.input.last = cursor.flag();
        real.input.rootAfter = cursor.word();
        real.input.record = cursor.take(Fixtures.u24(cursor));
        real.witness = cursor.take(cursor.end - cursor.at);
    }

    function _judge(Real memory real) private view returns (Verdict) {
        try verifier.judge(real.input, real.witness) returns (Judgement judgement) {
            return Verdict(uint8(judgement));
        } catch {
            return Verdict.Undecided;
        }
    }
}
