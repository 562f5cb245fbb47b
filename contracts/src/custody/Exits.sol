// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {LibBitmap} from "solady/utils/LibBitmap.sol";

import {IBondedSettlement} from "../interfaces/IBondedSettlement.sol";
import {ExitClaim, IExitValuer} from "../interfaces/IExitValuer.sol";
import {IExits} from "../interfaces/IExits.sol";
import {BatchOpenings} from "../libraries/BatchOpenings.sol";
import {InboxItems} from "../libraries/InboxItems.sol";
import {RecordedDeposit} from "../libraries/RecordedDeposit.sol";
import {StatePath} from "../libraries/StateProof.sol";
import {BatchOpening} from "../types/BatchOpening.sol";
import {StepOpening} from "../types/StepOpening.sol";

/// @title Exits
/// @notice See {IExits}. All amounts are in engine units.
contract Exits is IExits {
    using BatchOpenings for BatchOpening;
    using LibBitmap for LibBitmap.Bitmap;

    /// @dev An asset on its way out.
    /// @param amount What the accounts of the last state hold together
    /// @param price Micro-USDC of a whole one
    /// @param claims Sum of the claims that came in time
    /// @param covered How much of them is paid
    /// @param bonus What the claims on USDC receive of it
    /// @param spare What is left for late claims
    struct Pool {
        uint64 amount;
        uint64 price;
        uint64 claims;
        uint64 covered;
        uint64 bonus;
        uint64 spare;
    }

    /// @dev An account that claimed.
    struct Account {
        address owner;
        bool late;
    }

    /// @dev Asset id of USDC.
    uint16 private constant _USDC = 0;
    /// @dev Units of a whole asset other than USDC.
    uint256 private constant _ONE = 1e8;

    /// @notice The venue.
    IBondedSettlement public immutable settlement;
    /// @notice Who computes what an account may claim.
    IExitValuer public immutable valuer;
    /// @notice Seconds in which claims are collected.
    uint64 public immutable window;

    /// @inheritdoc IExits
    uint64 public closesAt;
    /// @notice Whether claims are being paid.
    bool public settled;
    /// @notice State root that accounts are valued in.
    bytes32 public root;

    Pool[] private _pools;
    mapping(uint64 subaccount => Account) private _accounts;
    mapping(uint64 subaccount => mapping(uint16 asset => uint64)) private _claims;
    mapping(uint64 subaccount => LibBitmap.Bitmap) private _paid;
    LibBitmap.Bitmap private _returned;

    /// @param settlement_ The venue
    /// @param valuer_ Who computes what an account may claim
    /// @param window_ Seconds in which claims are collected
    constructor(IBondedSettlement settlement_, IExitValuer valuer_, uint64 window_) {
        settlement = settlement_;
        valuer = valuer_;
        window = window_;
    }

    /// @inheritdoc IExits
    function open(bytes calldata witness) external {
        require(closesAt == 0, AlreadyOpen());
        require(settlement.frozen(), NotFrozen());
        uint64 batches = settlement.batches();
        if (batches != 0) {
            require(settlement.isFinal(batches - 1), BatchesPending(batches - 1));
            root = settlement.tip().root;
            (uint64[] memory amounts, uint64[] memory prices) = valuer.pools(root, witness);
            for (uint256 i = 0; i < amounts.length; i++) {
                _pools.push(Pool(amounts[i], prices[i], 0, 0, 0, 0));
            }
        }
        closesAt = uint64(block.timestamp) + window;
        emit ExitOpened(root, closesAt);
    }

    /// @inheritdoc IExits
    function claim(uint64 subaccount, bytes calldata witness) external {
        require(closesAt != 0, NotOpen());
        require(!hasClaimed(subaccount), AlreadyClaimed(subaccount));
        ExitClaim memory owed = valuer.claimOf(root, subaccount, witness);
        bool late = block.timestamp >= closesAt;
        _accounts[subaccount] = Account(owed.owner, late);
        for (uint256 i = 0; i < owed.assets.length; i++) {
            _claims[subaccount][owed.assets[i]] = owed.amounts[i];
            if (!late) _pools[owed.assets[i]].claims += owed.amounts[i];
        }
        emit ExitClaimed(subaccount, owed.owner, owed.assets, owed.amounts, late);
    }

    /// @inheritdoc IExits
    function pay(uint64 subaccount, uint16 asset) external {
        require(closesAt != 0 && block.timestamp >= closesAt, ClaimsPending(closesAt));
        if (!settled) _settle();
        require(asset < _pools.length && !_paid[subaccount].get(asset), NothingOwed(subaccount, asset));
        Account memory account = _accounts[subaccount];
        uint64 amount = account.late ? _takeSpare(subaccount, asset) : _shareOf(subaccount, asset);
        require(amount != 0, NothingOwed(subaccount, asset));
        _paid[subaccount].set(asset);
        emit ExitPaid(subaccount, asset, account.owner, amount);
        settlement.payExit(asset, amount, account.owner);
    }

    /// @inheritdoc IExits
    function returnDeposit(uint64 index, bytes calldata item) external {
        require(settlement.frozen(), NotFrozen());
        require(
            index >= settlement.tip().inboxCursor
                && InboxItems.chain(settlement.inboxHashAt(index), index, item) == settlement.inboxHashAt(index + 1),
            DepositNotReturnable(index)
        );
        _return(index, item);
    }

    /// @inheritdoc IExits
    function reclaimDeposit(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        StatePath calldata totalsBefore,
        StatePath calldata totalsAfter
    ) external {
        _requireFinal(batch);
        (uint64 index, bytes calldata item) =
            RecordedDeposit.refused(batch.stepOf(opening, record), record, totalsBefore, totalsAfter);
        _return(index, item);
    }

    /// @inheritdoc IExits
    function hasClaimed(uint64 subaccount) public view returns (bool) {
        return _accounts[subaccount].owner != address(0);
    }

    /// @dev Reverts unless a batch is the chain's, and final.
    function _requireFinal(BatchOpening calldata batch) private view {
        uint64 index = batch.header.index;
        require(settlement.isFinal(index), BatchesPending(index));
        bytes32 batchHash = batch.batchHash();
        bytes32 expected = settlement.batchAt(index).batchHash;
        require(batchHash == expected, BatchWrong(batchHash, expected));
    }

    /// @dev Pays a deposit back, once.
    function _return(uint64 index, bytes calldata item) private {
        (bool isDeposit, address owner, uint16 asset, uint64 amount) = InboxItems.readDeposit(item);
        require(isDeposit && !_returned.get(index), DepositNotReturnable(index));
        _returned.set(index);
        emit DepositReturned(index, owner, asset, amount);
        settlement.payExit(asset, amount, owner);
    }

    /// @dev Fixes what claims are paid: each from its own asset, and those on a USDC that falls short also from what the
    /// claims on other assets leave over, by value.
    function _settle() private {
        settled = true;
        uint256 worth = 0;
        for (uint256 i = 0; i < _pools.length; i++) {
            Pool storage pool = _pools[i];
            pool.covered = pool.claims < pool.amount ? pool.claims : pool.amount;
            pool.spare = pool.amount - pool.covered;
            if (i != _USDC) worth += uint256(pool.spare) * pool.price / _ONE;
        }
        uint256 short = _pools.length == 0 ? 0 : _pools[_USDC].claims - _pools[_USDC].covered;
        for (uint256 i = 0; i < _pools.length; i++) {
            Pool storage pool = _pools[i];
            if (i != _USDC && short != 0 && pool.price != 0) {
                pool.bonus = short >= worth ? pool.spare : uint64(Math.mulDiv(pool.spare, short, worth));
                pool.spare -= pool.bonus;
            }
            // forge-lint: disable-next-line(unsafe-typecast)
            emit ExitSettled(uint16(i), pool.claims, pool.covered, pool.bonus, pool.spare);
        }
    }

    /// @dev A late claim, as far as what is left goes.
    function _takeSpare(uint64 subaccount, uint16 asset) private returns (uint64 amount) {
        Pool storage pool = _pools[asset];
        uint64 claimed = _claims[subaccount][asset];
        amount = claimed < pool.spare ? claimed : pool.spare;
        pool.spare -= amount;
    }

    /// @dev What a claim in time is paid, rounded down, so that the sum of all is covered.
    function _shareOf(uint64 subaccount, uint16 asset) private view returns (uint64 amount) {
        Pool memory pool = _pools[asset];
        if (pool.claims != 0) {
            amount = uint64(Math.mulDiv(_claims[subaccount][asset], pool.covered, pool.claims));
        }
        if (pool.bonus != 0) {
            amount += uint64(Math.mulDiv(pool.bonus, _claims[subaccount][_USDC], _pools[_USDC].claims));
        }
    }
}
