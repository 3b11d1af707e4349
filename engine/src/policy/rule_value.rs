//! Reads a rule's stored `(rule_type, rule_value)`.

use super::RuleSource;
use crate::logic::Logic;
use crate::similar;
use serde_json::{Map, Value};

const LONGEST: usize = 2048;

impl RuleSource {
    /// Every type that a rule may have.
    pub const TYPES: &[&str] = &["user", "role", "group", "expression", "http"];

    /// Reads a rule as written in a policy.
    ///
    /// # Errors
    /// The type is unknown, or a key is missing, malformed or unknown to the type.
    pub fn parse(rule_type: &str, value: &Value) -> Result<Self, String> {
        let external = || Self::External { rule_type: rule_type.to_owned(), value: value.clone() };
        let fields = || Fields::of(rule_type, value);
        match rule_type {
            "user" => Ok(Self::User(fields()?.only(&["user_id"])?.text("user_id")?.to_owned())),
            "expression" => {
                let logic = fields()?.only(&["logic"])?.required("logic")?;
                Logic::compile(logic).map(Self::Expression).map_err(|e| format!("logic: {e}"))
            }
            "role" => {
                let fields = fields()?.only(&["role", "client"])?;
                fields.text("role")?;
                fields.optional_text("client")?;
                Ok(external())
            }
            "group" => fields()?.group().map(|()| external()),
            "http" => fields()?.http().map(|()| external()),
            other => Err(similar::unknown("rule type", other, Self::TYPES)),
        }
    }

    /// Reads a rule that is stored already. A rule that was accepted when it was written goes on working: an
    /// expression that would be refused today fails when it is evaluated, and an id that would be refused today seats
    /// nobody.
    ///
    /// # Errors
    /// As [`RuleSource::parse`], for a rule that cannot be understood at all.
    pub fn stored(rule_type: &str, value: &Value) -> Result<Self, String> {
        match (rule_type, value.get("logic"), value.get("user_id").and_then(Value::as_str)) {
            ("expression", Some(logic), _) => Ok(Self::Expression(Logic::stored(logic))),
            ("user", _, Some(user)) => Ok(Self::User(user.to_owned())),
            _ => Self::parse(rule_type, value),
        }
    }
}

struct Fields<'a> {
    rule_type: &'a str,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn of(rule_type: &'a str, value: &'a Value) -> Result<Self, String> {
        let map = value.as_object().ok_or("rule_value must be an object")?;
        Ok(Self { rule_type, map })
    }

    /// Refuses an unknown key. If it were ignored, a misspelt one would silently change who approves.
    fn only(self, known: &[&str]) -> Result<Self, String> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => {
                let (all, meant) = (known.join(", "), similar::hint(key, known));
                Err(format!("a {} rule has no `{key}`: {all}{meant}", self.rule_type))
            }
            None => Ok(self),
        }
    }

    /// Null counts as absent, as on the wire.
    fn optional(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn required(&self, key: &str) -> Result<&'a Value, String> {
        self.optional(key).ok_or_else(|| format!("a {} rule needs `{key}`", self.rule_type))
    }

    fn text(&self, key: &str) -> Result<&'a str, String> {
        text_of(key, self.required(key)?)
    }

    fn optional_text(&self, key: &str) -> Result<Option<&'a str>, String> {
        self.optional(key).map(|value| text_of(key, value)).transpose()
    }

    fn group(self) -> Result<(), String> {
        let fields = self.only(&["group", "include_subgroups"])?;
        let path = fields.text("group")?;
        if !path.starts_with('/') || path.len() == 1 {
            return Err(format!("group must be a path like \"/finance/approvers\", not \"{path}\""));
        }
        match fields.optional("include_subgroups") {
            Some(flag) if !flag.is_boolean() => Err("include_subgroups must be true or false".into()),
            _ => Ok(()),
        }
    }

    fn http(self) -> Result<(), String> {
        let fields = self.only(&["url", "auth"])?;
        web_address(fields.text("url")?)?;
        fields.optional("auth").map_or(Ok(()), |auth| read_auth(auth).map(drop))
    }
}

/// How an `http` rule authenticates: by the name of a credential that the operator configured, never by the secret
/// itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HttpAuth<'a> {
    /// A name under `credentials` in the configuration; `None` = without authentication.
    pub credential: Option<&'a str>,
    /// The type that the policy's author expects the credential to have.
    pub kind: Option<&'a str>,
}

/// Reads `auth` of an `http` rule's value.
///
/// # Errors
/// `auth` is neither a name nor an object whose `type` and `credential` fit each other.
pub fn http_auth(rule_value: &Value) -> Result<HttpAuth<'_>, String> {
    rule_value.get("auth").filter(|auth| !auth.is_null()).map_or(Ok(HttpAuth::default()), read_auth)
}

fn read_auth(auth: &Value) -> Result<HttpAuth<'_>, String> {
    const KINDS: [&str; 4] = ["none", "api_key", "bearer", "oauth2_client_credentials"];
    const FORM: &str = "auth must name a credential of the configuration: {\"credential\": \"<name>\"}";
    if auth.is_string() {
        let name = text_of("auth", auth)?;
        return Ok(HttpAuth { credential: Some(name).filter(|name| *name != "none"), kind: None });
    }
    let fields = Fields { rule_type: "http", map: auth.as_object().ok_or(FORM)? };
    if let Some(key) = fields.map.keys().find(|key| !["type", "credential"].contains(&key.as_str())) {
        return Err(format!("auth may not hold `{key}`: secrets do not belong in a policy; {FORM}"));
    }
    let credential = fields.optional_text("credential")?;
    let kind = fields.optional_text("type")?;
    match (kind, credential) {
        (Some(kind), _) if !KINDS.contains(&kind) => {
            Err(format!("auth has an unknown type `{kind}`: {}", KINDS.join(", ")))
        }
        (Some("none"), Some(_)) => Err("auth of type `none` has no credential".into()),
        (Some("none"), None) => Ok(HttpAuth::default()),
        (_, None) => Err(FORM.into()),
        (kind, Some(name)) => Ok(HttpAuth { credential: Some(name), kind }),
    }
}

fn text_of<'a>(key: &str, value: &'a Value) -> Result<&'a str, String> {
    let text = value.as_str().ok_or_else(|| format!("{key} must be a string"))?;
    if text.trim().is_empty() {
        return Err(format!("{key} must not be empty"));
    }
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(format!("{key} must be at most {LONGEST} bytes without control characters"));
    }
    Ok(text)
}

fn web_address(url: &str) -> Result<(), String> {
    let (scheme, rest) = url.split_once("://").ok_or("url must be an absolute http or https URL")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(format!("url must be http or https, not {scheme}"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("url must not carry a user name or password".into());
    }
    let host = authority.split(':').next().unwrap_or_default();
    if host.is_empty() || url.chars().any(char::is_whitespace) {
        return Err("url names no host".into());
    }
    Ok(())
}
