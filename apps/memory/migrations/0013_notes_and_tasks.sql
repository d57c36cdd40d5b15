-- Knowledge notes, decisions and tasks: what they say is in the memory with the same id, sealed; here is how they hang together.

create table notes (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text not null,
  namespace text not null,
  kind text not null check (kind in ('knowledge', 'decision')),
  confidence real not null check (confidence between 0 and 1),
  with_whom bytea,
  sources uuid[] not null,
  supersedes uuid,
  superseded_by uuid,
  superseded_at timestamptz,
  created_at timestamptz not null,
  written_by text not null,
  primary key (tenant_id, id),
  check ((superseded_by is null) = (superseded_at is null))
);
comment on table notes is 'Knowledge notes and decisions; the memory of each has the same id and says what it says';
comment on column notes.with_whom is 'Keyed hash of the person''s name; the key is the subject''s';
comment on column notes.sources is 'Memories of the subject that it comes from; some may have been deleted since';
comment on column notes.superseded_by is 'The note that took its place; null while it holds';

create index notes_of_subject on notes (tenant_id, subject_id, kind, id);
create index notes_that_hold on notes (tenant_id, subject_id, kind, id) where superseded_by is null;
create index notes_sure on notes (tenant_id, subject_id, kind, confidence, id) where superseded_by is null;

create table tasks (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text not null,
  namespace text not null,
  priority real not null check (priority between 0 and 1),
  due_at timestamptz,
  with_whom bytea,
  depends_on uuid[] not null,
  claim_id uuid,
  claimed_by text,
  claimed_for text,
  claimed_at timestamptz,
  claimed_until timestamptz,
  times_claimed integer not null default 0,
  outcome text check (outcome in ('done', 'cancelled')),
  ended_at timestamptz,
  ended_by text,
  created_at timestamptz not null,
  written_by text not null,
  primary key (tenant_id, id),
  check ((claim_id is null) = (claimed_until is null)),
  check ((outcome is null) = (ended_at is null))
);
comment on table tasks is 'Tasks; the memory of each has the same id and says what is to be done';
comment on column tasks.with_whom is 'Keyed hash of the person''s name; the key is the subject''s';
comment on column tasks.depends_on is 'Tasks that have to end first; they were there when this one was made, so there are no circles';
comment on column tasks.claimed_for is 'Which of those that share a credential works on it, by the caller''s own id';
comment on column tasks.claimed_until is 'The end of the lease: from then on the task is open';

create index tasks_of_subject on tasks (tenant_id, subject_id, id);
create index tasks_unfinished on tasks (tenant_id, subject_id, priority desc, id) where outcome is null;

alter table notes enable row level security;
alter table notes force row level security;
create policy subject_and_namespace on notes using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

alter table tasks enable row level security;
alter table tasks force row level security;
create policy subject_and_namespace on tasks using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

grant select, insert, update, delete on notes, tasks to :app_role;
