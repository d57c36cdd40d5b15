-- The audit log, insert-only. Who may do what:
--   owner of the tables: nobody signs in as it; triggers refuse even it to change or remove a line
--   :app_role: reads and inserts lines, moves the counters forward, makes and destroys keys of actors
-- Rows are partitioned by the month in their event id (UUIDv7). Only the parent is granted to anyone: row security of the parent
-- does not apply to somebody who reads a partition directly.

create table audit_logs (
  log_index bigint not null check (log_index >= 0),
  event_id uuid not null,
  tenant_id uuid not null,
  tenant_seq bigint not null check (tenant_seq > 0),
  occurred_at timestamptz(3) not null,
  received_at timestamptz(3) not null,
  source text collate "C" not null,
  actor_type text collate "C" not null,
  actor_id text collate "C",
  operation text collate "C" not null,
  resource_type text collate "C",
  resource_id text collate "C",
  outcome text collate "C" not null check (outcome in ('success', 'failure', 'denied')),
  reason text,
  endpoint text collate "C",
  method text collate "C",
  status_code integer,
  duration_ms double precision,
  request_id text collate "C",
  details jsonb not null,
  primary key (tenant_id, event_id)
) partition by range (event_id);
comment on table audit_logs is 'One line per event, insert-only; log_index is dense over the log, tenant_seq within a tenant';

create index audit_logs_tenant_seq on audit_logs (tenant_id, tenant_seq);
create index audit_logs_actor on audit_logs (tenant_id, actor_id, tenant_seq);
create index audit_logs_operation on audit_logs (tenant_id, operation, tenant_seq);
create index audit_logs_resource on audit_logs (tenant_id, resource_id, tenant_seq);
create index audit_logs_request on audit_logs (tenant_id, request_id);

-- Statement triggers fire even where row security hides every row, and refuse TRUNCATE; row triggers are cloned to partitions
-- however those are made.
create function refuse_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception '% refuses %: it is append-only', tg_table_name, lower(tg_op)
    using errcode = 'insufficient_privilege';
end
$$;
comment on function refuse_change() is 'Trigger: nothing that was inserted may be changed or removed';

create function refuse_going_back() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if (to_jsonb(new) ->> tg_argv[0])::bigint < (to_jsonb(old) ->> tg_argv[0])::bigint then
    raise exception '% refuses to go back', tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return new;
end
$$;
comment on function refuse_going_back() is 'Trigger: the counter in the column that the argument names only grows';

create trigger audit_logs_rows_are_final before update or delete on audit_logs
  for each row execute function refuse_change();
create trigger audit_logs_append_only before update or delete or truncate on audit_logs
  for each statement execute function refuse_change();

alter table audit_logs enable row level security;
alter table audit_logs force row level security;
create policy audit_logs_read on audit_logs for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy audit_logs_append on audit_logs for insert to :app_role
  with check ((select memoric.is_system()));
grant select, insert on audit_logs to :app_role;

create table log_state (
  only_row boolean primary key default true check (only_row),
  size bigint not null check (size >= 0)
);
comment on table log_state is 'One row: how many lines the log has; whoever appends holds its lock until the commit';
insert into log_state (size) values (0);
create trigger log_state_stays before delete or truncate on log_state
  for each statement execute function refuse_change();
create trigger log_state_grows before update on log_state
  for each row execute function refuse_going_back('size');
alter table log_state enable row level security;
alter table log_state force row level security;
create policy log_state_of_appenders on log_state for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, update on log_state to :app_role;

create table tenant_logs (
  tenant_id uuid primary key,
  last_seq bigint not null check (last_seq > 0)
);
comment on table tenant_logs is 'Last tenant_seq of each tenant, moved under the lock of log_state';
create trigger tenant_logs_stay before delete or truncate on tenant_logs
  for each statement execute function refuse_change();
create trigger tenant_logs_grow before update on tenant_logs
  for each row execute function refuse_going_back('last_seq');
alter table tenant_logs enable row level security;
alter table tenant_logs force row level security;
create policy tenant_logs_read on tenant_logs for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy tenant_logs_start on tenant_logs for insert to :app_role with check ((select memoric.is_system()));
create policy tenant_logs_advance on tenant_logs for update to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert, update on tenant_logs to :app_role;

