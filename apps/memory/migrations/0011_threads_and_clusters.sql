-- What is known of a thread besides its memories, and clusters of memories.

create table threads (
  tenant_id uuid not null,
  subject_id text not null,
  namespace text not null,
  thread_id text not null,
  id uuid not null,
  version integer not null,
  archived_at timestamptz(3),
  updated_at timestamptz(3) not null,
  sealed bytea,
  primary key (tenant_id, subject_id, namespace, thread_id)
);
comment on table threads is 'Threads that have a title or are archived; which threads there are, the memories say';
comment on column threads.sealed is 'The title, under the key of the subject; null where there is none';
create index threads_archived on threads (tenant_id, subject_id) where archived_at is not null;
alter table threads enable row level security;
alter table threads force row level security;
create policy subject_and_namespace on threads using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

create table clusters (
  tenant_id uuid not null,
  subject_id text not null,
  id uuid not null,
  namespace text not null,
  version integer not null,
  memories integer not null,
  latest_at timestamptz(3) not null,
  built_at timestamptz(3) not null,
  members_hash bytea not null,
  sealed bytea not null,
  primary key (tenant_id, subject_id, id)
);
comment on table clusters is 'Memories of one subject and namespace that are about the same; topic, members and summary are in sealed. A cache: built anew from the memories';
comment on column clusters.members_hash is 'Keyed hash of the members in their versions, by which a cluster is known that has not changed';
create index clusters_order on clusters (tenant_id, subject_id, memories desc, id);
alter table clusters enable row level security;
alter table clusters force row level security;
create policy subject_and_namespace on clusters using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
  and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[]))
);

create table cluster_states (
  tenant_id uuid not null,
  subject_id text not null,
  change bigint not null,
  built_at timestamptz(3) not null,
  valid_until timestamptz(3),
  primary key (tenant_id, subject_id)
);
comment on table cluster_states is 'Up to which change of the subject its clusters are built';
comment on column cluster_states.valid_until is 'When the time of the next memory is over; null when none has an end';
alter table cluster_states enable row level security;
alter table cluster_states force row level security;
create policy subject on cluster_states using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

grant select, insert, update, delete on threads, clusters, cluster_states to :app_role;
