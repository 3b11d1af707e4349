//! One custodian for each test.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use data_custodian::app::{self, Running};
use data_custodian::config::load_from;
use data_custodian::{database, seed};
use reqwest::{Method, RequestBuilder, Response};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const BASE: &str = "https://dc.example.com/espi/1_1/resource";
pub(crate) const U1: &str = "11111111-2222-4333-8444-555555555555";
pub(crate) const U2: &str = "11111111-2222-4333-8444-666666666666";
/// Of customer 43.
pub(crate) const FOREIGN: &str = "22222222-2222-4333-8444-555555555555";
pub(crate) const OWNERLESS: &str = "33333333-2222-4333-8444-555555555555";
pub(crate) const NOBODYS: &str = "44444444-2222-4333-8444-555555555555";
pub(crate) const CUSTOMER_URI: &str = "https://dc.example.com/espi/1_1/resource/RetailCustomer/42/Customer/7";
pub(crate) const KEY: &str = "dev-only-handoff-signing-key-change-me";

/// A database that is dropped at the end of the test, whatever its outcome.
pub(crate) struct Database {
    name: String,
    pub(crate) url: String,
}

fn server_url() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL names a Postgres for tests")
}

async fn sql(statement: String) {
    let mut connection = PgConnection::connect(&server_url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

impl Database {
    /// Made, migrated and seeded.
    pub(crate) async fn new() -> Self {
        let name = format!("custodian_{}", Uuid::new_v4().simple());
        let mut url = url::Url::parse(&server_url()).unwrap();
        url.set_path(&name);
        let database = Self { name, url: url.into() };
        let config = load_from([("DATA_CUSTODIAN_DATABASE_URL".to_owned(), database.url.clone())]).unwrap();
        database::migrate(&config.database, true).await.unwrap();
        let pool = database::pool(&config.database).unwrap();
        seed::seed(&pool, &["http://127.0.0.1:9/continue".to_owned()]).await.unwrap();
        pool.close().await;
        assert_eq!(config.database.url.expose_secret(), database.url);
        database
    }

    pub(crate) async fn pool(&self) -> PgPool {
        PgPool::connect(&self.url).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        // A destructor cannot wait on the test's runtime, so it makes one.
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(sql(statement));
        });
        let dropped = dropping.join().is_ok();
        assert!(dropped || std::thread::panicking(), "test database {} could not be dropped", self.name);
    }
}

pub(crate) struct Custodian {
    pub(crate) running: Running,
    pub(crate) pool: PgPool,
    pub(crate) http: reqwest::Client,
    pub(crate) database: Database,
}

impl Custodian {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// `settings`: as in `BACKCHANNEL__BURST`.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let database = Database::new().await;
        let fixed = [("PUBLIC__PORT", "0"), ("INTERNAL__PORT", "0"), ("RESOURCES__BASE_URI", BASE)];
        let named = |(key, value): (&str, &str)| (format!("DATA_CUSTODIAN__{key}"), value.to_owned());
        let mut environment: Vec<_> = fixed.into_iter().chain(settings.iter().copied()).map(named).collect();
        environment.push(("DATA_CUSTODIAN_DATABASE_URL".to_owned(), database.url.clone()));
        let running = app::start(load_from(environment).unwrap(), CancellationToken::new()).await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { running, pool: database.pool().await, http, database }
    }

    pub(crate) fn public(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.public)
    }

    pub(crate) fn internal(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.internal)
    }

    /// A call of the back-channel, without its body.
    pub(crate) fn grant(&self) -> RequestBuilder {
        self.http
            .post(self.internal(data_custodian::backchannel::SUBSCRIPTIONS))
            .basic_auth("as-backchannel", Some("change-me-in-production"))
    }

    pub(crate) async fn provision(&self, body: &Value) -> (u16, Value) {
        let sent = self.grant().header("content-type", "application/json").body(body.to_string());
        answer(sent.send().await.unwrap()).await
    }

    /// A refused grant: what it was told, after a look that nothing was stored.
    pub(crate) async fn refused(&self, body: &Value) -> String {
        let (status, answer) = self.provision(body).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert_eq!(answer["error"], "invalid_request", "{answer}");
        assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
        assert_eq!(self.rows().await, 0, "{body}");
        answer["error_description"].as_str().unwrap().to_owned()
    }

    /// Rows of everything that a grant writes.
    pub(crate) async fn rows(&self) -> i64 {
        let count = "select (select count(*) from authorizations) + (select count(*) from subscriptions)
                     + (select count(*) from subscription_usage_points) + (select count(*) from authorization_changes)";
        sqlx::query_scalar(count).fetch_one(&self.pool).await.unwrap()
    }

    pub(crate) async fn read(&self, method: Method, path: &str, token: Option<&str>) -> (u16, Value) {
        let mut call = self.http.request(method, self.public(path));
        if let Some(token) = token {
            call = call.bearer_auth(token);
        }
        answer(call.send().await.unwrap()).await
    }

    pub(crate) async fn stop(self) {
        self.pool.close().await;
        self.running.stop().await;
        drop(self.database);
    }
}

pub(crate) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// A body as in the first example of the contract, changed by these members; null removes one.
pub(crate) fn body(changes: Value) -> Value {
    let mut body = json!({
        "correlation_id": "c1", "client_id": "third_party", "granted_scope": "FB=4_5_15;IntervalDuration=3600",
        "retail_customer_id": 42, "selected_usage_point_ids": [U1],
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// An unsigned token with these claims.
pub(crate) fn token(claims: Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(claims))
}

pub(crate) fn customer(id: i64) -> String {
    token(json!({"sub": "x", "customer_id": id, "azp": "portal"}))
}

pub(crate) fn client(id: &str) -> String {
    token(json!({"sub": "x", "azp": id}))
}

pub(crate) fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}
