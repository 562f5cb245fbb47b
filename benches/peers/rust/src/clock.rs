//! The clock of a core, without counters: an addition that waits for the one before takes one cycle on every core in use.

use std::arch::asm;
use std::time::Instant;

const CHAIN: u64 = 16;
const ROUNDS: u64 = 200_000;
const REPEATS: usize = 400;

/// Cycles per nanosecond, of the fastest of many repeats of a millisecond.
pub fn gigahertz() -> f64 {
    sorted(chain)[REPEATS - 1]
}

/// The same while 512-bit multiplications keep the ports busy, for which some processors lower their clock: the upper
/// quartile, because the first repeats are still at the old clock. None where there are no such multiplications.
pub fn gigahertz_wide() -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        return Some(sorted(chain_beside_wide_work)[REPEATS * 3 / 4]);
    }
    None
}

fn sorted(chain: fn(u64) -> u64) -> Vec<f64> {
    let mut found: Vec<f64> = (0..REPEATS).map(|_| once(chain)).collect();
    found.sort_by(f64::total_cmp);
    found
}

#[inline(always)]
fn once(chain: fn(u64) -> u64) -> f64 {
    let start = Instant::now();
    let mut sum = 0_u64;
    for _ in 0..ROUNDS {
        sum = chain(sum);
    }
    let elapsed = start.elapsed().as_nanos() as f64;
    assert_eq!(sum, ROUNDS * CHAIN, "the chain was not run");
    (ROUNDS * CHAIN) as f64 / elapsed
}

#[cfg(target_arch = "x86_64")]
fn chain(mut sum: u64) -> u64 {
    // SAFETY: register arithmetic alone; no memory, no stack.
    unsafe {
        asm!(".rept 16", "add {0}, 1", ".endr", inout(reg) sum, options(nomem, nostack, pure));
    }
    sum
}

#[cfg(target_arch = "aarch64")]
fn chain(mut sum: u64) -> u64 {
    // SAFETY: register arithmetic alone; no memory, no stack.
    unsafe {
        asm!(".rept 16", "add {0}, {0}, #1", ".endr", inout(reg) sum, options(nomem, nostack, pure));
    }
    sum
}

#[cfg(target_arch = "x86_64")]
fn chain_beside_wide_work(mut sum: u64) -> u64 {
    // SAFETY: register arithmetic alone, called only where AVX-512 was found; every register written is named.
    unsafe {
        asm!(
            ".rept 8",
            "vmulpd zmm0, zmm4, zmm4",
            "add {0}, 1",
            "vmulpd zmm1, zmm4, zmm4",
            "add {0}, 1",
            "vmulpd zmm2, zmm4, zmm4",
            ".endr",
            inout(reg) sum, out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm4") _,
            options(nomem, nostack, pure)
        );
    }
    sum
}
