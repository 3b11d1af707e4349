//! Columns that hold moments.

use store::testing::database;

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
