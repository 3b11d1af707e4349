//! What a receiver answers.

use crate::{SECRET, signed};
use awe_client::{AnyEvent, BoxError, MemorySeenStore, Receiver, Reply, Seen, SeenStore};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

async fn ok(_event: AnyEvent) -> Result<(), Infallible> {
    Ok(())
}

#[tokio::test]
async fn the_second_delivery_is_answered_and_not_handled() {
    let (receiver, handled) = (Receiver::new([SECRET]), AtomicUsize::new(0));
    let (body, headers) = signed("e-1");
    for text in ["ok", "seen before"] {
        let handler = |_event: AnyEvent| async {
            handled.fetch_add(1, Ordering::SeqCst);
            Ok::<(), Infallible>(())
        };
        let reply = receiver.handle(&body, headers.clone(), handler).await.unwrap();
        assert_eq!(reply, Reply { status: 200, text, retry_after: None });
    }
    assert_eq!(handled.into_inner(), 1);
}

#[tokio::test]
async fn a_handler_that_fails_or_panics_gets_the_event_again() {
    let receiver = Receiver::new([SECRET]);
    let (body, headers) = signed("e-1");
    let failed = receiver.handle(&body, headers.clone(), |_| async { Err("not now") }).await;
    assert_eq!(failed.unwrap_err().to_string(), "not now");
    let panics = |event: AnyEvent| async move {
        assert_ne!(event.event_id(), "e-1", "on purpose");
        Ok::<(), Infallible>(())
    };
    let panicking = AssertUnwindSafe(receiver.handle(&body, headers.clone(), panics));
    assert!(futures_util::FutureExt::catch_unwind(panicking).await.is_err());
    assert_eq!(receiver.handle(&body, headers, ok).await.unwrap().text, "ok");
}

#[tokio::test]
async fn a_delivery_beside_one_that_is_handled_has_to_come_again() {
    let receiver = Receiver::new([SECRET]);
    let (body, headers) = signed("e-1");
    let inner = async |_event: AnyEvent| {
        let reply = receiver.handle(&body, headers.clone(), ok).await.unwrap();
        assert_eq!((reply.status, reply.retry_after), (503, Some(Duration::from_secs(5))));
        Ok::<(), Infallible>(())
    };
    assert_eq!(receiver.handle(&body, headers.clone(), inner).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_refusal_says_its_kind_and_no_more() {
    let receiver = Receiver::new([SECRET]);
    let (mut body, headers) = signed("e-1");
    body.push(b' ');
    let reply = receiver.handle(&body, headers.clone(), ok).await.unwrap();
    assert_eq!((reply.status, reply.text), (401, "no_match"));
    let nothing: [(&str, &str); 0] = [];
    assert_eq!(receiver.handle(&body, nothing, ok).await.unwrap().status, 400);
    assert_eq!(Receiver::new(["nonsense"]).handle(&body, headers, ok).await.unwrap().status, 500);
}

/// A store that fails when it shall say that an event is done.
struct Full(MemorySeenStore);

impl SeenStore for Full {
    async fn begin(&self, event_id: &str) -> Result<Seen, BoxError> {
        self.0.begin(event_id).await
    }

    async fn done(&self, _event_id: &str) -> Result<(), BoxError> {
        Err("disk full".into())
    }

    async fn forget(&self, event_id: &str) -> Result<(), BoxError> {
        self.0.forget(event_id).await
    }
}

#[tokio::test]
async fn a_store_of_ones_own_is_asked_and_its_failure_is_told() {
    let store = Arc::new(Full(MemorySeenStore::default()));
    let receiver = Receiver::new([SECRET]).with_seen(store.clone());
    let (body, headers) = signed("e-1");
    assert_eq!(receiver.handle(&body, headers, ok).await.unwrap_err().to_string(), "disk full");
    assert_eq!(store.begin("e-1").await.unwrap(), Seen::Busy);
}

#[tokio::test]
async fn a_narrow_tolerance_is_kept() {
    let at = std::time::SystemTime::now() - Duration::from_secs(20);
    let body = br#"{"event_id":"e","event_type":"x"}"#;
    let headers = awe_client::webhook::sign_for_test(body, &[SECRET], "e", at).unwrap();
    let narrow = Receiver::new([SECRET]).with_tolerance(Duration::from_secs(10));
    assert_eq!(narrow.handle(body, headers.clone(), ok).await.unwrap().text, "too_old");
    assert_eq!(Receiver::new([SECRET]).handle(body, headers, ok).await.unwrap().text, "ok");
}
