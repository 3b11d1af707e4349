//! Counts the values of a JSON text in one pass that keeps none of them.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Counts values and stops past `most`.
///
/// # Errors
/// A data error when there are more than `most`; another error when the text is no JSON.
pub(super) fn count(bytes: &[u8], most: usize) -> Result<usize, serde_json::Error> {
    let mut left = most;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    Count(&mut left).deserialize(&mut json)?;
    Ok(most - left)
}

/// How many more values may come; each value takes one.
struct Count<'a>(&'a mut usize);

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        *self.0 = self.0.checked_sub(1).ok_or_else(|| D::Error::custom("too many values"))?;
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Count(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_key::<IgnoredAny>()?.is_some() {
            entries.next_value_seed(Count(self.0))?;
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_counts_and_keys_do_not() {
        for (text, values) in
            [("null", 1), ("[]", 1), (r#"{"a":1,"b":[true,"x"]}"#, 5), ("[[],[],{}]", 4), ("-1.5e3", 1)]
        {
            assert_eq!(count(text.as_bytes(), 100).unwrap(), values, "{text}");
            assert!(count(text.as_bytes(), values).is_ok(), "{text}");
            assert!(count(text.as_bytes(), values - 1).unwrap_err().is_data(), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_no_data_error() {
        for text in ["", "{", "[1,]", "nul"] {
            assert!(!count(text.as_bytes(), 100).unwrap_err().is_data(), "{text}");
        }
    }
}
