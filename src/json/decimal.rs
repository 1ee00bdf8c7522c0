//! Decimal numbers as texts have them, read without floating point.
//!
//! What is asked of them are whole tokens, bytes and seconds, and whether a double holds them. Rust's own
//! reader is right to the last bit of a double, for which it needs 18 KB of code and tables.

/// A decimal number: its first digits and the place of the last of them.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    is_negative: bool,
    /// At most 19 digits, beginning with one that is not zero.
    digits: u64,
    /// The power of ten of the last one.
    power: i64,
    /// Whether other digits than zeros follow.
    goes_on: bool,
}

/// Powers of ten are counted up to here: far beyond any that makes a difference.
const POWER_MAX: i64 = 1 << 40;

/// From here on there is no room for one more digit.
const DIGITS_FULL: u64 = 1_000_000_000_000_000_000;

impl Decimal {
    /// Reads `12`, `-0.5`, `1.5e+3`, and what Rust's numbers may look like beyond those of JSON: `+1`, `.5`,
    /// `5.`.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, text) = signed(text);
        let mut decimal = Self { is_negative, digits: 0, power: 0, goes_on: false };
        let (mut has_digits, mut has_point) = (false, false);
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    decimal.push(byte - b'0', has_point);
                    has_digits = true;
                }
                b'.' if !has_point => has_point = true,
                b'e' | b'E' if has_digits => {
                    decimal.power += exponent(text.get(at + 1..)?)?;
                    return Some(decimal);
                }
                _ => return None,
            }
        }
        has_digits.then_some(decimal)
    }

    fn push(&mut self, digit: u8, is_behind_point: bool) {
        if self.digits < DIGITS_FULL {
            self.digits = self.digits * 10 + u64::from(digit);
            self.power -= i64::from(is_behind_point);
        } else {
            self.goes_on |= digit != 0;
            self.power += i64::from(!is_behind_point);
        }
    }

    /// The whole number in it: 0 for negative ones, the largest for those beyond.
    pub fn whole(self) -> u64 {
        if self.is_negative { 0 } else { self.magnitude(0).0 }
    }

    /// How many millionths it has, as a whole number.
    pub fn millionths(self) -> u64 {
        if self.is_negative { 0 } else { self.magnitude(6).0 }
    }

    /// The whole number that it is, if it is one.
    pub fn exact(self) -> Option<i64> {
        let (magnitude, is_exact) = self.magnitude(0);
        let number = i64::try_from(magnitude).ok().filter(|_| is_exact)?;
        Some(if self.is_negative { -number } else { number })
    }

    /// Without its sign and times ten to this power: the whole number in it, and whether it is all.
    fn magnitude(self, power: i64) -> (u64, bool) {
        let (mut whole, mut is_exact) = (self.digits, !self.goes_on);
        let power = self.power + power;
        // Twenty steps make any number as large or as small as it gets.
        for _ in 0..power.unsigned_abs().min(20) {
            if power > 0 {
                whole = whole.saturating_mul(10);
            } else {
                is_exact &= whole.is_multiple_of(10);
                whole /= 10;
            }
        }
        (whole, is_exact)
    }

    /// Whether it is no larger than the largest double, give or take its last digit.
    pub fn fits_double(mut self) -> bool {
        // The first 19 of the 309 digits of 2^1024.
        const BEYOND: (i64, u64) = (290, 1_797_693_134_862_315_807);
        while (1..DIGITS_FULL).contains(&self.digits) {
            self.digits *= 10;
            self.power -= 1;
        }
        self.digits == 0 || (self.power, self.digits) < BEYOND
    }
}

/// Whether a number is negative, and what stands behind its sign.
fn signed(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    }
}

/// The number behind the `e`.
fn exponent(text: &str) -> Option<i64> {
    let (is_negative, digits) = signed(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.bytes().map(|byte| i64::from(byte - b'0'));
    let exponent = digits.fold(0, |exponent: i64, digit| POWER_MAX.min(exponent * 10 + digit));
    Some(if is_negative { -exponent } else { exponent })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_of_all_forms() {
        for (text, whole, exact, millionths) in [
            ("12", 12, Some(12), 12_000_000),
            ("+12.0", 12, Some(12), 12_000_000),
            ("-3", 0, Some(-3), 0),
            ("11.2", 11, None, 11_200_000),
            (".5", 0, None, 500_000),
            ("5.", 5, Some(5), 5_000_000),
            ("6.7108864e7", 67_108_864, Some(67_108_864), 67_108_864_000_000),
            ("1.50E+1", 15, Some(15), 15_000_000),
            ("1500e-2", 15, Some(15), 15_000_000),
            ("0e99999999999999999999", 0, Some(0), 0),
            ("1e-99999999999999999999", 0, None, 0),
            ("0.0000001", 0, None, 0),
            ("1e99", u64::MAX, None, u64::MAX),
            ("1000000000000000000.9", 1_000_000_000_000_000_000, None, u64::MAX),
        ] {
            let number = decimal(text);
            assert_eq!((number.whole(), number.exact()), (whole, exact), "{text}");
            assert_eq!(number.millionths(), millionths, "{text}");
        }
        for text in
            ["", "-", ".", "e5", "1e", "1e+", "1.2.3", "1x", "inf", "NaN", "0x1", "1e5.0", " 1"]
        {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_largest_double_fits_and_the_next_number_does_not() {
        for (text, fits) in [
            ("1.7976931348623157e308", true),
            ("-17976931348623157e292", true),
            ("1.7976931348623159e308", false),
            ("1e309", false),
            ("0.00001e314", false),
            ("0e999", true),
            ("1e-999", true),
        ] {
            assert_eq!(decimal(text).fits_double(), fits, "{text}");
        }
        let digits = "9".repeat(308);
        assert!(decimal(&digits).fits_double());
        assert!(!decimal(&format!("{digits}9")).fits_double());
    }

    proptest! {
        #[test]
        fn reads_what_rust_reads(
            text in r"[-+]?[0-9]{0,3}\.?[0-9]{0,3}([eE][-+]?[0-9]{0,2})?",
            large in "[0-9]{1,18}",
        ) {
            let float: Option<f64> = text.parse().ok();
            prop_assert_eq!(Decimal::parse(&text).is_some(), float.is_some());
            if let Some(float) = float {
                prop_assert_eq!(decimal(&text).fits_double(), float.is_finite());
                if float.abs() < 1e15 {
                    prop_assert_eq!(decimal(&text).whole(), float as u64);
                }
            }
            prop_assert_eq!(decimal(&large).exact(), large.parse().ok());
        }
    }
}
