// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {WithdrawalEvidence} from "../libraries/RecordedWithdrawal.sol";
import {StatePath} from "../libraries/StateProof.sol";
import {BatchOpening} from "../types/BatchOpening.sol";
import {OmissionEvidence, StepOpening} from "../types/StepOpening.sol";

/// @notice The contents of a blob, proven.
/// @param elements Its elements, 32 bytes each, at least up to the last that is not zero
/// @param commitment Its KZG commitment
/// @param proof KZG proof of its value at the point that follows from its versioned hash and the elements
struct BlobContents {
    bytes elements;
    bytes commitment;
    bytes proof;
}

/// @notice One element of a blob, proven.
/// @param index Which, from 0
/// @param value The element
/// @param commitment The blob's KZG commitment
/// @param proof KZG proof of its value at the root of unity that the element stands for
struct BlobElement {
    uint16 index;
    bytes32 value;
    bytes commitment;
    bytes proof;
}

/// @notice A withdrawal of a batch's list that is not the one that was made.
/// @param leaf Its leaf
/// @param siblings Inclusion proof, from the leaf up
struct ListedWithdrawal {
    bytes32 leaf;
    bytes32[] siblings;
}

/// @title Challenges
/// @notice One wrong thing in a batch, proven in one transaction, takes the batch and its descendants back and costs the
/// operator his bond.
///
/// The reward goes to a challenger who sealed his proof in an earlier block: whoever copies a proof from the pool of
/// pending transactions stops the fraud just as well, but earns nothing. A proof that was sealed in time earns the reward
/// also after a copy of it has come first. What nobody can help: who seals proofs against every batch in advance, at his
/// own cost, may win a race.
interface IChallenges {
    /// @notice What was wrong with a batch.
    enum Fraud {
        Step,
        Asserted,
        Blob,
        Withdrawal,
        WithdrawalCount,
        Silence,
        Omission
    }

    /// @notice A proof was sealed.
    event ProofSealed(bytes32 indexed sealed_, address indexed challenger);

    /// @notice A batch was proven wrong.
    /// @param batchHash The batch
    /// @param fraud What was wrong
    /// @param challenger Who proved it
    /// @param rewarded Who was paid the reward; zero: it is kept for who sealed a proof
    event FraudProven(bytes32 indexed batchHash, Fraud fraud, address indexed challenger, address rewarded);

    /// @notice Somebody demands to see a leaf of an asserted root.
    event OpeningRequested(
        uint256 indexed id, bytes32 indexed batchHash, bytes32 root, bytes32 key, uint64 deadline, address requester
    );

    /// @notice The leaf was shown, or that there is none.
    event OpeningAnswered(uint256 indexed id, bool present, StatePath path);

    /// @notice The proof was sealed before.
    error AlreadySealed(uint64 blockNumber);

    /// @notice The batch is neither pending, nor taken back with its reward still to be earned.
    error BatchNotPending(bytes32 batchHash);

    /// @notice The batch can still be challenged.
    error BatchPending(bytes32 batchHash);

    /// @notice The step is right.
    error StepIsHonest();

    /// @notice There is no such further judge.
    error JudgeUnknown(uint256 judge);

    /// @notice The evidence proves nothing.
    error NothingProven();

    /// @notice The chunk is not in a blob.
    error ChunkNotInBlob(uint64 chunk);

    /// @notice The root after the step is computed, not asserted.
    error NothingAsserted(uint8 kind);

    /// @notice The batch will be final before an answer could be used.
    error TooLateToAsk(uint256 latest);

    /// @notice There is no such request, or it was answered.
    error RequestClosed(uint256 id);

    /// @notice Who answers as late as he may would outlast the challenge window.
    error AnswerTimeTooLong(uint64 answerTime, uint64 longest);

    /// @notice The time to answer is over.
    error AnswerTooLate(uint64 deadline);

    /// @notice The time to answer is not over.
    error AnswerPending(uint64 deadline);

    /// @notice The request is about another batch.
    error RequestElsewhere(bytes32 batchHash, bytes32 expected);

    /// @notice Notes that the caller knows a proof, without telling which: the first of the two steps to a reward.
    /// @param sealed_ As {sealOf} gives it
    function sealProof(bytes32 sealed_) external;

