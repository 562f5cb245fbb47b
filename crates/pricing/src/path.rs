//! Which instructions a batch runs on: one source of the arithmetic, compiled once per path.

#[cfg(target_arch = "x86_64")]
use std::arch::is_x86_feature_detected;
use std::sync::OnceLock;

/// Instructions that a batch runs on. Every path gives the same bits; only the speed differs.
///
/// The body of a batch is plain Rust over blocks of options, inlined into one function per path that the compiler may
/// vectorise with that path's instructions. No path fuses a multiplication with an addition, or changes the order of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// What every machine of the target has (on x86-64: SSE2).
    Scalar,
    /// Four lanes, x86-64 with AVX2.
    Avx2,
    /// Eight lanes, x86-64 with AVX-512 F and DQ.
    Avx512,
}

impl Path {
    /// Every path, slowest first.
    pub const ALL: [Self; 3] = [Self::Scalar, Self::Avx2, Self::Avx512];

    /// The fastest path of this machine, found once.
    #[must_use]
    pub fn best() -> Self {
        static BEST: OnceLock<Path> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().copied().unwrap_or(Self::Scalar))
    }

    /// The paths that this machine can run, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|path| path.is_available()).collect()
    }

    /// Whether this machine can run the path.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// The path's name in lower case: `scalar`, `avx2`, `avx512`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Runs a batch on this path.
    ///
    /// # Panics
    /// When this machine lacks the path.
    pub(crate) fn run<B: Batch>(self, batch: B) -> B::Output {
        assert!(self.is_available(), "this machine has no {}", self.name());
        match self {
            Self::Scalar => batch.run(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the machine has AVX2, as asserted above.
            Self::Avx2 => unsafe { on_avx2(batch) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the machine has AVX-512 F and DQ, as asserted above.
            Self::Avx512 => unsafe { on_avx512(batch) },
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => unreachable!("asserted above"),
        }
    }
}

/// A piece of work over blocks of options that [`Path::run`] compiles for each path.
pub(crate) trait Batch {
    /// What it returns.
    type Output;

    /// Does it. Must be `#[inline(always)]`, and so must be all that it calls in a loop: what is not inlined is compiled
    /// for the baseline.
    fn run(self) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn on_avx2<B: Batch>(batch: B) -> B::Output {
    batch.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn on_avx512<B: Batch>(batch: B) -> B::Output {
    batch.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_is_always_there_and_the_best_is_the_last() {
        let available = Path::available();
        assert_eq!(available.first(), Some(&Path::Scalar));
        assert_eq!(available.last(), Some(&Path::best()));
    }
}
