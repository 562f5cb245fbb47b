// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Batches} from "./base/Batches.sol";
import {Guardian} from "./base/Guardian.sol";
import {Withdrawals} from "./base/Withdrawals.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {SettlementConfig} from "./types/SettlementConfig.sol";

/// @title The settlement contract
/// @notice See {ISettlement}. Each part is an abstract contract of its own: {Guardian}, {Inbox}, {Vault}, {Batches},
/// {Withdrawals}.
contract Settlement is ISettlement, Withdrawals, EIP712 {
    constructor(SettlementConfig memory config)
        Guardian(config.owner, config.guardian)
        Batches(config.operator, config.genesisRoot, config.challengeWindow, config.maxTimeLead)
        EIP712("Synchromesh", "1")
    {}

    /// @inheritdoc ISettlement
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    function _typedDigest(bytes32 structHash) internal view override returns (bytes32) {
        return _hashTypedDataV4(structHash);
    }
}
