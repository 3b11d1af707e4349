use crate::fixtures::{actions, admin};
use secrecy::ExposeSecret;
use store::Error;
use store::secrets::check_secret;
use store::testing::{TestDb, database};
use store::vault::Vault;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const GIVEN: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

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
    let made = db.create_secret("registry", None, None, &admin(), &vault()).await.unwrap();
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
    let made = db.create_secret("registry", Some(GIVEN), None, &admin(), &vault()).await.unwrap();
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
fn a_secret_that_is_too_short_is_refused_without_repeating_it() {
    for bad in ["", "whsec_", "too short", "whsec_c2hvcnQ=", "whsec_not*base64"] {
        let why = check_secret(bad).unwrap_err();
        assert!(bad.len() < 7 || !why.contains(&bad[6..]), "{why}");
    }
}

#[tokio::test]
async fn a_caller_has_one_active_secret_even_when_two_are_created_at_the_same_time() {
    let db = database().await;
    let (actor, vault) = (admin(), vault());
    let attempts = (0..4).map(|_| db.create_secret("registry", None, None, &actor, &vault));
    let results = futures::future::join_all(attempts).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|r| matches!(r, Err(Error::Conflict(..)))).count(), 3);
    db.create_secret("payments", None, None, &actor, &vault).await.unwrap();
    assert_eq!(actions(&db).await.len(), 2, "refusals are not audited");
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_new_one_until_it_expires() {
    let db = database().await;
    let old = db.create_secret("registry", None, None, &admin(), &vault()).await.unwrap();
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
    let old = db.create_secret("registry", None, None, &admin(), &vault()).await.unwrap();
    let new = db.rotate_secret(old.id, 0, &admin(), &vault()).await.unwrap();
    let now = OffsetDateTime::now_utc() + Duration::seconds(1);
    assert_eq!(live(&db, "registry", None, now).await, [new.secret]);
}

#[tokio::test]
async fn of_two_rotations_at_the_same_time_one_wins() {
    let db = database().await;
    let old = db.create_secret("registry", None, None, &admin(), &vault()).await.unwrap();
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
    let made = db.create_secret("registry", None, None, &admin(), &vault()).await.unwrap();
    db.revoke_secret(made.id, &admin()).await.unwrap();
    db.revoke_secret(made.id, &admin()).await.unwrap();
    let now = OffsetDateTime::now_utc();
    assert!(live(&db, "registry", None, now).await.is_empty());
    let next = db.create_secret("registry", None, None, &admin(), &vault()).await.unwrap();
    assert!(live(&db, "registry", Some(made.id), now).await.is_empty());
    assert_eq!(db.secret_caller(made.id).await.unwrap(), None);
    assert_eq!(db.secret_caller(next.id).await.unwrap().as_deref(), Some("registry"));
    assert!(matches!(db.rotate_secret(made.id, 1, &admin(), &vault()).await, Err(Error::Conflict(..))));
    assert!(matches!(db.revoke_secret(Uuid::nil(), &admin()).await, Err(Error::NotFound(_))));
    let expected = ["callback_secret.create", "callback_secret.revoke", "callback_secret.create"];
    assert_eq!(actions(&db).await, expected);
}

#[tokio::test]
async fn a_secret_that_cannot_be_opened_stands_in_nobody_elses_way() {
    let db = database().await;
    let other_key = Vault::new(&[4; 32]);
    db.create_secret("lost", None, None, &admin(), &other_key).await.unwrap();
    let fine = db.create_secret("fine", None, None, &admin(), &vault()).await.unwrap();
    let now = OffsetDateTime::now_utc();
    let callers = ["lost", "fine", "unknown"].map(str::to_owned);
    let found = db.live_secrets_for(&callers, now, &vault()).await.unwrap();
    assert!(found["lost"].is_err());
    assert_eq!(found["fine"].as_ref().unwrap()[0].secret.expose_secret(), fine.secret);
    assert!(!found.contains_key("unknown"));
    assert!(matches!(db.live_secrets("lost", None, now, &vault()).await, Err(Error::Internal(_))));
    let both = vault().with_old_keys([&[4; 32]]);
    assert!(db.live_secrets("lost", None, now, &both).await.is_ok(), "after the master key was rotated");
}

