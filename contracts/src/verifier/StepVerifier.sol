// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IStepModule, StepIllegal, StepInput} from "src/verifier/IStepModule.sol";

/// @notice What is proven of a step.
enum Judgement {
    /// It is as it was committed.
    Honest,
    /// It leads to another state root.
    WrongRoot,
    /// It cannot be under the state before it.
    Illegal
}

/// @title Step verifier
/// @notice Judges one step of the trace: gives it to the module of its kind, and compares the root.
/// @dev A judgement is a proof. Whatever falls short of one (a witness that misses something or is none, too little gas, a fault
/// of the verifier itself) reverts, so that nothing follows from it. The modules call nobody whose answer a
/// challenger chooses, so that a `StepIllegal` is always their own; the shape of the data is checked all the same.
contract StepVerifier {
    /// @notice Kinds of steps that a module may be given for.
    uint256 public constant KINDS = 52;

    /// @notice The module of some kinds.
    /// @param kinds Bit `k` for kind `k`
    /// @param target The module
    struct Module {
        uint64 kinds;
        IStepModule target;
    }

    /// @notice A module was given for a kind twice, for an unknown kind, or has no code.
    error BadModule(address target);

    /// @notice No module is there for a kind that steps may have: nothing can be said.
    error NoModule(uint256 kind);

    /// @notice The step was not judged.
    /// @param reason What its module reverted with; empty when it ran out of gas
    error Undecided(bytes reason);

    /// Kinds that no step has: they are kept for commands that the engine does not know yet.
    uint256 private constant RESERVED =
        (1 << 21) | (1 << 22) | (1 << 23) | (1 << 24) | (1 << 25) | (1 << 26) | (1 << 27) | (1 << 28) | (1 << 42);

    /// @notice The module of each kind, fixed when the verifier was made.
    mapping(uint256 kind => IStepModule) public moduleOf;

    /// @param modules Every module, with its kinds
    constructor(Module[] memory modules) {
        for (uint256 i = 0; i < modules.length; ++i) {
            IStepModule target = modules[i].target;
            uint256 kinds = modules[i].kinds;
            require(kinds >> KINDS == 0 && kinds & RESERVED == 0, BadModule(address(target)));
            require(address(target).code.length != 0, BadModule(address(target)));
            for (uint256 kind = 0; kind < KINDS; ++kind) {
                if (kinds >> kind & 1 == 0) continue;
                require(address(moduleOf[kind]) == address(0), BadModule(address(target)));
                moduleOf[kind] = target;
            }
        }
    }

    /// @notice Judges a step.
    /// @param input The step as it was committed
    /// @param witness What it reads of the state before it
    function judge(StepInput calldata input, bytes calldata witness) external view returns (Judgement) {
        uint256 kind = input.kind;
        if (kind >= KINDS || RESERVED >> kind & 1 == 1) return Judgement.Illegal;
        IStepModule module = moduleOf[kind];
        require(address(module) != address(0), NoModule(kind));
        try module.execute(input, witness) returns (bytes32 rootAfter) {
            return rootAfter == input.rootAfter ? Judgement.Honest : Judgement.WrongRoot;
        } catch (bytes memory reason) {
            // forge-lint: disable-next-line(unsafe-typecast)
            require(reason.length == 36 && bytes4(reason) == StepIllegal.selector, Undecided(reason));
            return Judgement.Illegal;
        }
    }
}
