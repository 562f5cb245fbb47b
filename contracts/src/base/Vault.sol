// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IVault} from "../interfaces/IVault.sol";
import {EngineUnits} from "../libraries/EngineUnits.sol";
import {InboxItems} from "../libraries/InboxItems.sol";
import {Asset} from "../types/Asset.sol";
import {Guardian} from "./Guardian.sol";
import {Inbox} from "./Inbox.sol";

/// @title The vault
/// @notice See {IVault}. `custody` counts what users own; tokens that somebody merely sends here belong to nobody.
abstract contract Vault is IVault, Guardian, Inbox, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev Beyond this a token unit has no use, and 10 ** decimals comes near the end of the word.
    uint8 private constant _MAX_TOKEN_DECIMALS = 36;
    /// @dev The engine counts asset 0 in micro-USDC.
    uint8 private constant _USDC_DECIMALS = 6;
    /// @dev The engine counts every other asset in 1e-8.
    uint8 private constant _OTHER_DECIMALS = 8;

    /// @dev Every asset, by id.
    Asset[] private _assets;
    /// @dev Tokens that are an asset already.
    mapping(IERC20 token => bool) private _listed;

    /// @inheritdoc IVault
    function addAsset(IERC20 token, uint256 depositCap) external onlyOwner returns (uint16 asset) {
        require(!_listed[token], TokenListed(token));
        require(_assets.length < type(uint16).max, TooManyAssets());
        uint8 decimals = IERC20Metadata(address(token)).decimals();
        require(decimals <= _MAX_TOKEN_DECIMALS, DecimalsUnsupported(decimals));
        asset = assetCount();
        _listed[token] = true;
        _assets.push(Asset(token, decimals, asset == 0 ? _USDC_DECIMALS : _OTHER_DECIMALS, depositCap, 0));
        emit AssetAdded(asset, token, decimals, depositCap);
    }

    /// @inheritdoc IVault
    function setDepositCap(uint16 asset, uint256 depositCap) external onlyOwner {
        _asset(asset).depositCap = depositCap;
        emit DepositCapChanged(asset, depositCap);
    }

    /// @inheritdoc IVault
    function deposit(uint16 asset, uint256 amount, uint64 subaccount) external returns (uint64 index) {
        return _deposit(asset, amount, subaccount);
    }

    /// @inheritdoc IVault
    function depositWithPermit(
        uint16 asset,
        uint256 amount,
        uint64 subaccount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (uint64 index) {
        IERC20Permit token = IERC20Permit(address(_asset(asset).token));
        // Whether it worked shows in the allowance; a revert here would let anyone who saw the permit block the deposit.
        try token.permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        return _deposit(asset, amount, subaccount);
    }

    /// @inheritdoc IVault
    function assetCount() public view returns (uint16) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint16(_assets.length);
    }

    /// @inheritdoc IVault
    function assetAt(uint16 asset) external view returns (Asset memory) {
        return _asset(asset);
    }

    /// @dev Pays a claim. The caller has marked it as paid before: the token is called last.
    function _pay(uint16 asset, uint64 amount, address recipient) internal returns (uint256 paid) {
        Asset storage held = _asset(asset);
        paid = EngineUnits.toToken(amount, held.tokenDecimals, held.engineDecimals);
        require(paid <= held.custody, CustodyExceeded(asset, paid, held.custody));
        held.custody -= paid;
        held.token.safeTransfer(recipient, paid);
    }

    /// @dev Has the caller pay what a claim is worth; what the vault holds stays where it is.
    function _payByCaller(uint16 asset, uint64 amount, address recipient) internal returns (uint256 paid) {
        Asset storage held = _asset(asset);
        paid = EngineUnits.toToken(amount, held.tokenDecimals, held.engineDecimals);
        held.token.safeTransferFrom(msg.sender, recipient, paid);
    }

    /// @dev Reverts when the vault has no such asset.
    function _requireAsset(uint16 asset) internal view override {
        require(asset < _assets.length, AssetUnknown(asset));
    }

    /// @dev Takes the tokens first and counts them after: only the balance shows what really came.
    function _deposit(uint16 asset, uint256 amount, uint64 subaccount)
        private
        nonReentrant
        whenDepositsOpen
        returns (uint64 index)
    {
        Asset storage held = _asset(asset);
        uint64 credited = EngineUnits.fromToken(amount, held.tokenDecimals, held.engineDecimals);
        uint256 custody = held.custody;
        require(
            amount <= held.depositCap && custody <= held.depositCap - amount,
            DepositCapExceeded(asset, amount, custody, held.depositCap)
        );
        held.custody = custody + amount;
        index = _append(InboxItems.deposit(msg.sender, subaccount, asset, credited));
        emit Deposited(asset, msg.sender, amount, index);

        IERC20 token = held.token;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        require(received == amount, TransferInexact(asset, amount, received));
    }

    function _asset(uint16 asset) private view returns (Asset storage) {
        _requireAsset(asset);
        return _assets[asset];
    }
}
