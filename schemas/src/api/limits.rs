//! Limits of values, checked while they are read. The schema of each field shows them too.

use super::JsonObject;
use crate::json;
use engine::request::{Action, EventType};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;
use std::sync::Arc;

/// Items in a page of a list when the caller names no number.
pub(super) const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;
/// Tasks in a page when the caller names no number.
pub(super) const PAGE_SIZE_DEFAULT: u32 = 20;
const PAGE_SIZE_MAX: u32 = 200;
/// Hours that a rotated secret goes on signing when the caller names no number.
pub(super) const GRACE_HOURS_DEFAULT: u32 = 24;
const GRACE_HOURS_MAX: u32 = 168;
/// More than there are, because a caller may name one twice.
const MOST_EVENT_TYPES: usize = 64;
const MOST_USERS: usize = 50;
const USER_ID: usize = 200;
const LISTED_USERS: usize = 10_000;
/// Characters of a list of them in one text.
const LISTED_EVENT_TYPES: usize = 2_000;
/// Most stages of a policy.
pub(super) const MOST_STAGES: usize = 100;
/// Most rules in one list of a stage.
pub(super) const MOST_RULES: usize = 200;
/// Most clients that may name one secret.
const CLIENT_IDS: usize = 100;

pub(super) const fn limit_default() -> u32 {
    LIMIT_DEFAULT
}

pub(super) const fn page_default() -> u32 {
    1
}

pub(super) const fn page_size_default() -> u32 {
    PAGE_SIZE_DEFAULT
}

pub(super) const fn grace_hours_default() -> u32 {
    GRACE_HOURS_DEFAULT
}

fn checked<E: Error>(text: String, min: usize, max: usize) -> Result<String, E> {
    let length = text.chars().count();
    if length < min || length > max {
        return Err(E::custom(format!("must have {min} to {max} characters, has {length}")));
    }
    if text.contains('\0') {
        return Err(E::custom("must not contain the character U+0000"));
    }
    Ok(text)
}

/// Text of `MIN` to `MAX` characters.
pub(super) fn text<'de, D, const MIN: usize, const MAX: usize>(from: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    checked(String::deserialize(from)?, MIN, MAX)
}

/// Text of `MIN` to `MAX` characters, or null.
pub(super) fn opt_text<'de, D, const MIN: usize, const MAX: usize>(
    from: D,
) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    Option::<String>::deserialize(from)?.map(|text| checked(text, MIN, MAX)).transpose()
}

fn on_one_line<E: Error>(text: &str) -> Result<(), E> {
    // Line and paragraph separators break lines too, and are no control characters.
    if text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(E::custom("must hold no line breaks and no control characters"));
    }
    Ok(())
}

/// Text of `MIN` to `MAX` characters on one line, as lists, mails and subjects show it.
pub(super) fn line<'de, D, const MIN: usize, const MAX: usize>(from: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let line = text::<D, MIN, MAX>(from)?;
    on_one_line(&line).map(|()| line)
}

/// The same as [`line()`], or null.
pub(super) fn opt_line<'de, D, const MIN: usize, const MAX: usize>(
    from: D,
) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    let line = opt_text::<D, MIN, MAX>(from)?;
    line.as_deref().map_or(Ok(()), on_one_line).map(|()| line)
}

/// A subject id.
pub(super) fn subject<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let id = String::deserialize(from)?;
    match engine::subject::check(&id) {
        Ok(()) => Ok(id),
        Err(why) => Err(D::Error::custom(format!("can be nobody's id: it {why}"))),
    }
}

/// A subject id, or null.
pub(super) fn opt_subject<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Inner(#[serde(deserialize_with = "subject")] String);
    Ok(Option::<Inner>::deserialize(from)?.map(|inner| inner.0))
}

/// Words that stand in the place of a policy key in URLs.
const RESERVED_KEYS: &[&str] = &["validate"];

