// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IBondedSettlement} from "./interfaces/IBondedSettlement.sol";
import {IBonds} from "./interfaces/IBonds.sol";

/// @title Bonds
/// @notice See {IBonds}. One token, of which every transfer is exact.
contract Bonds is IBonds, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev A bond on its way back to its operator.
    struct Release {
        uint256 amount;
        uint64 freeAt;
    }

    /// @dev A reward that waits.
    struct Reward {
        uint256 amount;
        uint64 keptUntil;
    }

    /// @dev The whole of a bond, in hundredths of a percent.
    uint16 private constant _WHOLE = 10_000;

    /// @inheritdoc IBonds
    IERC20 public immutable token;
    /// @notice The contract whose operators are bonded.
    IBondedSettlement public immutable settlement;
    /// @inheritdoc IBonds
    address public immutable insurance;
    /// @notice What an operator must have at stake.
    uint256 public immutable requirement;
    /// @notice Part of a bond for who proved a batch wrong, in hundredths of a percent.
    uint16 public immutable rewardShare;
    /// @inheritdoc IBonds
    uint64 public immutable delay;

    /// @inheritdoc IBonds
    uint256 public insured;

    /// @inheritdoc IBonds
    mapping(address operator => uint256) public bondOf;

    mapping(address operator => Release) private _releases;
    mapping(bytes32 batchHash => Reward) private _rewards;

    modifier onlyFrom(address expected) {
        require(msg.sender == expected, NotAuthorized(msg.sender, expected));
        _;
    }

    /// @param token_ What bonds are made of
    /// @param settlement_ The contract whose operators are bonded
    /// @param insurance_ Who receives the rest of a bond
    /// @param requirement_ What an operator must have at stake
    /// @param rewardShare_ Part for who proved a batch wrong, in hundredths of a percent, less than the whole
    /// @param delay_ Seconds until a released bond is free: no less than serve deadline and challenge window together
    constructor(
        IERC20 token_,
        IBondedSettlement settlement_,
        address insurance_,
        uint256 requirement_,
        uint16 rewardShare_,
        uint64 delay_
    ) {
        require(rewardShare_ < _WHOLE, ShareOutOfRange(rewardShare_));
        token = token_;
        settlement = settlement_;
        insurance = insurance_;
        requirement = requirement_;
        rewardShare = rewardShare_;
        delay = delay_;
    }

    /// @inheritdoc IBonds
    function post(uint256 amount) external nonReentrant {
        bondOf[msg.sender] += amount;
        emit BondPosted(msg.sender, amount);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        require(received == amount, TransferInexact(amount, received));
    }

    /// @inheritdoc IBonds
    function release(uint256 amount) external {
        uint256 bond = bondOf[msg.sender];
        require(amount <= bond, BondTooSmall(bond, amount));
        uint64 freeAt = uint64(block.timestamp) + delay;
        bondOf[msg.sender] = bond - amount;
        _releases[msg.sender] = Release(_releases[msg.sender].amount + amount, freeAt);
        emit BondReleasing(msg.sender, amount, freeAt);
    }

    /// @inheritdoc IBonds
    function withdraw() external nonReentrant {
        Release memory released = _releases[msg.sender];
        require(block.timestamp >= released.freeAt, BondNotFree(released.freeAt));
        require(
            isBonded(msg.sender) || settlement.operator() != msg.sender || settlement.frozen(), InOffice(msg.sender)
        );
        delete _releases[msg.sender];
        emit BondReleased(msg.sender, released.amount);
        token.safeTransfer(msg.sender, released.amount);
    }

    /// @inheritdoc IBonds
    function slash(address operator, bytes32 batchHash) external onlyFrom(address(settlement)) {
        uint256 bond = bondOf[operator] + _releases[operator].amount;
        uint256 reward = batchHash == 0 ? 0 : bond * rewardShare / _WHOLE;
        delete bondOf[operator];
        delete _releases[operator];
        if (reward != 0) {
            // Another operator may have committed the same bytes again: what waits for the first proof stays.
            _rewards[batchHash] = Reward(_rewards[batchHash].amount + reward, uint64(block.timestamp) + delay);
        }
        insured += bond - reward;
        emit BondSlashed(operator, batchHash, reward, bond - reward);
    }

    /// @inheritdoc IBonds
    function payReward(bytes32 batchHash, address to) external onlyFrom(settlement.challenges()) nonReentrant {
        uint256 amount = _takeReward(batchHash, to);
        token.safeTransfer(to, amount);
    }

    /// @inheritdoc IBonds
    function sweepReward(bytes32 batchHash) external {
        uint64 until = _rewards[batchHash].keptUntil;
        require(block.timestamp >= until, RewardKept(until));
        insured += _takeReward(batchHash, insurance);
    }

    /// @inheritdoc IBonds
    function collect() external nonReentrant {
        uint256 amount = insured;
        insured = 0;
        token.safeTransfer(insurance, amount);
    }

    /// @inheritdoc IBonds
    function isBonded(address operator) public view returns (bool) {
        return bondOf[operator] >= requirement;
    }

    /// @inheritdoc IBonds
    function rewardOf(bytes32 batchHash) external view returns (uint256) {
        return _rewards[batchHash].amount;
    }

    function _takeReward(bytes32 batchHash, address to) private returns (uint256 amount) {
        amount = _rewards[batchHash].amount;
        require(amount != 0, NoReward(batchHash));
        delete _rewards[batchHash];
        emit RewardPaid(batchHash, to, amount);
    }
}
