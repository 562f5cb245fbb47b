//! Checked integer arithmetic: that of the margin crate, so that both have one [`Overflow`].

pub use margin::Overflow;
pub(crate) use margin::numbers::{
    Checked, add, div_ceil, div_floor, mul, mul_div_ceil, mul_div_floor, narrow, sub, wide_add, wide_mul,
};
