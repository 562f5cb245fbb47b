// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IMarginCalculator, MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Margins} from "src/verifier/margin/Margins.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Ledger, Ledgers} from "src/verifier/state/Ledger.sol";

/// Asks about an account of a state that a witness shows, as a module does.
contract MarginProbe is MarginUser {
    using Margins for IMarginCalculator;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    function figures(bytes32 root, bytes calldata witness, uint256 account)
        external
        view
        returns (MarginFigures memory)
    {
        Ledger memory ledger = Ledgers.open(witness, root);
        return margin.figures(ledger, MarginAccounts.load(ledger, Accounts.load(ledger, account)));
    }

    function mayLeave(bytes32 root, bytes calldata witness, uint256 account, uint256 asset, int256[] calldata amounts)
        external
        view
        returns (bool[] memory may)
    {
        Ledger memory ledger = Ledgers.open(witness, root);
        return margin.mayLeave(ledger, MarginAccounts.load(ledger, Accounts.load(ledger, account)), asset, amounts);
    }

    function laneLoss(bytes32 root, bytes calldata witness, uint256 account, uint256 underlying)
        external
        view
        returns (bool fits, int256 loss)
    {
        Ledger memory ledger = Ledgers.open(witness, root);
        return margin.laneLoss(ledger, MarginAccounts.load(ledger, Accounts.load(ledger, account)), underlying);
    }
}
