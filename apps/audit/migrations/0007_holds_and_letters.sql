-- Erasures wait for the end of a legal hold; dead letters end, and are emptied with the person that they name; addresses for alerts
-- are confirmed before they get any.

-- A key that is held seals nothing new: what the person does afterwards goes under another one, which stays.
alter table actor_keys drop constraint actor_keys_pkey;
alter table actor_keys
  add column held boolean not null default false,
  add primary key (tenant_id, key_id);
comment on column actor_keys.held is 'The person was erased, and a legal hold keeps the key until it ends.';
create unique index actor_keys_current on actor_keys (tenant_id, actor) where not held;
create policy actor_keys_hold on actor_keys for update to :app_role
  using (tenant_id = (select memoric.tenant_id())) with check (tenant_id = (select memoric.tenant_id()));
grant update (held) on actor_keys to :app_role;

alter table person_erasures add column held boolean not null default false;
comment on table person_erasures is
  'Erasures of persons that memory asked for; the keys of the actor are destroyed in the transaction that says so';
comment on column person_erasures.held is 'A legal hold is in the way: key_ids names the keys that are destroyed when it ends.';
comment on column person_erasures.until is
  'Personal data of events up to here is not taken in any more, however late they come; it goes under a held key while held';
create index person_erasures_held on person_erasures (tenant_id) where held;
grant update (held, erased_at) on person_erasures to :app_role;

alter table dead_letters
  add column emptied_at timestamptz(3),
  add column claimed_until timestamptz(3);
comment on column dead_letters.emptied_at is 'When the payload was destroyed, because it names a person who was erased.';
comment on column dead_letters.claimed_until is 'Until when somebody gives it to the log once more; nobody else does meanwhile.';
create index dead_letters_age on dead_letters (last_at);
create policy dead_letters_end on dead_letters for delete to :app_role using ((select memoric.is_system()));
grant update (sealed, emptied_at, claimed_until), delete on dead_letters to :app_role;

alter table alert_mail
  add column confirmations integer not null default 0,
  add column confirmations_since timestamptz not null default now();
comment on column alert_mail.confirmations is 'Mails with a code that went out since confirmations_since.';

-- Names of the catalog are what they are, whatever stands in public. New tables go into the first schema of the path unless they say
-- where, so this function says it.
create or replace function ensure_partitions(months_ahead integer) returns integer
language plpgsql security definer set search_path = pg_catalog, public, pg_temp set timezone = 'UTC' as $$
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
      execute format('create table public.%I partition of public.audit_logs for values from (%L) to (%L)',
        name, least_event_id(month), least_event_id(month + interval '1 month'));
      perform protect_partition(format('public.%I', name)::regclass);
      made := made + 1;
    exception when check_violation then
      raise warning 'lines of % are in the default partition and stay there', name;
    end;
  end loop;
  return made;
end
$$;
alter function protect_partition(regclass) set search_path = pg_catalog, public, pg_temp;
alter function partition_expired(text, integer) set search_path = pg_catalog, public, pg_temp;
alter function drop_expired_partitions(integer) set search_path = pg_catalog, public, pg_temp;
alter function count_lines() set search_path = pg_catalog, public, pg_temp;
