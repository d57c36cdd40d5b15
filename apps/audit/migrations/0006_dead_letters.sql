-- What could not enter the log; comparing the log with the outboxes; how audit was started last.

create table dead_letters (
  id uuid primary key,
  tenant_id uuid,
  event_id uuid,
  app text collate "C",
  subject text collate "C" not null,
  reason text not null,
  bytes integer not null check (bytes >= 0),
  digest bytea not null unique check (octet_length(digest) = 32),
  sealed bytea not null,
  deliveries integer not null default 1 check (deliveries > 0),
  first_at timestamptz(3) not null default now(),
  last_at timestamptz(3) not null default now(),
  replayed_at timestamptz(3),
  replayed_by text collate "C"
);
comment on table dead_letters is 'Messages of the event stream that the log does not take, each once, however often it comes';
comment on column dead_letters.tenant_id is 'Null where the message does not say it clearly: only the operator sees those.';
comment on column dead_letters.event_id is 'The id under which it was sent.';
comment on column dead_letters.digest is 'SHA-256 of subject and payload.';
comment on column dead_letters.sealed is 'The payload, sealed under a key that the root key gives.';
create index dead_letters_tenant on dead_letters (tenant_id, id);
create index dead_letters_event on dead_letters (event_id);
alter table dead_letters enable row level security;
alter table dead_letters force row level security;
create policy dead_letters_read on dead_letters for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy dead_letters_keep on dead_letters for insert to :app_role with check ((select memoric.is_system()));
create policy dead_letters_note on dead_letters for update to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert on dead_letters to :app_role;
grant update (reason, deliveries, last_at, replayed_at, replayed_by) on dead_letters to :app_role;

create table outbox_counts (
  tenant_id uuid not null,
  hour integer not null,
  events bigint not null check (events >= 0),
  id_sum numeric not null check (id_sum >= 0),
  primary key (tenant_id, hour)
) with (fillfactor = 50);
comment on table outbox_counts is
  'How many events of each tenant and hour have left the outbox because the log has them; the log is compared with it';
comment on column outbox_counts.hour is 'Hours since 1970-01-01T00:00Z, of the time in the event id.';
comment on column outbox_counts.id_sum is 'Sum of the last 48 bits of the event ids.';
create index outbox_counts_hour on outbox_counts (hour, tenant_id);
-- Counting begins with this hour; no tenant has this id.
insert into outbox_counts (tenant_id, hour, events, id_sum)
values ('00000000-0000-0000-0000-000000000000', floor(extract(epoch from now()) / 3600), 0, 0);
alter table outbox_counts enable row level security;
alter table outbox_counts force row level security;
create policy outbox_counts_of_system on outbox_counts for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert, update on outbox_counts to :app_role;

create function event_hour(event_id uuid) returns integer
language sql immutable strict parallel safe
return ('x' || left(replace(event_id::text, '-', ''), 12))::bit(48)::bigint / 3600000;
comment on function event_hour(uuid) is 'Hours since 1970-01-01T00:00Z of a UUIDv7';

create function event_mark(event_id uuid) returns bigint
language sql immutable strict parallel safe
return ('x' || right(event_id::text, 12))::bit(48)::bigint;
comment on function event_mark(uuid) is 'The last 48 bits of an event id, which are random';

-- Lines are appended about in the order of their ids, so a few ranges hold those of an hour.
create index audit_logs_event_hour on audit_logs using brin (event_id) with (pages_per_range = 32, autosummarize = on);

create table compared_hours (
  app text collate "C" not null,
  hour integer not null,
  differences integer not null check (differences >= 0),
  compared_at timestamptz(3) not null default now(),
  primary key (app, hour)
);
comment on table compared_hours is 'Hours of which the log was compared with what an app has counted, and of how many tenants it differed';
alter table compared_hours enable row level security;
alter table compared_hours force row level security;
create policy compared_hours_of_system on compared_hours for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert on compared_hours to :app_role;

create table system_states (
  app text collate "C" primary key,
  configuration jsonb not null,
  migrations text[] not null,
  started_at timestamptz(3) not null
);
comment on table system_states is 'How each app that tells its starts here was started last';
comment on column system_states.configuration is 'By the name of each variable a keyed hash of its value.';
alter table system_states enable row level security;
alter table system_states force row level security;
create policy system_states_of_system on system_states for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert, update on system_states to :app_role;
