//! Where the bearer token of a call comes from.

use crate::error::{Error, ErrorKind};
use crate::seen::BoxError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use url::form_urlencoded;

/// A token is replaced this long before it ends.
const EARLY: Duration = Duration::from_secs(30);
/// A token that lasts shorter than [`EARLY`] is kept for this long, while it lasts.
const SHORTEST: Duration = Duration::from_secs(5);
/// How long a token lasts of which nothing is said.
const USUAL: Duration = Duration::from_secs(60);

/// Where the token of a call comes from. Cheap to clone.
#[derive(Clone, Default)]
pub struct Token(Source);

type Asked = BoxFuture<'static, Result<String, BoxError>>;

#[derive(Clone, Default)]
enum Source {
    #[default]
    None,
    Text(SecretString),
    Callback(Arc<dyn Fn() -> Asked + Send + Sync>),
    Credentials(Arc<ClientCredentials>),
}

impl Token {
    /// No token is sent.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Is asked before each attempt, for example for the token of the user whose request is being served.
    pub fn callback<F, E>(ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self(Source::Callback(Arc::new(move || ask().map(|told| told.map_err(Into::into)).boxed())))
    }

    /// The token for the next attempt.
    pub(crate) async fn get(
        &self,
        http: &reqwest::Client,
        timeout: Duration,
    ) -> Result<Option<SecretString>, Error> {
        match &self.0 {
            Source::None => Ok(None),
            Source::Text(text) => Ok(Some(text.clone())),
            Source::Callback(ask) => match ask().await {
                Ok(text) => Ok(Some(text.into())),
                Err(cause) => Err(failed("the callback gave none").because(cause)),
            },
            Source::Credentials(credentials) => credentials.get(http, timeout).await.map(Some),
        }
    }

    /// The server refused this token. Whether another one may be had.
    pub(crate) fn renew(&self, refused: Option<&SecretString>) -> bool {
        match (&self.0, refused) {
            (Source::Callback(_), _) => true,
            (Source::Credentials(credentials), Some(refused)) => {
                credentials.drop_token(refused);
                true
            }
            _ => false,
        }
    }
}

impl From<&str> for Token {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(Source::Text(text.into()))
    }
}

impl From<ClientCredentials> for Token {
    fn from(credentials: ClientCredentials) -> Self {
        Self(Source::Credentials(Arc::new(credentials)))
    }
}

impl From<Arc<ClientCredentials>> for Token {
    fn from(credentials: Arc<ClientCredentials>) -> Self {
        Self(Source::Credentials(credentials))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::None => "Token(none)",
            Source::Text(_) => "Token(text)",
            Source::Callback(_) => "Token(callback)",
            Source::Credentials(_) => "Token(client credentials)",
        })
    }
}

/// A token by client credentials of OAuth 2.0 (RFC 6749 section 4.4), asked for once and kept until shortly before it expires.
/// One may serve several clients: `Arc<ClientCredentials>` is a [`Token`] too.
pub struct ClientCredentials {
    question: Question,
    state: Mutex<State>,
}

#[derive(Clone)]
struct Question {
    token_url: String,
    client_id: String,
    client_secret: SecretString,
    scope: Option<String>,
    audience: Option<String>,
    in_body: bool,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// The question that is under way, for whoever needs a token meanwhile. It ends with the last one who waits for it.
    asking: Option<WeakShared<BoxFuture<'static, Answer>>>,
}

#[derive(Clone)]
struct Kept {
    token: SecretString,
    until: Instant,
}

type Answer = Result<Kept, Fault>;

/// Why the token endpoint gave no token; shared by all who waited.
#[derive(Debug, Clone)]
struct Fault {
    message: String,
    source: Option<Arc<reqwest::Error>>,
}

impl ClientCredentials {
    /// `token_url`: the token endpoint. Client and secret go in a Basic header, unless [`ClientCredentials::in_body`].
    #[must_use]
    pub fn new(
        token_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<SecretString>,
    ) -> Self {
        let question = Question {
            token_url: token_url.into(),
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            scope: None,
            audience: None,
            in_body: false,
        };
        Self { question, state: Mutex::default() }
    }

