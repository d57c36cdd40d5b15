-- Reading the log by time and by what went wrong; noticing what happens in it; alerts and where they go.

create index audit_logs_failures on audit_logs (tenant_id, outcome, tenant_seq) where outcome <> 'success';

create table log_followers (
  name text collate "C" primary key,
  next_index bigint not null check (next_index >= 0),
  followed_at timestamptz not null default now()
);
comment on table log_followers is
  'How far each reader of the committed log has come; whoever follows holds the lock of its row, so of several processes one does';
insert into log_followers (name, next_index) values ('noticing', 0);
create trigger log_followers_stay before delete or truncate on log_followers
  for each statement execute function refuse_change();
create trigger log_followers_grow before update on log_followers
  for each row execute function refuse_going_back('next_index');
alter table log_followers enable row level security;
alter table log_followers force row level security;
create policy log_followers_of_system on log_followers for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, update on log_followers to :app_role;

-- Counted in the transaction that appends, so that statistics and bounds of times are never behind the log.

create table audit_days (
  tenant_id uuid not null,
  day date not null,
  operation text collate "C" not null,
  outcome text collate "C" not null,
  events bigint not null check (events > 0),
  primary key (tenant_id, day, operation, outcome)
) with (fillfactor = 50);
comment on table audit_days is 'Lines of the log by UTC day, operation and outcome';

create table audit_slots (
  tenant_id uuid not null,
  slot timestamptz not null,
  first_seq bigint not null,
  last_seq bigint not null,
  primary key (tenant_id, slot)
) with (fillfactor = 50);
comment on table audit_slots is 'Between which tenant_seq the lines lie that tell of what happened in ten minutes, late ones included';

create function audit_slot(instant timestamptz) returns timestamptz
language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp
return date_bin(interval '10 minutes', instant, timestamptz '2000-01-01 00:00:00+00');
comment on function audit_slot(timestamptz) is 'The ten minutes of an instant';

create function count_lines() returns trigger
language plpgsql set search_path = public, pg_catalog, pg_temp as $$
begin
  insert into audit_days as known (tenant_id, day, operation, outcome, events)
  select tenant_id, (occurred_at at time zone 'UTC')::date, operation, outcome, count(*)
  from added group by 1, 2, 3, 4
  on conflict (tenant_id, day, operation, outcome) do update set events = known.events + excluded.events;
  insert into audit_slots as known (tenant_id, slot, first_seq, last_seq)
  select tenant_id, audit_slot(occurred_at), min(tenant_seq), max(tenant_seq)
  from added group by 1, 2
  on conflict (tenant_id, slot) do update set
    first_seq = least(known.first_seq, excluded.first_seq), last_seq = greatest(known.last_seq, excluded.last_seq);
  return null;
end
$$;
comment on function count_lines() is 'Trigger: counts the lines that a statement appends';
create trigger audit_logs_are_counted after insert on audit_logs
  referencing new table as added for each statement execute function count_lines();

alter table audit_days enable row level security;
alter table audit_days force row level security;
create policy audit_days_read on audit_days for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy audit_days_add on audit_days for insert to :app_role with check ((select memoric.is_system()));
create policy audit_days_count on audit_days for update to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert, update on audit_days to :app_role;
alter table audit_slots enable row level security;
alter table audit_slots force row level security;
create policy audit_slots_read on audit_slots for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy audit_slots_add on audit_slots for insert to :app_role with check ((select memoric.is_system()));
create policy audit_slots_widen on audit_slots for update to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert, update on audit_slots to :app_role;

-- Lines from before are counted once, by the owner.
create policy count_once_days on audit_days for insert to current_user with check (true);
create policy count_once_slots on audit_slots for insert to current_user with check (true);
insert into audit_days (tenant_id, day, operation, outcome, events)
select tenant_id, (occurred_at at time zone 'UTC')::date, operation, outcome, count(*) from audit_logs group by 1, 2, 3, 4;
insert into audit_slots (tenant_id, slot, first_seq, last_seq)
select tenant_id, audit_slot(occurred_at), min(tenant_seq), max(tenant_seq) from audit_logs group by 1, 2;
drop policy count_once_days on audit_days;
drop policy count_once_slots on audit_slots;

create table detection_states (
  tenant_id uuid not null,
  detection text collate "C" not null,
  key text collate "C" not null,
  state jsonb not null,
  expires_at timestamptz not null,
  primary key (tenant_id, detection, key)
);
comment on table detection_states is
  'What detections remember: counts, ids of events, keyed hashes of addresses and e-mails; nothing that can be read back';
create index detection_states_expiry on detection_states (expires_at);
alter table detection_states enable row level security;
alter table detection_states force row level security;
create policy detection_states_of_system on detection_states for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert, update, delete on detection_states to :app_role;

