//! Withdrawals of a batch, and the proof with which one is claimed on chain.

use protocol::{Address, AssetId, Hash, Wire, WithdrawalQueued, merkle, wire_struct};

wire_struct! {
    /// A withdrawal as its leaf encodes it.
    pub struct Withdrawal {
        /// Its number, venue wide, from 0.
        pub number: u64,
        /// The asset.
        pub asset: AssetId,
        /// Amount, engine units.
        pub amount: u64,
        /// Who may claim.
        pub recipient: Address,
    }
}

impl Withdrawal {
    /// Its leaf.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        merkle::leaf(&self.to_bytes())
    }
}

/// # Panics
/// When the amount is not positive: the engine queues no such withdrawal.
impl From<&WithdrawalQueued> for Withdrawal {
    fn from(event: &WithdrawalQueued) -> Self {
        Self {
            number: event.withdrawal,
            asset: event.asset,
            amount: u64::try_from(event.amount).expect("a withdrawal is positive"),
            recipient: event.recipient,
        }
    }
}

wire_struct! {
    /// Where a withdrawal stands in the tree of its batch.
    pub struct WithdrawalProof {
        /// Its place among the withdrawals of the batch, from 0.
        pub index: u32,
        /// How many the batch has.
        pub count: u32,
        /// Siblings from the leaf up.
        pub path: Vec<Hash>,
    }
}

impl WithdrawalProof {
    /// Whether it leads from `withdrawal` to `root`.
    #[must_use]
    pub fn verify(&self, root: &Hash, withdrawal: &Withdrawal) -> bool {
        merkle::verify(root, &withdrawal.leaf(), self.index as usize, self.count as usize, &self.path)
    }
}

/// Root over the withdrawals of a batch, in order of number.
#[must_use]
pub fn withdrawal_root(withdrawals: &[Withdrawal]) -> Hash {
    merkle::root(&leaves(withdrawals))
}

/// Proof of the withdrawal at `index`; `None` when there is no such one.
#[must_use]
pub fn prove(withdrawals: &[Withdrawal], index: usize) -> Option<WithdrawalProof> {
    let path = merkle::proof(&leaves(withdrawals), index)?;
    Some(WithdrawalProof { index: index as u32, count: withdrawals.len() as u32, path })
}

fn leaves(withdrawals: &[Withdrawal]) -> Vec<Hash> {
    assert!(
        withdrawals.windows(2).all(|pair| pair[0].number + 1 == pair[1].number),
        "withdrawals of a batch are numbered one after the other"
    );
    withdrawals.iter().map(Withdrawal::leaf).collect()
}
