"""Random movements of assets, keys, and everything about margin and liquidation."""

import msgspec

from model.draws import Draws
from model.state import Account
from model.venue import (
    LONGEST_LIFE,
    MINUTE,
    OWNERS,
    RISK,
    SECOND,
    SESSION_KEYS,
    STRANGER,
    WETH,
)
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    NO_SIGNATURE,
    USD,
    USDC,
    ZERO_ADDRESS,
    Authorization,
    Command,
    CreateSubaccount,
    Deposit,
    ForcedCancelAll,
    ForcedCloseOnly,
    ForcedWithdraw,
    FundInsurance,
    InboxBody,
    InboxNonceFloor,
    LiquidationBid,
    MarginModel,
    RaiseNonceFloor,
    RegisterKey,
    RegisterSessionKey,
    RevokeSessionKey,
    RiskParameters,
    SetCollateral,
    SetMarginModel,
    SetRiskParameters,
    Transfer,
    Withdraw,
)


class CashDraws(Draws):
    """Owner actions, the inbox, risk tables, margin models and bids."""

    # Cash and keys

    def inbox(self) -> Command:
        account = self._account()
        owner = account.owner if self._chance(0.95) else self.random.choice([*OWNERS, STRANGER])
        recipient = ZERO_ADDRESS if self._chance(0.05) else owner
        asset, amount = self._asset(), self.random.randint(-1, 4_000 * USD)
        key = self.random.choice(SESSION_KEYS + OWNERS)
        floor = self.time - self.random.choice((120 * SECOND, 50 * SECOND, 0))
        scopes, life = self.random.choice((0, 1, 3, 15, 31)), self.random.choice((-1, MINUTE, LONGEST_LIFE))
        bodies: list[InboxBody] = [
            Deposit(owner, self.random.choice((0, account.number)), asset, amount),
            ForcedWithdraw(owner, account.number, asset, amount, recipient),
            ForcedCancelAll(owner, account.number),
            ForcedCloseOnly(owner, account.number),
            RegisterKey(owner, key, scopes, self.time + life),
            InboxNonceFloor(owner, self._own_key(owner), floor),
        ]
        return self._item(self.random.choices(bodies, (12, 6, 3, 0.15, 2, 2))[0])

    def _asset(self) -> int:
        return self.random.choices((0, 1, 2), (90, 10, 2))[0]

    def withdraw(self) -> Command:
        account = self._account()
        auth = self._owner(account.owner if self._chance(0.97) else self.random.choice(OWNERS))
        recipient = ZERO_ADDRESS if self._chance(0.02) else account.owner
        asset = self._asset()
        return Withdraw(self._subaccount(account), asset, self._amount_of(account, asset), recipient, auth)

    def transfer(self) -> Command:
        source = self._account()
        others = [other for other in self.model.accounts if other.owner == source.owner and other is not source]
        target = self.random.choice(others if others and self._chance(0.9) else self.model.accounts)
        auth = self._owner(source.owner)
        signer = self._own_key(source.owner)
        auth = Authorization(signer, auth.nonce, auth.expiry, NO_SIGNATURE)
        asset = self._asset()
        amount = self._amount_of(source, asset)
        return Transfer(source.number, self._subaccount(target), asset, amount, auth)

    def _amount_of(self, account: Account, asset: int = USDC) -> int:
        known = asset in range(len(self.model.collateral)) and self.model.is_computable(account)
        free = self.model.withdrawable(account, asset) if known else 0
        amounts = (free + 1, free, free * 9 // 10, free // 50, 5 * USD, 0)
        return self.random.choices(amounts, (40, 10, 10, 20, 20, 1))[0]

    def subaccount(self) -> Command:
        return CreateSubaccount(self._owner(self.random.choice(OWNERS)))

    def register(self) -> Command:
        owner = self._account().owner
        mine = [account.number for account in self.model.accounts if account.owner == owner]
        named = [number for number in mine if self._chance(0.3)]
        if self._chance(0.03):
            named = sorted({*named, len(self.model.accounts)})
        key = self.random.choice(SESSION_KEYS + ([owner, ZERO_ADDRESS] if self._chance(0.05) else []))
        life = self.random.choice((0, 5 * SECOND, LONGEST_LIFE, LONGEST_LIFE))
        return RegisterSessionKey(
            key, self.random.choice((1, 2, 8, 9, 15, 15, 0)), tuple(named), self.time + life, self._owner(owner)
        )

    def revoke(self) -> Command:
        return RevokeSessionKey(self.random.choice(SESSION_KEYS), self._owner(self._account().owner))

    def floor(self) -> Command:
        auth = self._trading(self._account().owner)
        return RaiseNonceFloor(self.time - self.random.choice((100, 40, 10, 1)) * SECOND, auth)

    # Margin and liquidation

    def risk_table(self) -> Command:
        underlying = self._underlying()
        change = self.random.choice(({}, {"range": 180_000_000}, {"range": 200_000_000}, {"vol_up": -1}))
        scenario = msgspec.structs.replace(RISK.scenario, **change)
        risk = RiskParameters(scenario, RISK.margin)
        effective = self.random.choice((0, self.time + 60 * MINUTE, self.time + 61 * MINUTE))
        return SetRiskParameters(underlying, risk, effective, self._administration())

    def collateral(self) -> Command:
        change = self.random.choice(
            (
                {},
                {"depeg": 10_000_000},
                {"depeg": -1},
                {"account_cap": 15 * CONTRACT},
                {"venue_cap": 40 * CONTRACT},
                {"scenario_underlying": 0},
            )
        )
        effective = self.random.choice((0, self.time + 60 * MINUTE, self.time + 61 * MINUTE))
        return SetCollateral(self._asset(), msgspec.structs.replace(WETH, **change), effective, self._administration())

    def margin_model(self) -> Command:
        account = self._account()
        return SetMarginModel(
            self._subaccount(account), self.random.choice(list(MarginModel)), self._owner(account.owner)
        )

    def bid(self) -> Command:
        running = [one for one in self.model.accounts if one.liquidation is not None]
        target = self.random.choice(running or self.model.accounts)
        others = [one for one in self.model.accounts if one.owner != target.owner and one.balance(USDC) > 0]
        bidder = self.random.choice(others) if others and self._chance(0.75) else self._account()
        share = self.random.choice((NANO_ONE // 10, NANO_ONE // 3, NANO_ONE, NANO_ONE))
        if self._chance(0.03):
            share = self.random.choice((0, NANO_ONE + 1))
        limit = self.random.choices((10**15, self.random.randint(-(10**9), 10**10)), (4, 1))[0]
        auth = self._trading(bidder.owner)
        return LiquidationBid(self._subaccount(bidder), self._subaccount(target), share, limit, auth)

    def insurance(self) -> Command:
        account = self._account()
        amount = self.random.choice((1, USD, self._amount_of(account), 1_000 * USD, -1))
        return FundInsurance(self._subaccount(account), amount, self._owner(account.owner))