create table detection_settings (
  tenant_id uuid not null,
  detection text collate "C" not null,
  enabled boolean not null,
  threshold integer check (threshold > 0),
  window_seconds integer check (window_seconds > 0),
  updated_by text collate "C" not null,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, detection)
);
comment on table detection_settings is 'What a tenant has changed about its detections; null means as built in';
alter table detection_settings enable row level security;
alter table detection_settings force row level security;
create policy detection_settings_read on detection_settings for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy detection_settings_make on detection_settings for insert to :app_role
  with check (tenant_id = (select memoric.tenant_id()));
create policy detection_settings_change on detection_settings for update to :app_role
  using (tenant_id = (select memoric.tenant_id())) with check (tenant_id = (select memoric.tenant_id()));
grant select, insert, update on detection_settings to :app_role;

create table alerts (
  tenant_id uuid not null,
  id uuid not null,
  detection text collate "C" not null,
  key text collate "C" not null,
  severity text collate "C" not null check (severity in ('info', 'notice', 'warning', 'critical')),
  entity_type text collate "C" not null,
  entity_id text collate "C",
  state text collate "C" not null default 'open' check (state in ('open', 'acknowledged', 'closed')),
  count integer not null check (count > 0),
  observed bigint not null,
  threshold integer,
  window_seconds integer not null,
  evidence uuid[] not null check (cardinality(evidence) between 1 and 100),
  first_at timestamptz(3) not null,
  last_at timestamptz(3) not null,
  raised_at timestamptz(3) not null default now(),
  acknowledged_by text collate "C",
  acknowledged_at timestamptz(3),
  closed_by text collate "C",
  closed_at timestamptz(3),
  note text,
  primary key (tenant_id, id)
);
comment on table alerts is 'What detections found, with the events that show it; the same about the same makes one row grow';
comment on column alerts.key is 'What the detection groups by, as in detection_states.';
create index alerts_growing on alerts (tenant_id, detection, key, last_at) where state <> 'closed';
create index alerts_state on alerts (tenant_id, state, id);
alter table alerts enable row level security;
alter table alerts force row level security;
create policy alerts_read on alerts for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy alerts_raise on alerts for insert to :app_role with check ((select memoric.is_system()));
create policy alerts_change on alerts for update to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()))
  with check (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
grant select, insert on alerts to :app_role;
grant update (count, observed, severity, evidence, last_at, state, acknowledged_by, acknowledged_at, closed_by, closed_at, note)
  on alerts to :app_role;

create table alert_webhooks (
  tenant_id uuid not null,
  id uuid not null,
  url_sealed bytea not null,
  secret_sealed bytea not null,
  previous_secret_sealed bytea,
  previous_until timestamptz,
  min_severity text collate "C" not null,
  created_by text collate "C" not null,
  created_at timestamptz(3) not null default now(),
  disabled_at timestamptz(3),
  last_attempt_at timestamptz(3),
  last_status integer,
  last_failure text collate "C",
  primary key (tenant_id, id)
);
comment on table alert_webhooks is 'Where a tenant wants its alerts posted; address and secrets are sealed under the root key';
alter table alert_webhooks enable row level security;
alter table alert_webhooks force row level security;
create policy alert_webhooks_of_tenant on alert_webhooks for all to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()))
  with check (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
grant select, insert, update, delete on alert_webhooks to :app_role;

create table alert_mail (
  tenant_id uuid primary key,
  addresses_sealed bytea not null,
  min_severity text collate "C" not null,
  updated_by text collate "C" not null,
  updated_at timestamptz(3) not null default now(),
  mails integer not null default 0,
  mails_since timestamptz not null default now()
);
comment on table alert_mail is 'Who gets the alerts of a tenant by mail, sealed under the root key, and how many went out this hour';
alter table alert_mail enable row level security;
alter table alert_mail force row level security;
create policy alert_mail_of_tenant on alert_mail for all to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()))
  with check (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
grant select, insert, update on alert_mail to :app_role;

create table alert_deliveries (
  id uuid primary key,
  tenant_id uuid not null,
  alert_id uuid not null,
  webhook_id uuid,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  created_at timestamptz not null default now()
);
comment on table alert_deliveries is 'Alerts on their way: to a webhook, or by mail where that is null; a row leaves when it arrived or was given up';
create index alert_deliveries_due on alert_deliveries (next_attempt_at, id);
create index alert_deliveries_webhook on alert_deliveries (tenant_id, webhook_id);
alter table alert_deliveries enable row level security;
alter table alert_deliveries force row level security;
create policy alert_deliveries_of_system on alert_deliveries for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
create policy alert_deliveries_end on alert_deliveries for delete to :app_role
  using (tenant_id = (select memoric.tenant_id()));
create policy alert_deliveries_see on alert_deliveries for select to :app_role
  using (tenant_id = (select memoric.tenant_id()));
grant select, insert, update, delete on alert_deliveries to :app_role;
