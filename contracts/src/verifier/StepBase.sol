// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IStepModule, StepInput, requireLegal} from "src/verifier/IStepModule.sol";
import {CommandKind} from "src/verifier/Types.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Ledger, Ledgers} from "src/verifier/state/Ledger.sol";
import {ClockLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";

/// @notice What a step is done to, where that does not follow from the command and the state.
/// @param account A subaccount
/// @param other Another one, or an order
/// @param instrument An instrument, or an asset
/// @param amount Lots, or money
struct Subject {
    uint256 account;
    uint256 other;
    uint256 instrument;
    int256 amount;
}

/// @notice A step that is being executed.
/// @param ledger The state, from before the step to behind it
/// @param body The body of its command's record
/// @param command Kind of its command
/// @param kind What it does
/// @param subject What it does it to
/// @param time Time of the command, ns
/// @param sequence Sequence of the command
/// @param first Whether it is the first of its command
/// @param last Whether it is said to be the last
/// @param rootAfter State root that was committed behind it
struct Step {
    Ledger ledger;
    Cursor body;
    uint256 command;
    uint256 kind;
    Subject subject;
    uint256 time;
    uint256 sequence;
    bool first;
    bool last;
    bytes32 rootAfter;
}

/// @title Shape of a step
library Steps {
    /// @notice The step is the first one of a command of that kind.
    function opens(Step memory step, uint256 command) internal pure {
        requireLegal(step.first, "first");
        requireLegal(step.command == command, "kind");
    }

    /// @notice The step is not the first one of its command.
    function follows(Step memory step) internal pure {
        requireLegal(!step.first, "first");
    }

    /// @notice The step is the last one of its command.
    function ends(Step memory step) internal pure {
        requireLegal(step.last, "last");
    }

    /// @notice The step is not the last one of its command.
    function goesOn(Step memory step) internal pure {
        requireLegal(!step.last, "last");
    }

    /// @notice What the step does it to follows from the command and the state.
    function noSubject(Step memory step) internal pure {
        requireLegal(onlyAmount(step) == 0, "subject");
    }

    /// @notice The same but for an amount, which the subject names.
    function onlyAmount(Step memory step) internal pure returns (int256) {
        Subject memory subject = step.subject;
        requireLegal(subject.account == 0 && subject.other == 0 && subject.instrument == 0, "subject");
        return subject.amount;
    }
}

/// @title Frame of every step
/// @notice Opens the ledger, moves the clock with the first step of a command, lets the module do the rest, and closes.
abstract contract StepBase is IStepModule {
    using Decoder for Cursor;
    using Ledgers for Ledger;

    /// @notice The module was given a step that it does not know: a fault of whoever put the verifier together.
    error NotServed(uint256 kind);

    /// @inheritdoc IStepModule
    function execute(StepInput calldata input, bytes calldata witness) external view returns (bytes32 rootAfter) {
        Step memory step;
        step.ledger = Ledgers.open(witness, input.rootBefore);
        step.kind = input.kind;
        step.first = input.first;
        step.last = input.last;
        step.rootAfter = input.rootAfter;
        step.subject = _subject(input.subject);
        _readRecord(step, input.record);
        if (step.first) {
            _moveClock(step, keccak256(input.record));
        } else {
            step.sequence = Globals.clock(step.ledger).sequence;
        }
        _run(step);
        Accounts.close(step.ledger);
        requireLegal(!step.last || !Globals.has(step.ledger, Globals.TAKER), "last");
        return _rootAfter(step);
    }

    /// @notice Does what the step does, or says that it cannot be.
    function _run(Step memory step) internal view virtual;

    /// @notice The state root behind the step.
    function _rootAfter(Step memory step) internal view virtual returns (bytes32) {
        return step.ledger.root();
    }

    function _readRecord(Step memory step, bytes memory record) private pure {
        Cursor memory cursor = Decoder.record(record);
        step.command = cursor.u8();
        step.time = cursor.u64();
        step.body = cursor;
    }

    /// Time does not go back, the sequence counts, the command chain takes the command in.
    function _moveClock(Step memory step, bytes32 commandHash) private pure {
        ClockLeaf memory clock;
        if (step.command == CommandKind.GENESIS) {
            // The venue opens once: there is nothing before.
            requireLegal(step.ledger.globals.node == 0, "already_open");
        } else {
            clock = Globals.clock(step.ledger);
        }
        requireLegal(step.time >= clock.time, "time_backwards");
        step.sequence = clock.sequence + 1;
        Globals.setClock(
            step.ledger, ClockLeaf(step.time, step.sequence, keccak256(abi.encodePacked(clock.chainHash, commandHash)))
        );
    }

    function _subject(bytes32 packed) private pure returns (Subject memory subject) {
        subject.account = uint64(bytes8(packed));
        subject.other = uint64(bytes8(packed << 64));
        subject.instrument = uint64(bytes8(packed << 128));
        subject.amount = int64(uint64(bytes8(packed << 192)));
        // No instrument and no asset has an id beyond; so no module has to think of one.
        requireLegal(subject.instrument <= type(uint32).max, "subject");
    }
}
