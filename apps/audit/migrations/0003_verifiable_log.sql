-- The log becomes a Merkle tree (RFC 6962) over the canonical text of its lines, with signed checkpoints. Lines from before have no
-- canonical text stored: theirs is derived from their columns, and they are taken into the tree before the next line is.

alter table audit_logs add column canonical text check (octet_length(canonical) < 65536);
comment on column audit_logs.canonical is
  'The leaf: RFC 8785 JSON whose UTF-8 bytes are hashed; null where it is derived from the other columns';
create index audit_logs_log_index on audit_logs (log_index);

alter table log_state
  add column tree_size bigint not null default 0 check (tree_size between 0 and size),
  add column peaks bytea not null default '' check (octet_length(peaks) % 32 = 0);
comment on column log_state.tree_size is 'Leaves of the tree; behind size only until older lines are taken in';
comment on column log_state.peaks is 'Hashes of the complete subtrees that the tree consists of, largest first';
create trigger log_state_tree_grows before update on log_state
  for each row execute function refuse_going_back('tree_size');

create table log_tiles (
  level smallint not null check (level between 0 and 6),
  tile bigint not null check (tile >= 0),
  hashes bytea not null check (octet_length(hashes) between 32 and 8192 and octet_length(hashes) % 32 = 0),
  primary key (level, tile)
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 10000
);
comment on table log_tiles is
  'The tree in tiles of 256 hashes (C2SP tlog-tiles): those of height 8 x level; the last tile of a level is partial and grows';
alter table log_tiles alter column hashes set storage external;

create function refuse_other_hashes() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.level <> old.level or new.tile <> old.tile
    or substring(new.hashes from 1 for octet_length(old.hashes)) <> old.hashes then
    raise exception '% refuses to change a hash', tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return new;
end
$$;
comment on function refuse_other_hashes() is 'Trigger: a tile only grows at its end';
create trigger log_tiles_stay before delete or truncate on log_tiles
  for each statement execute function refuse_change();
create trigger log_tiles_grow before update on log_tiles
  for each row execute function refuse_other_hashes();
alter table log_tiles enable row level security;
alter table log_tiles force row level security;
create policy log_tiles_of_system on log_tiles for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert, update (hashes) on log_tiles to :app_role;

create table checkpoints (
  size bigint primary key check (size >= 0),
  root bytea not null check (octet_length(root) = 32),
  note text not null,
  created_at timestamptz(3) not null
);
comment on table checkpoints is 'Signed states of the tree (C2SP tlog-checkpoint), insert-only';
create trigger checkpoints_are_final before update or delete or truncate on checkpoints
  for each statement execute function refuse_change();
alter table checkpoints enable row level security;
alter table checkpoints force row level security;
create policy checkpoints_of_system on checkpoints for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert on checkpoints to :app_role;

create table cosignatures (
  size bigint not null references checkpoints,
  witness text collate "C" not null,
  line text not null,
  created_at timestamptz(3) not null,
  primary key (witness, size)
);
comment on table cosignatures is 'Signatures of witnesses on checkpoints (C2SP tlog-cosignature), insert-only';
create index cosignatures_size on cosignatures (size);
create trigger cosignatures_are_final before update or delete or truncate on cosignatures
  for each statement execute function refuse_change();
alter table cosignatures enable row level security;
alter table cosignatures force row level security;
create policy cosignatures_of_system on cosignatures for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert on cosignatures to :app_role;

create table checkpoint_keys (
  version integer primary key check (version > 0),
  origin text not null,
  verifier_key text not null unique,
  sealed bytea not null,
  created_at timestamptz(3) not null default now()
);
comment on table checkpoint_keys is
  'Keys that sign checkpoints, sealed under the root key; the highest version signs, the others stay published';
create trigger checkpoint_keys_are_final before update or delete or truncate on checkpoint_keys
  for each statement execute function refuse_change();
alter table checkpoint_keys enable row level security;
alter table checkpoint_keys force row level security;
create policy checkpoint_keys_of_system on checkpoint_keys for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert on checkpoint_keys to :app_role;

-- Retention. A tenant without a row keeps its lines as long as the installation says.
create table retention_settings (
  tenant_id uuid primary key,
  retention_days integer check (retention_days between 180 and 36500),
  legal_hold boolean not null default false
);
comment on table retention_settings is 'How long a tenant keeps its lines (null: for ever), and whether nothing of it may go';
alter table retention_settings enable row level security;
alter table retention_settings force row level security;
create policy retention_settings_read on retention_settings for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy retention_settings_make on retention_settings for insert to :app_role
  with check (tenant_id = (select memoric.tenant_id()));
