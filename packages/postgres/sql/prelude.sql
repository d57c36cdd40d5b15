-- What every database of Memoric begins with: the scope of a transaction, the list of migrations, the outbox.

create schema memoric;
grant usage on schema memoric to :app_role;

-- A setting that was never made is null, one of a transaction that has ended is ''. Both show nothing.
-- Policies use these as `(select memoric.tenant_id())`: evaluated once for a statement, not for each row.

create function memoric.tenant_id() returns uuid language sql stable parallel safe
return nullif(current_setting('memoric.tenant_id', true), '')::uuid;

create function memoric.is_system() returns boolean language sql stable parallel safe
return coalesce(current_setting('memoric.system', true) = 'on', false);

create function memoric.all_subjects() returns boolean language sql stable parallel safe
return coalesce(current_setting('memoric.subjects', true) = '*', false);

create function memoric.subjects() returns text[] language sql stable parallel safe
return case
  when coalesce(current_setting('memoric.subjects', true), '') in ('', '*') then '{}'::text[]
  else current_setting('memoric.subjects', true)::text[]
end;

create function memoric.all_namespaces() returns boolean language sql stable parallel safe
return coalesce(current_setting('memoric.namespaces', true) = '*', false);

create function memoric.namespaces() returns text[] language sql stable parallel safe
return case
  when coalesce(current_setting('memoric.namespaces', true), '') in ('', '*') then '{}'::text[]
  else current_setting('memoric.namespaces', true)::text[]
end;

comment on function memoric.tenant_id() is 'Tenant of this transaction; null outside of one.';
comment on function memoric.is_system() is 'True in a transaction of the service itself, which has no tenant.';
comment on function memoric.all_subjects() is 'True when this transaction may see every subject of its tenant.';
comment on function memoric.subjects() is 'Subjects that this transaction may see, unless all_subjects().';
comment on function memoric.all_namespaces() is 'True when this transaction may see every namespace of its tenant.';
comment on function memoric.namespaces() is 'Namespaces that this transaction may see, unless all_namespaces().';

create table memoric.migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default now()
);
comment on table memoric.migrations is 'Migrations that were applied here, with the SHA-256 of their files.';
grant select on memoric.migrations to :app_role;

create table outbox (
  event_id uuid primary key,
  tenant_id uuid not null,
  subject text not null,
  payload text not null,
  created_at timestamptz not null default now(),
  published_at timestamptz,
  attempts integer not null default 0
) with (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 20000,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 20000,
  autovacuum_vacuum_cost_delay = 0
);
comment on table outbox is 'Events written with the change they tell of; they leave when the audit log has confirmed them.';
comment on column outbox.subject is 'NATS subject.';
comment on column outbox.payload is 'The CloudEvents envelope, as it is sent.';

create index outbox_unpublished on outbox (attempts, created_at) where published_at is null;
create index outbox_unconfirmed on outbox (published_at) where published_at is not null;

alter table outbox enable row level security;
alter table outbox force row level security;
create policy outbox_insert on outbox for insert to :app_role
  with check (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy outbox_select on outbox for select to :app_role using ((select memoric.is_system()));
create policy outbox_update on outbox for update to :app_role using ((select memoric.is_system()));
create policy outbox_delete on outbox for delete to :app_role using ((select memoric.is_system()));
grant select, insert, update, delete on outbox to :app_role;
