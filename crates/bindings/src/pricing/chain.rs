//! A whole chain that is priced in place.

use std::ffi::c_int;

use ::pricing::{BatchError, Chain, ChainError, ChainExpiry};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyKeyError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;

use super::PricingError;
use super::columns::Columns;

/// `pricing.Chain` without its Python conveniences: all columns are given whole.
#[pyclass(name = "ChainKernel", module = "synchromesh._native")]
pub struct PyChain {
    /// What error messages call the expiries.
    labels: Vec<String>,
    chain: Chain,
}

#[pymethods]
impl PyChain {
    #[new]
    fn new(
        labels: Vec<String>,
        strikes: Vec<PyBuffer<f64>>,
        forward: PyBuffer<f64>,
        t: PyBuffer<f64>,
        sigma: PyBuffer<f64>,
    ) -> PyResult<Self> {
        if labels.len() != strikes.len() {
            return Err(PyValueError::new_err("labels and strikes differ in number"));
        }
        let mut terms = Columns::new(strikes.len());
        let (forward, t) = (terms.input("forward", &forward)?, terms.input("t", &t)?);
        let mut columns = Columns::new(strikes.iter().map(|strike| strike.item_count()).sum());
        let sigma = columns.input("sigma", &sigma)?;
        let mut expiries = Vec::with_capacity(strikes.len());
        let mut start = 0;
        for (place, strike) in strikes.iter().enumerate() {
            let strike = Columns::new(strike.item_count()).input("strike", strike)?;
            let end = start + strike.len();
            let sigma = if sigma.len() == 1 { sigma } else { &sigma[start..end] };
            expiries.push(ChainExpiry { forward: at(forward, place), t: at(t, place), strike, sigma });
            start = end;
        }
        let given = |expiry: usize, strike: usize| expiries[expiry].strike[strike];
        let chain = Chain::new(&expiries).map_err(|error| refusal(&error, &labels, given))?;
        Ok(Self { labels, chain })
    }

    /// Takes new forwards and times (one per expiry or one for all) and vols (one per strike or one for all) and prices
    /// again what they change; returns how many strikes that were. Without the GIL; all or nothing.
    #[pyo3(signature = (forward, t, sigma))]
    fn update(
        &mut self,
        py: Python<'_>,
        forward: Option<PyBuffer<f64>>,
        t: Option<PyBuffer<f64>>,
        sigma: Option<PyBuffer<f64>>,
    ) -> PyResult<usize> {
        let mut terms = Columns::new(self.chain.expiries());
        let forward = forward.as_ref().map(|buffer| terms.input("forward", buffer)).transpose()?;
        let t = t.as_ref().map(|buffer| terms.input("t", buffer)).transpose()?;
        let mut columns = Columns::new(self.chain.strike().len());
        let sigma = sigma.as_ref().map(|buffer| columns.input("sigma", buffer)).transpose()?;
        let Self { labels, chain } = self;
        py.detach(|| apply(chain, forward, t, sigma))
            .map_err(|error| refusal(&error, labels, |expiry, strike| strikes_of(chain, expiry)[strike]))
    }

    /// A column as a read-only buffer of float64 that shows the numbers as they change.
    fn column(slf: Bound<'_, Self>, name: &str) -> PyResult<PyChainColumn> {
        let read = reader(name).ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
        Ok(PyChainColumn { chain: slf.unbind(), read })
    }
}

fn at(column: &[f64], place: usize) -> f64 {
    if column.len() == 1 { column[0] } else { column[place] }
}

fn strikes_of(chain: &Chain, expiry: usize) -> &[f64] {
    &chain.strike()[chain.strikes_of(expiry)]
}

fn apply(
    chain: &mut Chain,
    forward: Option<&[f64]>,
    t: Option<&[f64]>,
    sigma: Option<&[f64]>,
) -> Result<usize, ChainError> {
    let before: Vec<(f64, f64)> =
        (0..chain.expiries()).map(|expiry| (chain.forward(expiry), chain.t(expiry))).collect();
    let sigma_before = sigma.map(|_| chain.sigma().to_vec());
    let taken = (0..chain.expiries()).try_for_each(|expiry| {
        if let Some(forward) = forward {
            chain.set_forward(expiry, at(forward, expiry))?;
        }
        if let Some(t) = t {
            chain.set_t(expiry, at(t, expiry))?;
        }
        let Some(sigma) = sigma else { return Ok(()) };
        let strikes = chain.strikes_of(expiry);
        let sigma = if sigma.len() == 1 { sigma } else { &sigma[strikes.clone()] };
        let held = &chain.sigma()[strikes];
        let stays = if let [one] = sigma { held.iter().all(|vol| vol == one) } else { held == sigma };
        if stays { Ok(()) } else { chain.set_sigma(expiry, sigma) }
    });
    if let Err(error) = taken {
        for (expiry, (forward, t)) in before.into_iter().enumerate() {
            chain.set_forward(expiry, forward).expect("held before");
            chain.set_t(expiry, t).expect("held before");
            if let Some(sigma) = &sigma_before {
                chain.set_sigma(expiry, &sigma[chain.strikes_of(expiry)]).expect("held before");
            }
        }
        return Err(error);
    }
    Ok(chain.reprice())
}

/// The refusal, naming the expiry as the caller does, and the strike.
fn refusal(error: &ChainError, labels: &[String], strike: impl Fn(usize, usize) -> f64) -> PyErr {
    let label = &labels[error.expiry];
    match error.error {
        BatchError::Domain { index, column: column @ ("strike" | "sigma"), value, domain } => {
            let strike = strike(error.expiry, index);
            PricingError::new_err(format!("{label}, strike {strike}: {column} is {value}, must be {domain}"))
        }
        BatchError::Domain { column, value, domain, .. } => {
            PricingError::new_err(format!("{label}: {column} is {value}, must be {domain}"))
        }
        BatchError::Length { .. } => PyValueError::new_err(format!("{label}: {}", error.error)),
    }
}

type Reader = fn(&Chain) -> &[f64];

fn reader(name: &str) -> Option<Reader> {
    Some(match name {
        "strike" => Chain::strike,
        "sigma" => Chain::sigma,
        "call_price" => |chain| &chain.values().call_price,
        "put_price" => |chain| &chain.values().put_price,
        "call_delta" => |chain| &chain.values().call_delta,
        "put_delta" => |chain| &chain.values().put_delta,
        "gamma" => |chain| &chain.values().gamma,
        "vega" => |chain| &chain.values().vega,
        "theta" => |chain| &chain.values().theta,
        "call_rho" => |chain| &chain.values().call_rho,
        "put_rho" => |chain| &chain.values().put_rho,
        _ => return None,
    })
}

/// A column of a chain: an exporter of a read-only buffer.
#[pyclass(name = "ChainColumn", module = "synchromesh._native", frozen)]
pub struct PyChainColumn {
    chain: Py<PyChain>,
    read: Reader,
}

#[pymethods]
impl PyChainColumn {
    /// # Safety
    /// Called by Python with a buffer to fill.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let chain = slf
            .get()
            .chain
            .try_borrow(slf.py())
            .map_err(|_| PyBufferError::new_err("the chain is being updated"))?;
        let values = (slf.get().read)(&chain.chain);
        let bytes = isize::try_from(size_of_val(values)).expect("a slice is shorter than that");
        // SAFETY: the columns of a chain never move while it lives, and the exporter, which the buffer holds, holds the
        // chain. Nobody writes through the buffer, which is read-only; one who reads it from another thread during an
        // update sees old and new numbers.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), values.as_ptr().cast_mut().cast(), bytes, 1, flags)
        };
        if filled == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}
