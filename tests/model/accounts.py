"""Who may act, what assets move, and what the contract's inbox asks for."""

from __future__ import annotations

from dataclasses import replace

from model.standing import Standings
from model.state import Account, Grant, Instrument, Key, Order, Refused, Underlying, fit, require
from synchromesh._native import keccak256
from synchromesh.protocol import (
    SCOPE_CANCEL,
    SCOPE_TRADE,
    SCOPE_TRANSFER,
    SCOPES,
    USDC,
    ZERO_ADDRESS,
    Authorization,
    BalanceChanged,
    BalanceReason,
    CloseOnlySet,
    CloseReason,
    CreateSubaccount,
    Deposit,
    Event,
    ForcedCancelAll,
    ForcedCloseOnly,
    ForcedRequestVoid,
    ForcedWithdraw,
    FundInsurance,
    Genesis,
    InboxItem,
    InboxNonceFloor,
    InsuranceFunded,
    KeyRegistered,
    KeyRevoked,
    MarginModel,
    MarginModelChanged,
    NonceFloorRaised,
    Parameter,
    RaiseNonceFloor,
    RegisterKey,
    RegisterSessionKey,
    RevokeSessionKey,
    SetMarginModel,
    SubaccountCreated,
    Transfer,
    Withdraw,
    WithdrawalQueued,
    encode_inbox_body,
)

MAX_SUBACCOUNTS = 256
CANCELS = SCOPE_TRADE | SCOPE_CANCEL


