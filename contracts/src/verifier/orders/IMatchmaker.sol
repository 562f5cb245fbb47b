// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "src/verifier/IStepModule.sol";

/// @notice What must happen next to the order in the taker register.
enum Verdict {
    /// It is filled, or nothing crosses it: it ends, or rests.
    Done,
    /// It ends, whatever it crosses.
    Stop,
    /// The best opposite order ends, and it meets the next.
    Remove,
    /// Both end: self-trade prevention.
    RemoveAndStop,
    /// They trade.
    Trade
}

/// @notice One side of a trade: what its account has behind it.
/// @param cash Micro-USDC
/// @param position Lots
/// @param cost What the position cost to enter
/// @param fee What it paid; negative is a rebate
/// @param funding Funding settled first; negative was paid
struct TradeSide {
    int256 cash;
    int256 position;
    int256 cost;
    int256 fee;
    int256 funding;
}

/// @notice What comes of the meeting of the order in the register with the best opposite one.
/// @param verdict What must happen; nothing below means anything unless they trade
/// @param lots Lots that trade
/// @param cash Their price times size, micro-USDC
/// @param maker The resting side
/// @param taker The incoming side
struct Meeting {
    Verdict verdict;
    int256 lots;
    int256 cash;
    TradeSide maker;
    TradeSide taker;
}

/// @title What comes next while the taker register is present
interface IMatchmaker {
    /// @notice Judges the meeting that a step follows from.
    /// @dev Reverts when the witness does not decide.
    function judge(StepInput calldata input, bytes calldata witness) external view returns (Meeting memory);
}
