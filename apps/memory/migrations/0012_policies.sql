-- Policies of tenants, their runs, and what they need to know of memories.

create table policies (
  tenant_id uuid not null,
  version integer not null check (version > 0),
  written_at timestamptz not null default now(),
  written_by text not null,
  sealed bytea not null,
  primary key (tenant_id, version)
);
comment on table policies is 'Every version of the policy of a tenant; the highest one holds. Sealed under the key of the tenant itself: rules name topics and tags';

alter table policies enable row level security;
alter table policies force row level security;
create policy tenant on policies using (tenant_id = (select memoric.tenant_id()));
grant select, insert on policies to :app_role;

create table policy_schedules (
  tenant_id uuid primary key,
  every_hours integer not null check (every_hours > 0),
  next_run_at timestamptz not null
);
comment on table policy_schedules is 'Tenants whose policy is carried out by itself, and when next';
create index policy_schedules_due on policy_schedules (next_run_at);

alter table policy_schedules enable row level security;
alter table policy_schedules force row level security;
create policy tenant on policy_schedules using (tenant_id = (select memoric.tenant_id()));
create policy of_the_system on policy_schedules for select using ((select memoric.is_system()));
grant select, insert, update, delete on policy_schedules to :app_role;

create table policy_runs (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text,
  policy_version integer not null,
  state text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed')),
  consent_required boolean not null default false,
  requested_by text not null,
  total bigint not null default 0,
  looked_at bigint not null default 0,
  place_subject text,
  place_memory uuid,
  report jsonb not null default '{}' check (jsonb_typeof(report) = 'object'),
  attempts integer not null default 0,
  claim uuid,
  claimed_until timestamptz,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (tenant_id, id)
);
comment on table policy_runs is 'Runs of a policy and how far each has come; the place moves in the transaction of the changes';
comment on column policy_runs.place_subject is 'The subject that is worked on, and the last memory of it that was judged; null before and after';
comment on column policy_runs.claim is 'The process that works on it until claimed_until; whoever comes then takes another';
create unique index policy_runs_one on policy_runs (tenant_id) where state in ('waiting', 'running');
create index policy_runs_open on policy_runs (created_at) where state in ('waiting', 'running');

alter table policy_runs enable row level security;
alter table policy_runs force row level security;
create policy subject on policy_runs using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);
create policy of_the_system on policy_runs for select using ((select memoric.is_system()));
grant select, insert, update, delete on policy_runs to :app_role;

alter table memories add column summarised_by uuid;
comment on column memories.summarised_by is 'The memory that is a summary of this one among others';
create index memories_summarised on memories (tenant_id, summarised_by) where summarised_by is not null;

create table memory_uses (
  tenant_id uuid not null,
  subject_id text not null,
  memory_id uuid not null,
  recalls bigint not null,
  last_recalled_at timestamptz not null,
  primary key (tenant_id, memory_id),
  foreign key (tenant_id, memory_id) references memories (tenant_id, id) on delete cascade
) with (fillfactor = 70);
comment on table memory_uses is 'How often searches found a memory, where the policy of the tenant looks at that; counted some seconds late';
create index memory_uses_subject on memory_uses (tenant_id, subject_id);

alter table memory_uses enable row level security;
alter table memory_uses force row level security;
create policy subject on memory_uses using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);
grant select, insert, update, delete on memory_uses to :app_role;
