-- Every moment is one that every program can read: finite, and in the years 1 to 9999 of UTC. An operator who moves a
-- deadline to 'infinity' is told so by the database, instead of stopping the lists and jobs that read the row.
-- Rows that are beyond it already are moved to the nearest such moment. The constraints count for what is written from
-- now on; nothing is scanned for them while the tables are locked.
do $$
declare
    first constant text := '0001-01-01T00:00:00Z';
    last constant text := '9999-12-31T23:59:59.999999Z';
    one record;
begin
    for one in
        select c.table_name, c.column_name,
            -- These refuse every change of a row, and only AWE itself has written them.
            c.table_name in ('approval_event', 'approval_decision', 'audit_action') as append_only
        from information_schema.tables t join information_schema.columns c using (table_schema, table_name)
        where t.table_schema = current_schema() and t.table_type = 'BASE TABLE'
            and t.table_name <> '_sqlx_migrations' and c.data_type = 'timestamp with time zone'
        order by 1, 2
    loop
        if not one.append_only then
            execute format(
                'update %1$I set %2$I = greatest(least(%2$I, %4$L), %3$L) where %2$I not between %3$L and %4$L',
                one.table_name, one.column_name, first, last);
        end if;
        execute format('alter table %1$I add constraint %5$I check (%2$I between %3$L and %4$L) not valid',
            one.table_name, one.column_name, first, last,
            one.table_name || '_' || one.column_name || '_is_moment');
    end loop;
end $$;