create table actor_keys (
  tenant_id uuid not null,
  actor text collate "C" not null,
  key_id uuid not null default gen_random_uuid(),
  wrapped bytea not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, actor)
);
comment on table actor_keys is
  'Key of each actor''s personal data, wrapped by the root key; deleting a row makes that data unreadable for good';
alter table actor_keys enable row level security;
alter table actor_keys force row level security;
create policy actor_keys_read on actor_keys for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy actor_keys_make on actor_keys for insert to :app_role with check ((select memoric.is_system()));
create policy actor_keys_destroy on actor_keys for delete to :app_role
  using (tenant_id = (select memoric.tenant_id()));
grant select, insert, delete on actor_keys to :app_role;

create table personal_data (
  tenant_id uuid not null,
  event_id uuid not null,
  actor text collate "C" not null,
  key_id uuid not null,
  sealed bytea not null,
  primary key (tenant_id, event_id)
);
comment on table personal_data is 'Address, user agent and e-mail of an event, sealed under the key of its actor';
create trigger personal_data_is_final before update or truncate on personal_data
  for each statement execute function refuse_change();
alter table personal_data enable row level security;
alter table personal_data force row level security;
create policy personal_data_read on personal_data for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy personal_data_add on personal_data for insert to :app_role with check ((select memoric.is_system()));
grant select, insert on personal_data to :app_role;

create table root_key (
  only_row boolean primary key default true check (only_row),
  kek_id text not null,
  wrapped bytea not null,
  created_at timestamptz not null default now()
);
comment on table root_key is 'Root key of this app, wrapped by the key encryption key outside the database';
alter table root_key enable row level security;
alter table root_key force row level security;
create policy root_key_read on root_key for select to :app_role using ((select memoric.is_system()));
create policy root_key_make on root_key for insert to :app_role with check ((select memoric.is_system()));
grant select, insert on root_key to :app_role;

-- Least id of an instant: its ms in the first 48 bits (RFC 9562 section 5.7).
create function least_event_id(instant timestamptz) returns uuid
language sql immutable strict set search_path = pg_catalog, pg_temp as $$
  select rpad(lpad(to_hex(floor(extract(epoch from instant) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;
comment on function least_event_id(timestamptz) is 'Least UUIDv7 of an instant';

create function protect_partition(partition regclass) returns void
language plpgsql set search_path = public, pg_catalog, pg_temp as $$
begin
  execute format('revoke all on %s from public, :app_role', partition);
  execute format('alter table %s enable row level security', partition);
  execute format('alter table %s force row level security', partition);
  execute format(
    'create trigger append_only before update or delete or truncate on %s
     for each statement execute function refuse_change()', partition);
end
$$;
comment on function protect_partition(regclass) is
  'Closes a partition to direct access; statement triggers are not cloned from the parent';

create table audit_logs_default partition of audit_logs default;
comment on table audit_logs_default is 'Lines whose event id lies in no month that was prepared';
select protect_partition('audit_logs_default');

-- A month that has lines in the default partition already stays there: lines are never moved.
create function ensure_partitions(months_ahead integer) returns integer
language plpgsql security definer set search_path = public, pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
  month timestamptz;
  name text;
  made integer := 0;
begin
  perform pg_advisory_xact_lock(hashtext('audit_logs partitions'));
  for ahead in -1 .. least(greatest(months_ahead, 0), 24) loop
    month := date_trunc('month', now()) + make_interval(months => ahead);
    name := 'audit_logs_' || to_char(month, 'YYYY_MM');
    if to_regclass('public.' || name) is not null then
      continue;
    end if;
    begin
      execute format('create table %I partition of audit_logs for values from (%L) to (%L)',
        name, least_event_id(month), least_event_id(month + interval '1 month'));
      perform protect_partition(name::regclass);
      made := made + 1;
    exception when check_violation then
      raise warning 'lines of % are in the default partition and stay there', name;
    end;
  end loop;
  return made;
end
$$;
comment on function ensure_partitions(integer) is
  'Makes the partitions of last month, this one and those ahead that are missing; gives how many it made';
revoke all on function protect_partition(regclass), ensure_partitions(integer) from public;
grant execute on function ensure_partitions(integer) to :app_role;
select ensure_partitions(3);
