//! A change is asked for.

use crate::app::{self, App};
use crate::auth::{CREATE, Caller};
use crate::change_request::{self, ChangeRequest, EditAction, New};
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::{Body, idempotency_key, line};
use crate::gate;
use crate::settle::{Verdict, settle};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::sync::SemaphorePermit;
use utoipa::ToSchema;
use uuid::{Builder, Uuid};

/// Who approved what nobody has to approve.
const AUTO: &str = "auto-approval";

/// A change that somebody wants.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateIn {
    #[schema(max_length = 200, example = "farmer")]
    register_mnemonic: String,
    #[schema(max_length = 200, example = "section-farmer-edit")]
    section_id: String,
    edit_action: EditAction,
    /// Needed for `update` and `delete`; drawn for a `create` without.
    #[schema(max_length = 200, example = "F-1")]
    record_id: Option<String>,
    /// The record (`create`), or what changes in it (`update`: null removes a key).
    #[schema(value_type = Object, example = json!({"district": "north", "amount": 1200}))]
    #[serde(default)]
    change_payload: Option<Box<RawValue>>,
}

/// The change request, stored.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreateOut {
    change_request_id: Uuid,
    /// `PENDING`, or `APPROVED` where nobody has to agree.
    approval_status: String,
    /// The request of AWE; null when the section is not gated.
    awe_request_id: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<ChangeRequest> for CreateOut {
    fn from(change: ChangeRequest) -> Self {
        Self {
            change_request_id: change.change_request_id,
            approval_status: change.approval_status,
            awe_request_id: change.awe_request_id,
            created_at: change.created_at,
        }
    }
}

#[utoipa::path(post, path = "/v1/registry/change-requests/create_change_request", request_body = CreateIn,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body give the same change request.")),
    responses((status = 201, body = CreateOut), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)),
    security(("bearer" = [])))]
// snippet: create
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<CreateIn>,
) -> Result<(StatusCode, Json<CreateOut>), ApiError> {
    caller.needs(CREATE)?;
    let wanted = Wanted::read(&body, &caller, idempotency_key(&headers)?)?;
    let section = change_request::section(&app.db, &body.register_mnemonic, &body.section_id).await?;
    let gated = app.settings.awe.enabled && section.awe_policy_key.is_some();
    let _place = if gated { Some(place(&app).await?) } else { None };

    let mut tx = app::begin(&app.db).await?;
    let inserted = change_request::insert(&mut tx, &wanted.row()).await.map_err(unfit)?;
    let Some(change) = inserted else {
        drop(tx);
        return wanted.replay(&app).await;
    };
    wanted.check_record(&mut tx).await?;
    if gated {
        // A failure here rolls the insert back: no change request without a request. The other way round, a commit
        // that fails leaves a request without a change request, which the same call sent again finds by its key.
        let request_id = gate::ask(&app, &caller, &change, &section, &wanted.payload).await?;
        note_request(&mut tx, change.change_request_id, &request_id).await?;
    } else if section.auto_approval {
        settle(&mut tx, &change, &Verdict::Approve { by: AUTO.to_owned() }).await?;
    }
    tx.commit().await?;
    let stored = change_request::read(&app.db, change.change_request_id).await?;
    Ok((StatusCode::CREATED, Json(stored.into())))
}
// end snippet

/// A creation that waits for AWE keeps a connection of the database: only so many may do that.
async fn place(app: &App) -> Result<SemaphorePermit<'_>, ApiError> {
    let waiting = tokio::time::timeout(app.settings.awe_timeout(), app.waiting_for_awe.acquire());
    match waiting.await {
        Ok(Ok(place)) => Ok(place),
        _ => {
            Err(ApiError::new(Code::AweAway, "too many creations wait for AWE; nothing was done")
                .again_after(5))
        }
    }
}

async fn note_request(tx: &mut PgConnection, id: Uuid, request_id: &str) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "update g2p_register_change_request set awe_request_id = $2 where change_request_id = $1",
    );
    query.bind(id).bind(request_id).execute(tx).await.map(drop)
}

