//! Fixed-point integers as JSON numbers, written straight into the message.

/// Appends `value`.
pub(super) fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `value · 10^-places` in full, without trailing zeros.
pub(super) fn decimal(out: &mut Vec<u8>, value: i64, places: usize) {
    if value == 0 {
        out.push(b'0');
        return;
    }
    if value < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value.unsigned_abs()).as_bytes();
    let whole = digits.len().saturating_sub(places);
    if whole == 0 {
        out.push(b'0');
    } else {
        out.extend_from_slice(&digits[..whole]);
    }
    let fraction = &digits[whole..];
    let Some(last) = fraction.iter().rposition(|&digit| digit != b'0') else { return };
    out.push(b'.');
    out.resize(out.len() + places - fraction.len(), b'0');
    out.extend_from_slice(&fraction[..=last]);
}

/// Appends `text`, printable ASCII by the protocol's bounds, as a JSON string.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal_text(value: i64, places: usize) -> String {
        let mut out = Vec::new();
        decimal(&mut out, value, places);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn decimals_are_exact_and_short() {
        for (value, places, expected) in [
            (0, 6, "0"),
            (1, 6, "0.000001"),
            (-1, 12, "-0.000000000001"),
            (1_500_000, 6, "1.5"),
            (-1_500_000, 6, "-1.5"),
            (76_000_000_000, 6, "76000"),
            (100_000, 6, "0.1"),
            (1_000_000, 6, "1"),
            (10, 1, "1"),
            (120, 0, "120"),
            (i64::MIN, 9, "-9223372036.854775808"),
            (i64::MAX, 2, "92233720368547758.07"),
        ] {
            assert_eq!(decimal_text(value, places), expected);
        }
    }

    #[test]
    fn names_are_quoted() {
        let mut out = Vec::new();
        text(&mut out, r#"A"B\C"#);
        assert_eq!(out, br#""A\"B\\C""#);
    }
}
