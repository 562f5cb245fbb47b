//! Acts: numbers, and the commands that they become.

use crate::terms;
use crate::venue::{HORIZON, Venue, address, owner, session};
use crate::{DAY, SECOND};
use protocol::*;

/// One random act: which kind, and numbers that it is made of.
pub type Act = (u8, [u64; 4]);

impl Venue {
    /// Does what the numbers say; whether anything came of it depends on them.
    pub fn act(&mut self, (kind, [a, b, c, d]): Act) -> bool {
        self.time += a % 20 * SECOND / 10;
        let who = owner(a >> 8);
        let underlying = 1 + (b >> 16) as u16 % 2;
        let command = match kind % 40 {
            0 => self.inbox(deposit(who, b, c, d)),
            1 => self.forced(who, b, c, d),
            2 => self.withdraw(who, b, c, d),
            3 => self.transfer(who, b, c, d),
            4 if b.is_multiple_of(4) => self.owned(who, |auth| CreateSubaccount { auth }.into()),
            4 => self.owned(who, |auth| RevokeSessionKey { key: address(session(who)), auth }.into()),
            5 => self.register_key(who, b, c, d),
            6 => self.cancel(who, b),
            7 => self.replace(who, b, c, d),
            8 => self.cancel_all(who, b, c),
            9 => self.moved(underlying, (c % 41) as i64 - 20, 5),
            10 => FundingTick { underlying }.into(),
            11 => Clock { limit: 1 + (b % 3) as u16 }.into(),
            12 => self.governed(underlying, b, c, d),
            13 => self.expire(underlying, b.is_multiple_of(3)),
            14 => {
                let (expiry, limit) = (self.expiry(underlying), 1 + (c % 5) as u16);
                SettleExpired { underlying, expiry, limit }.into()
            }
            15 if b.is_multiple_of(4) => self.listing(underlying),
            15 => self.trading(who, |auth| RaiseNonceFloor { floor: auth.nonce, auth }.into()),
            16 if b.is_multiple_of(2) => self.risk_table(underlying, c, d),
            16 => self.collateral(c, d),
            17 => self.margin_model(who, b, c),
            18 => self.fund_insurance(who, c, d),
            19..28 => self.place(who, b, c, d),
            trouble => return self.trouble(trouble - 28, who, [b, c, d]),
        };
        self.submit(command)
    }

    fn forced(&self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let (owner, subaccount) = (address(who), self.subaccount(who, c));
        let key = address(session(who));
        self.inbox(match b % 12 {
            0 => InboxBody::ForcedCloseOnly { owner, subaccount },
            1..4 => InboxBody::RegisterKey { owner, key, scopes: 15, expiry: HORIZON },
            4..6 => InboxBody::RaiseNonceFloor { owner, signer: owner, floor: self.nonce() },
            6..8 => InboxBody::ForcedCancelAll { owner, subaccount },
            _ => InboxBody::ForcedWithdraw {
                owner,
                subaccount,
                asset: (b >> 8) as u16 % 2,
                amount: 1 + (d % 1_000_000_000) as i64,
                recipient: owner,
            },
        })
    }

    fn withdraw(&self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let (subaccount, recipient) = (self.subaccount(who, b), Address([d as u8; 20]));
        let (asset, amount) = ((c % 2) as u16, 1 + (d % 100_000_000) as i64);
        self.owned(who, |auth| Withdraw { subaccount, asset, amount, recipient, auth }.into())
    }

    fn transfer(&self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let (from, to) = (self.subaccount(who, b), self.subaccount(who, b + 1));
        let (asset, amount) = ((c % 2) as u16, 1 + (d % 100_000_000) as i64);
        self.owned(who, |auth| Transfer { from, to, asset, amount, auth }.into())
    }

    fn register_key(&self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let subaccounts = if b.is_multiple_of(2) { vec![self.subaccount(who, c)] } else { Vec::new() };
        let (scopes, key_expiry) = (1 + (c % 15) as u8, self.time + d % (DAY * 9));
        let key = session(who);
        let mut command = self.owned(who, |auth| {
            let (key, subaccounts, consent) = (address(key), subaccounts.clone(), Signature::ZERO);
            RegisterSessionKey { key, scopes, subaccounts, key_expiry, auth, consent }.into()
        });
        let consent = self.sign(key, &command);
        if let Command::RegisterSessionKey(body) = &mut command {
            body.consent = consent;
        }
        command
    }

    /// A mode, most often the normal one, or a parameter near its first value.
    fn governed(&self, underlying: UnderlyingId, b: u64, c: u64, d: u64) -> Command {
        if b.is_multiple_of(4) {
            let mode = Mode::ALL[[0, 0, 0, 0, 0, 1, 2, 3][c as usize % 8]];
            return self.administered(|admin| SetMode { underlying, mode, admin });
        }
        let parameter = Parameter::ALL[c as usize % Parameter::ALL.len()];
        let value = terms::parameter(parameter) / 100 * (80 + d as i64 % 41);
        self.administered(|admin| SetParameter { change: ParameterValue { parameter, value }, admin })
    }

    /// A risk table of an underlying, one of three.
    fn risk_table(&self, underlying: UnderlyingId, c: u64, d: u64) -> Command {
        let mut parameters = terms::risk_parameters();
        parameters.scenario.range += (c % 3) as i64 * 10_000_000;
        let effective = self.time + d % (2 * 3_600) * SECOND;
        self.administered(|admin| SetRiskParameters { underlying, parameters, effective, admin })
    }

    /// Terms of WBTC, one of three.
    fn collateral(&self, c: u64, d: u64) -> Command {
        let terms = CollateralTerms {
            price_underlying: 1,
            scenario_underlying: (c % 2) as u16,
            haircut_initial: 100_000_000,
            haircut_maintenance: 50_000_000,
            depeg: (c % 3) as i64 * 10_000_000,
            account_cap: 10 * CONTRACT,
            venue_cap: 100 * CONTRACT,
        };
        let effective = self.time + d % (2 * 3_600) * SECOND;
        self.administered(|admin| SetCollateral { asset: 1, terms, effective, admin })
    }

    fn margin_model(&self, who: u8, b: u64, c: u64) -> Command {
        let subaccount = self.subaccount(who, b);
        let model = MarginModel::ALL[usize::from(!c.is_multiple_of(3))];
        self.owned(who, |auth| SetMarginModel { subaccount, model, auth }.into())
    }

    fn fund_insurance(&self, who: u8, c: u64, d: u64) -> Command {
        let (subaccount, amount) = (self.subaccount(who, c), 1 + (d % 1_000_000_000) as i64);
        self.owned(who, |auth| FundInsurance { subaccount, amount, auth }.into())
    }
}

/// A deposit of a little, or of as much as matters.
fn deposit(who: u8, b: u64, c: u64, d: u64) -> InboxBody {
    let (asset, much) = if c.is_multiple_of(2) { (0, 200_000 * USD) } else { (1, CONTRACT) };
    let most = if (c / 2).is_multiple_of(3) { much } else { 1_000_000 };
    InboxBody::Deposit {
        owner: address(who),
        subaccount: b % 3,
        asset,
        amount: 1 + (d % most.unsigned_abs()) as i64,
    }
}
