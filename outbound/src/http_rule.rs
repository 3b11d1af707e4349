//! `http` rules: a policy names a service that answers who approves.

use crate::client::{Call, Client, Method, Reply};
use crate::credential::{Authorization, Credential};
use crate::directory_error::DirectoryError;
use crate::egress::Egress;
use crate::http_pool::SetupError;
use crate::oauth2::TokenProvider;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::time::Duration;
use time::OffsetDateTime;

/// Bytes of an answer: room for a thousand of the longest ids.
const MAX_ANSWER: usize = 1024 * 1024;

/// A question to the service of an `http` rule.
#[derive(Debug)]
pub struct HttpQuestion<'a> {
    /// URL of the service; the guard checks it before the call and at the moment of connecting.
    pub url: &'a str,
    /// The credential that AWE authenticates with.
    pub credential: &'a Credential,
    /// Context of the request.
    pub context: &'a Value,
    /// Signing secrets of the caller in their `whsec_` form, the active one first: the question is signed like a webhook.
    pub keys: &'a [&'a str],
    /// Id of the question; a retry has the same.
    pub id: &'a str,
}

/// Asks `http` rules. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpRules {
    client: Client,
    tokens: TokenProvider,
    timeout: Duration,
}

impl HttpRules {
    /// Calls only what `egress` allows, with access tokens of `tokens`; each call ends after `timeout`.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(egress: Egress, tokens: TokenProvider, timeout: Duration) -> Result<Self, SetupError> {
        Ok(Self { client: Client::guarded(egress)?, tokens, timeout })
    }

    /// POSTs `{"context": ...}` and reads `{"user_ids": [...]}`. Returns the ids in their order, without duplicates.
    ///
    /// # Errors
    /// [`DirectoryError`] when there is no answer, or an answer of another shape.
    pub async fn ask(&self, question: &HttpQuestion<'_>) -> Result<Vec<String>, DirectoryError> {
        let answered = self.ask_once_or_twice(question).await.and_then(|reply| read(&reply));
        answered.map_err(|error| error.of("http rule"))
    }

    async fn ask_once_or_twice(&self, question: &HttpQuestion<'_>) -> Result<Reply, DirectoryError> {
        let body = json!({ "context": question.context }).to_string().into_bytes();
        let first = question.credential.authorize(&self.tokens).await?;
        let reply = self.send(question, &body, first.as_ref()).await?;
        if reply.status != 401 || !question.credential.renew(first.as_ref(), &self.tokens).await {
            return Ok(reply);
        }
        let renewed = question.credential.authorize(&self.tokens).await?;
        self.send(question, &body, renewed.as_ref()).await
    }

    async fn send(
        &self,
        question: &HttpQuestion<'_>,
        body: &[u8],
        authorization: Option<&Authorization>,
    ) -> Result<Reply, DirectoryError> {
        let call = self.call(question, body)?;
        let call = match authorization {
            // The question's own headers, its signature among them, take precedence.
            Some(authorization) => authorization.put_on(call),
            None => call,
        };
        Ok(self.client.send(call).await?)
    }

    fn call(&self, question: &HttpQuestion<'_>, body: &[u8]) -> Result<Call, DirectoryError> {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let mut call = Call::new(Method::Post, question.url, self.timeout, MAX_ANSWER)
            .header("accept", "application/json")?
            .body("application/json", body.to_vec());
        for (name, value) in schemas::webhook::headers(question.keys, question.id, now, body) {
            call = call.header(name, &value)?;
        }
        Ok(call)
    }
}

fn read(reply: &Reply) -> Result<Vec<String>, DirectoryError> {
    let unusable = |why: &str| Err(DirectoryError::Unavailable(format!("the answer is not usable: {why}")));
    if reply.status != 200 {
        return Err(DirectoryError::Unavailable(format!("answered {}", reply.status)));
    }
    if !reply.complete {
        return unusable("it is larger than 1 MiB");
    }
    let Ok(answer) = serde_json::from_slice::<Map<String, Value>>(&reply.body) else {
        return unusable("it is not a JSON object");
    };
    let Some(listed) = answer.get("user_ids").and_then(Value::as_array) else {
        return unusable("user_ids is not a list");
    };
    // The engine judges which ids are valid and how many may be seated, so that its refusal is on the timeline.
    let mut seen = HashSet::new();
    let mut users = Vec::new();
    for user in listed {
        let Some(id) = user.as_str() else {
            return unusable("user_ids holds something else than ids");
        };
        if seen.insert(id) {
            users.push(id.to_owned());
        }
    }
    Ok(users)
}
