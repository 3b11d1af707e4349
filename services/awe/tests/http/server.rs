//! One server for each test, with a database, a bus prefix and a port of its own.

use awe::auth::unsigned_token;
use awe::config::{Config, load_from};
use awe::state::AppState;
use awe::{app, server};
use reqwest::{Method, Response};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::time::{Duration, Instant};
use store::testing::{ROLE, application};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) state: AppState,
    client: reqwest::Client,
    stop: CancellationToken,
    system: Option<actors::System>,
    database: Database,
}

/// A database that is dropped at the end of the test, whatever its outcome.
struct Database(String);

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.0);
        // A destructor cannot wait on the test's runtime, so it makes one.
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(sql(statement));
        });
        let dropped = dropping.join().is_ok();
        assert!(dropped || std::thread::panicking(), "test database {} could not be dropped", self.0);
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Nobody,
    Viewer,
    Admin,
    /// A token without roles.
    User(&'static str),
    /// A token of somebody with a role that means nothing here.
    WrongRole,
}

impl Who {
    pub(crate) fn token(self) -> Option<String> {
        let token = |sub: &str, roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
            Some(unsigned_token(sub, &roles, Duration::from_secs(600)))
        };
        match self {
            Self::Nobody => None,
            Self::Viewer => token("viewer", &["AWE_VIEWER"]),
            Self::Admin => token("admin", &["AWE_ADMIN"]),
            Self::User(sub) => token(sub, &[]),
            Self::WrongRole => token("operator", &["AWE_OPERATOR", "admin"]),
        }
    }
}

fn server_url() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL names a Postgres for tests")
}

async fn sql(statement: String) {
    let mut connection = PgConnection::connect(&server_url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

impl Server {
    /// A server that has started, with the defaults and these settings.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let mut server = Self::listening(settings).await;
        let roles = actors::Roles::all();
        migrate(&server.database_url()).await;
        server.system = Some(app::start(&server.state, roles, false, &server.stop).await.unwrap());
        server
    }

    /// A server that listens and is still starting.
    pub(crate) async fn listening(settings: &[(&str, &str)]) -> Self {
        let name = format!("awe_test_{}", Uuid::now_v7().simple());
        sql(format!("create database {name}")).await;
        let database = Database(name.clone());
        let config = config(&name, settings);
        assert!(config.database.url.expose_secret().ends_with(&name));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = app::connect(config).await.unwrap();
        let stop = CancellationToken::new();
        let limits = server::limits(&state.config().server);
        tokio::spawn(serving::serve(listener, server::router_with_home(state.clone()), limits, stop.clone()));
        Self { url, state, client: reqwest::Client::new(), stop, system: None, database }
    }

    pub(crate) async fn send(&self, who: Who, method: Method, path: &str, body: Option<&Value>) -> Response {
        let mut call = self.request(who, method, path);
        if let Some(body) = body {
            call = call.json(body);
        }
        call.send().await.unwrap()
    }

    pub(crate) fn request(&self, who: Who, method: Method, path: &str) -> reqwest::RequestBuilder {
        let call = self.client.request(method, format!("{}/v1/awe{path}", self.url));
        match who.token() {
            Some(token) => call.bearer_auth(token),
            None => call,
        }
    }

    /// Status and body; an empty body is null.
    pub(crate) async fn call(
        &self,
        who: Who,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let answer = self.send(who, method, path, body).await;
        let status = answer.status().as_u16();
        // A stream has no end.
        if answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream") {
            return (status, Value::Null);
        }
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, who: Who, path: &str) -> (u16, Value) {
        self.call(who, Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, who: Who, path: &str, body: Value) -> (u16, Value) {
        self.call(who, Method::POST, path, Some(&body)).await
    }

    /// The URL of the tables' owner; the server connects as a role with fewer rights.
    pub(crate) fn database_url(&self) -> String {
        url_of(&self.database.0)
    }

    /// Writes a policy past the API.
    pub(crate) async fn seed_policy(&self, policy: &Value) {
        let policy: schemas::api::PolicyCreate = serde_json::from_value(policy.clone()).unwrap();
        let id = engine::ids::PolicyId(Uuid::now_v7());
        let read = schemas::policy::to_engine(&policy, id, 1, &mut Uuid::now_v7).unwrap();
        let actor = store::audit::Actor { subject: "seed".to_owned(), email: None, once: None };
        self.state.store().create_policy(&policy, &read, &actor).await.unwrap();
    }

    /// Writes and activates a policy past the API.
    pub(crate) async fn seed_active_policy(&self, policy: &Value) {
        self.seed_policy(policy).await;
        let actor = store::audit::Actor { subject: "seed".to_owned(), email: None, once: None };
        let key = policy["policy_key"].as_str().unwrap();
        self.state.store().activate_policy(key, 1, &actor).await.unwrap();
    }

    /// Locks a table until the returned connection is dropped: everybody else waits.
    pub(crate) async fn hold(&self, table: &str) -> PgConnection {
        let mut held = PgConnection::connect(&self.database_url()).await.unwrap();
        let lock = format!("begin; lock table {table} in access exclusive mode");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut held).await.unwrap();
        held
    }

    /// Waits until a statement waits for a table that is held.
    pub(crate) async fn until_somebody_waits_for_a_lock(&self) {
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut watch = PgConnection::connect(&self.database_url()).await.unwrap();
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut watch).await.unwrap() == 0 {
            assert!(Instant::now() < deadline, "nobody ever waited for a lock");
            tokio::time::sleep(Duration::from_millis(10)).await; // the poll of that deadline
        }
        watch.close().await.unwrap();
    }

    /// Runs a statement as the owner of the tables.
    pub(crate) async fn sql(&self, statement: &str) {
        let mut connection = PgConnection::connect(&self.database_url()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Stops the server.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        if let Some(system) = self.system.take() {
            system.stop(Duration::from_secs(5)).await;
        }
        self.state.store().close().await;
    }

    /// Drops its database while it runs.
    pub(crate) async fn lose_database(&self) {
        sql(format!("drop database {} with (force)", self.database.0)).await;
    }
}

fn url_of(name: &str) -> String {
    let url = server_url();
    let (base, _) = url.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

/// Migrates and grants, as `awe migrate --app-role` does.
async fn migrate(url: &str) {
    let acquire_timeout = Duration::from_secs(10);
    let options = store::Options { url: url.to_owned(), max_connections: 2, acquire_timeout };
    let owner = store::Store::connect(&options).await.unwrap();
    owner.migrate().await.unwrap();
    owner.create_trusted_role(ROLE).await.unwrap();
    owner.grant_to(ROLE).await.unwrap();
    owner.close().await;
}

fn config(name: &str, settings: &[(&str, &str)]) -> Config {
    let url = application(&url_of(name));
    let nats = std::env::var("NATS_URL").expect("NATS_URL names a NATS server for tests");
    let own = [
        ("AWE__DATABASE__URL".to_owned(), url),
        ("AWE__NATS__URL".to_owned(), nats),
        ("AWE__NATS__PREFIX".to_owned(), name.to_owned()),
        ("AWE__DATABASE__MAX_CONNECTIONS".to_owned(), "6".to_owned()),
    ];
    let given = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    load_from(None, own.into_iter().chain(given)).unwrap()
}