    /// @notice A step whose execution gives another root, or that could not be.
    /// @param batch The batch
    /// @param opening The step
    /// @param record The record of its command
    /// @param witness Pruned trees of the state before it, and preimages
    /// @param salt Of the caller's seal; anything if there is none
    function challengeStep(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        bytes calldata witness,
        bytes32 salt
    ) external;

    /// @notice A fault that execution alone does not show.
    /// @param judge Which of the further judges finds it
    /// @param batch The batch
    /// @param opening The step
    /// @param record The record of its command
    /// @param evidence What the judge asks for
    /// @param salt Of the caller's seal; anything if there is none
    function challengeAsserted(
        uint256 judge,
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        bytes calldata evidence,
        bytes32 salt
    ) external;

    /// @notice An account that had to be called, or liquidated, by a step, and was not.
    /// @param batch The batch
    /// @param opening The step: the last before the rounds of liquidation, or the last of its command
    /// @param record The record of its command
    /// @param evidence The steps beside it, the account, and the state behind it
    /// @param salt Of the caller's seal; anything if there is none
    function challengeOmission(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        OmissionEvidence calldata evidence,
        bytes32 salt
    ) external;

    /// @notice A blob with an element that has to be zero, and is not.
    /// @param batch The batch
    /// @param chunk Which of its chunks
    /// @param element The element
    /// @param salt Of the caller's seal, as for {challengeBlob}; anything if there is none
    function challengeElement(BatchOpening calldata batch, uint64 chunk, BlobElement calldata element, bytes32 salt)
        external;

    /// @notice A blob whose contents are malformed, or something else than was claimed.
    /// @param batch The batch
    /// @param chunk Which of its chunks
    /// @param contents The contents of the blob
    /// @param salt Of the caller's seal; anything if there is none
    function challengeBlob(BatchOpening calldata batch, uint64 chunk, BlobContents calldata contents, bytes32 salt)
        external;

    /// @notice A withdrawal that is listed otherwise than it was made.
    /// @param batch The batch
    /// @param opening The step that made it
    /// @param record The record of its command
    /// @param evidence Leaves of the states before and after the step
    /// @param listed What the batch lists under its number
    /// @param salt Of the caller's seal; anything if there is none
    function challengeWithdrawal(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        WithdrawalEvidence calldata evidence,
        ListedWithdrawal calldata listed,
        bytes32 salt
    ) external;

    /// @notice More or fewer withdrawals listed than were made.
    /// @param batch The batch
    /// @param counters The counters in the state behind it
    /// @param salt Of the caller's seal; anything if there is none
    function challengeWithdrawalCount(BatchOpening calldata batch, StatePath calldata counters, bytes32 salt) external;

    /// @notice Demands to see a leaf of the instruments under an asserted root: a root made up of nothing has no leaf that
    /// anybody could refute. The caller stakes a sum, which pays the answer.
    /// @param batch The batch
    /// @param opening A mark
    /// @param record The record of its command
    /// @param key Key of the leaf
    /// @return id Of the request
    function requestOpening(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        bytes32 key
    ) external returns (uint256 id);

    /// @notice Shows the leaf, or that there is none; anyone may, and is paid half of the stake.
    function answerOpening(uint256 id, StatePath calldata path) external;

    /// @notice Shows the leaves of several requests, which may be of one leaf; closed and late ones are passed over.
    /// @param ids The requests
    /// @param paths The leaf of each, or that there is none
    function answerOpenings(uint256[] calldata ids, StatePath[] calldata paths) external;

    /// @notice A request that was not answered in time. The reward is the requester's.
    function challengeSilence(uint256 id, BatchOpening calldata batch) external;

    /// @notice Gives back the stake of a request that was not answered in time, and is of no use any more: its batch was
    /// taken back for another reason, or is final; anyone may.
    function reclaimStake(uint256 id) external;

    /// @notice Whether something wrong was proven of a batch. A batch that fell because nobody opened an asserted root is
    /// not among them: silence proves nothing about what was executed.
    function isProvenWrong(bytes32 batchHash) external view returns (bool);

    /// @notice The seal of a proof.
    /// @param challenger Who will send it
    /// @param batchHash The batch
    /// @param fraud What is wrong
    /// @param position Step of the batch, chunk, or zero
    /// @param salt A secret
    function sealOf(address challenger, bytes32 batchHash, Fraud fraud, uint64 position, bytes32 salt)
        external
        pure
        returns (bytes32);
}
