-- Who wrote a memory and how far it is trusted, how it stands, the edits that decide that, and capsules.

-- Not valid: rows from before have the defaults, and looking at each of them would lock everybody out meanwhile.
alter table memories
  add column written_by text,
  add column source text,
  add column trust smallint not null default 1,
  add column standing real not null default 1,
  add column withheld text,
  add constraint memories_trust check (trust between 0 and 2) not valid,
  add constraint memories_standing check (standing between 0 and 1 and (withheld is null) = (standing > 0)) not valid,
  add constraint memories_withheld check (withheld in ('quarantined', 'retracted')) not valid;
comment on column memories.written_by is 'Who wrote the current version, as <type>:<id>; null where that was not kept';
comment on column memories.source is 'Where its words come from, as the writer says';
comment on column memories.trust is '0 untrusted, 1 standard, 2 trusted; never more than the credential of the writer gave';
comment on column memories.standing is 'What its score is multiplied by; 0 withholds it. The product of the approved edits of the memory';
comment on column memories.withheld is 'Why it is withheld';

alter table memory_versions
  add column written_by text,
  add column source text,
  add column trust smallint not null default 1,
  add constraint memory_versions_trust check (trust between 0 and 2) not valid;

create table memory_edits (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text not null,
  namespace text not null,
  memory_id uuid not null,
  memory_version integer not null,
  operation text not null check (operation in ('retract', 'quarantine', 'attenuate')),
  factor real check (factor > 0 and factor < 1),
  status text not null check (status in ('proposed', 'approved', 'rejected', 'undone')),
  version integer not null,
  proposed_by text not null,
  proposed_at timestamptz not null,
  decided_by text,
  decided_at timestamptz,
  undone_by text,
  undone_at timestamptz,
  sealed bytea not null,
  primary key (tenant_id, id),
  check ((operation = 'attenuate') = (factor is not null)),
  check ((status = 'proposed') = (decided_by is null)),
  check ((status = 'undone') = (undone_by is not null))
);
comment on table memory_edits is 'Proposals to withhold a memory or to let it count less, and what became of them; the reasons are in sealed';
comment on column memory_edits.memory_version is 'The version of the memory that it was proposed for: it is approved for no other';
comment on column memory_edits.version is 'Counts its changes; a box is of one version';
create index memory_edits_subject on memory_edits (tenant_id, subject_id, id);
create index memory_edits_memory on memory_edits (tenant_id, memory_id);

create table capsules (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text not null,
  created_by text not null,
  audience text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  sealed bytea not null,
  primary key (tenant_id, id)
);
comment on table capsules is 'Memories of one subject that principals of the tenant may read until a time; name and note are in sealed';
comment on column capsules.audience is 'Who may open it, as <type>:<id>';
create index capsules_subject on capsules (tenant_id, subject_id);
create index capsules_creator on capsules (tenant_id, created_by, id);
create index capsules_audience on capsules using gin (audience);
create index capsules_expiry on capsules (expires_at);

create table capsule_memories (
  tenant_id uuid not null,
  capsule_id uuid not null,
  memory_id uuid not null,
  subject_id text not null,
  version integer not null,
  nth integer not null,
  primary key (tenant_id, capsule_id, memory_id)
);
comment on table capsule_memories is 'What is in a capsule: a memory in the version that it had then';
create index capsule_memories_memory on capsule_memories (tenant_id, memory_id);
create index capsule_memories_subject on capsule_memories (tenant_id, subject_id);

-- Ciphertext does not compress.
alter table memory_edits alter column sealed set storage external;
alter table capsules alter column sealed set storage external;

alter table memory_edits enable row level security;
alter table memory_edits force row level security;
create policy subject_and_namespace on memory_edits using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

alter table capsules enable row level security;
alter table capsules force row level security;
create policy subject on capsules using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);
create policy expired_for_the_system on capsules for select
  using ((select memoric.is_system()) and expires_at <= now());

alter table capsule_memories enable row level security;
alter table capsule_memories force row level security;
create policy subject on capsule_memories using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

grant select, insert, update, delete on memory_edits, capsules, capsule_memories to :app_role;