create policy retention_settings_change on retention_settings for update to :app_role
  using (tenant_id = (select memoric.tenant_id())) with check (tenant_id = (select memoric.tenant_id()));
create policy retention_settings_of_owner on retention_settings for select to current_user using (true);
grant select, insert, update on retention_settings to :app_role;

create table retention_runs (
  partition text collate "C" not null,
  tenant_id uuid not null,
  lines bigint not null check (lines > 0),
  first_index bigint not null,
  last_index bigint not null,
  sequences int8multirange not null,
  tree_size bigint not null,
  dropped_at timestamptz(3) not null default now(),
  primary key (partition, tenant_id)
);
comment on table retention_runs is 'What retention dropped, by partition and tenant, insert-only';
create trigger retention_runs_are_final before update or delete or truncate on retention_runs
  for each statement execute function refuse_change();
alter table retention_runs enable row level security;
alter table retention_runs force row level security;
create policy retention_runs_read on retention_runs for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy retention_runs_of_owner on retention_runs for all to current_user using (true) with check (true);
grant select on retention_runs to :app_role;

-- Row security is forced on the owner too: without these its functions would see an empty log.
create policy audit_logs_of_owner on audit_logs for select to current_user using (true);
create policy personal_data_of_owner on personal_data for select to current_user using (true);
create policy personal_data_retention on personal_data for delete to current_user using (true);
create policy log_state_of_owner on log_state for all to current_user using (true) with check (true);

create function month_of_partition(partition text) returns timestamptz
language sql immutable strict set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
  select case when partition ~ '^audit_logs_\d{4}_\d{2}$'
    then make_timestamptz(substring(partition from 12 for 4)::int, substring(partition from 17 for 2)::int, 1, 0, 0, 0) end
$$;
comment on function month_of_partition(text) is 'First instant of the month of a partition of audit_logs; null for the default one';

-- A day more than the month: the time of a line and that of its id may differ by as much.
create function partition_expired(partition text, default_days integer) returns boolean
language sql stable set search_path = public, pg_catalog, pg_temp set timezone = 'UTC' as $$
  select coalesce(bool_and(
    not coalesce(settings.legal_hold, false)
    and coalesce(month_of_partition(partition) + interval '1 month 1 day' + make_interval(
      days => case when settings.tenant_id is null then default_days else settings.retention_days end) < now(), false)
  ), true)
  from (
    select distinct tenant_id from audit_logs
    where event_id >= least_event_id(month_of_partition(partition))
      and event_id < least_event_id(month_of_partition(partition) + interval '1 month')
  ) as tenants
  left join retention_settings as settings using (tenant_id)
$$;
comment on function partition_expired(text, integer) is 'Whether every tenant with lines in a month lets them go; null days keep them';

create function drop_expired_partitions(default_days integer) returns setof retention_runs
language plpgsql security definer set search_path = public, pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
  name text;
  month timestamptz;
begin
  if default_days < 180 then
    raise exception 'lines are kept for 180 days at least' using errcode = 'invalid_parameter_value';
  end if;
  perform from log_state for update;
  for name in
    select relid::regclass::text from pg_partition_tree('audit_logs') where isleaf order by 1
  loop
    month := month_of_partition(name);
    -- The floor stands for partitions without lines too.
    continue when month is null or month + interval '1 month 181 days' > now();
    continue when partition_expired(name, default_days) is not true;
    return query
      insert into retention_runs (partition, tenant_id, lines, first_index, last_index, sequences, tree_size)
      select name, tenant_id, count(*), min(log_index), max(log_index),
        range_agg(int8range(tenant_seq, tenant_seq + 1)), (select tree_size from log_state)
      from audit_logs
      where event_id >= least_event_id(month) and event_id < least_event_id(month + interval '1 month')
      group by tenant_id
      returning *;
    delete from personal_data using audit_logs
    where audit_logs.event_id >= least_event_id(month) and audit_logs.event_id < least_event_id(month + interval '1 month')
      and personal_data.tenant_id = audit_logs.tenant_id and personal_data.event_id = audit_logs.event_id;
    execute format('drop table %I', name);
  end loop;
end
$$;
comment on function drop_expired_partitions(integer) is
  'Drops every month whose tenants all let it go, with the personal data beside it; gives and keeps what went';
revoke all on function month_of_partition(text), partition_expired(text, integer), drop_expired_partitions(integer) from public;
grant execute on function drop_expired_partitions(integer) to :app_role;
