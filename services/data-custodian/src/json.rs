//! JSON as strangers send it: a member that comes twice, in any depth, is refused, since two readers could take
//! different ones of them; and so is U+0000, which the database cannot hold.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::fmt;

/// Why a body is no such JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// The member of the outermost object in which it is wrong, where that is known.
    pub(crate) field: Option<String>,
    /// What is wrong, without what was sent.
    pub(crate) what: &'static str,
}

/// Reads an object.
///
/// # Errors
/// [`Malformed`].
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, Malformed> {
    let reader = Reader::default();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = Seed { reader: &reader, depth: 0 }.deserialize(&mut deserializer);
    let whole = read.and_then(|value| deserializer.end().map(|()| value));
    match whole {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Malformed { field: None, what: "is no JSON object" }),
        Err(_) => {
            let field = reader.field.into_inner();
            Err(Malformed { field, what: reader.what.into_inner().unwrap_or("is no JSON") })
        }
    }
}

/// Where the reader is, and what it found wrong.
#[derive(Default)]
struct Reader {
    field: RefCell<Option<String>>,
    what: RefCell<Option<&'static str>>,
}

impl Reader {
    fn fail<E: serde::de::Error>(&self, what: &'static str) -> E {
        *self.what.borrow_mut() = Some(what);
        E::custom(what)
    }

    fn text<E: serde::de::Error>(&self, text: String) -> Result<String, E> {
        if text.contains('\0') { Err(self.fail("holds the character U+0000")) } else { Ok(text) }
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    reader: &'a Reader,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(self.reader.text(value.to_owned())?.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(Seed { depth: self.depth + 1, ..self })? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if self.depth == 0 {
                *self.reader.field.borrow_mut() = Some(name.clone());
            }
            let name = self.reader.text(name)?;
            if all.contains_key(&name) {
                return Err(self.reader.fail("is there twice"));
            }
            let value = members.next_value_seed(Seed { depth: self.depth + 1, ..self })?;
            all.insert(name, value);
        }
        if self.depth == 0 {
            *self.reader.field.borrow_mut() = None;
        }
        Ok(Value::Object(all))
    }
}

impl Malformed {
    /// A member whose value has another type than it must have.
    #[must_use]
    pub(crate) fn member(name: &str, what: &'static str) -> Self {
        Self { field: Some(name.to_owned()), what }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            // A name that a stranger chose is shown as far as one can read it.
            Some(field) => {
                let shown: String =
                    field.chars().take(64).map(|c| if c.is_control() { '?' } else { c }).collect();
                write!(f, "the request body is malformed: {shown} {}", self.what)
            }
            None => write!(f, "the request body is malformed: it {}", self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &str) -> (Option<String>, &'static str) {
        let Malformed { field, what } = object(body.as_bytes()).expect_err(body);
        (field, what)
    }

    #[test]
    fn an_object_is_read() {
        let read = object(br#"{"a":[1,{"b":null}],"c":42.0}"#).unwrap();
        assert_eq!(Value::Object(read), serde_json::json!({"a": [1, {"b": null}], "c": 42.0}));
    }

    #[test]
    fn a_member_that_comes_twice_is_named_in_any_depth() {
        assert_eq!(fault(r#"{"a":1,"a":1}"#), (Some("a".to_owned()), "is there twice"));
        assert_eq!(fault(r#"{"a":{"b":1,"b":2}}"#), (Some("a".to_owned()), "is there twice"));
        assert_eq!(fault(r#"{"a":1,"\u0061":1}"#), (Some("a".to_owned()), "is there twice"));
    }

    #[test]
    fn the_character_zero_is_refused_anywhere() {
        let what = "holds the character U+0000";
        assert_eq!(fault(r#"{"a":["x\u0000"]}"#), (Some("a".to_owned()), what));
        assert_eq!(fault(r#"{"a\u0000":1}"#).1, what);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "[]", "1", "null", "{", "{}x", "{\"a\":}", "\u{feff}{}", "{\"a\":\"\\ud800\"}"] {
            assert!(object(body.as_bytes()).is_err(), "{body}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(fault(&deep).0, Some("a".to_owned()));
    }
}