class Accounts(Standings):
    """Everything about subaccounts and keys; orders and governance are mixed in beside it."""

    genesis: Genesis | None
    sequence: int
    events: list[Event]
    keys: dict[bytes, Key]
    fees: int
    insurance: int
    funding_pool: int
    withdrawals: int
    inbox_next: int
    inbox_hash: bytes

    # Names

    def account(self, number: int) -> Account:
        require(1 <= number <= len(self.accounts), "unknown_subaccount")
        return self.accounts[number - 1]

    def instrument(self, number: int) -> Instrument:
        require(1 <= number <= len(self.instruments), "unknown_instrument")
        return self.instruments[number - 1]

    def underlying(self, number: int) -> Underlying:
        require(1 <= number <= len(self.underlyings), "unknown_underlying")
        return self.underlyings[number - 1]

    def check_asset(self, asset: int) -> None:
        assert self.genesis is not None
        require(asset < len(self.genesis.assets), "unknown_asset")

    # Authority

    def check_signature(self, auth: Authorization) -> None:
        require(self.time < auth.expiry, "signature_expired")

    def check_grant(self, grant: Grant) -> None:
        require(not grant.revoked, "key_revoked")
        require(self.time < grant.expiry, "key_expired")

    def authorize(self, account: Account, auth: Authorization, scopes: int) -> None:
        self.check_signature(auth)
        if auth.signer == account.owner:
            return
        grant = self.keys.get(auth.signer, Key()).grant
        if grant is None or grant.owner != account.owner:
            raise Refused("not_authorized")
        self.check_grant(grant)
        require(grant.scopes & scopes != 0, "scope_missing")
        self.check_covered(grant, account.number)

    @staticmethod
    def check_covered(grant: Grant, subaccount: int) -> None:
        require(not grant.subaccounts or subaccount in grant.subaccounts, "key_not_for_subaccount")

    def check_nonce(self, auth: Authorization) -> None:
        key, nonce = self.keys[auth.signer], auth.nonce
        require(nonce >= key.floor, "nonce_below_floor")
        require(nonce >= self.time - self.parameters[Parameter.NONCE_PAST], "nonce_too_old")
        require(nonce <= self.time + self.parameters[Parameter.NONCE_FUTURE], "nonce_too_new")
        require(nonce not in key.nonces, "nonce_used")
        require(len(key.nonces) < 64 or nonce >= min(key.nonces), "nonce_below_window")

    def use_nonce(self, auth: Authorization) -> None:
        key = self.keys[auth.signer]
        key.nonces = sorted([*key.nonces, auth.nonce])[-64:]

    def check_owner_nonce(self, owner: bytes, nonce: int) -> None:
        require(nonce == self.keys.get(owner, Key()).next_nonce, "wrong_owner_nonce")

    def use_owner_nonce(self, owner: bytes) -> None:
        self.keys.setdefault(owner, Key()).next_nonce += 1

    # Subaccounts and keys

    def create_subaccount(self, command: CreateSubaccount) -> None:
        owner = command.auth.signer
        self.check_signature(command.auth)
        self.check_owner_nonce(owner, command.auth.nonce)
        require(len(self.keys.get(owner, Key()).subaccounts) < MAX_SUBACCOUNTS, "too_many_subaccounts")
        self.use_owner_nonce(owner)
        self.open_subaccount(owner)

    def open_subaccount(self, owner: bytes) -> Account:
        account = Account(len(self.accounts) + 1, owner)
        self.accounts.append(account)
        self.keys.setdefault(owner, Key()).subaccounts.append(account.number)
        self.events.append(SubaccountCreated(account.number, owner))
        return account

    def register_session_key(self, command: RegisterSessionKey) -> None:
        owner = command.auth.signer
        self.check_signature(command.auth)
        self.check_owner_nonce(owner, command.auth.nonce)
        self.check_new_grant(owner, command.key, command.scopes, command.key_expiry)
        for subaccount in command.subaccounts:
            require(self.owns(owner, subaccount), "foreign_subaccount")
        self.use_owner_nonce(owner)
        self.give(owner, command.key, command.scopes, command.subaccounts, command.key_expiry)

    def owns(self, owner: bytes, subaccount: int) -> bool:
        return subaccount in self.keys.get(owner, Key()).subaccounts

    def check_new_grant(self, owner: bytes, key: bytes, scopes: int, expiry: int) -> None:
        require(key not in (ZERO_ADDRESS, owner), "invalid_key")
        require(scopes != 0 and not scopes & ~sum(SCOPES.values()), "no_scopes")
        require(expiry > self.time, "key_expiry_past")
        known = self.keys.get(key, Key())
        require(not known.subaccounts and (known.grant is None or known.grant.owner == owner), "key_taken")

    def give(self, owner: bytes, key: bytes, scopes: int, subaccounts: tuple[int, ...], expiry: int) -> None:
        self.keys.setdefault(key, Key()).grant = Grant(owner, scopes, subaccounts, expiry)
        self.events.append(KeyRegistered(owner, key, scopes, expiry))

    def revoke_session_key(self, command: RevokeSessionKey) -> None:
        owner = command.auth.signer
        self.check_signature(command.auth)
        self.check_owner_nonce(owner, command.auth.nonce)
        grant = self.keys.get(command.key, Key()).grant
        if grant is None or grant.owner != owner or grant.revoked:
            raise Refused("key_not_registered")
        self.use_owner_nonce(owner)
        grant.revoked = True
        self.events.append(KeyRevoked(owner, command.key))

    def raise_nonce_floor(self, command: RaiseNonceFloor) -> None:
        self.check_signature(command.auth)
        require(command.auth.signer in self.keys, "unknown_signer")
        key = self.keys[command.auth.signer]
        if key.grant is not None and not key.subaccounts:
            self.check_grant(key.grant)
        self.check_nonce(command.auth)
        require(command.floor > key.floor, "floor_not_raised")
        self.use_nonce(command.auth)
        self.set_floor(command.auth.signer, command.floor)

    def set_floor(self, signer: bytes, floor: int) -> None:
        self.keys.setdefault(signer, Key()).floor = floor
        self.events.append(NonceFloorRaised(signer, floor))

    # Assets

    def check_may_leave(self, account: Account, asset: int, amount: int) -> None:
        require(amount > 0, "amount_not_positive")
        self.check_not_liquidated(account)
        if asset == USDC or self.is_collateral(asset):
            self.check_holdings_sound(account)
        require(self.may_leave(account, asset, amount), "insufficient_funds")

    @staticmethod
    def check_not_liquidated(account: Account) -> None:
        require(account.liquidation is None, "in_liquidation")

    def check_holdings_sound(self, account: Account) -> None:
        for instrument in account.held():
            self.check_marks_sound(self.instruments[instrument - 1].spec.underlying)

    def credit(self, account: Account, asset: int, delta: int, reason: BalanceReason) -> None:
        account.balances[asset] = fit(account.balance(asset) + delta)
        self.events.append(BalanceChanged(account.number, asset, delta, reason))

    def settle_funding(self, account: Account) -> None:
        for number, held in sorted(account.positions.items()):
            terms = self.terms(number)
            due, held.funding = terms.funding_due(held), terms.funding_index
            if due:
                self.funding_pool -= due
                self.credit(account, USDC, due, BalanceReason.FUNDING)

    def pay_out(self, account: Account, asset: int, amount: int, recipient: bytes) -> None:
        self.settle_funding(account)
        self.credit(account, asset, -amount, BalanceReason.WITHDRAWAL)
        self.vault[asset] = self.vault.get(asset, 0) - amount
        self.events.append(WithdrawalQueued(self.withdrawals, account.number, asset, amount, recipient))
        self.withdrawals += 1

    def withdraw(self, command: Withdraw) -> None:
        account = self.account(command.subaccount)
        self.check_asset(command.asset)
        self.check_signature(command.auth)
        require(command.auth.signer == account.owner, "not_authorized")
        self.check_owner_nonce(account.owner, command.auth.nonce)
        require(command.recipient != ZERO_ADDRESS, "invalid_recipient")
        self.check_may_leave(account, command.asset, command.amount)
        self.use_owner_nonce(account.owner)
        self.pay_out(account, command.asset, command.amount, command.recipient)

    def transfer(self, command: Transfer) -> None:
        source, target = self.account(command.source), self.account(command.target)
        require(source is not target, "same_subaccount")
        self.check_asset(command.asset)
        self.authorize(source, command.auth, SCOPE_TRANSFER)
        require(target.owner == source.owner, "foreign_subaccount")
        grant = self.keys[command.auth.signer].grant
        if command.auth.signer != source.owner and grant is not None:
            self.check_covered(grant, target.number)
        self.check_owner_nonce(source.owner, command.auth.nonce)
        self.check_may_leave(source, command.asset, command.amount)
        fit(target.balance(command.asset) + command.amount)
        self.use_owner_nonce(source.owner)
        self.settle_funding(source)
        self.credit(source, command.asset, -command.amount, BalanceReason.TRANSFER)
        self.credit(target, command.asset, command.amount, BalanceReason.TRANSFER)

    def set_margin_model(self, command: SetMarginModel) -> None:
        account = self.account(command.subaccount)
        self.check_signature(command.auth)
        require(command.auth.signer == account.owner, "not_authorized")
        self.check_owner_nonce(account.owner, command.auth.nonce)
        require(account.model != command.model, "nothing_to_do")
        self.check_not_liquidated(account)
        self.check_holdings_sound(account)
        changed = replace(account, model=command.model)
        if command.model == MarginModel.PORTFOLIO:
            require(all(self.has_lanes(number) for number in account.held()), "no_lanes")
        require(self.funds(changed) >= self.requirement(changed), "margin_model_refused")
        self.use_owner_nonce(account.owner)
        account.model = command.model
        self.events.append(MarginModelChanged(account.number, command.model))

    def fund_insurance(self, command: FundInsurance) -> None:
        account = self.account(command.subaccount)
        self.check_signature(command.auth)
        require(command.auth.signer == account.owner, "not_authorized")
        self.check_owner_nonce(account.owner, command.auth.nonce)
        self.check_may_leave(account, USDC, command.amount)
        self.insurance = fit(self.insurance + command.amount)
        self.use_owner_nonce(account.owner)
        self.settle_funding(account)
        self.credit(account, USDC, -command.amount, BalanceReason.INSURANCE)
        self.events.append(InsuranceFunded(account.number, command.amount))

    # Inbox

    def take_inbox_item(self, item: InboxItem) -> None:
        require(item.index == self.inbox_next, "wrong_inbox_index")
        self.inbox_hash = keccak256(self.inbox_hash + item.index.to_bytes(8) + encode_inbox_body(item.body))
        self.inbox_next += 1
        try:
            self.serve(item)
        except Refused:
            self.events.append(ForcedRequestVoid(item.index))

    def serve(self, item: InboxItem) -> None:
        """Do what an item asks; `Refused`, and nothing, when it cannot be done."""
        match item.body:
            case Deposit() as body:
                self.deposit(body)
            case ForcedWithdraw() as body:
                account = self.own(body.owner, body.subaccount)
                self.check_asset(body.asset)
                require(body.recipient != ZERO_ADDRESS, "invalid_recipient")
                self.check_not_liquidated(account)
                paid = self.leaving(account, body.asset, body.amount)
                require(paid > 0, "nothing_to_do")
                self.pay_out(account, body.asset, paid, body.recipient)
            case ForcedCancelAll() as body:
                account = self.own(body.owner, body.subaccount)
                require(bool(account.orders), "nothing_to_cancel")
                self.close_all(account, CloseReason.FORCED)
            case ForcedCloseOnly() as body:
                account = self.own(body.owner, body.subaccount)
                require(not account.close_only, "nothing_to_do")
                account.close_only = True
                self.events.append(CloseOnlySet(account.number))
                self.close_all(account, CloseReason.FORCED)
            case RegisterKey() as body:
                self.check_new_grant(body.owner, body.key, body.scopes, body.expiry)
                self.give(body.owner, body.key, body.scopes, (), body.expiry)
            case InboxNonceFloor() as body:
                key = self.keys.get(body.signer, Key())
                granted = key.grant is not None and key.grant.owner == body.owner
                require(body.signer == body.owner or granted, "not_authorized")
                require(body.floor > key.floor, "floor_not_raised")
                self.set_floor(body.signer, body.floor)

    def own(self, owner: bytes, subaccount: int) -> Account:
        require(self.owns(owner, subaccount), "foreign_subaccount")
        return self.account(subaccount)

    def deposit(self, body: Deposit) -> None:
        require(body.amount > 0, "amount_not_positive")
        self.check_asset(body.asset)
        owned = self.keys.get(body.owner, Key()).subaccounts
        number = body.subaccount if body.subaccount in owned else owned[0] if owned else 0
        fit((self.account(number).balance(body.asset) if number else 0) + body.amount)
        account = self.account(number) if number else self.open_subaccount(body.owner)
        self.vault[body.asset] = self.vault.get(body.asset, 0) + body.amount
        self.credit(account, body.asset, body.amount, BalanceReason.DEPOSIT)

    def close_all(self, account: Account, reason: CloseReason) -> None:
        for number in sorted(account.orders):
            self.close_order(account.orders[number], reason)

    def close_order(self, order: Order, reason: CloseReason) -> None:
        raise NotImplementedError
