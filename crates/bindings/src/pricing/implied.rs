//! Implied vols.

use ::pricing::{Quotes, VolStatus, implied_vol, implied_vols_into};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;

use super::columns::{Columns, run_all, shares, take, thread_count};

/// `numbers` = (price, forward, strike, t); writes the vol and a status per option, and returns the message of the first
/// failure.
#[pyfunction]
#[pyo3(name = "implied_vol_into")]
pub fn py_implied_vol_into(
    py: Python<'_>,
    numbers: [PyBuffer<f64>; 4],
    is_call: PyBuffer<u8>,
    mut sigma: PyBuffer<f64>,
    mut status: PyBuffer<u8>,
    threads: isize,
) -> PyResult<Option<String>> {
    let mut columns = Columns::new(sigma.item_count());
    let [price, forward, strike, t] = &numbers;
    let quotes = Quotes {
        price: columns.input("price", price)?,
        forward: columns.input("forward", forward)?,
        strike: columns.input("strike", strike)?,
        t: columns.input("t", t)?,
        is_call: columns.input("is_call", &is_call)?,
    };
    let (vols, statuses) = (columns.output("sigma", &mut sigma)?, columns.output("status", &mut status)?);
    let threads = thread_count(threads)?;
    Ok(py.detach(|| {
        solve(&quotes, vols, statuses, threads);
        statuses
            .iter()
            .position(|&status| status != VolStatus::Found as u8)
            .map(|index| failure(&quotes, index))
    }))
}

fn solve(quotes: &Quotes<'_>, vols: &mut [f64], statuses: &mut [u8], threads: usize) {
    let length = vols.len();
    let (mut vols, mut statuses) = ([vols], [statuses]);
    let jobs = shares(length, threads)
        .map(|range| (range.clone(), take(&mut vols, range.len()), take(&mut statuses, range.len())))
        .collect();
    run_all(jobs, |(range, [vols], [statuses])| {
        implied_vols_into(&quotes.part(range), vols, statuses).expect("columns of checked lengths");
    });
}

/// What is wrong with an option that has no vol.
fn failure(quotes: &Quotes<'_>, index: usize) -> String {
    let quote = quotes.part(index..index + 1);
    let solved =
        implied_vol(quote.price[0], quote.forward[0], quote.strike[0], quote.t[0], quote.is_call[0] != 0);
    let error = solved.expect_err("a batch and a single option fail alike");
    format!("option {index}: {error}")
}
