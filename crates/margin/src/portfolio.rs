//! The whole account: underlyings combined, add-ons, collateral; and the same told line by line.

use crate::collateral::CollateralLine;
use crate::combine::{Combined, PnlOffset, combine};
use crate::evaluate::{Stage, UnderlyingMargin};
use crate::numbers::{Checked, add};
use crate::sums::Sums;
use crate::underlying::UnderlyingRisk;
use protocol::{GAPS, LANES, Micros, UnderlyingId};

/// What an account has in one underlying.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Positions and orders; empty when there is only collateral that moves with the underlying.
    pub sums: &'a Sums,
    /// The underlying at its mark.
    pub risk: &'a UnderlyingRisk,
}

/// An account.
#[derive(Debug, Clone, Copy)]
pub struct Portfolio<'a> {
    /// One for each underlying with positions, orders, or collateral that moves with it; ascending.
    pub parts: &'a [Part<'a>],
    /// Assets beside USDC.
    pub collateral: &'a [CollateralLine],
    /// Offset between underlyings.
    pub offset: PnlOffset,
}

/// Funds that stand against margin, micro-USDC: cash, P&L of perpetuals, option value, collateral after haircuts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Equity {
    /// With the collateral as it counts for new risk.
    pub initial: Micros,
    /// With the collateral as it counts for maintenance.
    pub maintenance: Micros,
}

/// One underlying, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderlyingBreakdown {
    /// With open orders at their worst.
    pub initial: UnderlyingMargin,
    /// Of the positions alone.
    pub positions: UnderlyingMargin,
    /// For maintenance.
    pub maintenance: UnderlyingMargin,
    /// P&L of the positions by lane, without collateral.
    pub lanes: [Micros; LANES],
    /// What open orders add by lane at their worst.
    pub order_lanes: [Micros; LANES],
    /// Gap charge of the positions by cell.
    pub gaps: [Micros; GAPS],
}

impl UnderlyingBreakdown {
    /// The underlying.
    #[must_use]
    pub fn underlying(&self) -> UnderlyingId {
        self.initial.underlying
    }
}

/// Margin line by line, micro-USDC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breakdown {
    /// By underlying, as the parts stand.
    pub underlyings: Vec<UnderlyingBreakdown>,
    /// By asset.
    pub collateral: Vec<CollateralLine>,
    /// Joint scan for new risk; `gross − scan` is the offset between underlyings.
    pub initial_scan: Combined,
    /// Joint scan for maintenance.
    pub maintenance_scan: Combined,
    /// Initial margin, open orders at their worst.
    pub initial: Micros,
    /// Initial margin of the positions alone.
    pub positions: Micros,
    /// Maintenance margin.
    pub maintenance: Micros,
    /// Funds against them.
    pub equity: Equity,
}

