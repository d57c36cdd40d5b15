-- Keys first: everything else is unreadable without them.

create table tenant_keys (
  tenant_id uuid not null,
  version integer not null,
  wrapped bytea not null,
  kek_id text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, version)
);
comment on table tenant_keys is 'One key per tenant and version, wrapped by the key encryption key';

create table subject_keys (
  tenant_id uuid not null,
  subject_id text not null,
  version integer not null,
  wrapped bytea not null,
  tenant_key_version integer not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, subject_id, version)
);
comment on table subject_keys is 'One key per subject and version, wrapped by the tenant key; destroying it destroys what it sealed';

create table subjects (
  tenant_id uuid not null,
  subject_id text not null,
  last_seq bigint not null default 0,
  last_change bigint not null default 0,
  created_at timestamptz not null default now(),
  primary key (tenant_id, subject_id)
) with (fillfactor = 50);
comment on table subjects is 'Counters of a subject: last_seq numbers its memories, last_change every change; its row lock puts the writes of a subject in order';

create table memories (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text not null,
  namespace text not null,
  thread_id text,
  session_id text,
  seq bigint not null,
  change bigint not null,
  version integer not null,
  tier text not null,
  importance real not null,
  seen_count integer not null,
  occurred_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz,
  fingerprint bytea not null,
  sealed bytea not null,
  primary key (tenant_id, id)
) with (fillfactor = 90);
comment on table memories is 'The current version of each memory; content and private attributes are in sealed';
comment on column memories.change is 'Counter of the subject at the last change, so that an index can ask for what is new';
comment on column memories.fingerprint is 'Keyed hash of namespace, thread and content, to find exact duplicates; the key is the subject''s';

create unique index memories_change on memories (tenant_id, subject_id, change);
create index memories_fingerprint on memories (tenant_id, fingerprint, id);
create index memories_subject on memories (tenant_id, subject_id, id);

create table memory_versions (
  tenant_id uuid not null,
  memory_id uuid not null,
  version integer not null,
  subject_id text not null,
  namespace text not null,
  tier text not null,
  importance real not null,
  occurred_at timestamptz not null,
  expires_at timestamptz,
  written_at timestamptz not null,
  replaced_at timestamptz not null,
  sealed bytea not null,
  primary key (tenant_id, memory_id, version)
);
comment on table memory_versions is 'Versions of memories that were replaced by a newer one';

create table memory_deletions (
  tenant_id uuid not null,
  subject_id text not null,
  change bigint not null,
  memory_id uuid not null,
  deleted_at timestamptz not null default now(),
  primary key (tenant_id, subject_id, change)
);
comment on table memory_deletions is 'Which memories went and when, so that every process drops them from its index';

-- Row security: the tenant always, and the subjects and namespaces that the credential is limited to.

alter table tenant_keys enable row level security;
alter table tenant_keys force row level security;
create policy tenant on tenant_keys using (tenant_id = (select memoric.tenant_id()));

alter table subject_keys enable row level security;
alter table subject_keys force row level security;
create policy subject on subject_keys using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

alter table subjects enable row level security;
alter table subjects force row level security;
create policy subject on subjects using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

alter table memories enable row level security;
alter table memories force row level security;
create policy subject_and_namespace on memories using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

alter table memory_versions enable row level security;
alter table memory_versions force row level security;
create policy subject_and_namespace on memory_versions using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

alter table memory_deletions enable row level security;
alter table memory_deletions force row level security;
create policy subject on memory_deletions using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

grant select, insert, update, delete on tenant_keys, subject_keys, subjects, memories, memory_versions, memory_deletions to :app_role;
