// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepInput} from "src/verifier/IStepModule.sol";

/// @notice What a bid gets.
/// @param share The share that is taken, 1e-9
/// @param price What it costs, micro-USDC
/// @param value What the whole portfolio is worth, micro-USDC
/// @param excess The seller's equity less its maintenance margin, before the bid
/// @param insurance What the fund pays for it, micro-USDC; at most so much, unless it is exact
/// @param exact Whether that is known: not while a series settles
struct BidTerms {
    int256 share;
    int256 price;
    int256 value;
    int256 excess;
    int256 insurance;
    bool exact;
}

/// @title What a bid gets, if it may be made
interface IAuctionGate {
    /// @notice Judges the bid of a LiquidationBid before anything has moved: who signed it, who bids, and the auction as it
    /// stands.
    /// @dev Reverts with `StepIllegal` when the bid is refused, and with anything else when the witness does not decide.
    function admit(StepInput calldata input, bytes calldata witness) external view returns (BidTerms memory);
}
