// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Stakes of demands
/// @notice Whoever demands an answer stakes tokens. An answer takes them: one half is for who answers, the other for the
/// insurance, so that nobody demands of himself for nothing. The price doubles with every sixteen demands that are
/// open: there are never more of them than can be answered in time, and whoever would crowd others out pays for it, time and
/// again.
interface IDemands {
    /// @notice Nobody could answer in that time.
    error NoTimeToAnswer();

    /// @notice As many answers as demands.
    error AnswersMissing(uint256 answers, uint256 demands);

    /// @notice Pays the insurance its half of what answers took; anyone may.
    function collect() external;

    /// @notice What the next demand costs, unless it is not answered.
    function stakeNow() external view returns (uint256);

    /// @notice What a demand costs when few are open.
    function requestStake() external view returns (uint256);

    /// @notice How many demands are open.
    function openDemands() external view returns (uint256);

    /// @notice What waits for the insurance.
    function insured() external view returns (uint256);

    /// @notice Seconds to answer.
    function answerTime() external view returns (uint64);
}
