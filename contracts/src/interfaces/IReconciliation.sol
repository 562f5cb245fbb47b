// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StatePath} from "../libraries/StateProof.sol";
import {BatchHeader} from "../types/BatchHeader.sol";

/// @title Reconciliation
/// @notice Anyone may ask for an account, and is shown its leaf in a state that was committed after he asked, on chain. If
/// nobody answers in time, the venue neither commits nor tells: it is frozen as if a forced request had not been served.
///
/// Nobody proves on chain that an account is his, so asking is open to all and costs a stake ({IDemands}).
/// There is one request an account at a time. Who answers need not be the operator: whatever is shown follows from
/// the data of the batches.
interface IReconciliation {
    /// @notice Somebody asks for an account.
    /// @param madeAt Only batches that are committed later answer it
    /// @param deadline Until when, unless batches have to be made again
    event ReconciliationRequested(uint64 indexed subaccount, address indexed requester, uint64 madeAt, uint64 deadline);

    /// @notice The account's leaf was shown, or that the state has none.
    /// @param batch The batch behind which the state is
    event ReconciliationAnswered(uint64 indexed subaccount, uint64 indexed batch, bool present, StatePath path);

    /// @notice Nobody answered in time.
    event ReconciliationRefused(uint64 indexed subaccount);

    /// @notice There is a request for the account.
    error RequestOpen(uint64 subaccount);

    /// @notice There is no request for the account.
    error NothingRequested(uint64 subaccount);

    /// @notice Nobody is asked in a frozen venue.
    error VenueIsFrozen();

    /// @notice The venue is not frozen.
    error VenueIsLive();

    /// @notice The header is not that of the batch.
    error HeaderWrong(bytes32 batchHash, bytes32 expected);

    /// @notice The batch was not committed after the request.
    error BatchTooOld(uint64 committedAt, uint64 madeAt);

    /// @notice There is time to answer.
    error AnswerDue(uint64 deadline);

    /// @notice The guardian keeps the operator from committing; until he does no more, only the inbox's deadline counts.
    error CommittingPaused();

    /// @notice Asks for an account; anyone may, for the stake of the moment, which he approved before.
    function requestReconciliation(uint64 subaccount) external;

    /// @notice Shows the account, or that there is none; anyone may, and is paid half of the stake.
    /// @param subaccount The account
    /// @param header Of a batch that was committed after the request
    /// @param path The account's leaf in the state behind it
    function answer(uint64 subaccount, BatchHeader calldata header, StatePath calldata path) external;

    /// @notice Shows accounts behind one batch; those for which there is no request, or none before the batch, are passed over.
    /// @param subaccounts The accounts
    /// @param header Of the batch
    /// @param paths The leaf of each account in the state behind it
    function answerMany(uint64[] calldata subaccounts, BatchHeader calldata header, StatePath[] calldata paths) external;

    /// @notice Freezes the venue when nobody answered in time; anyone may. The requester gets his stake back.
    function punishSilence(uint64 subaccount) external;

    /// @notice Gives a stake back when the venue was frozen for another reason; anyone may.
    function reclaimStake(uint64 subaccount) external;

    /// @notice Until when a request has to be answered, seconds.
    function deadlineOf(uint64 subaccount) external view returns (uint64);

    /// @notice Who asked for an account, and when; zero: nobody.
    function requestOf(uint64 subaccount) external view returns (address requester, uint64 madeAt);
}
