-- As `bound_moments` does, for the columns that have come since.
do $$
declare
    one record;
begin
    for one in
        select c.table_name, c.column_name, c.table_name || '_' || c.column_name || '_is_moment' as name
        from information_schema.tables t join information_schema.columns c using (table_schema, table_name)
        where t.table_schema = current_schema() and t.table_type = 'BASE TABLE'
            and t.table_name <> '_sqlx_migrations' and c.data_type = 'timestamp with time zone'
        order by 1, 2
    loop
        if not exists (select from pg_constraint k
                where k.conrelid = one.table_name::regclass and k.conname = one.name) then
            execute format('alter table %I add constraint %I check (%I between %L and %L) not valid',
                one.table_name, one.name, one.column_name,
                '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z');
        end if;
    end loop;
end $$;