    /// Asks for this `scope`.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.question.scope = Some(scope.into());
        self
    }

    /// Asks for this `audience`.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.question.audience = Some(audience.into());
        self
    }

    /// Client and secret go in the form.
    #[must_use]
    pub fn in_body(mut self) -> Self {
        self.question.in_body = true;
        self
    }

    async fn get(&self, http: &reqwest::Client, timeout: Duration) -> Result<SecretString, Error> {
        let asking = match self.kept_or_asking(http, timeout) {
            Ok(token) => return Ok(token),
            Err(asking) => asking,
        };
        match asking.await {
            Ok(kept) => {
                let token = kept.token.clone();
                self.state().kept = Some(kept);
                Ok(token)
            }
            Err(fault) => {
                let error = failed(fault.message);
                Err(match fault.source {
                    Some(source) => error.because(source),
                    None => error,
                })
            }
        }
    }

    /// The token that is still good, else the question for another that all share.
    fn kept_or_asking(
        &self,
        http: &reqwest::Client,
        timeout: Duration,
    ) -> Result<SecretString, Shared<BoxFuture<'static, Answer>>> {
        let mut state = self.state();
        if let Some(kept) = state.kept.as_ref().filter(|kept| Instant::now() < kept.until) {
            return Ok(kept.token.clone());
        }
        let under_way =
            state.asking.as_ref().and_then(WeakShared::upgrade).filter(|one| one.peek().is_none());
        let asking =
            under_way.unwrap_or_else(|| ask(http.clone(), self.question.clone(), timeout).boxed().shared());
        state.asking = asking.downgrade();
        Err(asking)
    }

    fn drop_token(&self, refused: &SecretString) {
        let mut state = self.state();
        let is_kept =
            state.kept.as_ref().is_some_and(|kept| kept.token.expose_secret() == refused.expose_secret());
        if is_kept {
            state.kept = None;
        }
    }

    /// Each change is a single assignment, so what a panicking thread left is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("client_id", &self.question.client_id)
            .finish_non_exhaustive()
    }
}

async fn ask(http: reqwest::Client, question: Question, timeout: Duration) -> Answer {
    let began = Instant::now();
    let away = |source: reqwest::Error| Fault {
        message: "the token endpoint did not answer".to_owned(),
        source: Some(Arc::new(source.without_url())),
    };
    let mut asked = http
        .post(&question.token_url)
        .timeout(timeout)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(basic) = question.basic() {
        asked = asked.header(AUTHORIZATION, basic);
    }
    let answer = asked.body(question.form()).send().await.map_err(away)?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.map_err(away)?;
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    match told["access_token"].as_str() {
        Some(token) if status == 200 && !token.is_empty() => {
            Ok(Kept { token: token.into(), until: began + kept_for(&told["expires_in"]) })
        }
        _ => Err(Fault {
            message: format!("the token endpoint answered {status} without a token"),
            source: None,
        }),
    }
}

/// How long a token is kept, by what the endpoint says of its life, in seconds.
fn kept_for(expires_in: &Value) -> Duration {
    let seconds = expires_in.as_u64().or_else(|| expires_in.as_str()?.trim().parse().ok());
    // Ten years are as good as for ever, and can be added to any moment.
    let lasts = seconds.map_or(USUAL, |seconds| Duration::from_secs(seconds.min(315_360_000)));
    lasts.saturating_sub(EARLY).max(SHORTEST.min(lasts))
}

impl Question {
    fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        for (name, value) in [("scope", &self.scope), ("audience", &self.audience)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        if self.in_body {
            form.append_pair("client_id", &self.client_id);
            form.append_pair("client_secret", self.client_secret.expose_secret());
        }
        form.finish()
    }

    /// RFC 6749 section 2.3.1: both are form-encoded first.
    fn basic(&self) -> Option<HeaderValue> {
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&self.client_id), encoded(self.client_secret.expose_secret()));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
        value.set_sensitive(true);
        Some(value).filter(|_| !self.in_body)
    }
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Token(message.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_is_replaced_before_it_ends() {
        let cases = [
            (json!(300), 270),
            (json!("300"), 270),
            (json!(32), 5),
            (json!(3), 3),
            (json!(0), 0),
            (json!(null), 30),
            (json!(-1), 30),
        ];
        for (told, seconds) in cases {
            assert_eq!(kept_for(&told), Duration::from_secs(seconds), "{told}");
        }
        assert!(Instant::now().checked_add(kept_for(&json!(u64::MAX))).is_some());
    }

    #[tokio::test]
    async fn a_question_is_shared_until_it_is_answered() {
        let credentials = ClientCredentials::new("http://127.0.0.1:1/token", "me", "secret");
        let ask = || credentials.kept_or_asking(&reqwest::Client::new(), Duration::from_secs(5)).unwrap_err();
        let first = ask();
        assert!(first.ptr_eq(&ask()));
        assert!(first.clone().await.is_err());
        assert!(!first.ptr_eq(&ask()));
    }

    #[test]
    fn what_is_printed_holds_no_secret() {
        let credentials = ClientCredentials::new("https://idp.example.org/token?key=hidden", "me", "hidden");
        assert!(!format!("{credentials:?}").contains("hidden"));
        assert!(!format!("{:?} {:?}", Token::from("hidden"), Token::from(credentials)).contains("hidden"));
    }
}
