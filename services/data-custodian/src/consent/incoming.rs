//! An outbound token, verified but not consumed.

use super::refused::Refused;
use crate::grant::LONGEST_SCOPE;
use crate::handoff::Outbound;
use crate::scope::Scope;
use crate::state::App;
use time::{Duration, OffsetDateTime};
use url::Url;
use uuid::Uuid;

/// Bytes of a token at most.
const LONGEST_TOKEN: usize = 8 * 1024;

/// A token that may be answered.
pub(super) struct Incoming {
    pub(super) token: String,
    pub(super) outbound: Outbound,
    pub(super) scope: Scope,
    pub(super) client_name: String,
    pub(super) return_url: Url,
}

impl Incoming {
    /// Verifies a token; nothing is consumed.
    pub(super) async fn read(app: &App, token: Option<&str>) -> Result<Self, Refused> {
        let now = OffsetDateTime::now_utc();
        let token = token.filter(|text| text.len() <= LONGEST_TOKEN);
        let outbound = app.codec.decode_outbound(token, now)?;
        let longest = Duration::seconds(app.config.handoff.longest_lifetime_seconds.into());
        if outbound.exp - now > longest {
            return Err(Refused::Lifetime);
        }
        app.nonces.is_unused(Some(&outbound.nonce)).await?;
        let (client, client_name) = client(app, &outbound.client_id).await?.ok_or(Refused::Client)?;
        let return_url = Url::parse(&outbound.return_url).map_err(|_| Refused::ReturnUrl)?;
        let registered = redirect_uris(app, client).await?;
        if !registered.iter().any(|uri| allowed_return(&outbound.return_url, uri)) {
            return Err(Refused::ReturnUrl);
        }
        if outbound.scope.chars().count() > LONGEST_SCOPE {
            return Err(Refused::LongScope);
        }
        let scope = Scope::parse(&outbound.scope)?;
        Ok(Self { token: token.unwrap_or_default().to_owned(), outbound, scope, client_name, return_url })
    }
}

async fn client(app: &App, client_id: &str) -> sqlx::Result<Option<(Uuid, String)>> {
    if client_id.contains('\0') {
        return Ok(None);
    }
    let select = "select id, client_name from registered_clients where client_id = $1";
    sqlx::query_as(select).bind(client_id).fetch_optional(&app.pool).await
}

async fn redirect_uris(app: &App, client: Uuid) -> sqlx::Result<Vec<String>> {
    let select = "select uri from registered_client_redirect_uris where registered_client_id = $1";
    sqlx::query_scalar(select).bind(client).fetch_all(&app.pool).await
}

/// Whether a browser may be sent to `url` for a client that registered `registered`: scheme, host, port and path are the
/// same to the letter, and the query is free. Texts are compared too, because URLs that differ may be parsed as the same.
#[must_use]
pub fn allowed_return(url: &str, registered: &str) -> bool {
    let (Ok(wanted), Ok(known)) = (Url::parse(url), Url::parse(registered)) else { return false };
    let is_plain = |one: &Url| {
        matches!(one.scheme(), "http" | "https")
            && one.username().is_empty()
            && one.password().is_none()
            && one.fragment().is_none()
    };
    let without_query = url.split_once('?').map_or(url, |(before, _)| before);
    is_plain(&wanted)
        && is_plain(&known)
        && wanted.origin() == known.origin()
        && wanted.path() == known.path()
        && without_query == registered.split_once('?').map_or(registered, |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use super::allowed_return;

    #[test]
    fn the_query_of_a_return_url_is_free() {
        for url in
            ["https://as.example.com/continue", "https://as.example.com/continue?state=s1&next=https://x"]
        {
            assert!(allowed_return(url, "https://as.example.com/continue"), "{url}");
        }
        assert!(allowed_return("http://127.0.0.1:9000/continue?a", "http://127.0.0.1:9000/continue"));
    }

    #[test]
    fn anything_else_of_a_return_url_must_be_registered() {
        for url in [
            "http://as.example.com/continue",
            "https://as.example.com:8443/continue",
            "https://as.example.com.evil.org/continue",
            "https://evil.org/continue",
            "https://as.example.com/continue/",
            "https://as.example.com/continue/more",
            "https://as.example.com/Continue",
            "https://as.example.com/x/../continue",
            "https://as.example.com\\@evil.org/continue",
            "https://user@as.example.com/continue",
            "https://as.example.com@evil.org/continue",
            "https://as.example.com/continue#fragment",
            "https:as.example.com/continue",
            " https://as.example.com/continue",
            "https://as.example.com/con\ntinue",
            "//as.example.com/continue",
            "/continue",
            "javascript:alert(1)",
            "",
        ] {
            assert!(!allowed_return(url, "https://as.example.com/continue"), "{url:?}");
        }
    }
}
