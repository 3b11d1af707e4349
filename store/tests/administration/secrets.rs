use crate::fixtures::{actions, admin};
use schemas::api::secret::{CallbackSecretOut, CallbackSecretUpdate};
use secrecy::ExposeSecret;
use store::Error;
use store::secrets::{NewSecret, check_secret};
use store::testing::{TestDb, database};
use store::vault::{Vault, VaultError};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const GIVEN: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

fn naming(name: Option<&str>) -> CallbackSecretUpdate {
    CallbackSecretUpdate { credential: Some(name.map(str::to_owned)), clients: None }
}

fn fine(_: &CallbackSecretOut) -> Result<(), String> {
    Ok(())
}

fn vault() -> Vault {
    Vault::new(&[3; 32])
}

async fn live(db: &TestDb, caller: &str, id: Option<Uuid>, now: OffsetDateTime) -> Vec<String> {
    let live = db.live_secrets(caller, id, now, &vault()).await.unwrap();
    live.secrets.iter().map(|s| s.expose_secret().to_owned()).collect()
}

#[tokio::test]
async fn a_fresh_secret_is_shown_once_and_kept_sealed() {
    let db = database().await;
    let made = db.create_secret(&NewSecret::of("registry"), &admin(), &vault()).await.unwrap();
    check_secret(&made.secret).unwrap();
    assert_eq!(live(&db, "registry", None, OffsetDateTime::now_utc()).await, [made.secret.as_str()]);

    let listed = db.list_secrets().await.unwrap();
    assert_eq!((listed.len(), listed[0].id, listed[0].status.as_str()), (1, made.id, "active"));
    let everything: String = sqlx::query_scalar(
        "select (select string_agg(s::text, '') from callback_secret s)
             || (select string_agg(a::text, '') from audit_action a)",
    )
    .fetch_one(db.pool())
    .await
    .unwrap();
    assert!(!everything.contains(&made.secret) && !everything.contains("whsec_"));
    let bytes: String = made.secret.bytes().map(|b| format!("{b:02x}")).collect();
    assert!(!everything.contains(&bytes));
}

#[tokio::test]
async fn a_given_secret_is_kept_exactly_as_given() {
    let db = database().await;
    let made = db
        .create_secret(
            &NewSecret { secret: Some(GIVEN), credential: None, ..NewSecret::of("registry") },
            &admin(),
            &vault(),
        )
        .await
        .unwrap();
    assert_eq!(made.secret, GIVEN);
    assert_eq!(live(&db, "registry", None, OffsetDateTime::now_utc()).await, [GIVEN]);
}

#[test]
fn a_secret_of_plain_text_is_shown_as_its_base64() {
    assert_eq!(check_secret(GIVEN).unwrap(), GIVEN);
    let shown = check_secret("plain text that is long enough").unwrap();
    assert_eq!(shown, "whsec_cGxhaW4gdGV4dCB0aGF0IGlzIGxvbmcgZW5vdWdo");
}

#[test]
fn what_stands_around_a_secret_is_no_part_of_it() {
    for around in [format!("v1,{GIVEN}"), format!(" \t{GIVEN}\r\n"), format!("\u{a0}v1,{GIVEN} ")] {
        assert_eq!(check_secret(&around).unwrap(), GIVEN, "{around:?}");
    }
    let shown = check_secret("plain text that is long enough").unwrap();
    assert_eq!(check_secret("  plain text that is long enough\n").unwrap(), shown);
}

#[test]
fn a_secret_that_says_that_it_is_encoded_and_is_not_is_refused() {
    let coded = GIVEN.strip_prefix("whsec_").unwrap();
    let bad = [
        "whsec_this is no base64 at all, though long".to_owned(),
        format!("whsec_{}", coded.trim_end_matches('=').replace('A', "_")),
        format!("v1,whsec_!{coded}"),
        format!("whsec_ {coded}"),
        format!("whsec_whsec_{coded}"),
        format!("whsec_{coded}="),
        format!("whsec_{}", "-_".repeat(32)),
    ];
    for bad in bad {
        let why = check_secret(&bad).expect_err(&bad).to_string();
        assert!(why.contains("base64") && !why.contains(&bad[6..]), "{why}");
    }
}

#[test]
fn a_secret_that_is_too_short_is_refused_without_repeating_it() {
    for bad in ["", "whsec_", "too short", "whsec_c2hvcnQ=", "whsec_not*base64"] {
        let why = check_secret(bad).unwrap_err().to_string();
        assert!(bad.len() < 7 || !why.contains(&bad[6..]), "{why}");
    }
}

