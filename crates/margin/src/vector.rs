//! Loops over lanes on the vector units of this machine. Integers: every path gives the same numbers.

/// Work on lanes. `run`, and all that it calls in a loop, must be `#[inline(always)]`: what is not inlined is compiled for
/// the baseline. That is why it is no closure, which cannot promise it.
pub(crate) trait Kernel {
    type Output;

    fn run(self) -> Self::Output;
}

/// Runs `kernel` with AVX2 where there is AVX2.
#[inline]
pub(crate) fn vectorised<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has AVX2.
        return unsafe { on_avx2(kernel) };
    }
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn on_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
