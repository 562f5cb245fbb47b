// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IBondedSettlement} from "../interfaces/IBondedSettlement.sol";
import {IChallenges} from "../interfaces/IChallenges.sol";
import {IQuorum} from "../interfaces/IQuorum.sol";
import {IVerifierQuorum, Vouch} from "../interfaces/IVerifierQuorum.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @title Quorum of verifiers
/// @notice See {IVerifierQuorum}. Who may be a verifier is fixed: another set is another contract, which the settlement's
/// owner announces long before it counts.
contract VerifierQuorum is IVerifierQuorum, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev What a verifier has at stake.
    /// @param stake Amount
    /// @param freeAt From when on a verifier who left may take it; 0 while it signs
    struct Verifier {
        uint192 stake;
        uint64 freeAt;
    }

    bytes32 private constant _VOUCH_TYPEHASH =
        keccak256("Vouch(address settlement,uint64 index,bytes32 previousRoot,bytes32 batchHash)");

    /// @notice Whose batches are vouched for.
    IBondedSettlement public immutable settlement;
    /// @notice Whose word counts that a batch was wrong: those who judged when this quorum was made, for good, so that verifiers
    /// know by whom they can lose their stakes.
    IChallenges public immutable challenges;
    /// @notice What stakes are made of.
    IERC20 public immutable token;
    /// @notice What a verifier must have at stake.
    uint192 public immutable requirement;
    /// @notice How many must sign.
    uint256 public immutable threshold;
    /// @notice Seconds from leaving until the stake is free.
    uint64 public immutable delay;
    /// @notice Who receives the rest of a forfeit stake.
    address public immutable insurance;

    /// @inheritdoc IVerifierQuorum
    mapping(address account => bool) public isListed;
    /// @inheritdoc IQuorum
    mapping(bytes32 batchHash => bool) public isVouchedFor;

    mapping(address account => Verifier) private _verifiers;

    /// @param settlement_ Whose batches are vouched for
    /// @param token_ What stakes are made of
    /// @param requirement_ What a verifier must have at stake
    /// @param threshold_ How many must sign
    /// @param delay_ Seconds from leaving until the stake is free: no less than the challenge window
    /// @param insurance_ Who receives the rest of a forfeit stake
    /// @param listed Who may be a verifier
    constructor(
        IBondedSettlement settlement_,
        IERC20 token_,
        uint192 requirement_,
        uint256 threshold_,
        uint64 delay_,
        address insurance_,
        address[] memory listed
    ) EIP712("Synchromesh verifiers", "1") {
        require(threshold_ != 0 && threshold_ <= listed.length, ThresholdOutOfRange(threshold_, listed.length));
        uint64 window = settlement_.challengeWindow();
        require(delay_ >= window, DelayTooShort(delay_, window));
        settlement = settlement_;
        challenges = IChallenges(settlement_.challenges());
        token = token_;
        requirement = requirement_;
        threshold = threshold_;
        delay = delay_;
        insurance = insurance_;
        for (uint256 i = 0; i < listed.length; i++) {
            isListed[listed[i]] = true;
        }
    }

    /// @inheritdoc IVerifierQuorum
    function join() external nonReentrant {
        require(isListed[msg.sender], NotListed(msg.sender));
        require(_verifiers[msg.sender].stake == 0, AlreadyJoined(msg.sender));
        _verifiers[msg.sender] = Verifier(requirement, 0);
        emit VerifierJoined(msg.sender);
        token.safeTransferFrom(msg.sender, address(this), requirement);
    }

    /// @inheritdoc IVerifierQuorum
    function leave() external {
        require(isVerifier(msg.sender), NotVerifier(msg.sender));
        uint64 freeAt = uint64(block.timestamp) + delay;
        _verifiers[msg.sender].freeAt = freeAt;
        emit VerifierLeaving(msg.sender, freeAt);
    }

    /// @inheritdoc IVerifierQuorum
    function withdraw() external nonReentrant {
        Verifier memory verifier = _verifiers[msg.sender];
        require(verifier.freeAt != 0 && block.timestamp >= verifier.freeAt, StakeNotFree(verifier.freeAt));
        delete _verifiers[msg.sender];
        token.safeTransfer(msg.sender, verifier.stake);
    }

    /// @inheritdoc IVerifierQuorum
    function vouch(Vouch calldata vouched, bytes[] calldata signatures) external {
        address[] memory signers = Signatures.signers(digestOf(vouched), signatures);
        require(signers.length >= threshold, TooFewSignatures(signers.length, threshold));
        for (uint256 i = 0; i < signers.length; i++) {
            require(isVerifier(signers[i]), NotVerifier(signers[i]));
        }
        isVouchedFor[vouched.batchHash] = true;
        emit BatchVouchedFor(vouched.batchHash, signers);
    }

    /// @inheritdoc IVerifierQuorum
    function proveEquivocation(
        Vouch calldata first,
        bytes calldata firstSignature,
        Vouch calldata second,
        bytes calldata secondSignature
    ) external nonReentrant {
        require(
            first.index == second.index && first.previousRoot == second.previousRoot
                && first.batchHash != second.batchHash,
            NoEquivocation()
        );
        (address signer,,) = ECDSA.tryRecoverCalldata(digestOf(first), firstSignature);
        (address other,,) = ECDSA.tryRecoverCalldata(digestOf(second), secondSignature);
        require(signer == other, NoEquivocation());
        _slash(signer);
    }

    /// @inheritdoc IVerifierQuorum
    function proveWrongVouch(Vouch calldata vouched, bytes calldata signature) external nonReentrant {
        require(challenges.isProvenWrong(vouched.batchHash), BatchNotProvenWrong(vouched.batchHash));
        (address signer,,) = ECDSA.tryRecoverCalldata(digestOf(vouched), signature);
        _slash(signer);
    }

    /// @inheritdoc IVerifierQuorum
    function isVerifier(address account) public view returns (bool) {
        Verifier memory verifier = _verifiers[account];
        return verifier.stake != 0 && verifier.freeAt == 0;
    }

    /// @inheritdoc IVerifierQuorum
    function digestOf(Vouch calldata vouched) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(_VOUCH_TYPEHASH, settlement, vouched.index, vouched.previousRoot, vouched.batchHash))
        );
    }

    /// @dev Takes the stake of a verifier, also of one that is leaving. Half is the caller's: a verifier who accuses himself
    /// must lose something.
    function _slash(address signer) private {
        uint256 stake = _verifiers[signer].stake;
        require(stake != 0, NothingAtStake(signer));
        delete _verifiers[signer];
        isListed[signer] = false;
        emit VerifierSlashed(signer, msg.sender, stake);
        token.safeTransfer(msg.sender, stake / 2);
        token.safeTransfer(insurance, stake - stake / 2);
    }
}
