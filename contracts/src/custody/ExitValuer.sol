// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ExitClaim, IExitValuer} from "../interfaces/IExitValuer.sol";
import {InstrumentKind, OptionType, Units} from "../verifier/Types.sol";
import {Accounts} from "../verifier/state/Accounts.sol";
import {Globals} from "../verifier/state/Globals.sol";
import {Expiries, Instruments, Underlyings} from "../verifier/state/Instruments.sol";
import {Account, Ledger, Ledgers} from "../verifier/state/Ledger.sol";
import {Collateral} from "../verifier/state/leaves/AccountLeaf.sol";
import {ExpiryLeaf} from "../verifier/state/leaves/ExpiryLeaf.sol";
import {AssetTotals} from "../verifier/state/leaves/GlobalLeaves.sol";
import {HoldingLeaf} from "../verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf} from "../verifier/state/leaves/InstrumentLeaf.sol";
import {CollateralSchedule} from "../verifier/state/leaves/RiskTables.sol";

/// @title Valuer of exits
/// @notice See {IExitValuer}. Rounds as the engine does: values down.
contract ExitValuer is IExitValuer {
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @dev Funding is counted in 1e-9 USD, money in micro-USDC.
    int256 private constant _NANOS_PER_MICRO = 1000;

    /// @inheritdoc IExitValuer
    function pools(bytes32 root, bytes calldata witness)
        external
        pure
        returns (uint64[] memory amounts, uint64[] memory prices)
    {
        Ledger memory ledger = Ledgers.open(witness, root);
        AssetTotals[] memory totals = Globals.totals(ledger);
        CollateralSchedule[] memory table = Globals.collateral(ledger);
        amounts = new uint64[](totals.length);
        prices = new uint64[](totals.length);
        for (uint256 asset = 0; asset < totals.length; asset++) {
            amounts[asset] = (totals[asset].deposited - totals[asset].withdrawn).toUint256().toUint64();
            prices[asset] = _price(ledger, table, asset).toUint64();
        }
    }

    /// @inheritdoc IExitValuer
    function claimOf(bytes32 root, uint64 subaccount, bytes calldata witness)
        external
        pure
        returns (ExitClaim memory claim)
    {
        Ledger memory ledger = Ledgers.open(witness, root);
        Account memory account = Accounts.load(ledger, subaccount);
        Collateral[] memory collateral = account.leaf.collateral;
        claim.owner = account.leaf.owner;
        claim.assets = new uint16[](collateral.length + 1);
        claim.amounts = new uint64[](collateral.length + 1);

        int256 cash = account.leaf.cash + _positions(ledger, account);
        uint256 missing = cash < 0 ? uint256(-cash) : 0;
        if (cash > 0) claim.amounts[0] = uint256(cash).toUint64();
        CollateralSchedule[] memory table;
        if (missing != 0) table = Globals.collateral(ledger);
        for (uint256 i = 0; i < collateral.length; i++) {
            uint256 amount = collateral[i].amount.toUint256();
            if (missing != 0) {
                (amount, missing) = _cover(amount, missing, _price(ledger, table, collateral[i].asset));
            }
            claim.assets[i + 1] = collateral[i].asset.toUint16();
            claim.amounts[i + 1] = amount.toUint64();
        }
    }

    /// @dev Takes what is missing from an amount of collateral, rounded against who owes it.
    function _cover(uint256 amount, uint256 missing, uint256 price) private pure returns (uint256, uint256) {
        uint256 one = uint256(Units.CONTRACT);
        uint256 worth = amount * price / one;
        if (worth <= missing) return (price == 0 ? amount : 0, missing - worth);
        return (amount - (missing * one + price - 1) / price, 0);
    }

    /// @dev What all positions of an account are worth.
    function _positions(Ledger memory ledger, Account memory account) private pure returns (int256 sum) {
        (uint256[] memory ids, HoldingLeaf[] memory holdings) = Accounts.holdings(account);
        for (uint256 i = 0; i < ids.length; i++) {
            if (holdings[i].lots != 0) sum += _position(ledger, Instruments.load(ledger, ids[i]), holdings[i]);
        }
    }

    function _position(Ledger memory ledger, InstrumentLeaf memory instrument, HoldingLeaf memory holding)
        private
        pure
        returns (int256)
    {
        int256 size = holding.lots * instrument.lotSize;
        if (instrument.kind == InstrumentKind.Option) {
            (bool found, ExpiryLeaf memory expiry) = Expiries.find(ledger, instrument.underlying, instrument.expiry);
            int256 price = found && expiry.settled ? _payoff(instrument, expiry.settlement) : instrument.mark;
            return _floor(size * price, Units.CONTRACT);
        }
        int256 funding =
            _floor(size * (holding.fundingIndex - instrument.fundingIndex), Units.CONTRACT * _NANOS_PER_MICRO);
        return _floor(size * instrument.mark, Units.CONTRACT) - holding.cost + funding;
    }

    function _payoff(InstrumentLeaf memory option, int256 price) private pure returns (int256) {
        int256 payoff = option.optionType == OptionType.Call ? price - option.strike : option.strike - price;
        return payoff > 0 ? payoff : int256(0);
    }

    /// @dev Micro-USDC of a whole unit of an asset: the index of the underlying that prices it, as collateral counts it.
    function _price(Ledger memory ledger, CollateralSchedule[] memory table, uint256 asset)
        private
        pure
        returns (uint256)
    {
        if (asset == Units.USDC) return uint256(Units.USD);
        if (!table[asset].hasActive) return 0;
        return (Underlyings.load(ledger, table[asset].active.priceUnderlying).index / _NANOS_PER_MICRO).toUint256();
    }

    function _floor(int256 a, int256 b) private pure returns (int256) {
        int256 quotient = a / b;
        return a % b < 0 ? quotient - 1 : quotient;
    }
}
