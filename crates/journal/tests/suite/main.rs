//! Tests of the journal: what it promises, against disks that lie, cut the power and fail.

mod basics;
mod damage;
mod disks;
mod failures;
mod kill;
mod power;
mod properties;
mod reading;
mod snapshots;
mod support;
