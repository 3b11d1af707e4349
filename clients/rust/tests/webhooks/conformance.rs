//! The conformance kit, on a receiver of this crate and on one that believes everybody.

use crate::SECRET;
use crate::endpoint::serve;
use awe_client::axum::webhook;
use awe_client::conformance::{Judged, Verdict, conform};
use awe_client::{AnyEvent, Receiver};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use std::convert::Infallible;

async fn handler(_event: AnyEvent) -> Result<(), Infallible> {
    Ok(())
}

#[tokio::test]
async fn the_receiver_of_this_crate_does_all_that_it_must_and_should() {
    let url = serve(Router::new().route("/hooks", webhook(Receiver::new([SECRET]), handler))).await;
    let found = conform(&url, SECRET).await.unwrap();
    found.check();
    assert!(found.0.len() >= 16 && found.0.iter().all(|one| one.verdict == Verdict::Good), "{found}");
}

#[tokio::test]
async fn one_that_believes_everybody_fails_by_each_forgery() {
    let url =
        serve(Router::new().route("/hooks", post(|_: axum::body::Bytes| async { StatusCode::NO_CONTENT })))
            .await;
    let found = conform(&url, SECRET).await.unwrap();
    let failed: Vec<&str> = found.0.iter().filter(|one| one.fails()).map(|one| one.name.as_str()).collect();
    let forged = [
        "timestamp ten minutes old",
        "timestamp ten minutes ahead",
        "signed with another secret",
        "body changed after signing",
        "no signature",
    ];
    assert_eq!(failed, forged, "{found}");
    assert!(std::panic::catch_unwind(|| found.check()).is_err());
}

#[tokio::test]
async fn nobody_there_is_told_and_what_is_no_url_or_secret_is_refused() {
    let found = conform("http://127.0.0.1:9/hooks", SECRET).await.unwrap();
    assert!(found.0.iter().all(|one| one.verdict == Verdict::Unreached));
    assert!(found.0.iter().any(Judged::fails));
    assert!(conform("no url", SECRET).await.is_err());
    assert!(conform("http://127.0.0.1:9/hooks", "short").await.is_err());
}
