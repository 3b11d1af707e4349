//! The consent page and its answers, as a browser without script would send them.

use crate::support::*;
use data_custodian::handoff::{Codec, Consent, Outbound, Return};
use data_custodian::nonces;
use reqwest::header::LOCATION;
use time::{Duration, OffsetDateTime};

pub(crate) fn outbound() -> Outbound {
    let iat = OffsetDateTime::now_utc();
    Outbound {
        v: 1,
        cid: "corr-0001".to_owned(),
        iat,
        exp: iat + Duration::minutes(5),
        nonce: nonces::generate(),
        client_id: "third_party".to_owned(),
        scope: "FB=4_5_15_54;IntervalDuration=3600".to_owned(),
        return_url: "https://as.example.com/continue?state=s1".to_owned(),
    }
}

pub(crate) fn codec() -> Codec {
    Codec::new(KEY).unwrap()
}

/// A browser: it keeps cookies by hand, and reads hidden fields.
pub(crate) struct Browser<'a> {
    custodian: &'a Custodian,
    pub(crate) cookie: Option<String>,
}

pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) location: Option<String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(custodian: &'a Custodian) -> Self {
        Self { custodian, cookie: None }
    }

    pub(crate) async fn open(&mut self, token: &str) -> Page {
        let mut url = url::Url::parse(&self.custodian.public("/consent")).unwrap();
        url.query_pairs_mut().append_pair("handoff", token);
        self.take(self.custodian.http.get(url)).await
    }

    /// Sends the form with these fields and the hidden ones of a page.
    pub(crate) async fn send(&mut self, page: &Page, token: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("handoff", token).append_pair("csrf", &hidden(&page.text, "csrf"));
        form.extend_pairs(fields);
        let body = form.finish();
        let call = self.custodian.http.post(self.custodian.public("/consent"));
        self.take(call.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    async fn take(&mut self, mut call: reqwest::RequestBuilder) -> Page {
        if let Some(cookie) = &self.cookie {
            call = call.header("cookie", cookie);
        }
        let response = call.send().await.unwrap();
        if let Some(cookie) = response.headers().get("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        let location = response.headers().get(LOCATION).map(|value| value.to_str().unwrap().to_owned());
        Page { status: response.status().as_u16(), location, text: response.text().await.unwrap() }
    }
}

pub(crate) fn hidden(page: &str, name: &str) -> String {
    let before = format!("name=\"{name}\" value=\"");
    let after = page.split_once(&before).unwrap_or_else(|| panic!("no {name} in {page}")).1;
    after.split('"').next().unwrap().to_owned()
}

fn returned(page: &Page) -> Return {
    assert_eq!(page.status, 303, "{}", page.text);
    let location = page.location.as_deref().unwrap();
    let token = location.strip_prefix("https://as.example.com/continue?state=s1&handoff=").expect(location);
    codec().decode_return(Some(token), OffsetDateTime::now_utc()).unwrap()
}

async fn nonce_is_used(custodian: &Custodian, nonce: &str) -> bool {
    let select = "select exists (select from handoff_nonces where nonce = $1)";
    sqlx::query_scalar(select).bind(nonce).fetch_one(&custodian.pool).await.unwrap()
}

#[tokio::test]
async fn the_page_is_shown_without_consuming_and_the_answer_consumes() {
    let custodian = Custodian::start().await;
    let (asked, mut browser) = (outbound(), Browser::new(&custodian));
    let token = codec().encode_outbound(&asked).unwrap();
    for _ in 0..3 {
        let page = browser.open(&token).await;
        assert_eq!(page.status, 200);
        assert!(
            page.text.contains("Third Party Analytics") && page.text.contains("name=\"customer_id\""),
            "{}",
            page.text
        );
    }
    let page = browser.open(&token).await;
    let listed = browser.send(&page, &token, &[("customer_id", "42"), ("decision", "show")]).await;
    assert_eq!(listed.status, 200);
    assert!(listed.text.contains(U1) && listed.text.contains(U2) && !listed.text.contains(FOREIGN));
    assert!(!nonce_is_used(&custodian, &asked.nonce).await);
    let fields = [
        ("customer_id", "42"),
        ("usage_point", U2),
        ("usage_point", U1),
        ("pii", "allow"),
        ("decision", "allow"),
    ];
    let answer = returned(&browser.send(&listed, &token, &fields).await);
    assert!(nonce_is_used(&custodian, &asked.nonce).await);
    assert_eq!(
        (answer.cid.as_str(), answer.sub.as_str(), answer.consent),
        ("corr-0001", "42", Consent::Allow)
    );
    assert_eq!(answer.up, [U2.parse::<uuid::Uuid>().unwrap(), U1.parse().unwrap()]);
    assert_eq!(answer.cust_uri.as_deref(), Some(&*format!("{BASE}/RetailCustomer/42/Customer/42")));
    assert_ne!(answer.nonce, asked.nonce);
    assert_eq!(answer.exp - answer.iat, Duration::minutes(5));
    // Twice, and the back button.
    assert_eq!(browser.send(&listed, &token, &fields).await.status, 400);
    assert_eq!(browser.open(&token).await.status, 400);
    custodian.stop().await;
}

#[tokio::test]
async fn a_denial_goes_back_with_nothing() {
    let custodian = Custodian::start().await;
    let mut browser = Browser::new(&custodian);
    let token = codec().encode_outbound(&outbound()).unwrap();
    let page = browser.open(&token).await;
    let fields = [("customer_id", "42"), ("usage_point", U1), ("pii", "allow"), ("decision", "deny")];
    let answer = returned(&browser.send(&page, &token, &fields).await);
    assert_eq!((answer.consent, answer.up.len(), answer.cust_uri), (Consent::Deny, 0, None));
    custodian.stop().await;
}

#[tokio::test]
async fn allowing_nothing_shows_the_page_again_and_consumes_nothing() {
    let custodian = Custodian::start().await;
    let (asked, mut browser) = (outbound(), Browser::new(&custodian));
    let token = codec().encode_outbound(&asked).unwrap();
    let page = browser.open(&token).await;
    for fields in [
        vec![("customer_id", "42"), ("decision", "allow")],
        vec![("customer_id", "42"), ("usage_point", FOREIGN), ("decision", "allow")],
        vec![("customer_id", "42"), ("usage_point", "x"), ("pii", "no"), ("decision", "allow")],
    ] {
        let again = browser.send(&page, &token, &fields).await;
        assert_eq!(again.status, 200);
        assert!(again.text.contains("role=\"alert\"") && again.text.contains(U1), "{}", again.text);
    }
    for customer in ["", "99", "x"] {
        let again = browser
            .send(&page, &token, &[("customer_id", customer), ("usage_point", U1), ("decision", "allow")])
            .await;
        assert!(again.status == 200 && again.text.contains("There is no customer"), "{}", again.text);
    }
    assert!(!nonce_is_used(&custodian, &asked.nonce).await);
    custodian.stop().await;
}

#[tokio::test]
async fn personal_data_alone_may_be_allowed_and_is_not_offered_unless_it_was_asked_for() {
    let custodian = Custodian::start().await;
    let mut browser = Browser::new(&custodian);
    let token = codec().encode_outbound(&outbound()).unwrap();
    let page = browser.open(&token).await;
    let answer = returned(
        &browser.send(&page, &token, &[("customer_id", "42"), ("pii", "allow"), ("decision", "allow")]).await,
    );
    assert!(answer.up.is_empty() && answer.cust_uri.is_some());
    let token = codec().encode_outbound(&Outbound { scope: "FB=4_5".to_owned(), ..outbound() }).unwrap();
    let page = browser.open(&token).await;
    assert!(!page.text.contains("name=\"pii\""));
    let fields = [("customer_id", "42"), ("usage_point", U1), ("pii", "allow"), ("decision", "allow")];
    assert_eq!(returned(&browser.send(&page, &token, &fields).await).cust_uri, None);
    custodian.stop().await;
}

#[tokio::test]
async fn two_tabs_of_one_browser_have_each_their_token_and_one_token_is_answered_once() {
    let custodian = Custodian::start().await;
    let mut browser = Browser::new(&custodian);
    let (first, second) =
        (codec().encode_outbound(&outbound()).unwrap(), codec().encode_outbound(&outbound()).unwrap());
    let (tab, other, same) =
        (browser.open(&first).await, browser.open(&second).await, browser.open(&first).await);
    let fields = [("customer_id", "42"), ("usage_point", U1), ("decision", "allow")];
    assert_eq!(browser.send(&tab, &first, &fields).await.status, 303);
    assert_eq!(browser.send(&other, &second, &fields).await.status, 303);
    assert_eq!(browser.send(&same, &first, &fields).await.status, 400);
    // The form of one token does not fit the other.
    let third = codec().encode_outbound(&outbound()).unwrap();
    assert_eq!(browser.send(&tab, &third, &fields).await.status, 400);
    custodian.stop().await;
}

#[tokio::test]
async fn of_parallel_answers_one_wins() {
    let custodian = Custodian::start().await;
    let mut browser = Browser::new(&custodian);
    let token = codec().encode_outbound(&outbound()).unwrap();
    let page = browser.open(&token).await;
    let answers = (0..8).map(|_| {
        let mut browser = Browser { custodian: &custodian, cookie: browser.cookie.clone() };
        let (page, token) = (&page, token.as_str());
        async move {
            browser
                .send(page, token, &[("customer_id", "42"), ("usage_point", U1), ("decision", "allow")])
                .await
                .status
        }
    });
    let mut statuses = futures::future::join_all(answers).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400, 400, 400, 400, 400, 400, 400]);
    custodian.stop().await;
}

#[tokio::test]
async fn what_strangers_wrote_is_escaped() {
    let custodian = Custodian::start().await;
    sqlx::query("update registered_clients set client_name = '<script>alert(1)</script>'")
        .execute(&custodian.pool)
        .await
        .unwrap();
    let scope = "FB=54;x=\"'><img src=x>".to_owned();
    let token = codec().encode_outbound(&Outbound { scope, ..outbound() }).unwrap();
    let page = Browser::new(&custodian).open(&token).await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("<script") && !page.text.contains("<img"), "{}", page.text);
    custodian.stop().await;
}
