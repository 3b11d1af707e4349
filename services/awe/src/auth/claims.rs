//! The claims of a token, and the rules that they must keep.

use super::identity::Identity;
use super::refusal::AuthError;
use crate::error::Reason;
use serde::Deserialize;
use serde_json::Value;

/// Bytes of a claim that is shown to people.
const SHOWN: usize = 1000;

/// What claims must say, whoever signed them.
#[derive(Debug, Clone)]
pub(super) struct ClaimRules {
    pub(super) issuers: Vec<String>,
    /// `None`: a token for any audience is accepted.
    pub(super) audience: Option<String>,
    /// Clients whose client roles count beside the realm roles.
    pub(super) role_clients: Vec<String>,
    /// Tolerated difference between our clock and the issuer's, in seconds.
    pub(super) leeway: i64,
}

/// The claims that count. A claim of an unexpected type is kept as it is and refused when it is needed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    #[serde(default)]
    sub: Value,
    #[serde(default)]
    email: Value,
    #[serde(default)]
    name: Value,
    #[serde(default)]
    azp: Value,
    #[serde(default)]
    iss: Value,
    #[serde(default)]
    aud: Value,
    #[serde(default)]
    exp: Value,
    #[serde(default)]
    nbf: Value,
    #[serde(default)]
    realm_access: Value,
    #[serde(default)]
    resource_access: Value,
}

/// A `NumericDate` (RFC 7519): whole seconds or a fraction; `None` when absent.
#[expect(clippy::cast_possible_truncation, reason = "a time far off saturates, which compares as it should")]
fn moment(claim: &Value, name: &str) -> Result<Option<i64>, AuthError> {
    match claim {
        Value::Null => Ok(None),
        Value::Number(number) => {
            Ok(number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64)))
        }
        _ => Err(AuthError::malformed(format!("{name} is not a number"))),
    }
}

fn foreign(why: impl Into<String>) -> AuthError {
    AuthError::Refused(Reason::TokenForeign, why.into())
}

fn subject_refused(why: &str) -> AuthError {
    AuthError::Refused(Reason::TokenSubject, why.to_owned())
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

impl Claims {
    /// Checks `exp` and `nbf`, with the leeway for clocks that differ.
    pub(super) fn check_times(
        &self,
        rules: &ClaimRules,
        now: i64,
        exp_required: bool,
    ) -> Result<(), AuthError> {
        match moment(&self.exp, "exp")? {
            None if exp_required => return Err(AuthError::malformed("exp is missing")),
            Some(exp) if now >= exp.saturating_add(rules.leeway) => {
                return Err(AuthError::Refused(Reason::TokenExpired, "expired".to_owned()));
            }
            _ => {}
        }
        match moment(&self.nbf, "nbf")? {
            Some(nbf) if now < nbf.saturating_sub(rules.leeway) => {
                Err(AuthError::Refused(Reason::TokenNotYetValid, "not valid yet (nbf)".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Checks `iss`, and `aud` when one is configured.
    pub(super) fn check_parties(&self, rules: &ClaimRules) -> Result<(), AuthError> {
        let issuer = self.iss.as_str().ok_or_else(|| foreign("iss is missing"))?;
        if !rules.issuers.iter().any(|known| known == issuer) {
            return Err(foreign(format!("unknown issuer {issuer:?}")));
        }
        let Some(audience) = &rules.audience else { return Ok(()) };
        if self.aud.as_str() == Some(audience) || strings(&self.aud).any(|aud| aud == audience) {
            Ok(())
        } else {
            Err(foreign("aud does not name this service"))
        }
    }

    /// Seconds until the token expires, leeway included.
    pub(super) fn seconds_left(&self, rules: &ClaimRules, now: i64) -> u64 {
        let exp = moment(&self.exp, "exp").ok().flatten().unwrap_or(now);
        u64::try_from(exp.saturating_add(rules.leeway).saturating_sub(now)).unwrap_or(0)
    }

    /// The caller whom the claims name.
    pub(super) fn identity(&self, rules: &ClaimRules) -> Result<Identity, AuthError> {
        let subject = self.sub.as_str().ok_or_else(|| subject_refused("sub is missing"))?;
        engine::subject::check(subject).map_err(|why| subject_refused(&format!("sub {why}")))?;
        // Both are shown to people and never compared, so one that is no text for a line is left out.
        let shown = |claim: &Value| {
            let text = claim.as_str().filter(|text| !text.is_empty() && text.len() <= SHOWN);
            text.filter(|text| !text.contains(char::is_control)).map(str::to_owned)
        };
        Ok(Identity {
            subject: subject.to_owned(),
            email: shown(&self.email),
            name: shown(&self.name),
            client: self.azp.as_str().filter(|azp| !azp.is_empty()).map(str::to_owned),
            roles: self.roles(rules).map(str::to_owned).collect(),
            expires_at: moment(&self.exp, "exp")?.map(|exp| exp.saturating_add(rules.leeway)),
        })
    }

    fn roles<'a>(&'a self, rules: &'a ClaimRules) -> impl Iterator<Item = &'a str> {
        let realm = strings(&self.realm_access["roles"]);
        let clients =
            rules.role_clients.iter().flat_map(|client| strings(&self.resource_access[client]["roles"]));
        realm.chain(clients)
    }
}
