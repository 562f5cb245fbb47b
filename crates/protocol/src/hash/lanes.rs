//! Keccak-256 of four messages at once: word for word, those of the four states share an AVX2 register.
//!
//! Plain Rust over arrays of four words does not do here, as it does for prices: the compiler keeps such a state in general
//! registers, and is slower than the assembly that takes one message at a time. So the permutation is written in
//! intrinsics, and tested against that assembly.

use super::LANES;
use crate::Hash;
use std::arch::x86_64::{
    __m256i, _mm256_andnot_si256, _mm256_loadu_si256, _mm256_or_si256, _mm256_permute2x128_si256,
    _mm256_set1_epi64x, _mm256_setr_epi64x, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi64,
    _mm256_srli_epi64, _mm256_storeu_si256, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64, _mm256_xor_si256,
};

/// Words of a state.
const WORDS: usize = 25;
/// Bytes that a permutation absorbs.
const RATE: usize = 136;

/// Bytes of a register.
const REGISTER: usize = 32;
/// Bytes of whole registers for a block.
const BLOCK: usize = RATE.next_multiple_of(REGISTER);

const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Keccak-256 of each of `messages`; a lane whose message has ended idles until the longest has.
#[target_feature(enable = "avx2")]
pub(super) fn keccak256_each(messages: [&[u8]; LANES]) -> [Hash; LANES] {
    let mut state = [_mm256_setzero_si256(); WORDS];
    let mut hashes = [Hash::ZERO; LANES];
    let last = messages.map(|message| message.len() / RATE);
    for block in 0..=last.into_iter().max().unwrap_or(0) {
        let mut blocks = [[0; BLOCK]; LANES];
        for (lane, message) in messages.iter().enumerate().filter(|(lane, _)| block <= last[*lane]) {
            let rest = &message[block * RATE..];
            let taken = rest.len().min(RATE);
            blocks[lane][..taken].copy_from_slice(&rest[..taken]);
            if taken < RATE {
                blocks[lane][taken] = 1;
                blocks[lane][RATE - 1] |= 0x80;
            }
        }
        absorb(&mut state, &blocks);
        for constant in ROUND_CONSTANTS {
            state = round(&state, constant);
        }
        if last.contains(&block) {
            let squeezed = transposed([state[0], state[1], state[2], state[3]]);
            for (lane, hash) in hashes.iter_mut().enumerate().filter(|(lane, _)| block == last[*lane]) {
                store(&mut hash.0, squeezed[lane]);
            }
        }
    }
    hashes
}

/// Adds a block of each message to the states. Behind its words a block has zeros, up to whole registers.
#[target_feature(enable = "avx2")]
#[inline]
fn absorb(state: &mut [__m256i; WORDS], blocks: &[[u8; BLOCK]; LANES]) {
    let [a, b, c, d] = blocks.each_ref().map(|block| block.as_chunks::<REGISTER>().0);
    for (words, at) in state.chunks_mut(LANES).zip(0..BLOCK / REGISTER) {
        let columns = transposed([load(&a[at]), load(&b[at]), load(&c[at]), load(&d[at])]);
        for (word, column) in words.iter_mut().zip(columns) {
            *word = xor(*word, column);
        }
    }
}

