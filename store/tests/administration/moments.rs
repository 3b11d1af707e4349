//! Columns that hold moments.

use store::testing::{database, try_execute};

#[tokio::test]
async fn every_column_that_holds_a_moment_keeps_it_within_what_programs_can_read() {
    let db = database().await;
    let without: Vec<String> = sqlx::query_scalar(
        "select c.table_name || '.' || c.column_name
         from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
         where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.table_name <> '_sqlx_migrations'
             and c.data_type like 'timestamp%' and not exists (
                 select from pg_constraint k where k.conrelid = c.table_name::regclass
                     and k.conname = c.table_name || '_' || c.column_name || '_is_moment')
         order by 1",
    )
    .fetch_all(db.pool())
    .await
    .unwrap();
    assert_eq!(
        without,
        Vec::<String>::new(),
        "a migration adds the constraint <table>_<column>_is_moment with the column"
    );
}

#[tokio::test]
async fn what_sql_may_reset_cannot_be_set_beyond_what_is_counted_on() {
    let db = database().await;
    for column in [
        "webhook_delivery_attempt_bound",
        "task_notification_attempt_bound",
        "callback_secret_clients_are_a_list",
    ] {
        let there: i64 = sqlx::query_scalar("select count(*) from pg_constraint where conname = $1")
            .bind(column)
            .fetch_one(db.pool())
            .await
            .unwrap();
        assert_eq!(there, 1, "{column}");
    }
    let insert = |clients: &str| {
        format!(
            "insert into callback_secret (id, caller_service, secret_ciphertext, created_by, clients)
             values (gen_random_uuid(), 'c', 'x', 'a', {clients})"
        )
    };
    for odd in ["array[null]::text[]", "'{{a,b},{c,d}}'"] {
        let refused = try_execute(&db, &insert(odd)).await.expect_err("no list of ids");
        assert!(refused.contains("callback_secret_clients_are_a_list"), "{refused}");
    }
    try_execute(&db, &insert("'{a,b}'")).await.expect("is a list");
}