/// A policy key. Its characters are restricted, because it becomes part of URLs and subjects.
pub(super) fn policy_key<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let key = text::<D, 1, 200>(from)?;
    let tail = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    if !key.starts_with(|c: char| c.is_ascii_alphanumeric()) || !key.chars().all(tail) {
        return Err(D::Error::custom(
            "must start with a letter or digit, and go on with letters, digits, '.', '_', ':' or '-'",
        ));
    }
    if RESERVED_KEYS.contains(&&*key) {
        return Err(D::Error::custom(format!("`{key}` is reserved: the API has a route of this name")));
    }
    Ok(key)
}

/// An http(s) URL, or null. Whether it may be called is checked when it is called.
pub(super) fn opt_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let url = opt_text::<D, 1, 2048>(from)?;
    let is_http = |url: &str| {
        let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
        lower.starts_with("http://") || lower.starts_with("https://")
    };
    match url {
        Some(url) if !is_http(&url) => Err(D::Error::custom("must be an http or https URL")),
        Some(url) if url.contains(|c: char| c.is_control() || c.is_whitespace()) => {
            Err(D::Error::custom("must hold no white space and no control characters"))
        }
        url => Ok(url),
    }
}

/// An http(s) URL that people are shown as a link, or null. It is read as a browser reads it, and stays as it was
/// written.
pub(super) fn opt_link<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let Some(link) = opt_url(from)? else { return Ok(None) };
    let read = url::Url::parse(&link).map_err(|why| D::Error::custom(format!("must be a URL: {why}")))?;
    if !read.username().is_empty() || read.password().is_some() {
        return Err(D::Error::custom(
            "must hold no user name and no password: everybody who reads the request sees it",
        ));
    }
    Ok(Some(link))
}

/// A list of 1 to `MAX` items.
pub(super) fn some<'de, D, T, const MAX: usize>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let items = list::<D, T, MAX>(from)?;
    if items.is_empty() { Err(D::Error::custom("must have an item")) } else { Ok(items) }
}

/// A list of at most `MAX` items.
pub(super) fn list<'de, D, T, const MAX: usize>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let items = Vec::<T>::deserialize(from)?;
    if items.len() > MAX {
        return Err(D::Error::custom(format!("must have at most {MAX} items, has {}", items.len())));
    }
    Ok(items)
}

/// Text of `MIN` to `MAX` characters, or null, for a field in which null and absent differ.
pub(super) fn given_opt_text<'de, D, const MIN: usize, const MAX: usize>(
    from: D,
) -> Result<Option<Option<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    opt_text::<D, MIN, MAX>(from).map(Some)
}

/// OAuth client ids, or null: at most 100 of 1 to 200 characters, kept in order, each once.
pub(super) fn opt_client_ids<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    let Some(given) = Option::<Vec<String>>::deserialize(from)? else { return Ok(None) };
    let mut ids: Vec<String> = Vec::with_capacity(given.len().min(CLIENT_IDS));
    for id in given {
        let id = checked(id, 1, 200)?;
        if id.trim() != id || id.contains(char::is_control) {
            return Err(D::Error::custom(
                "a client id has no white space around it and no control characters",
            ));
        }
        if !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() > CLIENT_IDS {
            return Err(D::Error::custom(format!("must not have more than {CLIENT_IDS} client ids")));
        }
    }
    Ok(Some(ids))
}

/// A word of [`Action`].
pub(super) fn action<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let word = String::deserialize(from)?;
    match Action::parse(&word) {
        Some(_) => Ok(word),
        None => Err(D::Error::custom(format!("must be one of {}", Action::WORDS.join(", ")))),
    }
}

/// Event types, or null.
pub(super) fn opt_event_types<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    Option::<Vec<String>>::deserialize(from)?.map(checked_event_types).transpose()
}

/// Known types of events as one text, separated by commas; none when it is empty.
pub(super) fn listed_event_types<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let text = checked::<D::Error>(String::deserialize(from)?, 0, LISTED_EVENT_TYPES)?;
    checked_event_types(
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect(),
    )
}

