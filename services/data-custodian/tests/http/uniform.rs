//! Whatever is wrong with a hand-off, the browser gets the same page, byte for byte, in the same time.

use crate::consent::{Browser, codec, outbound};
use crate::support::*;
use data_custodian::handoff::Outbound;
use data_custodian::nonces;
use std::time::{Duration, Instant};
use time::OffsetDateTime;

/// All that can be seen of an answer: status, headers without date and request id, body, and how long it took.
struct Seen {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    took: Duration,
}

async fn see(call: reqwest::RequestBuilder) -> Seen {
    let began = Instant::now();
    let response = call.send().await.unwrap();
    let status = response.status().as_u16();
    let seen =
        response.headers().iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    let mut headers: Vec<_> =
        seen.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    let body = response.bytes().await.unwrap().to_vec();
    Seen { status, headers, body, took: began.elapsed() }
}

fn signed(payload: Outbound) -> String {
    codec().encode_outbound(&payload).unwrap()
}

/// Tokens that are wrong in every way there is, by what is wrong with them.
async fn wrong_tokens(custodian: &Custodian) -> Vec<(&'static str, String)> {
    let used = outbound();
    nonces::Nonces::new(custodian.pool.clone()).consume(Some(&used.nonce), used.exp).await.unwrap();
    let now = OffsetDateTime::now_utc();
    let good = signed(outbound());
    let answer = data_custodian::handoff::Return {
        v: 1,
        cid: "c".to_owned(),
        iat: now,
        exp: now + time::Duration::minutes(1),
        nonce: nonces::generate(),
        sub: "42".to_owned(),
        up: Vec::new(),
        cust_uri: None,
        consent: data_custodian::handoff::Consent::Deny,
    };
    let other = data_custodian::handoff::Codec::new("another key of thirty-two characters!!").unwrap();
    vec![
        ("empty", String::new()),
        ("no dot", "nothing".to_owned()),
        ("nothing after the dot", "abc.".to_owned()),
        ("another dot", format!("{good}.x")),
        ("tampered", format!("A{}", &good[1..])),
        ("another key", other.encode_outbound(&outbound()).unwrap()),
        ("the other direction", codec().encode_return(&answer).unwrap()),
        ("expired", signed(Outbound { exp: now - time::Duration::seconds(1), ..outbound() })),
        ("too long-lived", signed(Outbound { exp: now + time::Duration::hours(2), ..outbound() })),
        ("a nonce that was used", signed(used)),
        ("a blank nonce", signed(Outbound { nonce: " ".to_owned(), ..outbound() })),
        ("an over-long nonce", signed(Outbound { nonce: "x".repeat(65), ..outbound() })),
        ("an unknown client", signed(Outbound { client_id: "nobody\0".to_owned(), ..outbound() })),
        (
            "a foreign return URL",
            signed(Outbound { return_url: "https://evil.org/continue".to_owned(), ..outbound() }),
        ),
        ("no URL to return to", signed(Outbound { return_url: "continue".to_owned(), ..outbound() })),
        ("a scope that does not parse", signed(Outbound { scope: "FB=x".to_owned(), ..outbound() })),
        ("a blank scope", signed(Outbound { scope: String::new(), ..outbound() })),
        ("a scope that is too long", signed(Outbound { scope: "x".repeat(257), ..outbound() })),
        ("longer than any token", "x".repeat(9000)),
    ]
}

#[tokio::test]
async fn every_refusal_is_the_same_in_status_headers_body_and_time() {
    let custodian = Custodian::start().await;
    let mut all = Vec::new();
    let good = signed(outbound());
    let mut browser = Browser::new(&custodian);
    let page = browser.open(&good).await;
    let csrf = crate::consent::hidden(&page.text, "csrf");
    let cookie = browser.cookie.clone().unwrap();
    let post = |body: String| {
        let call = custodian.http.post(custodian.public("/consent"));
        call.header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    for (what, token) in wrong_tokens(&custodian).await {
        let mut url = url::Url::parse(&custodian.public("/consent")).unwrap();
        url.query_pairs_mut().append_pair("handoff", &token);
        all.push((what, see(custodian.http.get(url)).await));
        let pairs =
            [("handoff", token.as_str()), ("csrf", &csrf), ("decision", "deny"), ("customer_id", "42")];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        all.push((what, see(post(body).header("cookie", &cookie)).await));
    }
    let form = format!("handoff={good}&customer_id=42&decision=deny");
    all.push(("no token at all", see(custodian.http.get(custodian.public("/consent"))).await));
    all.push((
        "a query that is none",
        see(custodian.http.get(custodian.public("/consent?handoff=%ff%"))).await,
    ));
    all.push(("a lost session", see(post(format!("{form}&csrf={csrf}"))).await));
    all.push(("no CSRF field", see(post(form.clone()).header("cookie", &cookie)).await));
    all.push(("a wrong CSRF field", see(post(format!("{form}&csrf=x")).header("cookie", &cookie)).await));
    all.push((
        "no decision",
        see(post(format!("handoff={good}&customer_id=42&csrf={csrf}")).header("cookie", &cookie)).await,
    ));
    all.push(("another form", see(custodian.http.post(custodian.public("/consent")).json(&1)).await));
    all.push(("a form that is too large", see(post("x".repeat(70_000))).await));
    let (_, first) = &all[0];
    assert_eq!(first.status, 400);
    assert!(String::from_utf8_lossy(&first.body).contains("start again"));
    for (what, seen) in &all {
        assert_eq!((seen.status, &seen.headers), (first.status, &first.headers), "{what}");
        assert!(seen.body == first.body, "{what}: another body");
        // One class: none is answered before the floor, which is far above what finding any cause takes.
        assert!(seen.took >= Duration::from_millis(100), "{what}: {:?}", seen.took);
    }
    custodian.stop().await;
}

#[tokio::test]
async fn a_refusal_is_the_same_in_every_language_but_for_its_words() {
    let custodian = Custodian::start().await;
    for lang in ["en", "fr", "ar", "hi"] {
        let ask =
            |path: String| see(custodian.http.get(custodian.public(&path)).header("accept-language", lang));
        let (bad, none) = (ask("/consent?handoff=x.y".to_owned()).await, ask("/consent".to_owned()).await);
        assert!(bad.body == none.body && bad.headers == none.headers, "{lang}");
        assert!(String::from_utf8_lossy(&bad.body).contains(&format!("lang=\"{lang}\"")));
    }
    custodian.stop().await;
}
