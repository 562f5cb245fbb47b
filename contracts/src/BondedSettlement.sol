// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {BondedBatches} from "./base/BondedBatches.sol";
import {Freeze} from "./base/Freeze.sol";
import {Guardian} from "./base/Guardian.sol";
import {Payouts} from "./base/Payouts.sol";
import {Timelock} from "./base/Timelock.sol";
import {IBondedSettlement} from "./interfaces/IBondedSettlement.sol";
import {BondedConfig} from "./types/BondedConfig.sol";

/// @title The settlement contract of a bonded operator
/// @notice See {IBondedSettlement}. Each part is an abstract contract of its own: {Guardian}, {Inbox}, {Vault},
/// {Withdrawals}, {Timelock}, {Freeze}, {BondedBatches}, {Payouts}. What judges, and what computes an exit, are contracts of
/// their own.
contract BondedSettlement is IBondedSettlement, Payouts, EIP712 {
    /// @dev A user who dislikes a change forces a withdrawal, which is served within two serve deadlines, or the venue frozen,
    /// and final a window later.
    constructor(BondedConfig memory config)
        Guardian(config.owner, config.guardian)
        Timelock(config.upgradeDelay, 2 * config.serveDeadline + config.challengeWindow)
        Freeze(config.serveDeadline, config.maxTimeLag)
        BondedBatches(config)
        Payouts(config.exits)
        EIP712("Synchromesh", "1")
    {}

    /// @inheritdoc IBondedSettlement
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    function _typedDigest(bytes32 structHash) internal view override returns (bytes32) {
        return _hashTypedDataV4(structHash);
    }
}
