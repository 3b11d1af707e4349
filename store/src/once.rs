//! Doing something once: the key under which somebody asks for it, and the answer that they got.
//!
//! Authority: the row of the key. It is written in the transaction of what was asked for, so that both exist or neither
//! does, whenever a process dies. What takes more than one transaction reserves its key first: the row says what was
//! asked and how far it is, and whoever repeats the call goes on from there.
//!
//! Two that come at once: the second waits for the first one's row, is refused ([`Clash::KeyTaken`]) with all that it
//! has done, and then finds the answer.

use crate::pool::{Connection, Transaction};
use crate::{Clash, Error, Store};
use schemas::json::RawJson;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

/// The key under which somebody asks for something.
#[derive(Debug, Clone, PartialEq)]
pub struct Once {
    /// Subject of the caller's token.
    pub subject: String,
    /// The `Idempotency-Key` header.
    pub key: String,
    /// What is asked for, compared as JSON.
    pub asked: RawJson,
}

/// What is stored under a key.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstAnswer<T> {
    /// Whether the same was asked for.
    pub same_body: bool,
    /// The answer; `None` when something else was asked for, or the key is only reserved yet.
    pub response: Option<T>,
    /// The context of the request that it is about; `None` when it is about none, or the request is no longer kept.
    pub context: Option<RawJson>,
}

/// How far something is that takes several transactions: `(last id, number so far)`.
pub(crate) type Progress = (Uuid, i64);

/// Ends a transaction, and notes its answer under the key, if there is one.
pub(crate) async fn commit(
    mut tx: Transaction,
    once: Option<&Once>,
    answer: &impl Serialize,
) -> Result<(), Error> {
    if let Some(once) = once {
        note(&mut tx, once, None, &json(answer)?).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn json(answer: &impl Serialize) -> Result<RawJson, Error> {
    RawJson::of(answer).map_err(|e| Error::Internal(Box::new(e)))
}

async fn note(
    connection: &mut Connection,
    once: &Once,
    request_id: Option<Uuid>,
    response: &RawJson,
) -> Result<(), Error> {
    let noted = sqlx::query!(
        "insert into idempotency_key (subject, key, body, request_id, response) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        once.subject,
        once.key,
        Json(&once.asked) as _,
        request_id,
        Json(response) as _
    )
    .execute(connection)
    .await?;
    if noted.rows_affected() == 0 { Err(taken()) } else { Ok(()) }
}

fn taken() -> Error {
    Error::Conflict(Clash::KeyTaken, "idempotency key is in use".to_owned())
}

/// Locks a reserved key and reads how far it is: progress, or the number in the end.
pub(crate) async fn progress(
    connection: &mut Connection,
    once: &Once,
) -> Result<Result<Option<Progress>, i64>, Error> {
    let stored = sqlx::query_scalar!(
        "select response from idempotency_key where subject = $1 and key = $2 for update",
        once.subject,
        once.key
    )
    .fetch_optional(connection)
    .await?
    .ok_or_else(taken)?;
    if let Some(total) = stored["requeued"].as_i64() {
        return Ok(Err(total));
    }
    Ok(Ok(serde_json::from_value(stored).map_err(|e| Error::Internal(Box::new(e)))?))
}

/// Writes how far a reserved key is, or its answer: an object is an answer, everything else is none.
pub(crate) async fn advance(connection: &mut Connection, once: &Once, response: &Value) -> Result<(), Error> {
    sqlx::query!(
        "update idempotency_key set response = $3 where subject = $1 and key = $2",
        once.subject,
        once.key,
        response
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Notes the answer to something that changed nothing. `request_id` is the request that it is about.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the key is taken.
    pub async fn note_answer(
        &self,
        once: &Once,
        request_id: Option<Uuid>,
        response: &RawJson,
    ) -> Result<(), Error> {
        note(&mut self.hot.connection().await?, once, request_id, response).await
    }

    /// Reserves a key for something that takes several transactions. One that was reserved for the same before stays
    /// as it is.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is taken by something else.
    pub async fn reserve(&self, once: &Once) -> Result<(), Error> {
        let nothing = RawJson::of(&Value::Null).map_err(|e| Error::Internal(Box::new(e)))?;
        match self.note_answer(once, None, &nothing).await {
            Err(Error::Conflict(Clash::KeyTaken, _)) => {}
            noted => return noted,
        }
        let stored = self.first_answer::<Value>(&once.subject, &once.key, &once.asked).await?;
        if stored.is_some_and(|stored| stored.same_body) { Ok(()) } else { Err(taken()) }
    }

    /// Replaces the stored first answer of `(subject, key)` by the answer that the caller got in the end.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn settle_first_answer(
        &self,
        subject: &str,
        key: &str,
        response: &RawJson,
    ) -> Result<(), Error> {
        sqlx::query!(
            "update idempotency_key set response = $3 where subject = $1 and key = $2",
            subject,
            key,
            Json(response) as _
        )
        .execute(&self.hot)
        .await?;
        Ok(())
    }

    /// The stored first answer of `(subject, key)`, and whether its body equals `body`. PostgreSQL compares the
    /// bodies, because its JSON numbers are exact.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Internal`] when the answer cannot be read as one of this kind.
    pub async fn first_answer<T: DeserializeOwned>(
        &self,
        subject: &str,
        key: &str,
        body: &RawJson,
    ) -> Result<Option<FirstAnswer<T>>, Error> {
        let row = sqlx::query!(
            r#"select k.body = $3 as "same_body!", k.response as "response: Json<RawJson>",
                r.context as "context?: Json<RawJson>"
            from idempotency_key k left join approval_request r on r.id = k.request_id
            where k.subject = $1 and k.key = $2"#,
            subject,
            key,
            Json(body) as _
        )
        .fetch_optional(&self.hot)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let text = row.response.0.text();
        let is_answer = row.same_body && text.starts_with('{');
        let response = is_answer.then(|| serde_json::from_str(text)).transpose();
        Ok(Some(FirstAnswer {
            same_body: row.same_body,
            response: response.map_err(|e| Error::Internal(Box::new(e)))?,
            context: row.context.map(|context| context.0),
        }))
    }

    /// Returns whether a first answer of `(subject, key)` is stored.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn is_answered(&self, subject: &str, key: &str) -> Result<bool, Error> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from idempotency_key where subject = $1 and key = $2) as "stored!""#,
            subject,
            key
        )
        .fetch_one(&self.hot)
        .await?)
    }
}
