//! Quantities of bytes as Kubernetes writes them: `8Gi`, `1.5G`, `128974848`.

/// A quantity in bytes, rounded up: `10Gi`, `1.5G`, `128974848`, `129e6`, `128974848000m`.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    // The suffixes are ASCII, so the number ends at the first letter that is no exponent.
    let (number, factor) = match SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix)) {
        Some((suffix, factor)) => (&text[..text.len() - suffix.len()], *factor),
        None => (text, 1.0),
    };
    if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '+') {
        return None;
    }
    let whole = number.parse::<u64>().ok().filter(|_| factor >= 1.0);
    match whole {
        // Exact as far as u64 goes; only fractions take the way through floating point.
        Some(whole) => whole.checked_mul(factor as u64),
        None => {
            number.parse::<f64>().ok().map(|n| (n * factor).ceil()).filter(|n| *n < u64::MAX as f64).map(|n| n as u64)
        }
    }
}

/// Thousandths of a quantity, rounded up: `500m`, `2`, `1.5`.
pub fn thousandths(text: &str) -> Option<u64> {
    match text.trim().strip_suffix('m') {
        Some(number) => bytes(number),
        None => bytes(&format!("{}k", text.trim())),
    }
}

/// Suffixes of quantities and what they multiply by; those of two letters first.
const SUFFIXES: [(&str, f64); 15] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("m", 1e-3),
    ("u", 1e-6),
    ("n", 1e-9),
];

/// Says why a size is none.
///
/// # Errors
/// What a size looks like.
pub fn check_size(text: &str) -> Result<(), String> {
    match bytes(text) {
        Some(size) if size > 0 => Ok(()),
        _ => Err(format!("a size is written 8Gi, 500Mi or 1.5Ti, not {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_and_what_is_none_is_refused() {
        assert_eq!(bytes("8Gi"), Some(8 << 30));
        assert_eq!(bytes("1.5Ki"), Some(1536));
        for wrong in ["", "0", "8 GB", "8GiB", "-1Gi", "NaN", "inf", "1e400", "Gi", "99999999999999999999Gi"] {
            assert!(check_size(wrong).is_err(), "{wrong}");
        }
    }
}