#[tokio::test]
async fn a_ciphertext_copied_to_another_caller_does_not_open() {
    let db = database().await;
    db.create_secret("registry", None, None, &admin(), &vault()).await.unwrap();
    sqlx::query("update callback_secret set caller_service = 'payments'").execute(db.pool()).await.unwrap();
    let opened = db.live_secrets("payments", None, OffsetDateTime::now_utc(), &vault()).await;
    assert!(matches!(opened, Err(Error::Internal(_))));
}

#[tokio::test]
async fn all_secrets_come_under_a_new_master_key_in_batches_that_may_be_stopped_anywhere() {
    let db = database().await;
    let (old_key, new_key) = ([1; 32], [2; 32]);
    let old = Vault::new(&old_key);
    for n in 0..7 {
        db.create_secret(&format!("caller-{n}"), None, None, &admin(), &old).await.unwrap();
    }
    let rotated = db.create_secret("caller-r", None, None, &admin(), &old).await.unwrap();
    db.rotate_secret(rotated.id, 24, &admin(), &old).await.unwrap();
    let revoked = db.create_secret("caller-x", None, None, &admin(), &old).await.unwrap();
    db.revoke_secret(revoked.id, &admin()).await.unwrap();

    let both = Vault::new(&new_key).with_old_keys([&old_key]);
    assert_eq!(db.count_stale_secrets(&both).await.unwrap(), 10);
    let now = time::OffsetDateTime::now_utc();
    let before = db.live_secrets("caller-r", None, now, &old).await.unwrap();
    let first = db.reseal_secrets(&both, uuid::Uuid::nil(), 4, &admin()).await.unwrap();
    assert_eq!((first.moved, first.unreadable.len()), (4, 0));
    // Stopped here: servers with both keys read everything, and whoever goes on from the beginning does the rest.
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
    let lost = db.create_secret("lost", None, None, &admin(), &Vault::new(&[9; 32])).await.unwrap();
    db.create_secret("kept", None, None, &admin(), &Vault::new(&[1; 32])).await.unwrap();
    let both = Vault::new(&[2; 32]).with_old_keys([&[1; 32]]);
    let done = db.reseal_secrets(&both, uuid::Uuid::nil(), 100, &admin()).await.unwrap();
    assert_eq!((done.moved, done.unreadable), (1, vec![lost.id]));
    assert_eq!(db.count_stale_secrets(&both).await.unwrap(), 1);
}

#[tokio::test]
async fn two_that_reseal_at_once_do_it_once() {
    let db = database().await;
    for n in 0..20 {
        db.create_secret(&format!("caller-{n}"), None, None, &admin(), &Vault::new(&[1; 32])).await.unwrap();
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
    let old = db.create_secret("registry", None, Some("hooks"), &admin(), &vault()).await.unwrap();
    assert_eq!(old.credential.as_deref(), Some("hooks"));
    let new = db.rotate_secret(old.id, 24, &admin(), &vault()).await.unwrap();
    assert_eq!(new.credential.as_deref(), Some("hooks"));
    assert_eq!(credential(&db, "registry", None, now).await.as_deref(), Some("hooks"));

    let changed = db.set_secret_credential(new.id, Some("other"), &admin()).await.unwrap();
    assert_eq!((changed.id, changed.credential.as_deref()), (new.id, Some("other")));
    assert_eq!(credential(&db, "registry", None, now).await.as_deref(), Some("other"), "the active one's");
    let named = credential(&db, "somebody", Some(old.id), now).await;
    assert_eq!(named.as_deref(), Some("hooks"), "that of the secret named, while it signs");
    let later = now + Duration::hours(25);
    let named = credential(&db, "somebody", Some(old.id), later).await;
    assert_eq!(named.as_deref(), Some("other"), "and then the active one's");

    db.set_secret_credential(new.id, None, &admin()).await.unwrap();
    db.set_secret_credential(new.id, None, &admin()).await.unwrap();
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
    let made = db.create_secret("registry", None, Some("hooks"), &admin(), &vault()).await.unwrap();
    db.revoke_secret(made.id, &admin()).await.unwrap();
    let revoked = db.set_secret_credential(made.id, None, &admin()).await;
    assert!(matches!(revoked, Err(Error::Conflict(..))), "{revoked:?}");
    let unknown = db.set_secret_credential(Uuid::nil(), None, &admin()).await;
    assert!(matches!(unknown, Err(Error::NotFound(_))), "{unknown:?}");
}
