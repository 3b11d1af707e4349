//! What events of AWE do to authorizations that wait, in whatever order and however often they come.

use crate::support::*;
use data_custodian::authorizations::{Applied, Outcome};
use data_custodian::grant::{Grant, check};
use reqwest::Method;
use uuid::Uuid;

fn gated() -> Grant {
    Grant {
        client_id: "gated_party".to_owned(),
        granted_scope: "FB=4_5".to_owned(),
        retail_customer_id: Some(42),
        selected_usage_point_ids: vec![U1.parse().unwrap()],
        ..Grant::default()
    }
}

/// Stores a grant that waits for this request; returns its id.
async fn waiting(custodian: &Custodian, request: Uuid) -> Uuid {
    let (app, id) = (&custodian.running.app, Uuid::new_v4());
    let mut transaction = app.pool.begin().await.unwrap();
    let checked = check(&mut transaction, gated()).await.unwrap();
    assert_eq!(checked.policy_key.as_deref(), Some("custodian.gated_party"));
    app.asked.note(id).await.unwrap();
    let stored = app.authorizations.store_pending(&mut transaction, &checked, id, request).await.unwrap();
    assert!(stored.is_some());
    transaction.commit().await.unwrap();
    id
}

async fn status(custodian: &Custodian, id: Uuid) -> String {
    let path = format!("/espi/1_1/resource/Authorization/{id}");
    let (status, read) = custodian.read(Method::GET, &path, Some(&customer(42))).await;
    assert_eq!(status, 200, "{read}");
    read["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_event_is_applied_once_and_later_ones_change_nothing() {
    let custodian = Custodian::start().await;
    let (authorizations, request) = (&custodian.running.app.authorizations, Uuid::new_v4());
    let id = waiting(&custodian, request).await;
    assert_eq!(status(&custodian, id).await, "PENDING");
    let apply = |outcome, event| authorizations.apply(request, outcome, event);
    assert_eq!(apply(Outcome::Active, Some("e1")).await.unwrap(), Applied::Changed);
    assert_eq!(apply(Outcome::Active, Some("e1")).await.unwrap(), Applied::Again);
    assert_eq!(apply(Outcome::Revoked, Some("e2")).await.unwrap(), Applied::Unchanged);
    assert_eq!(apply(Outcome::Revoked, None).await.unwrap(), Applied::Unchanged);
    assert_eq!(status(&custodian, id).await, "ACTIVE");
    custodian.stop().await;
}

#[tokio::test]
async fn an_event_that_comes_before_its_authorization_is_stored_is_not_lost() {
    let custodian = Custodian::start().await;
    let authorizations = &custodian.running.app.authorizations;
    for (outcome, wanted) in [(Outcome::Active, "ACTIVE"), (Outcome::Revoked, "REVOKED")] {
        let request = Uuid::new_v4();
        let early = authorizations.apply(request, outcome, Some(wanted)).await.unwrap();
        assert_eq!(early, Applied::Unchanged);
        let id = waiting(&custodian, request).await;
        assert_eq!(status(&custodian, id).await, wanted);
    }
    custodian.stop().await;
}

#[tokio::test]
async fn an_event_and_its_authorization_at_the_same_moment_find_each_other() {
    let custodian = Custodian::start().await;
    let authorizations = &custodian.running.app.authorizations;
    for number in 0..30 {
        let (request, event) = (Uuid::new_v4(), format!("event-{number}"));
        let applying = authorizations.apply(request, Outcome::Active, Some(&event));
        let (id, applied) = tokio::join!(waiting(&custodian, request), applying);
        applied.unwrap();
        assert_eq!(status(&custodian, id).await, "ACTIVE", "{number}");
    }
    custodian.stop().await;
}

#[tokio::test]
async fn of_a_withdrawal_and_an_approval_at_once_the_withdrawal_stands() {
    let custodian = Custodian::start().await;
    let authorizations = &custodian.running.app.authorizations;
    for number in 0..20 {
        let (request, event) = (Uuid::new_v4(), format!("event-{number}"));
        let id = waiting(&custodian, request).await;
        let path = format!("/espi/1_1/resource/Authorization/{id}");
        let token = customer(42);
        let withdrawing = custodian.read(Method::DELETE, &path, Some(&token));
        let approving = authorizations.apply(request, Outcome::Active, Some(&event));
        let ((withdrawn, _), approved) = tokio::join!(withdrawing, approving);
        approved.unwrap();
        assert_eq!((withdrawn, status(&custodian, id).await.as_str()), (204, "REVOKED"), "{number}");
    }
    custodian.stop().await;
}

#[tokio::test]
async fn what_waits_is_taken_once_in_a_while_and_what_is_owed_at_once() {
    let custodian = Custodian::with(&[("AWE__RECONCILE_INTERVAL_SECONDS", "3600")]).await;
    let authorizations = &custodian.running.app.authorizations;
    let (waits, owed) = (Uuid::new_v4(), Uuid::new_v4());
    waiting(&custodian, waits).await;
    let id = waiting(&custodian, owed).await;
    let path = format!("/espi/1_1/resource/Authorization/{id}");
    assert_eq!(custodian.read(Method::DELETE, &path, Some(&client("gated_party"))).await.0, 204);
    assert_eq!(authorizations.take_waiting(60.0, 10).await.unwrap(), [(owed, true)]);
    assert_eq!(authorizations.take_waiting(60.0, 10).await.unwrap(), []);
    assert_eq!(authorizations.take_waiting(0.0, 10).await.unwrap().len(), 2);
    authorizations.cancelled(owed).await.unwrap();
    assert_eq!(authorizations.take_waiting(0.0, 10).await.unwrap(), [(waits, false)]);
    custodian.stop().await;
}

#[tokio::test]
async fn a_grant_that_was_given_up_is_stored_no_more() {
    let custodian = Custodian::start().await;
    let (app, id, stays) = (&custodian.running.app, Uuid::new_v4(), Uuid::new_v4());
    for id in [id, stays] {
        app.asked.note(id).await.unwrap();
    }
    app.asked.give_up(id).await;
    let mut transaction = app.pool.begin().await.unwrap();
    let checked = check(&mut transaction, gated()).await.unwrap();
    let stored =
        app.authorizations.store_pending(&mut transaction, &checked, id, Uuid::new_v4()).await.unwrap();
    assert!(stored.is_none());
    transaction.rollback().await.unwrap();
    assert_eq!(custodian.rows().await, 0);
    // What is still being asked for is left alone, until nobody can be waiting for it any more.
    let taken: Vec<Uuid> =
        app.asked.take_given_up(60.0, 10).await.unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(taken, [id]);
    sqlx::query("update approvals_asked set asked_at = now() - interval '2 minutes'")
        .execute(&custodian.pool)
        .await
        .unwrap();
    let taken = app.asked.take_given_up(60.0, 10).await.unwrap();
    assert_eq!(taken.iter().map(|(id, age)| (*id, *age > 100.0)).collect::<Vec<_>>(), [(stays, true)]);
    custodian.stop().await;
}
