//! Columns of Python arrays as slices, and work on them shared among threads.

use std::mem;
use std::ops::Range;
use std::thread;

use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Fewest elements that a thread is started for: some tens of microseconds of work.
const LEAST_SHARE: usize = 4096;

/// How many threads a caller wants.
///
/// # Errors
/// `ValueError` when that is none.
pub fn thread_count(threads: isize) -> PyResult<usize> {
    let count = usize::try_from(threads).ok().filter(|&count| count > 0);
    count.ok_or_else(|| PyValueError::new_err(format!("threads is {threads}, must be positive")))
}

/// The columns of one call, as slices: outputs of one length, inputs of that length or of one element for all.
///
/// No output overlaps what was taken before it, so take the inputs first.
pub struct Columns {
    length: usize,
    taken: Vec<Range<usize>>,
}

impl Columns {
    /// Columns of `length` elements.
    #[must_use]
    pub fn new(length: usize) -> Self {
        Self { length, taken: Vec::with_capacity(12) }
    }

    /// The elements of an input.
    ///
    /// # Errors
    /// `ValueError` when it is not contiguous or has another length.
    pub fn input<'a, T: Element>(&mut self, name: &str, buffer: &'a PyBuffer<T>) -> PyResult<&'a [T]> {
        let found = buffer.item_count();
        self.check(name, buffer, found == self.length || found == 1)?;
        if found == 0 {
            return Ok(&[]);
        }
        self.taken.push(extent(buffer));
        // SAFETY: PyBuffer checked type and alignment and holds the memory for 'a, `check` found it contiguous, and no
        // output of the call overlaps it. Whoever writes there from another thread meanwhile races with the call, as with
        // any function that releases the GIL over NumPy's memory.
        Ok(unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast(), found) })
    }

    /// The elements of an output.
    ///
    /// # Errors
    /// `ValueError` when it is not contiguous, cannot be written, has another length, or overlaps what was taken before.
    pub fn output<'a, T: Element>(
        &mut self,
        name: &str,
        buffer: &'a mut PyBuffer<T>,
    ) -> PyResult<&'a mut [T]> {
        let found = buffer.item_count();
        self.check(name, buffer, found == self.length)?;
        if buffer.readonly() {
            return Err(PyValueError::new_err(format!("{name} cannot be written")));
        }
        if found == 0 {
            return Ok(&mut []);
        }
        let bytes = extent(buffer);
        if self.taken.iter().any(|other| bytes.start < other.end && other.start < bytes.end) {
            return Err(PyValueError::new_err(format!("{name} overlaps another column")));
        }
        self.taken.push(bytes);
        // SAFETY: as in `input`; it can be written, and overlaps no other slice of the call.
        Ok(unsafe { std::slice::from_raw_parts_mut(buffer.buf_ptr().cast(), found) })
    }

    /// Several outputs.
    ///
    /// # Errors
    /// As [`Columns::output`].
    pub fn outputs<'a, T: Element, const N: usize>(
        &mut self,
        buffers: &'a mut [PyBuffer<T>; N],
    ) -> PyResult<[&'a mut [T]; N]> {
        let mut columns = std::array::from_fn(|_| <&mut [T]>::default());
        for (place, (column, buffer)) in columns.iter_mut().zip(buffers).enumerate() {
            *column = self.output(&format!("output {place}"), buffer)?;
        }
        Ok(columns)
    }

    fn check<T: Element>(&self, name: &str, buffer: &PyBuffer<T>, fits: bool) -> PyResult<()> {
        if !fits {
            let (found, length) = (buffer.item_count(), self.length);
            return Err(PyValueError::new_err(format!("{name} holds {found} numbers, not {length}")));
        }
        if !buffer.is_c_contiguous() {
            return Err(PyValueError::new_err(format!("{name} is not contiguous")));
        }
        Ok(())
    }
}

/// The addresses of a buffer.
fn extent<T: Element>(buffer: &PyBuffer<T>) -> Range<usize> {
    let start = buffer.buf_ptr() as usize;
    start..start + buffer.len_bytes()
}

/// Takes the first `count` elements off each output.
pub fn take<'a, T, const N: usize>(columns: &mut [&'a mut [T]; N], count: usize) -> [&'a mut [T]; N] {
    columns.each_mut().map(|column| {
        let (first, rest) = mem::take(column).split_at_mut(count);
        *column = rest;
        first
    })
}

/// `length` elements in contiguous shares, at most `threads` of them, none absurdly small.
pub fn shares(length: usize, threads: usize) -> impl Iterator<Item = Range<usize>> {
    let count = threads.min(length / LEAST_SHARE).max(1);
    (0..count).map(move |share| share * length / count..(share + 1) * length / count)
}

/// Runs all jobs, each but the last in a thread of its own; the results in order.
pub fn run_all<J: Send, R: Send>(mut jobs: Vec<J>, run: impl Fn(J) -> R + Sync) -> Vec<R> {
    let Some(last) = jobs.pop() else { return Vec::new() };
    thread::scope(|scope| {
        let run = &run;
        let started: Vec<_> = jobs.into_iter().map(|job| scope.spawn(move || run(job))).collect();
        let last = run(last);
        let ended = started.into_iter().map(|thread| thread.join().expect("pricing does not panic"));
        ended.chain([last]).collect()
    })
}
