//! Black-76: price and Greeks of first and second order.

use ::pricing::{BatchError, GreekColumns, Options, SecondOrderColumns, black76_into, second_order_into};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;

use super::PricingError;
use super::columns::{Columns, run_all, shares, take, thread_count};

/// forward, strike, t and sigma.
type Numbers = [PyBuffer<f64>; 4];

/// `numbers` = (forward, strike, t, sigma), `outputs` = (price, delta, gamma, vega, theta, rho).
#[pyfunction]
#[pyo3(name = "black76_into")]
pub fn py_black76_into(
    py: Python<'_>,
    numbers: Numbers,
    is_call: PyBuffer<u8>,
    mut outputs: [PyBuffer<f64>; 6],
    threads: isize,
) -> PyResult<()> {
    let mut columns = Columns::new(outputs[0].item_count());
    let options = Options { is_call: columns.input("is_call", &is_call)?, ..calls(&mut columns, &numbers)? };
    let outputs = columns.outputs(&mut outputs)?;
    evaluate(
        py,
        &options,
        outputs,
        thread_count(threads)?,
        |options, [price, delta, gamma, vega, theta, rho]| {
            black76_into(options, &mut GreekColumns { price, delta, gamma, vega, theta, rho })
        },
    )
}

/// `numbers` as above, `outputs` = (vanna, volga, charm, speed).
#[pyfunction]
#[pyo3(name = "second_order_into")]
pub fn py_second_order_into(
    py: Python<'_>,
    numbers: Numbers,
    mut outputs: [PyBuffer<f64>; 4],
    threads: isize,
) -> PyResult<()> {
    let mut columns = Columns::new(outputs[0].item_count());
    let options = calls(&mut columns, &numbers)?;
    let outputs = columns.outputs(&mut outputs)?;
    evaluate(py, &options, outputs, thread_count(threads)?, |options, [vanna, volga, charm, speed]| {
        second_order_into(options, &mut SecondOrderColumns { vanna, volga, charm, speed })
    })
}

/// Calls with these numbers.
fn calls<'a>(columns: &mut Columns, [forward, strike, t, sigma]: &'a Numbers) -> PyResult<Options<'a>> {
    Ok(Options {
        forward: columns.input("forward", forward)?,
        strike: columns.input("strike", strike)?,
        t: columns.input("t", t)?,
        sigma: columns.input("sigma", sigma)?,
        is_call: &[1],
    })
}

/// Runs a batch function over shares of the options, without the GIL.
fn evaluate<const N: usize>(
    py: Python<'_>,
    options: &Options<'_>,
    mut columns: [&mut [f64]; N],
    threads: usize,
    batch: impl Fn(&Options<'_>, [&mut [f64]; N]) -> Result<(), BatchError> + Sync,
) -> PyResult<()> {
    let length = columns[0].len();
    let results = py.detach(|| {
        let jobs =
            shares(length, threads).map(|range| (range.clone(), take(&mut columns, range.len()))).collect();
        run_all(jobs, |(range, columns)| {
            batch(&options.part(range.clone()), columns).map_err(|error| shifted(error, range.start))
        })
    });
    results.into_iter().collect::<Result<(), _>>().map_err(|error| PricingError::new_err(error.to_string()))
}

/// The error of a share, with the index that its option has among all.
fn shifted(error: BatchError, start: usize) -> BatchError {
    match error {
        BatchError::Domain { index, column, value, domain } => {
            BatchError::Domain { index: start + index, column, value, domain }
        }
        BatchError::Length { .. } => error,
    }
}