impl Portfolio<'_> {
    /// Initial margin with open orders at their worst, what filling them costs included.
    ///
    /// # Errors
    /// [`crate::Overflow`] when a number does not fit, as everywhere below.
    pub fn initial(&self) -> Checked<Micros> {
        self.margin(Stage::Initial)
    }

    /// Initial margin of the positions alone.
    ///
    /// # Errors
    /// [`crate::Overflow`].
    pub fn positions(&self) -> Checked<Micros> {
        self.margin(Stage::Positions)
    }

    /// Maintenance margin.
    ///
    /// # Errors
    /// [`crate::Overflow`].
    pub fn maintenance(&self) -> Checked<Micros> {
        self.margin(Stage::Maintenance)
    }

    /// Initial margin of the positions alone, and maintenance margin: what a mark asks of every account. Losses are
    /// counted once where the same collateral stands behind both.
    ///
    /// # Errors
    /// [`crate::Overflow`].
    pub fn positions_and_maintenance(&self) -> Checked<(Micros, Micros)> {
        let [part] = self.parts else { return Ok((self.positions()?, self.maintenance()?)) };
        if self.moving(part, Stage::Positions)? != self.moving(part, Stage::Maintenance)? {
            return Ok((self.positions()?, self.maintenance()?));
        }
        let mut margin = self.evaluate_part(part, Stage::Positions)?;
        let positions = self.total(std::slice::from_ref(&margin), Stage::Positions)?.1;
        margin.share = part.risk.parameters.maintenance_share;
        Ok((positions, self.total(std::slice::from_ref(&margin), Stage::Maintenance)?.1))
    }

    /// The joint scan of the positions alone: initial margin without add-ons.
    ///
    /// # Errors
    /// [`crate::Overflow`].
    pub fn scan(&self) -> Checked<Micros> {
        Ok(combine(&self.evaluate(Stage::Positions)?, self.offset)?.scan)
    }

    /// Everything by name.
    ///
    /// # Errors
    /// [`crate::Overflow`].
    pub fn breakdown(&self, equity: Equity) -> Checked<Breakdown> {
        let of = |stage| self.evaluate(stage);
        let (initial, positions, maintenance) =
            (of(Stage::Initial)?, of(Stage::Positions)?, of(Stage::Maintenance)?);
        let (initial_scan, initial_total) = self.total(&initial, Stage::Initial)?;
        let (_, positions_total) = self.total(&positions, Stage::Positions)?;
        let (maintenance_scan, maintenance_total) = self.total(&maintenance, Stage::Maintenance)?;
        let mut underlyings = Vec::with_capacity(self.parts.len());
        let margins = initial.into_iter().zip(positions).zip(maintenance);
        for (part, ((initial, positions), maintenance)) in self.parts.iter().zip(margins) {
            underlyings.push(UnderlyingBreakdown {
                initial,
                positions,
                maintenance,
                lanes: part.sums.lanes(),
                order_lanes: part.sums.order_lanes(),
                gaps: *part.sums.gaps(),
            });
        }
        Ok(Breakdown {
            underlyings,
            collateral: self.collateral.to_vec(),
            initial_scan,
            maintenance_scan,
            initial: initial_total,
            positions: positions_total,
            maintenance: maintenance_total,
            equity,
        })
    }

    fn margin(&self, stage: Stage) -> Checked<Micros> {
        // One underlying needs neither a list nor the joint states.
        if let [part] = self.parts {
            let margin = self.evaluate_part(part, stage)?;
            return Ok(self.total(std::slice::from_ref(&margin), stage)?.1);
        }
        Ok(self.total(&self.evaluate(stage)?, stage)?.1)
    }

    fn evaluate(&self, stage: Stage) -> Checked<Vec<UnderlyingMargin>> {
        self.parts.iter().map(|part| self.evaluate_part(part, stage)).collect()
    }

    fn evaluate_part(&self, part: &Part<'_>, stage: Stage) -> Checked<UnderlyingMargin> {
        part.sums.evaluate(part.risk, stage, self.moving(part, stage)?)
    }

    /// Value of the collateral that moves with an underlying.
    fn moving(&self, part: &Part<'_>, stage: Stage) -> Checked<Micros> {
        let lines = self.collateral.iter().filter(|line| line.scenario_underlying == part.risk.underlying);
        lines
            .map(|line| if stage == Stage::Maintenance { line.maintenance } else { line.initial })
            .try_fold(0, add)
    }

    /// Joint scan, and with it all add-ons.
    fn total(&self, margins: &[UnderlyingMargin], stage: Stage) -> Checked<(Combined, Micros)> {
        let combined = combine(margins, self.offset)?;
        let mut total = combined.scan;
        for margin in margins {
            total = add(total, margin.add_ons()?)?;
        }
        for line in self.collateral {
            total = add(
                total,
                if stage == Stage::Maintenance { line.depeg_maintenance } else { line.depeg_initial },
            )?;
        }
        Ok((combined, total))
    }
}
