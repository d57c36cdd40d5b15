-- Typed links between memories, and what consolidations make of them.

create table edges (
  tenant_id uuid not null,
  id uuid not null,
  type text not null,
  from_id uuid not null,
  to_id uuid not null,
  subject_id text not null,
  namespace text not null,
  to_subject_id text not null,
  to_namespace text not null,
  created_at timestamptz(3) not null,
  created_by text not null,
  sealed bytea,
  primary key (tenant_id, id),
  check (from_id <> to_id),
  foreign key (tenant_id, from_id) references memories (tenant_id, id) on delete cascade,
  foreign key (tenant_id, to_id) references memories (tenant_id, id) on delete cascade
);
comment on table edges is 'Typed links between memories; one goes with the first of its two memories that goes';
comment on column edges.subject_id is 'The subject of the memory that the edge leaves; its key seals the properties';
comment on column edges.sealed is 'Properties; null where there are none';
create unique index edges_one on edges (tenant_id, from_id, type, to_id);
create index edges_to on edges (tenant_id, to_id, type);
create index edges_subject on edges (tenant_id, subject_id, id);

alter table edges enable row level security;
alter table edges force row level security;
create policy subjects_and_namespaces on edges using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects())
    or (subject_id = any ((select memoric.subjects())::text[]) and to_subject_id = any ((select memoric.subjects())::text[])))
  and ((select memoric.all_namespaces())
    or (namespace = any ((select memoric.namespaces())::text[]) and to_namespace = any ((select memoric.namespaces())::text[])))
);
grant select, insert, update, delete on edges to :app_role;

create table reflections (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text not null,
  namespace text not null,
  kind text not null check (kind in ('daily', 'weekly', 'monthly', 'principle')),
  slot bytea not null,
  person bytea,
  seed_id uuid,
  seed_nth integer,
  starts_on date not null,
  ends_on date not null,
  confidence real not null check (confidence between 0 and 1),
  sources_hash bytea not null,
  written_at timestamptz(3) not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, id) references memories (tenant_id, id) on delete cascade,
  check ((kind = 'principle') = (seed_id is not null and seed_nth is not null))
);
comment on table reflections is 'What consolidations made: a memory with the same id says it';
comment on column reflections.slot is 'Hash of what it is about: kind, namespace, person and period, or the learning that a principle began with';
comment on column reflections.person is 'Keyed hash of a name of the person that all of its sources are about; null for nobody in particular';
comment on column reflections.seed_id is 'Of a principle: the handoff with the learning that it began with, and which of its sentences that is';
comment on column reflections.ends_on is 'The day after the last one';
comment on column reflections.sources_hash is 'Hash of the sources in their versions, by which one is known that has not changed';
create unique index reflections_slot on reflections (tenant_id, subject_id, slot);
create index reflections_time on reflections (tenant_id, subject_id, kind, starts_on);

alter table reflections enable row level security;
alter table reflections force row level security;
create policy subject_and_namespace on reflections using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

create table reflection_sources (
  tenant_id uuid not null,
  reflection_id uuid not null,
  source_id uuid not null,
  subject_id text not null,
  namespace text not null,
  primary key (tenant_id, reflection_id, source_id),
  foreign key (tenant_id, reflection_id) references reflections (tenant_id, id) on delete cascade
);
comment on table reflection_sources is 'The memories that a reflection was made of; no foreign key, so that it is still known of a memory that goes';
create index reflection_sources_source on reflection_sources (tenant_id, source_id);
create index reflection_sources_subject on reflection_sources (tenant_id, subject_id);

alter table reflection_sources enable row level security;
alter table reflection_sources force row level security;
create policy subject_and_namespace on reflection_sources using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

create table consolidation_states (
  tenant_id uuid not null,
  subject_id text not null,
  period text not null check (period in ('daily', 'weekly', 'monthly')),
  change bigint not null,
  through date not null,
  withdrawals bigint not null default 0,
  primary key (tenant_id, subject_id, period)
);
comment on table consolidation_states is 'Up to which change of a subject, and before which day, its periods are consolidated';
comment on column consolidation_states.withdrawals is 'How often a reflection was withdrawn, so that a run that goes on meanwhile does not miss it';

alter table consolidation_states enable row level security;
alter table consolidation_states force row level security;
create policy subject on consolidation_states using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

grant select, insert, update, delete on reflections, reflection_sources, consolidation_states to :app_role;

alter table policy_runs add column period text check (period in ('daily', 'weekly', 'monthly'));
comment on column policy_runs.period is 'What a consolidation that somebody asked for makes; null for a run of the policy';
drop index policy_runs_one;
create unique index policy_runs_one on policy_runs (tenant_id, (period is null)) where state in ('waiting', 'running');
