-- Counting what leaves the outbox, so that audit can compare the log with it; how the app was started last.

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
