-- Erasure of subjects, and consents.

create table erasures (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text not null,
  step text not null default 'rows' check (step in ('rows', 'processes', 'log', 'receipt', 'done')),
  last_key_version integer not null,
  keys_destroyed integer not null,
  counts jsonb not null default '{}' check (jsonb_typeof(counts) = 'object'),
  forgetting_id uuid not null,
  processes integer,
  log_keys_destroyed integer,
  requested_by text not null,
  requested_at timestamptz(3) not null default now(),
  finished_at timestamptz(3),
  receipt text,
  primary key (tenant_id, id),
  check ((step = 'done') = (receipt is not null and finished_at is not null))
);
comment on table erasures is 'Erasures of subjects and how far each has come; a row is made in the transaction that destroys the keys';
comment on column erasures.step is 'What is to be done next: delete rows, have every process forget, have the log destroy its keys, sign the receipt';
comment on column erasures.last_key_version is 'Highest version of a key that the subject ever had: a later key begins above, so that what was sealed before is never taken for it';
comment on column erasures.counts is 'Rows that were deleted, by table';
create unique index erasures_one on erasures (tenant_id, subject_id) where step = 'rows';
create index erasures_subject on erasures (tenant_id, subject_id, requested_at);
create index erasures_running on erasures (requested_at) where step <> 'done';

alter table erasures enable row level security;
alter table erasures force row level security;
create policy subject on erasures using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);
create policy of_the_system on erasures for select using ((select memoric.is_system()));
grant select, insert, update on erasures to :app_role;

create function memoric.require_no_erasure(tenant uuid, subject text, first_version integer) returns void
language plpgsql as $$
begin
  -- Erasures hold the same lock while they destroy keys.
  perform pg_advisory_xact_lock(hashtextextended(tenant || ' ' || subject, 1));
  if exists (select from erasures where tenant_id = tenant and subject_id = subject and step = 'rows') then
    raise exception 'the subject is being erased' using errcode = 'MK004';
  end if;
  if first_version <= (
    select coalesce(max(last_key_version), 0) from erasures where tenant_id = tenant and subject_id = subject
  ) then
    raise exception 'the subject was erased meanwhile' using errcode = 'MK001';
  end if;
end $$;
comment on function memoric.require_no_erasure is 'Stops the making of a key for a subject that is being erased, or of a version that an erased key had';

-- Processes of the service, so that an erasure knows who may still have something in memory.

create table processes (
  id uuid primary key,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now()
);
comment on table processes is 'Processes of the memory service that run, and when each was seen last';
alter table processes enable row level security;
alter table processes force row level security;
create policy of_the_system on processes using ((select memoric.is_system()));
grant select, insert, update, delete on processes to :app_role;

create table forgettings (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text not null,
  created_at timestamptz not null default now(),
  confirmed uuid[] not null default '{}',
  primary key (tenant_id, id)
);
comment on table forgettings is 'Subjects whose unwrapped keys and indexes every process has to wipe, and which processes have done so';
create index forgettings_created on forgettings (created_at);
alter table forgettings enable row level security;
alter table forgettings force row level security;
create policy subject on forgettings using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);
create policy of_the_system on forgettings using ((select memoric.is_system()));
grant select, insert, update, delete on forgettings to :app_role;

create table receipt_keys (
  id uuid primary key,
  verifier_key text not null,
  kek_id text not null,
  wrapped bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);
comment on table receipt_keys is 'Ed25519 keys that sign receipts, wrapped by the key encryption key; of retired ones only the public half is left';
create unique index receipt_keys_current on receipt_keys ((true)) where retired_at is null;
alter table receipt_keys enable row level security;
alter table receipt_keys force row level security;
create policy of_the_system on receipt_keys using ((select memoric.is_system()));
grant select, insert, update on receipt_keys to :app_role;

grant delete on key_rotations to :app_role;
create index key_rotations_subject on key_rotations (tenant_id, subject_id);
create index memory_versions_subject on memory_versions (tenant_id, subject_id);

-- Consents.

create table consents (
  tenant_id uuid not null,
  subject_id text not null,
  purpose text not null,
  version integer not null,
  id uuid not null,
  status text not null check (status in ('granted', 'withdrawn')),
  granted_at timestamptz(3),
  expires_at timestamptz(3),
  recorded_at timestamptz(3) not null default now(),
  recorded_by text not null,
  sealed bytea,
  primary key (tenant_id, subject_id, purpose, version)
);
comment on table consents is 'What a subject consented to and withdrew, a line for each change; the highest version of a purpose holds';
comment on column consents.sealed is 'The evidence, under the key of the subject';
create unique index consents_id on consents (tenant_id, subject_id, id);
alter table consents enable row level security;
alter table consents force row level security;
create policy subject on consents using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);
grant select, insert, update, delete on consents to :app_role;

alter table subjects
  add column consent_until timestamptz,
  add column stopped boolean not null default false;
comment on column subjects.consent_until is 'How long the consent to memory holds: infinity without an end, null without consent';
comment on column subjects.stopped is 'Whether the consent to memory was withdrawn: nothing is written or read until it is granted anew';

create function memoric.require_consent(stopped boolean, consent_until timestamptz, is_asked boolean, is_required boolean)
returns void language plpgsql stable as $$
begin
  if is_asked and stopped then
    raise exception 'consent was withdrawn' using errcode = 'MK003';
  end if;
  if is_asked and is_required and (consent_until is null or consent_until <= now()) then
    raise exception 'consent is required' using errcode = 'MK005';
  end if;
end $$;
comment on function memoric.require_consent is 'Stops a write for a subject that has withdrawn consent, or has not given it where the tenant requires that';