/// Word `i` of each of four registers, as register `i`.
#[target_feature(enable = "avx2")]
#[inline]
fn transposed([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let (even_ab, odd_ab) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let (even_cd, odd_cd) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
    [
        _mm256_permute2x128_si256::<0x20>(even_ab, even_cd),
        _mm256_permute2x128_si256::<0x20>(odd_ab, odd_cd),
        _mm256_permute2x128_si256::<0x31>(even_ab, even_cd),
        _mm256_permute2x128_si256::<0x31>(odd_ab, odd_cd),
    ]
}

/// θ, then for each row of the result ρ and π, which say where its words come from and how far they turn, χ, and ι in the
/// first.
#[target_feature(enable = "avx2")]
#[inline]
fn round(a: &[__m256i; WORDS], constant: u64) -> [__m256i; WORDS] {
    let c = [column(a, 0), column(a, 1), column(a, 2), column(a, 3), column(a, 4)];
    let d = [
        xor(c[4], turn::<1, 63>(c[1])),
        xor(c[0], turn::<1, 63>(c[2])),
        xor(c[1], turn::<1, 63>(c[3])),
        xor(c[2], turn::<1, 63>(c[4])),
        xor(c[3], turn::<1, 63>(c[0])),
    ];
    macro_rules! row {
        ($($from:literal by $bits:literal),*) => {
            chi([$(turn::<$bits, { 64 - $bits }>(xor(a[$from], d[$from % 5]))),*])
        };
    }
    let [first, r1, r2, r3, r4] = row!(0 by 0, 6 by 44, 12 by 43, 18 by 21, 24 by 14);
    let [r5, r6, r7, r8, r9] = row!(3 by 28, 9 by 20, 10 by 3, 16 by 45, 22 by 61);
    let [r10, r11, r12, r13, r14] = row!(1 by 1, 7 by 6, 13 by 25, 19 by 8, 20 by 18);
    let [r15, r16, r17, r18, r19] = row!(4 by 27, 5 by 36, 11 by 10, 17 by 15, 23 by 56);
    let [r20, r21, r22, r23, r24] = row!(2 by 62, 8 by 55, 14 by 39, 15 by 41, 21 by 2);
    let r0 = xor(first, _mm256_set1_epi64x(constant as i64));
    [
        r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, r13, r14, r15, r16, r17, r18, r19, r20, r21,
        r22, r23, r24,
    ]
}

#[target_feature(enable = "avx2")]
#[inline]
fn column(a: &[__m256i; WORDS], x: usize) -> __m256i {
    xor(xor(xor(a[x], a[x + 5]), xor(a[x + 10], a[x + 15])), a[x + 20])
}

#[target_feature(enable = "avx2")]
#[inline]
fn chi(row: [__m256i; 5]) -> [__m256i; 5] {
    let [a, b, c, d, e] = row;
    [
        xor(a, _mm256_andnot_si256(b, c)),
        xor(b, _mm256_andnot_si256(c, d)),
        xor(c, _mm256_andnot_si256(d, e)),
        xor(d, _mm256_andnot_si256(e, a)),
        xor(e, _mm256_andnot_si256(a, b)),
    ]
}

#[target_feature(enable = "avx2")]
#[inline]
fn xor(a: __m256i, b: __m256i) -> __m256i {
    _mm256_xor_si256(a, b)
}

/// Each word turned left by `LEFT` bits; `RIGHT` is the rest to 64. Whole bytes are shuffled.
#[target_feature(enable = "avx2")]
#[inline]
fn turn<const LEFT: i32, const RIGHT: i32>(a: __m256i) -> __m256i {
    const ONE_BYTE: [i64; 2] = [0x0605_0403_0201_0007, 0x0e0d_0c0b_0a09_080f];
    const SEVEN_BYTES: [i64; 2] = [0x0007_0605_0403_0201, 0x080f_0e0d_0c0b_0a09];
    let shuffled = |[low, high]: [i64; 2]| _mm256_shuffle_epi8(a, _mm256_setr_epi64x(low, high, low, high));
    match LEFT {
        0 => a,
        8 => shuffled(ONE_BYTE),
        56 => shuffled(SEVEN_BYTES),
        _ => _mm256_or_si256(_mm256_slli_epi64::<LEFT>(a), _mm256_srli_epi64::<RIGHT>(a)),
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(bytes: &[u8; REGISTER]) -> __m256i {
    // SAFETY: a register has as many bytes, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(bytes: &mut [u8; REGISTER], register: __m256i) {
    // SAFETY: a register has as many bytes, and the store asks for no alignment.
    unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), register) }
}
