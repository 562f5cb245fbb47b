// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StepInput} from "src/verifier/IStepModule.sol";
import {ModelGuard} from "src/verifier/model/ModelGuard.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Fixtures} from "test/verifier/utils/Fixtures.sol";

/// Challenges of marks with the verdicts of the native kernel, as `crates/referee/tests/model` wrote them: few that between them
/// go every way in the model that any of hundreds goes (docs/model-guard.md has the command).
contract ModelGuardTest is Test {
    using Decoder for Cursor;

    /// What the kernel says of the figure.
    enum Verdict {
        Right,
        Wrong,
        None
    }

    string private constant CHALLENGES = "test/verifier/fixtures/marks.txt";

    ModelGuard private guard = new ModelGuard();

    function test_every_challenge_is_judged_as_by_the_kernel() public view {
        uint256[3] memory counts;
        bytes[] memory challenges = Fixtures.read(CHALLENGES);
        for (uint256 i = 0; i < challenges.length; ++i) {
            ++counts[uint8(this.check(challenges[i]))];
        }
        assertTrue(counts[0] != 0 && counts[1] != 0 && counts[2] != 0);
    }

    /// A line of the file; outside, so that its memory does not stay.
    function check(bytes memory data) external view returns (Verdict expected) {
        Cursor memory cursor = Decoder.leaf(data);
        expected = Verdict(cursor.u8());
        StepInput memory input;
        input.kind = uint8(cursor.u8());
        input.rootAfter = cursor.word();
        input.record = cursor.take(Fixtures.u24(cursor));
        bytes memory evidence = cursor.take(cursor.end - cursor.at);
        Verdict found = Verdict.None;
        try guard.proves(input, evidence) returns (bool wrong) {
            found = wrong ? Verdict.Wrong : Verdict.Right;
        } catch {}
        assertEq(uint8(found), uint8(expected));
    }
}
