// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Meeting, TradeSide} from "src/verifier/orders/IMatchmaker.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {BookPlace} from "src/verifier/state/BookPlace.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Instruments} from "src/verifier/state/Instruments.sol";
import {Account, Ledger} from "src/verifier/state/Ledger.sol";
import {FundsLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {OrderLeaf} from "src/verifier/state/leaves/OrderLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

/// @title Fills
/// @notice Writes what a trade changes: both accounts, the instrument, the venue's funds, both orders.
library Fills {
    /// @notice Applies a trade of the incoming order with the resting one at `place`. The register is left to the caller.
    function execute(
        Ledger memory ledger,
        Meeting memory meeting,
        TakerLeaf memory taker,
        BookPlace memory place,
        OrderLeaf memory resting
    ) internal pure {
        _fund(ledger, meeting);
        Account memory making = Accounts.load(ledger, resting.subaccount);
        InstrumentLeaf memory instrument = Instruments.load(ledger, taker.instrument);
        _store(instrument, making, taker.instrument, meeting.maker);
        _store(instrument, Accounts.load(ledger, taker.subaccount), taker.instrument, meeting.taker);
        Instruments.save(ledger, taker.instrument, instrument);

        if (meeting.lots == resting.lots) {
            Accounts.removeOrder(ledger, making, place);
        } else {
            resting.lots -= meeting.lots;
            resting.filled += meeting.lots;
            Accounts.updateOrder(ledger, making, place, resting);
        }
        taker.lots -= meeting.lots;
        taker.filled += meeting.lots;
        taker.cash += meeting.cash;
    }

    /// Fees and funding of both sides go through the venue's funds.
    function _fund(Ledger memory ledger, Meeting memory meeting) private pure {
        FundsLeaf memory funds = Globals.funds(ledger);
        funds.fees += meeting.maker.fee + meeting.taker.fee;
        funds.fundingPool -= meeting.maker.funding + meeting.taker.funding;
        ++funds.trades;
        Globals.setFunds(ledger, funds);
    }

    /// Writes one side of a trade into its account, and counts it in the instrument's leaf.
    function _store(
        InstrumentLeaf memory instrument,
        Account memory account,
        uint256 instrumentId,
        TradeSide memory side
    ) private pure {
        (, HoldingLeaf memory held) = Accounts.holding(account, instrumentId);
        if (held.lots > 0) instrument.openInterest -= held.lots;
        if (side.position > 0) instrument.openInterest += side.position;
        if (held.lots != 0) --instrument.holders;
        if (side.position != 0) ++instrument.holders;

        held.lots = side.position;
        held.cost = side.cost;
        held.fundingIndex = side.position == 0 ? int256(0) : instrument.fundingIndex;
        Accounts.putHolding(account, instrumentId, held);
        account.leaf.cash = side.cash;
    }
}