#[tokio::test]
async fn a_caller_has_one_active_secret_even_when_two_are_created_at_the_same_time() {
    let db = database().await;
    let (actor, vault) = (admin(), vault());
    let new = NewSecret::of("registry");
    let attempts = (0..4).map(|_| db.create_secret(&new, &actor, &vault));
    let results = futures::future::join_all(attempts).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|r| matches!(r, Err(Error::Conflict(..)))).count(), 3);
    db.create_secret(&NewSecret::of("payments"), &actor, &vault).await.unwrap();
    assert_eq!(actions(&db).await.len(), 2, "refusals are not audited");
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_new_one_until_it_expires() {
    let db = database().await;
    let old = db.create_secret(&NewSecret::of("registry"), &admin(), &vault()).await.unwrap();
    let new = db.rotate_secret(old.id, 24, &admin(), &vault()).await.unwrap();
    assert_eq!((new.caller_service.as_str(), new.status.as_str()), ("registry", "active"));
    let now = OffsetDateTime::now_utc();
    let both = [new.secret.clone(), old.secret.clone()];
    assert_eq!(live(&db, "registry", None, now).await, both);
    assert_eq!(
        live(&db, "somebody", Some(old.id), now).await,
        both,
        "named by the id from before the rotation"
    );
    let later = now + Duration::hours(25);
    assert_eq!(live(&db, "registry", None, later).await, [new.secret.as_str()]);
    assert_eq!(live(&db, "registry", Some(old.id), later).await, [new.secret.as_str()]);
    assert_eq!(actions(&db).await, ["callback_secret.create", "callback_secret.rotate"]);
}

#[tokio::test]
async fn a_rotation_without_grace_stops_the_old_secret_at_once() {
    let db = database().await;
    let old = db.create_secret(&NewSecret::of("registry"), &admin(), &vault()).await.unwrap();
    let new = db.rotate_secret(old.id, 0, &admin(), &vault()).await.unwrap();
    let now = OffsetDateTime::now_utc() + Duration::seconds(1);
    assert_eq!(live(&db, "registry", None, now).await, [new.secret]);
}

#[tokio::test]
async fn of_two_rotations_at_the_same_time_one_wins() {
    let db = database().await;
    let old = db.create_secret(&NewSecret::of("registry"), &admin(), &vault()).await.unwrap();
    let (actor, vault) = (admin(), vault());
    let (a, b) = tokio::join!(
        db.rotate_secret(old.id, 1, &actor, &vault),
        db.rotate_secret(old.id, 1, &actor, &vault)
    );
    let results = [a, b];
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(results.iter().any(|r| matches!(r, Err(Error::Conflict(..)))));
}

#[tokio::test]
async fn a_revoked_secret_signs_nothing_and_makes_room_for_another() {
    let db = database().await;
    let made = db.create_secret(&NewSecret::of("registry"), &admin(), &vault()).await.unwrap();
    db.revoke_secret(made.id, &admin()).await.unwrap();
    db.revoke_secret(made.id, &admin()).await.unwrap();
    let now = OffsetDateTime::now_utc();
    assert!(live(&db, "registry", None, now).await.is_empty());
    let next = db.create_secret(&NewSecret::of("registry"), &admin(), &vault()).await.unwrap();
    assert!(live(&db, "registry", Some(made.id), now).await.is_empty());
    assert_eq!(db.secret_caller(made.id).await.unwrap(), None);
    assert_eq!(db.secret_caller(next.id).await.unwrap().as_deref(), Some("registry"));
    assert!(matches!(db.rotate_secret(made.id, 1, &admin(), &vault()).await, Err(Error::Conflict(..))));
    assert!(matches!(db.revoke_secret(Uuid::nil(), &admin()).await, Err(Error::NotFound(_))));
    let expected = ["callback_secret.create", "callback_secret.revoke", "callback_secret.create"];
    assert_eq!(actions(&db).await, expected);
}

/// Why the secrets of a caller cannot be opened.
async fn closed(db: &TestDb, caller: &str) -> Option<VaultError> {
    let live = db.live_secrets(caller, None, OffsetDateTime::now_utc(), &vault()).await.unwrap();
    assert!(live.closed.is_none() || live.secrets.is_empty(), "nothing signs in its place");
    live.closed
}

#[tokio::test]
async fn a_secret_that_cannot_be_opened_stands_in_nobody_elses_way() {
    let db = database().await;
    let other_key = Vault::new(&[4; 32]);
    db.create_secret(&NewSecret::of("lost"), &admin(), &other_key).await.unwrap();
    let fine = db.create_secret(&NewSecret::of("fine"), &admin(), &vault()).await.unwrap();
    let now = OffsetDateTime::now_utc();
    let callers = ["lost", "fine", "unknown"].map(str::to_owned);
    let found = db.live_secrets_for(&callers, now, &vault()).await.unwrap();
    assert!(found["lost"].is_err());
    assert_eq!(found["fine"].as_ref().unwrap()[0].secret.expose_secret(), fine.secret);
    assert!(!found.contains_key("unknown"));
    assert_eq!(closed(&db, "lost").await, Some(VaultError::UnknownKey));
    assert_eq!(closed(&db, "fine").await, None);
    let both = vault().with_old_keys([&[4; 32]]);
    assert!(db.live_secrets("lost", None, now, &both).await.is_ok(), "after the master key was rotated");
}