/// Ids of users as one text, separated by commas; none when it is empty.
pub(super) fn listed_users<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let text = checked::<D::Error>(String::deserialize(from)?, 0, LISTED_USERS)?;
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    let ids: Vec<_> =
        ids.map(|id| checked::<D::Error>(id.to_owned(), 1, USER_ID)).collect::<Result<_, _>>()?;
    if ids.len() > MOST_USERS {
        return Err(D::Error::custom(format!("must have at most {MOST_USERS} items")));
    }
    Ok(ids)
}

fn checked_event_types<E: Error>(types: Vec<String>) -> Result<Vec<String>, E> {
    if types.len() > MOST_EVENT_TYPES {
        return Err(E::custom(format!("must have at most {MOST_EVENT_TYPES} items")));
    }
    match types.iter().find(|word| EventType::parse(word).is_none()) {
        Some(word) => Err(E::custom(format!("{word:?} is not an event type"))),
        None => Ok(types),
    }
}

/// A JSON object without the character U+0000, which a database cannot hold.
pub(super) fn object<'de, D: Deserializer<'de>>(from: D) -> Result<JsonObject, D::Error> {
    let object = JsonObject::deserialize(from)?;
    let storable = |(key, value): (&String, &Value)| !key.contains('\0') && !has_nul(value);
    if object.iter().all(storable) {
        Ok(object)
    } else {
        Err(D::Error::custom("must not contain the character U+0000"))
    }
}

/// The same as [`object`], to be shared. The route that reads it checks its size.
pub(super) fn shared_object<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Value>, D::Error> {
    object(from).map(|object| Arc::new(Value::Object(object)))
}

pub(super) fn empty_object() -> Arc<Value> {
    Arc::new(Value::Object(JsonObject::new()))
}

/// The same as [`object`], within the bounds of a policy.
pub(super) fn object_value<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
    within_policy(Value::Object(object(from)?))
}

fn within_policy<E: Error>(value: Value) -> Result<Value, E> {
    json::POLICY.check(&value).map_err(E::custom)?;
    Ok(value)
}

/// The same as [`object_value`], or null.
pub(super) fn opt_object_value<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Inner(#[serde(deserialize_with = "object_value")] Value);
    Ok(Option::<Inner>::deserialize(from)?.map(|inner| inner.0))
}

/// Any JSON value within the bounds of a policy; null counts as absent.
pub(super) fn opt_value<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    match Option::<Value>::deserialize(from)? {
        Some(value) if has_nul(&value) => Err(D::Error::custom("must not contain the character U+0000")),
        value => value.map(within_policy).transpose(),
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn between<'de, D: Deserializer<'de>>(from: D, min: u32, max: u32) -> Result<u32, D::Error> {
    let number = u32::deserialize(from)?;
    if (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err(D::Error::custom(format!("must be {min} to {max}")))
    }
}

/// How many requests a replay takes.
pub(super) fn opt_last<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let number = Option::<u32>::deserialize(from)?;
    match number {
        Some(number) if !(1..=1_000).contains(&number) => Err(D::Error::custom("must be 1 to 1000")),
        _ => Ok(number),
    }
}

pub(super) fn limit<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    between(from, 1, LIMIT_MAX)
}

/// A version number of a policy.
pub(super) fn version<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    match i32::deserialize(from)? {
        version if version >= 1 => Ok(version),
        _ => Err(D::Error::custom("must be 1 or more")),
    }
}

/// A sequence of a history; 0 = before its first event.
pub(super) fn sequence<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    match i64::deserialize(from)? {
        sequence if sequence >= 0 => Ok(sequence),
        _ => Err(D::Error::custom("must be 0 or more")),
    }
}

pub(super) fn page<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    between(from, 1, 1_000_000)
}

pub(super) fn page_size<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    between(from, 1, PAGE_SIZE_MAX)
}

pub(super) fn grace_hours<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    between(from, 0, GRACE_HOURS_MAX)
}
