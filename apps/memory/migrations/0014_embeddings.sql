-- Embeddings of memories: vectors that an endpoint of the operator's makes of their texts. They are derived: what is lost is asked for again.

create table vector_blocks (
  tenant_id uuid not null,
  subject_id text not null,
  block_id uuid not null,
  model text not null,
  first_seq bigint not null,
  last_seq bigint not null,
  vectors integer not null,
  format integer not null,
  created_at timestamptz not null default now(),
  sealed bytea not null,
  primary key (tenant_id, subject_id, block_id)
);
comment on table vector_blocks is 'Vectors of memories of a subject, sealed under its index key; never changed, only replaced by others';
comment on column vector_blocks.model is 'Fingerprint of the model that made them, and of how texts are given to it';
comment on column vector_blocks.first_seq is 'No memory in it has a lower seq, none a higher one than last_seq: where a memory that is deleted has to be looked for';

create table vector_progress (
  tenant_id uuid not null,
  subject_id text not null,
  model text not null,
  change bigint not null default 0,
  lease uuid,
  leased_until timestamptz not null default '-infinity',
  touched_at timestamptz not null default now(),
  primary key (tenant_id, subject_id, model)
);
comment on table vector_progress is 'How far the memories of a subject have their vectors of a model, and which process is at it';
comment on column vector_progress.change is 'Every memory whose last change is not after this one was looked at';

create table embedding_refusals (
  tenant_id uuid primary key,
  created_at timestamptz not null default now()
);
comment on table embedding_refusals is 'Tenants of which no text is given to the endpoint';

-- Ciphertext does not compress.
alter table vector_blocks alter column sealed set storage external;

alter table vector_blocks enable row level security;
alter table vector_blocks force row level security;
create policy subject on vector_blocks using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

alter table vector_progress enable row level security;
alter table vector_progress force row level security;
create policy subject on vector_progress using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);
create policy of_the_system on vector_progress for select using ((select memoric.is_system()));

alter table embedding_refusals enable row level security;
alter table embedding_refusals force row level security;
create policy tenant on embedding_refusals using (tenant_id = (select memoric.tenant_id()));
create policy of_the_system on embedding_refusals for select using ((select memoric.is_system()));

-- Who looks for subjects whose memories wait for vectors does so for all tenants.
create policy waiting_for_vectors on subjects for select using ((select memoric.is_system()));

grant select, insert, update, delete on vector_blocks, vector_progress, embedding_refusals to :app_role;