#[tokio::test]
async fn a_ciphertext_copied_to_another_caller_does_not_open() {
    let db = database().await;
    db.create_secret(&NewSecret::of("registry"), &admin(), &vault()).await.unwrap();
    sqlx::query("update callback_secret set caller_service = 'payments'").execute(db.pool()).await.unwrap();
    assert_eq!(closed(&db, "payments").await, Some(VaultError::Refused));
}

#[tokio::test]
async fn all_secrets_come_under_a_new_master_key_in_batches_that_may_be_stopped_anywhere() {
    let db = database().await;
    let (old_key, new_key) = ([1; 32], [2; 32]);
    let old = Vault::new(&old_key);
    for n in 0..7 {
        db.create_secret(&NewSecret::of(&format!("caller-{n}")), &admin(), &old).await.unwrap();
    }
    let rotated = db.create_secret(&NewSecret::of("caller-r"), &admin(), &old).await.unwrap();
    db.rotate_secret(rotated.id, 24, &admin(), &old).await.unwrap();
    let revoked = db.create_secret(&NewSecret::of("caller-x"), &admin(), &old).await.unwrap();
    db.revoke_secret(revoked.id, &admin()).await.unwrap();

    let both = Vault::new(&new_key).with_old_keys([&old_key]);
    assert_eq!(db.count_stale_secrets(&both).await.unwrap(), 10);
    let now = time::OffsetDateTime::now_utc();
    let before = db.live_secrets("caller-r", None, now, &old).await.unwrap();
    let first = db.reseal_secrets(&both, uuid::Uuid::nil(), 4, &admin()).await.unwrap();
    assert_eq!((first.moved, first.unreadable.len()), (4, 0));
    // The work is interrupted here. Servers with both keys read every secret, and a second run from the beginning
    // does the rest.
    assert_eq!(db.count_stale_secrets(&both).await.unwrap(), 6);
    for n in 0..7 {
        assert_eq!(db.live_secrets(&format!("caller-{n}"), None, now, &both).await.unwrap().secrets.len(), 1);
    }
    let rest = db.reseal_secrets(&both, uuid::Uuid::nil(), 100, &admin()).await.unwrap();
    assert_eq!(rest.moved, 6);
    let again = db.reseal_secrets(&both, uuid::Uuid::nil(), 100, &admin()).await.unwrap();
    assert_eq!(again, store::secrets::Resealed::default(), "once is enough");
    let new = Vault::new(&new_key);
    let after = db.live_secrets("caller-r", None, now, &new).await.unwrap();
    let shown = |live: &store::secrets::LiveSecrets| -> Vec<String> {
        live.secrets.iter().map(|s| s.expose_secret().to_owned()).collect()
    };
    assert_eq!(shown(&before), shown(&after), "the same secrets, in the same order");
    assert_eq!(actions(&db).await.iter().filter(|a| *a == "callback_secret.reseal").count(), 2);
}

#[tokio::test]
async fn a_secret_under_a_forgotten_master_key_stays_and_is_named() {
    let db = database().await;
    let lost = db.create_secret(&NewSecret::of("lost"), &admin(), &Vault::new(&[9; 32])).await.unwrap();
    db.create_secret(&NewSecret::of("kept"), &admin(), &Vault::new(&[1; 32])).await.unwrap();
    let both = Vault::new(&[2; 32]).with_old_keys([&[1; 32]]);
    let done = db.reseal_secrets(&both, uuid::Uuid::nil(), 100, &admin()).await.unwrap();
    assert_eq!((done.moved, done.unreadable), (1, vec![lost.id]));
    assert_eq!(db.count_stale_secrets(&both).await.unwrap(), 1);
}

#[tokio::test]
async fn two_that_reseal_at_once_do_it_once() {
    let db = database().await;
    for n in 0..20 {
        db.create_secret(&NewSecret::of(&format!("caller-{n}")), &admin(), &Vault::new(&[1; 32]))
            .await
            .unwrap();
    }
    let both = Vault::new(&[2; 32]).with_old_keys([&[1; 32]]);
    let reseal = || async { db.reseal_secrets(&both, uuid::Uuid::nil(), 100, &admin()).await.unwrap().moved };
    let (one, two) = tokio::join!(reseal(), reseal());
    assert_eq!(one + two, 20);
}

async fn credential(db: &TestDb, caller: &str, id: Option<Uuid>, now: OffsetDateTime) -> Option<String> {
    db.live_secrets(caller, id, now, &vault()).await.unwrap().credential
}

