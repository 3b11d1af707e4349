//! What errors say.

use crate::proxy::{Fault, Proxy};
use crate::support::{NOBODY, World, reason};
use awe_client::models::{DecisionAction, Reason, RequestOut};
use awe_client::{ApiErrorClass, ErrorKind, Retry, Token};

#[tokio::test]
async fn an_error_says_code_reason_and_retry() {
    let world = World::new().await;
    let error = world.client().get(NOBODY).await.unwrap_err();
    let refusal = error.api().unwrap();
    assert_eq!(
        (refusal.status, refusal.code.as_str(), error.reason()),
        (404, "AWE-003", Some(&Reason::UnknownRequest))
    );
    assert_eq!(
        (refusal.class(), error.retry(), error.is_retryable()),
        (ApiErrorClass::NotFound, Retry::No, false)
    );
    assert!(refusal.request_id.is_some());
}

#[tokio::test]
async fn a_value_that_is_wrong_is_named() {
    let world = World::new().await;
    let action = DecisionAction::from("maybe");
    let error = world.client().decide(NOBODY, action).await.unwrap_err();
    let refusal = error.api().unwrap();
    assert_eq!(refusal.class(), ApiErrorClass::InvalidRequest);
    assert_eq!(serde_json::to_value(refusal.detail[0].loc.last()).unwrap(), "action");
}

#[tokio::test]
async fn classes_of_errors_follow_the_status() {
    let world = World::new().await;
    let class = |error: &awe_client::Error| error.api().map(awe_client::ApiError::class);
    let nobody = world.client().with_token(Token::none());
    let error = nobody.list(&Default::default()).await.unwrap_err();
    assert_eq!((reason(&error), class(&error)), ("token_missing", Some(ApiErrorClass::Authentication)));
    let error = world.client().list_policies().await.unwrap_err();
    assert_eq!((reason(&error), class(&error)), ("role_missing", Some(ApiErrorClass::PermissionDenied)));
}

#[tokio::test]
async fn an_answer_of_a_proxy_is_an_error_too() {
    let world = World::new().await;
    let page =
        Fault { matches: "GET", status: Some(502), body: "<html>".to_owned(), times: 9, ..Fault::default() };
    let proxy = Proxy::new([page.clone()]).await;
    let error = world.at(&proxy.url).list(&Default::default()).await.unwrap_err();
    assert_eq!((error.reason(), error.api().unwrap().class()), (None, ApiErrorClass::Unavailable));
    assert_eq!(proxy.asked().len(), 4);

    let proxy =
        Proxy::new([Fault { status: Some(302), headers: vec!["location: /login"], ..page.clone() }]).await;
    let error = world.at(&proxy.url).list(&Default::default()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::UnexpectedAnswer { status: 302, .. }), "{error:?}");
    assert_eq!(proxy.asked().len(), 1);

    let proxy = Proxy::new([Fault { status: Some(200), body: "{}".to_owned(), ..page }]).await;
    let error = world.at(&proxy.url).list(&Default::default()).await.unwrap_err();
    assert!(error.to_string().contains("schema"), "{error:?}");
    assert_eq!(error.retry(), Retry::WithKey);
}

#[tokio::test]
async fn fields_and_words_of_tomorrow_are_read() {
    let world = World::new().await;
    let made = world.create("new").await;
    let known = world.client().get(&made.request_id).await.unwrap();
    let mut value = serde_json::to_value(&known).unwrap();
    value["status"] = "novel".into();
    value["tomorrow"] = serde_json::json!({"text": "T"});
    let found: RequestOut = serde_json::from_value(value).unwrap();
    assert_eq!((found.status.as_str(), found.id), ("novel", known.id));
}
