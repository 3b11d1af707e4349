//! The numbers of an expression. Whole numbers are exact; others are `f64`, as in JSON.

use std::cmp::Ordering;

/// The largest `f64` that becomes a whole number: `i128` holds it with room for arithmetic.
const LARGEST_WHOLE: f64 = 1e30;

/// A number that is neither infinite nor NaN. Up to [`LARGEST_WHOLE`] a whole number is always [`Number::Whole`],
/// however it was written, so that equal numbers compare as equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Other(f64),
}

impl Number {
    pub(super) const ZERO: Self = Self::Whole(0);

    /// `None` for infinities and NaN.
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of this size fits")]
    pub(super) fn of(value: f64) -> Option<Self> {
        if !value.is_finite() {
            None
        } else if value.fract() == 0.0 && value.abs() <= LARGEST_WHOLE {
            Some(Self::Whole(value as i128))
        } else {
            Some(Self::Other(value))
        }
    }

    pub(super) fn of_json(number: &serde_json::Number) -> Option<Self> {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map(Self::Whole).or_else(|| Self::of(number.as_f64()?))
    }

    /// Reads a decimal number with or without white space around it; `None` for any other text, the empty one
    /// included.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // Rust would also read `inf` and `nan`.
        if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
            return None;
        }
        text.parse().ok().map(Self::Whole).or_else(|| Self::of(text.parse().ok()?))
    }

    #[expect(clippy::cast_precision_loss, reason = "asked for where the other side is no whole number")]
    pub(super) const fn as_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Other(value) => value,
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        self.combine(other, i128::checked_add, |a, b| a + b)
    }

    pub(super) fn subtract(self, other: Self) -> Option<Self> {
        self.combine(other, i128::checked_sub, |a, b| a - b)
    }

    pub(super) fn multiply(self, other: Self) -> Option<Self> {
        self.combine(other, i128::checked_mul, |a, b| a * b)
    }

    /// `None` when `other` is zero.
    pub(super) fn divide(self, other: Self) -> Option<Self> {
        let without_rest = |a: i128, b: i128| if a.checked_rem(b)? == 0 { a.checked_div(b) } else { None };
        self.combine(other, without_rest, |a, b| a / b)
    }

    /// The remainder of a division, with the sign of `self`; `None` when `other` is zero.
    pub(super) fn remainder(self, other: Self) -> Option<Self> {
        self.combine(other, i128::checked_rem, |a, b| a % b)
    }

    /// Computes exactly when both numbers and the result are whole and fit into `i128`, else with `f64`.
    fn combine(
        self,
        other: Self,
        exactly: impl Fn(i128, i128) -> Option<i128>,
        nearly: impl Fn(f64, f64) -> f64,
    ) -> Option<Self> {
        let exact = match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => exactly(a, b),
            _ => None,
        };
        exact.map(Self::Whole).or_else(|| Self::of(nearly(self.as_f64(), other.as_f64())))
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            // The conversion keeps the order: a fraction is below 2^53, where `f64` holds every whole number, and any
            // other `f64` here is beyond [`LARGEST_WHOLE`].
            _ => self.as_f64().total_cmp(&other.as_f64()),
        }
    }

    /// Writes the number as JavaScript does: in full from 0.000001 to below 1e21, else with an exponent.
    pub(super) fn to_text(self) -> String {
        let scientific = match self {
            Self::Whole(whole) if whole.unsigned_abs() < 10_u128.pow(21) => return whole.to_string(),
            Self::Whole(_) => format!("{:e}", self.as_f64()),
            Self::Other(value) => format!("{value:e}"),
        };
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        match exponent.parse::<i32>() {
            Ok(exponent) if (-6..21).contains(&exponent) => self.as_f64().to_string(),
            Ok(exponent) if exponent > 0 => format!("{digits}e+{exponent}"),
            _ => format!("{digits}e{exponent}"),
        }
    }
}