#[tokio::test]
async fn a_credential_is_named_kept_by_a_rotation_and_changed() {
    let db = database().await;
    let now = OffsetDateTime::now_utc();
    let old = db
        .create_secret(
            &NewSecret { secret: None, credential: Some("hooks"), ..NewSecret::of("registry") },
            &admin(),
            &vault(),
        )
        .await
        .unwrap();
    assert_eq!(old.credential.as_deref(), Some("hooks"));
    let new = db.rotate_secret(old.id, 24, &admin(), &vault()).await.unwrap();
    assert_eq!(new.credential.as_deref(), Some("hooks"));
    assert_eq!(credential(&db, "registry", None, now).await.as_deref(), Some("hooks"));

    let changed = db.update_secret(new.id, &naming(Some("other")), fine, &admin()).await.unwrap();
    assert_eq!((changed.id, changed.credential.as_deref()), (new.id, Some("other")));
    assert_eq!(credential(&db, "registry", None, now).await.as_deref(), Some("other"), "the active one's");
    let named = credential(&db, "somebody", Some(old.id), now).await;
    assert_eq!(named.as_deref(), Some("hooks"), "that of the secret named, while it signs");
    let later = now + Duration::hours(25);
    let named = credential(&db, "somebody", Some(old.id), later).await;
    assert_eq!(named.as_deref(), Some("other"), "and then the active one's");

    db.update_secret(new.id, &naming(None), fine, &admin()).await.unwrap();
    db.update_secret(new.id, &naming(None), fine, &admin()).await.unwrap();
    assert_eq!(credential(&db, "registry", None, now).await, None);
    let listed = db.list_secrets().await.unwrap();
    let names: Vec<_> = listed.iter().map(|secret| secret.credential.as_deref()).collect();
    assert_eq!(names, [None, Some("hooks")]);
    let update = "callback_secret.update";
    let expected = ["callback_secret.create", "callback_secret.rotate", update, update];
    assert_eq!(actions(&db).await, expected, "what changes nothing is not audited");
}

#[tokio::test]
async fn the_credential_of_a_revoked_or_unknown_secret_cannot_be_changed() {
    let db = database().await;
    let made = db
        .create_secret(
            &NewSecret { secret: None, credential: Some("hooks"), ..NewSecret::of("registry") },
            &admin(),
            &vault(),
        )
        .await
        .unwrap();
    db.revoke_secret(made.id, &admin()).await.unwrap();
    let revoked = db.update_secret(made.id, &naming(None), fine, &admin()).await;
    assert!(matches!(revoked, Err(Error::Conflict(..))), "{revoked:?}");
    let unknown = db.update_secret(Uuid::nil(), &naming(None), fine, &admin()).await;
    assert!(matches!(unknown, Err(Error::NotFound(_))), "{unknown:?}");
}

#[tokio::test]
async fn a_secret_is_named_by_its_owner_and_by_the_clients_that_it_is_shared_with() {
    let db = database().await;
    let clients = ["registry-ui".to_owned()];
    let new = NewSecret { clients: &clients, ..NewSecret::of("registry") };
    let made = db.create_secret(&new, &admin(), &vault()).await.unwrap();
    assert_eq!(made.clients, clients);
    let may = async |id| db.secret_may_name(id).await.unwrap().unwrap();
    let shared = may(made.id).await;
    assert!(shared.allows("registry", None) && shared.allows("somebody", Some("registry-ui")));
    assert!(!shared.allows("somebody", None) && !shared.allows("registry-ui", Some("other")));

    let rotated = db.rotate_secret(made.id, 1, &admin(), &vault()).await.unwrap();
    assert_eq!((rotated.clients, may(made.id).await), (clients.to_vec(), shared), "rotation keeps both");
    let anybody = CallbackSecretUpdate { credential: None, clients: Some(vec!["*".to_owned()]) };
    db.update_secret(rotated.id, &anybody, fine, &admin()).await.unwrap();
    assert!(may(rotated.id).await.allows("somebody", None));
    let refuse = |_: &CallbackSecretOut| Err("no".to_owned());
    let refused = db.update_secret(rotated.id, &naming(Some("hooks")), refuse, &admin()).await;
    assert!(matches!(refused, Err(Error::Conflict(_, why)) if why == "no"));
    let nobody = CallbackSecretUpdate { credential: None, clients: Some(Vec::new()) };
    let updated = db.update_secret(rotated.id, &nobody, fine, &admin()).await.unwrap();
    assert!(updated.clients.is_empty() && updated.credential.is_none());
    db.revoke_secret(rotated.id, &admin()).await.unwrap();
    assert_eq!(db.secret_may_name(rotated.id).await.unwrap(), None);
    let kept = ["create", "rotate", "update", "update", "revoke"].map(|act| format!("callback_secret.{act}"));
    assert_eq!(actions(&db).await, kept);
}