/// What PostgreSQL cannot keep of a payload is the caller's mistake.
fn unfit(error: sqlx::Error) -> ApiError {
    let code = error.as_database_error().and_then(|refused| refused.code().map(|code| code.into_owned()));
    match code.as_deref() {
        Some("22P05" | "22P02" | "22003" | "54001") => {
            ApiError::schema("change_payload holds a NUL character or a number that cannot be kept")
        }
        _ => error.into(),
    }
}

/// A body that was found to be in order.
struct Wanted<'a> {
    body: &'a CreateIn,
    requester: &'a str,
    id: Uuid,
    record_id: String,
    body_sha256: Vec<u8>,
    payload_text: &'a str,
    payload: Value,
}

impl<'a> Wanted<'a> {
    fn read(body: &'a CreateIn, caller: &'a Caller, key: Option<&str>) -> Result<Self, ApiError> {
        line("register_mnemonic", &body.register_mnemonic, 200)?;
        line("section_id", &body.section_id, 200)?;
        if let Some(record_id) = &body.record_id {
            line("record_id", record_id, 200)?;
        } else if body.edit_action != EditAction::Create {
            return Err(ApiError::schema("record_id is needed to update or delete a record"));
        }
        let payload_text = body.change_payload.as_ref().map_or("{}", |raw| raw.get());
        let payload: Value = serde_json::from_str(payload_text)
            .map_err(|error| ApiError::schema(format!("change_payload: {error}")))?;
        if !payload.is_object() {
            return Err(ApiError::schema("change_payload must be an object"));
        }
        let id = id_of(&caller.subject, key);
        let record_id = body.record_id.clone().unwrap_or_else(|| id.to_string());
        let same = (&body.register_mnemonic, &body.section_id, body.edit_action, &record_id, &payload);
        let text = serde_json::to_vec(&same).map_err(|error| ApiError::schema(format!("body: {error}")))?;
        let body_sha256 = Sha256::digest(text).to_vec();
        Ok(Self { body, requester: &caller.subject, id, record_id, body_sha256, payload_text, payload })
    }

    fn row(&self) -> New<'_> {
        New {
            id: self.id,
            register_mnemonic: &self.body.register_mnemonic,
            section_id: &self.body.section_id,
            record_id: &self.record_id,
            edit_action: self.body.edit_action,
            requester: self.requester,
            body_sha256: &self.body_sha256,
            change_payload: self.payload_text,
        }
    }

    /// The key was used before: the same call gets the same change request.
    async fn replay(&self, app: &App) -> Result<(StatusCode, Json<CreateOut>), ApiError> {
        let query = sqlx::query_scalar(
            "select body_sha256 = $2 from g2p_register_change_request where change_request_id = $1",
        );
        let is_same: bool = query.bind(self.id).bind(&self.body_sha256).fetch_one(&app.db).await?;
        if !is_same {
            return Err(ApiError::new(Code::KeyReused, "the Idempotency-Key was used with another body"));
        }
        Ok((StatusCode::CREATED, Json(change_request::read(&app.db, self.id).await?.into())))
    }

    async fn check_record(&self, tx: &mut PgConnection) -> Result<(), ApiError> {
        let live = change_request::record(tx, &self.body.register_mnemonic, &self.record_id).await?;
        match (self.body.edit_action, live) {
            (EditAction::Create, Some(_)) => Err(ApiError::schema("the record exists: update it")),
            (EditAction::Update | EditAction::Delete, None) => {
                Err(ApiError::new(Code::UnknownRecord, "there is no such record"))
            }
            _ => Ok(()),
        }
    }
}

/// The id of a change request: of the caller's key, so that a retry is the same one, else a new one.
fn id_of(subject: &str, key: Option<&str>) -> Uuid {
    let Some(key) = key else { return Uuid::now_v7() };
    // A subject holds no control character, so no other pair gives the same bytes.
    let digest = Sha256::digest(format!("registry change request\0{subject}\0{key}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}
