-- What one session leaves to the next, and the persons that it is about.

create table handoffs (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text not null,
  namespace text not null,
  session_id text not null,
  with_whom bytea not null,
  version integer not null,
  significance real not null check (significance between 0 and 1),
  occurred_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  written_by text not null,
  becoming_by text,
  becoming_at timestamptz,
  fingerprint bytea not null,
  sealed bytea not null,
  primary key (tenant_id, id),
  check ((becoming_by is null) = (becoming_at is null))
);
comment on table handoffs is 'The current version of each handoff; its memory has the same id';
comment on column handoffs.with_whom is 'Keyed hash of the person''s name; the key is the subject''s';
comment on column handoffs.becoming_by is 'Who wrote the statement of identity that it makes, and when; null when it makes none';
comment on column handoffs.fingerprint is 'Keyed hash of everything that was said, by which the same handoff is known';

create unique index handoffs_session on handoffs (tenant_id, subject_id, namespace, session_id);
create index handoffs_time on handoffs (tenant_id, subject_id, occurred_at, id);
create index handoffs_significance on handoffs (tenant_id, subject_id, significance, occurred_at);
create index handoffs_person on handoffs (tenant_id, subject_id, with_whom, occurred_at, id);
create index handoffs_person_significance on handoffs (tenant_id, subject_id, with_whom, significance, occurred_at);
create index handoffs_becoming on handoffs (tenant_id, subject_id, occurred_at, id) where becoming_by is not null;

create table handoff_versions (
  tenant_id uuid not null,
  handoff_id uuid not null,
  version integer not null,
  subject_id text not null,
  namespace text not null,
  significance real not null,
  occurred_at timestamptz not null,
  written_at timestamptz not null,
  written_by text not null,
  replaced_at timestamptz not null,
  sealed bytea not null,
  primary key (tenant_id, handoff_id, version)
);
comment on table handoff_versions is 'Versions of handoffs that were corrected';
create index handoff_versions_subject on handoff_versions (tenant_id, subject_id);

create table persons (
  tenant_id uuid not null,
  subject_id text not null,
  id uuid not null,
  version integer not null,
  updated_at timestamptz not null,
  sealed bytea not null,
  primary key (tenant_id, subject_id, id)
);
comment on table persons is 'Persons that a subject works with; their names are in sealed';

create table person_names (
  tenant_id uuid not null,
  subject_id text not null,
  name bytea not null,
  person_id uuid not null,
  primary key (tenant_id, subject_id, name)
);
comment on table person_names is 'Keyed hashes of all names of persons, by which they are found';
create index person_names_person on person_names (tenant_id, subject_id, person_id);

-- Ciphertext does not compress.
alter table handoffs alter column sealed set storage external;
alter table handoff_versions alter column sealed set storage external;

alter table handoffs enable row level security;
alter table handoffs force row level security;
create policy subject_and_namespace on handoffs using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

alter table handoff_versions enable row level security;
alter table handoff_versions force row level security;
create policy subject_and_namespace on handoff_versions using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

alter table persons enable row level security;
alter table persons force row level security;
create policy subject on persons using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

alter table person_names enable row level security;
alter table person_names force row level security;
create policy subject on person_names using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

grant select, insert, update, delete on handoffs, handoff_versions, persons, person_names to :app_role;
