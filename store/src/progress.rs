//! What the history of a request says about its stages.

use crate::{Error, Store};
use engine::ids::RequestId;
use engine::progress::Told;
use engine::request::EventType;

impl Store {
    /// The last event of each type in [`Told::TYPES`] for each stage of a request. Empty when there is no such request.
    ///
    /// # Errors
    /// [`Error::Unavailable`], or [`Error::Internal`] when a row has a word that the engine does not know.
    pub async fn told_of_stages(&self, id: RequestId) -> Result<Vec<Told>, Error> {
        let types: Vec<String> = Told::TYPES.iter().map(|kind| kind.as_str().to_owned()).collect();
        let rows = sqlx::query!(
            r#"select distinct on (stage_order, event_type) event_type, stage_order as "stage_order!", reason, created_at
               from approval_event
               where request_id = $1 and event_type = any($2) and stage_order is not null
               order by stage_order, event_type, sequence desc"#,
            id.0,
            &types
        )
        .fetch_all(&self.pool)
        .await?;
        let told = rows.into_iter().map(|row| {
            let unknown = || Error::Internal(format!("unknown word {:?} in a row", row.event_type).into());
            let event_type = EventType::parse(&row.event_type).ok_or_else(unknown)?;
            Ok(Told { event_type, stage_order: row.stage_order, reason: row.reason, at: row.created_at })
        });
        told.collect()
    }
}
