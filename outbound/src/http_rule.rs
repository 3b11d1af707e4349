//! `http` rules: a service that a policy names says who approves.

use crate::client::{Call, Client, Method, Reply};
use crate::credential::Credential;
use crate::directory::DirectoryError;
use crate::egress::Egress;
use crate::oauth2::TokenProvider;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::time::Duration;
use time::OffsetDateTime;

/// A thousand of the longest ids fit.
const MAX_ANSWER: usize = 1024 * 1024;

/// One question.
#[derive(Debug)]
pub struct HttpQuestion<'a> {
    /// Where to; checked again before it is used, and at the moment of connecting.
    pub url: &'a str,
    /// How AWE makes itself known there.
    pub credential: &'a Credential,
    /// Facts of the request.
    pub context: &'a Value,
    /// Secrets of the caller as they were shown, the active one first: the question is signed as a webhook is.
    pub keys: &'a [&'a str],
    /// Id of the question, the same in a repetition.
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
    /// Each call ends after `timeout`; tokens come from `tokens`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(egress: Egress, tokens: TokenProvider, timeout: Duration) -> Result<Self, String> {
        Ok(Self { client: Client::guarded(egress)?, tokens, timeout })
    }

    /// POSTs `{"context": ...}` and reads `{"user_ids": [...]}`: order kept, each once.
    ///
    /// # Errors
    /// [`DirectoryError`] when there is no answer, or another one than that.
    pub async fn ask(&self, question: &HttpQuestion<'_>) -> Result<Vec<String>, DirectoryError> {
        let answered = self.ask_once_or_twice(question).await.and_then(|reply| read(&reply));
        answered.map_err(|error| error.of("http rule"))
    }

    async fn ask_once_or_twice(&self, question: &HttpQuestion<'_>) -> Result<Reply, DirectoryError> {
        let body = json!({ "context": question.context }).to_string().into_bytes();
        let prepared = question.credential.prepare(self.call(question, &body)?, &self.tokens).await?;
        let reply = self.client.send(prepared.call).await?;
        if reply.status != 401
            || !question.credential.renew(prepared.authorization.as_ref(), &self.tokens).await
        {
            return Ok(reply);
        }
        let again = question.credential.prepare(self.call(question, &body)?, &self.tokens).await?;
        Ok(self.client.send(again.call).await?)
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
    // Whether an id can be somebody's, and how many may sit, is for the engine to say: the timeline tells it there.
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
