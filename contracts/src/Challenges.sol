// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Demands} from "./base/Demands.sol";
import {IBondedSettlement} from "./interfaces/IBondedSettlement.sol";
import {BlobContents, BlobElement, IChallenges, ListedWithdrawal} from "./interfaces/IChallenges.sol";
import {IFraudProof} from "./interfaces/IFraudProof.sol";
import {IOmissionProof, LookedAt, Omission} from "./interfaces/IOmissionProof.sol";
import {IStepVerifier} from "./interfaces/IStepVerifier.sol";
import {BatchOpenings} from "./libraries/BatchOpenings.sol";
import {BinaryMerkle} from "./libraries/BinaryMerkle.sol";
import {BlobData} from "./libraries/BlobData.sol";
import {RecordedWithdrawal, WithdrawalEvidence} from "./libraries/RecordedWithdrawal.sol";
import {StatePath, StateProof} from "./libraries/StateProof.sol";
import {BatchOpening} from "./types/BatchOpening.sol";
import {Chunk, Source} from "./types/Chunk.sol";
import {OmissionEvidence, StepOpening} from "./types/StepOpening.sol";
import {StepInput} from "./verifier/IStepModule.sol";
import {Judgement} from "./verifier/StepVerifier.sol";

/// @title Challenges
/// @notice See {IChallenges}. Nobody governs it: another set of judges is another contract, which the settlement's owner
/// announces long before it counts.
contract Challenges is IChallenges, Demands {
    using BatchOpenings for BatchOpening;

    /// @dev A demand to see a leaf.
    struct Request {
        bytes32 batchHash;
        bytes32 root;
        bytes32 key;
        address requester;
        uint64 deadline;
        uint64 index;
        uint256 stake;
    }

    /// @dev A hunt for a wrong leaf below an asserted root asks for one after the other, as many as the tree of 65,536
    /// instruments is deep, and a few; all of them have to be answered within the challenge window, each as late as may be.
    uint64 private constant _ROUNDS = 20;

    /// @dev Step kind of marks, after which the root of the instruments is asserted.
    uint8 private constant _MARK = 33;

    /// @notice Whose batches are challenged.
    IBondedSettlement public immutable settlement;
    /// @notice Who executes steps.
    IStepVerifier public immutable stepVerifier;
    /// @notice Who finds what was left out.
    IOmissionProof public immutable omissionProof;
    /// @inheritdoc IChallenges
    mapping(bytes32 batchHash => bool) public isProvenWrong;

    /// @dev Further judges.
    IFraudProof[] private _judges;
    /// @dev Block of a seal.
    mapping(bytes32 sealed_ => uint64) private _sealedIn;
    /// @dev Requests by id; closed ones are deleted.
    mapping(uint256 id => Request) private _requests;
    uint256 private _nextRequest;

    /// @param settlement_ Whose batches are challenged
    /// @param stepVerifier_ Who executes steps
    /// @param omissionProof_ Who finds what was left out
    /// @param judges Further judges, in the order of their numbers
    /// @param answerTime_ Seconds to answer a request for a leaf
    /// @param requestStake_ What a request costs who makes it, when few are open, of the token of the bonds
    constructor(
        IBondedSettlement settlement_,
        IStepVerifier stepVerifier_,
        IOmissionProof omissionProof_,
        IFraudProof[] memory judges,
        uint64 answerTime_,
        uint256 requestStake_
    ) Demands(settlement_.bonds(), answerTime_, requestStake_) {
        uint64 longest = settlement_.challengeWindow() / _ROUNDS;
        require(answerTime_ <= longest, AnswerTimeTooLong(answerTime_, longest));
        settlement = settlement_;
        stepVerifier = stepVerifier_;
        omissionProof = omissionProof_;
        _judges = judges;
    }

    /// @inheritdoc IChallenges
    function sealProof(bytes32 sealed_) external {
        require(_sealedIn[sealed_] == 0, AlreadySealed(_sealedIn[sealed_]));
        _sealedIn[sealed_] = uint64(block.number);
        emit ProofSealed(sealed_, msg.sender);
    }

    /// @inheritdoc IChallenges
    function challengeStep(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        bytes calldata witness,
        bytes32 salt
    ) external {
        StepInput memory input = batch.stepOf(opening, record);
        require(stepVerifier.judge(input, witness) != Judgement.Honest, StepIsHonest());
        _punish(batch, Fraud.Step, _indexOf(batch, opening), salt);
    }

    /// @inheritdoc IChallenges
    function challengeAsserted(
        uint256 judge,
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        bytes calldata evidence,
        bytes32 salt
    ) external {
        require(judge < _judges.length, JudgeUnknown(judge));
        StepInput memory input = batch.stepOf(opening, record);
        require(_judges[judge].proves(input, evidence), NothingProven());
        _punish(batch, Fraud.Asserted, _indexOf(batch, opening), salt);
    }

    /// @inheritdoc IChallenges
    function challengeOmission(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        OmissionEvidence calldata evidence,
        bytes32 salt
    ) external {
        StepInput memory input = batch.stepOf(opening, record);
        LookedAt memory place = batch.placeOf(opening, input, evidence);
        Omission found = omissionProof.judge(place, evidence.subaccount, evidence.witness);
        require(found != Omission.None, NothingProven());
        _punish(batch, Fraud.Omission, _indexOf(batch, opening), salt);
    }

    /// @inheritdoc IChallenges
    function challengeBlob(BatchOpening calldata batch, uint64 chunk, BlobContents calldata contents, bytes32 salt)
        external
    {
        Chunk memory claimed = batch.chunks[chunk];
        require(claimed.source == Source.Blob, ChunkNotInBlob(chunk));
        BlobData.requireContents(claimed.content, contents.elements, contents.commitment, contents.proof);
        (bool wellFormed, bytes memory data) = BlobData.decode(contents.elements);
        if (wellFormed) {
            Chunk memory found = Chunk(Source.Blob, claimed.content, 0, claimed.end);
            (wellFormed, found.traceRoot, found.end) = settlement.batchData().read(batch.startOf(chunk), data);
            bool asClaimed = keccak256(abi.encode(found)) == keccak256(abi.encode(claimed));
            require(!wellFormed || !asClaimed, NothingProven());
        }
        _punish(batch, Fraud.Blob, chunk, salt);
    }

    /// @inheritdoc IChallenges
    function challengeElement(BatchOpening calldata batch, uint64 chunk, BlobElement calldata element, bytes32 salt)
        external
    {
        Chunk calldata claimed = batch.chunks[chunk];
        require(claimed.source == Source.Blob, ChunkNotInBlob(chunk));
        BlobData.requireElement(claimed.content, element.index, element.value, element.commitment, element.proof);
        require(element.index >= BlobData.USED_ELEMENTS && element.value != 0, NothingProven());
        _punish(batch, Fraud.Blob, chunk, salt);
    }

    /// @inheritdoc IChallenges
    function challengeWithdrawal(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        WithdrawalEvidence calldata evidence,
        ListedWithdrawal calldata listed,
        bytes32 salt
    ) external {
        StepInput memory input = batch.stepOf(opening, record);
        (uint64 number, bytes32 leaf) = RecordedWithdrawal.made(input.rootBefore, input.rootAfter, record, evidence);
        bytes32 root =
            BinaryMerkle.fold(listed.leaf, number - batch.firstWithdrawal, batch.withdrawals, listed.siblings);
        require(root == batch.header.withdrawalRoot && listed.leaf != leaf, NothingProven());
        _punish(batch, Fraud.Withdrawal, _indexOf(batch, opening), salt);
    }

    /// @inheritdoc IChallenges
    function challengeWithdrawalCount(BatchOpening calldata batch, StatePath calldata counters, bytes32 salt) external {
        uint64 count = RecordedWithdrawal.countOf(batch.header.newRoot, counters);
        require(count != batch.firstWithdrawal + batch.withdrawals, NothingProven());
        _punish(batch, Fraud.WithdrawalCount, 0, salt);
    }

    /// @inheritdoc IChallenges
    function requestOpening(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        bytes calldata record,
        bytes32 key
    ) external nonReentrant returns (uint256 id) {
        StepInput memory input = batch.stepOf(opening, record);
        require(input.kind == _MARK, NothingAsserted(input.kind));
        bytes32 batchHash = batch.batchHash();
        uint64 index = batch.header.index;
        require(_isPending(index, batchHash), BatchNotPending(batchHash));
        // Time to answer, and as much again to use the answer.
        uint256 latest = uint256(settlement.batchAt(index).committedAt) + settlement.challengeWindow() - 2 * answerTime;
        require(block.timestamp <= latest, TooLateToAsk(latest));

        id = _nextRequest++;
        uint64 deadline = uint64(block.timestamp) + answerTime;
        uint256 stake = stakeNow();
        _requests[id] = Request(batchHash, input.rootAfter, key, msg.sender, deadline, index, stake);
        emit OpeningRequested(id, batchHash, input.rootAfter, key, deadline, msg.sender);
        _takeStake(stake);
    }

    /// @inheritdoc IChallenges
    function answerOpening(uint256 id, StatePath calldata path) external nonReentrant {
        Request memory request = _open(id);
        require(block.timestamp <= request.deadline, AnswerTooLate(request.deadline));
        _show(id, request, path);
        _payAnswers(1, request.stake);
    }

    /// @inheritdoc IChallenges
    function answerOpenings(uint256[] calldata ids, StatePath[] calldata paths) external nonReentrant {
        require(paths.length == ids.length, AnswersMissing(paths.length, ids.length));
        uint256 shown = 0;
        uint256 stakes = 0;
        for (uint256 i = 0; i < ids.length; i++) {
            Request memory request = _requests[ids[i]];
            // Also a request that is closed: its deadline is gone with it.
            if (block.timestamp > request.deadline) continue;
            _show(ids[i], request, paths[i]);
            stakes += request.stake;
            shown++;
        }
        _payAnswers(shown, stakes);
    }

    /// @inheritdoc IChallenges
    function challengeSilence(uint256 id, BatchOpening calldata batch) external nonReentrant {
        Request memory request = _expired(id);
        bytes32 batchHash = batch.batchHash();
        require(batchHash == request.batchHash, RequestElsewhere(batchHash, request.batchHash));
        require(_stands(request) || !_isPending(request.index, batchHash), BatchNotPending(batchHash));
        delete _requests[id];
        _revert(batch, batchHash);
        _reward(batchHash, Fraud.Silence, request.requester);
        _giveBack(request.requester, request.stake);
    }

    /// @inheritdoc IChallenges
    function reclaimStake(uint256 id) external nonReentrant {
        Request memory request = _expired(id);
        // While the batch can be challenged for the silence, the request has to stay.
        require(!_stands(request) || settlement.isFinal(request.index), BatchPending(request.batchHash));
        delete _requests[id];
        _giveBack(request.requester, request.stake);
    }

    /// @inheritdoc IChallenges
    function sealOf(address challenger, bytes32 batchHash, Fraud fraud, uint64 position, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(challenger, batchHash, fraud, position, salt));
    }

    /// @dev Takes the batch back, and pays who had sealed the proof.
    function _punish(BatchOpening calldata batch, Fraud fraud, uint64 position, bytes32 salt) private {
        bytes32 batchHash = batch.batchHash();
        _revert(batch, batchHash);
        isProvenWrong[batchHash] = true;
        uint64 sealedIn = _sealedIn[sealOf(msg.sender, batchHash, fraud, position, salt)];
        _reward(batchHash, fraud, sealedIn != 0 && sealedIn < block.number ? msg.sender : address(0));
    }

    /// @dev Of a batch that was taken back already, the reward may still be waiting for whoever sealed a proof.
    function _revert(BatchOpening calldata batch, bytes32 batchHash) private {
        uint64 index = batch.header.index;
        if (_isPending(index, batchHash)) {
            settlement.revertBatches(index, batch.start);
        } else {
            require(bonds.rewardOf(batchHash) != 0, BatchNotPending(batchHash));
        }
    }

    function _reward(bytes32 batchHash, Fraud fraud, address to) private {
        emit FraudProven(batchHash, fraud, msg.sender, to);
        if (to != address(0) && bonds.rewardOf(batchHash) != 0) bonds.payReward(batchHash, to);
    }

    /// @dev Whether the batch that a request is about was never taken back. The same bytes that somebody commits behind
    /// that are nobody's silence.
    function _stands(Request memory request) private view returns (bool) {
        return _isPending(request.index, request.batchHash)
            && settlement.batchAt(request.index).committedAt + answerTime <= request.deadline;
    }

    function _isPending(uint64 index, bytes32 batchHash) private view returns (bool) {
        return index < settlement.batches() && settlement.batchAt(index).batchHash == batchHash;
    }

    /// @dev Shows the leaf that a request is about.
    function _show(uint256 id, Request memory request, StatePath calldata path) private {
        bool present = StateProof.lookUp(request.root, StateProof.INSTRUMENTS, request.key, path);
        delete _requests[id];
        emit OpeningAnswered(id, present, path);
    }

    function _open(uint256 id) private view returns (Request memory request) {
        request = _requests[id];
        require(request.requester != address(0), RequestClosed(id));
    }

    function _expired(uint256 id) private view returns (Request memory request) {
        request = _open(id);
        require(block.timestamp > request.deadline, AnswerPending(request.deadline));
    }

    /// @dev Which step of the batch an opening shows.
    function _indexOf(BatchOpening calldata batch, StepOpening calldata opening) private pure returns (uint64) {
        return batch.startOf(opening.chunk).step + opening.position;
    }
}
