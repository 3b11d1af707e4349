//! The store of nonces.

use crate::support::{Database, KEY};
use data_custodian::handoff::{Codec, Outbound};
use data_custodian::nonces::{ConsumeError, Nonces, generate};
use sqlx::PgPool;
use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt as _;
use time::{Duration, OffsetDateTime};

fn later() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::minutes(5)
}

async fn is_stored(pool: &PgPool, nonce: &str) -> bool {
    let select = "select exists (select from handoff_nonces where nonce = $1)";
    sqlx::query_scalar(select).bind(nonce).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn the_first_consume_stores_a_row_and_a_replay_is_rejected() {
    let database = Database::new().await;
    let pool = database.pool().await;
    let (nonces, nonce) = (Nonces::new(pool.clone()), generate());
    assert!(!is_stored(&pool, &nonce).await, "making a nonce stores nothing");
    nonces.consume(Some(&nonce), later()).await.unwrap();
    assert!(is_stored(&pool, &nonce).await);
    assert!(matches!(nonces.consume(Some(&nonce), later()).await, Err(ConsumeError::Replay)));
    pool.close().await;
}

#[tokio::test]
async fn two_nonces_are_independent_of_each_other() {
    let database = Database::new().await;
    let pool = database.pool().await;
    let (nonces, one, other) = (Nonces::new(pool.clone()), generate(), generate());
    nonces.consume(Some(&one), later()).await.unwrap();
    assert!(!is_stored(&pool, &other).await);
    nonces.consume(Some(&other), later()).await.unwrap();
    assert!(is_stored(&pool, &one).await && is_stored(&pool, &other).await);
    pool.close().await;
}

#[test]
fn ten_thousand_nonces_are_all_different_and_have_22_characters() {
    let made: HashSet<String> = (0..10_000).map(|_| generate()).collect();
    assert_eq!(made.len(), 10_000);
    assert!(
        made.iter()
            .all(|one| one.len() == 22 && one.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)))
    );
}

#[tokio::test]
async fn no_nonce_a_blank_one_and_one_that_is_too_long_are_rejected_before_the_table() {
    let database = Database::new().await;
    let pool = database.pool().await;
    let nonces = Nonces::new(pool.clone());
    // Whoever touches the table fails otherwise than by a rejection.
    sqlx::query("drop table handoff_nonces").execute(&pool).await.unwrap();
    for nonce in [None, Some(""), Some(" \t")] {
        assert!(matches!(nonces.consume(nonce, later()).await, Err(ConsumeError::Blank)), "{nonce:?}");
    }
    let long = "x".repeat(65);
    assert!(matches!(nonces.consume(Some(&long), later()).await, Err(ConsumeError::TooLong)));
    assert!(matches!(nonces.consume(Some(&long[..64]), later()).await, Err(ConsumeError::Database(_))));
    pool.close().await;
}

#[tokio::test]
async fn the_reaper_deletes_only_what_ended_before_the_cutoff() {
    let database = Database::new().await;
    let pool = database.pool().await;
    let (nonces, now) = (Nonces::new(pool.clone()), OffsetDateTime::now_utc().replace_nanosecond(0).unwrap());
    let rows = [("old", -61), ("at the cutoff", -60), ("young", 0), ("later", 300)];
    for (nonce, seconds) in rows {
        nonces.consume(Some(nonce), now + Duration::seconds(seconds)).await.unwrap();
    }
    assert_eq!(nonces.reap(now - Duration::seconds(60)).await.unwrap(), 1);
    for (nonce, seconds) in rows {
        assert_eq!(is_stored(&pool, nonce).await, seconds > -61, "{nonce}");
    }
    pool.close().await;
}

#[tokio::test]
async fn of_fifty_parallel_consumes_of_one_nonce_one_wins() {
    let database = Database::new().await;
    let pool = database.pool().await;
    let (nonces, nonce) = (Nonces::new(pool.clone()), generate());
    let tries = (0..50).map(|_| {
        let (nonces, nonce) = (nonces.clone(), nonce.clone());
        tokio::spawn(async move { nonces.consume(Some(&nonce), later()).await })
    });
    let mut won = 0;
    for one in tries.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(()) => won += 1,
            Err(ConsumeError::Replay) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(won, 1);
    pool.close().await;
}

#[tokio::test]
async fn a_rollback_of_the_callers_transaction_leaves_the_nonce_consumed() {
    let database = Database::new().await;
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(2).connect(&database.url).await.unwrap();
    let (nonces, nonce) = (Nonces::new(pool.clone()), generate());
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("insert into retail_customers (id, username) values (7, 'seven')")
        .execute(&mut *transaction)
        .await
        .unwrap();
    nonces.consume(Some(&nonce), later()).await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(is_stored(&pool, &nonce).await);
    let seven = "select exists (select from retail_customers where id = 7)";
    assert!(!sqlx::query_scalar::<_, bool>(seven).fetch_one(&pool).await.unwrap());
    pool.close().await;
}

/// Names the database to the process that is killed.
const CHILD: &str = "CUSTODIAN_TEST_DATABASE";

/// Consumes a nonce while its grant is not yet committed, and dies.
async fn consume_and_die(url: &str) -> ! {
    let pool = PgPool::connect(url).await.unwrap();
    let mut grant = pool.begin().await.unwrap();
    sqlx::query("insert into retail_customers (id, username) values (7, 'seven')")
        .execute(&mut *grant)
        .await
        .unwrap();
    Nonces::new(pool.clone()).consume(Some("consumed-before-the-kill"), later()).await.unwrap();
    let killed = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
    panic!("kill -9 did not end this process: {killed:?}");
}

#[tokio::test]
async fn kill_9_between_the_nonces_commit_and_the_grants_leaves_the_nonce_and_no_grant() {
    // This test runs itself a second time, as the process that dies.
    if let Ok(url) = std::env::var(CHILD) {
        consume_and_die(&url).await;
    }
    let database = Database::new().await;
    let test = "nonces::kill_9_between_the_nonces_commit_and_the_grants_leaves_the_nonce_and_no_grant";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env(CHILD, &database.url)
        .output()
        .unwrap();
    assert_eq!(child.status.signal(), Some(9), "{}", String::from_utf8_lossy(&child.stdout));
    let pool = database.pool().await;
    assert!(is_stored(&pool, "consumed-before-the-kill").await);
    let seven = "select exists (select from retail_customers where id = 7)";
    assert!(!sqlx::query_scalar::<_, bool>(seven).fetch_one(&pool).await.unwrap());
    let again = Nonces::new(pool.clone()).consume(Some("consumed-before-the-kill"), later()).await;
    assert!(matches!(again, Err(ConsumeError::Replay)));
    pool.close().await;
}

#[test]
fn a_token_says_nothing_of_its_key() {
    let codec = Codec::new(KEY).unwrap();
    assert_eq!(format!("{codec:?}"), "Codec");
    let now = OffsetDateTime::UNIX_EPOCH;
    let outbound = Outbound {
        v: 1,
        cid: "c".to_owned(),
        iat: now,
        exp: now,
        nonce: generate(),
        client_id: "third_party".to_owned(),
        scope: "FB=4".to_owned(),
        return_url: "https://as.example.com/continue".to_owned(),
    };
    assert!(!codec.encode_outbound(&outbound).unwrap().contains(KEY));
}
