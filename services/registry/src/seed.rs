//! A register to try things with, on both sides. Doing it again changes nothing.

use crate::app::{App, SERVICE};
use crate::events::ARTIFACT_TYPE;
use crate::sections::{NewSection, add};
use anyhow::Context as _;
use awe_client::models::{CallbackSecretCreate, PolicyCreate};
use sqlx::PgPool;

const POLICY: &str = include_str!("../farmer.policy.json");
const KEY: &str = "farmer.section-farmer-edit";

const SECTIONS: [NewSection<'_>; 3] = [
    NewSection {
        register: "farmer",
        section: "section-farmer-edit",
        name: "Farmer: holdings and payments",
        auto_approval: false,
        policy_key: Some("{register}.{section}"),
        context_fields: &["district", "amount"],
    },
    NewSection {
        register: "farmer",
        section: "section-farmer-contact",
        name: "Farmer: contact",
        auto_approval: true,
        policy_key: None,
        context_fields: &[],
    },
    NewSection {
        register: "farmer",
        section: "section-farmer-notes",
        name: "Farmer: notes",
        auto_approval: false,
        policy_key: None,
        context_fields: &[],
    },
];

/// The register `farmer` and its three sections.
///
/// # Errors
/// The database.
pub async fn register(db: &PgPool) -> Result<(), sqlx::Error> {
    for section in &SECTIONS {
        add(db, section).await?;
    }
    Ok(())
}

/// The policy and the callback secret in AWE; returns the secret's id.
///
/// # Errors
/// AWE.
pub async fn awe(app: &App) -> anyhow::Result<String> {
    let policy: PolicyCreate = serde_json::from_str(POLICY).context("farmer.policy.json")?;
    debug_assert!(policy.policy_key == KEY && policy.artifact_type == ARTIFACT_TYPE);
    match app.service.create_policy(&policy, None).await {
        Ok(made) => {
            let version = made.version.into();
            app.service.activate_policy_version(KEY, version, &Default::default(), None).await?;
        }
        Err(error) if error.status() == Some(409) => {}
        Err(error) => return Err(error).context("the policy could not be written"),
    }
    let listed = app.service.list_callback_secrets().await.context("callback secrets could not be read")?;
    if let Some(known) = listed.iter().find(|one| one.caller_service == SERVICE && one.status == "active") {
        return Ok(known.id.clone());
    }
    let secret = CallbackSecretCreate {
        caller_service: SERVICE.to_owned(),
        // Requests are made with the requester's token: any of them may have this secret sign.
        clients: Some(vec!["*".to_owned()]),
        secret: app.settings.callback_secrets().into_iter().next(),
        ..Default::default()
    };
    let made = app.service.create_callback_secret(&secret, None).await;
    Ok(made.context("the callback secret could not be written")?.id)
}
