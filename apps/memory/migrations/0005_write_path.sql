-- How much a subject has, what ends by itself, and requests that may come twice.

alter table subjects
  add column memories bigint not null default 0,
  add column bytes bigint not null default 0;
comment on column subjects.memories is 'How many memories the subject has';
comment on column subjects.bytes is 'Sealed bytes of its memories and of their replaced versions';

-- The owner counts what is there, for every tenant.
alter table subjects no force row level security;
alter table memories no force row level security;
alter table memory_versions no force row level security;
update subjects s set memories = kept.memories, bytes = kept.bytes
from (
  select tenant_id, subject_id, sum(memories) as memories, sum(bytes) as bytes
  from (
    select tenant_id, subject_id, count(*) as memories, sum(octet_length(sealed)) as bytes
    from memories group by tenant_id, subject_id
    union all
    select tenant_id, subject_id, 0, sum(octet_length(sealed)) from memory_versions group by tenant_id, subject_id
  ) as each
  group by tenant_id, subject_id
) as kept
where s.tenant_id = kept.tenant_id and s.subject_id = kept.subject_id;
alter table subjects force row level security;
alter table memories force row level security;
alter table memory_versions force row level security;

create function memoric.refuse_over_quota(quota text) returns boolean
language plpgsql volatile as $$
begin
  raise exception 'a quota is used up' using errcode = 'MK002', detail = quota;
end $$;
comment on function memoric.refuse_over_quota is 'Stops a write that would take more than the quota allows';

create table tenant_quotas (
  tenant_id uuid primary key,
  memories bigint check (memories >= 0),
  bytes bigint check (bytes >= 0),
  subject_memories bigint check (subject_memories >= 0),
  subject_bytes bigint check (subject_bytes >= 0),
  updated_at timestamptz not null default now()
);
comment on table tenant_quotas is 'Quotas of tenants that have others than the service''s own; null leaves the service''s own';

alter table tenant_quotas enable row level security;
alter table tenant_quotas force row level security;
create policy tenant on tenant_quotas using (tenant_id = (select memoric.tenant_id()));

-- The service itself looks for what has expired, and sees nothing else.
create index memories_expiry on memories (expires_at) where expires_at is not null;
create policy expired_for_the_system on memories for select
  using ((select memoric.is_system()) and expires_at <= now());

create table idempotency_keys (
  tenant_id uuid not null,
  key_hash bytea not null,
  request_hash bytea not null,
  subject_id text,
  resource_ids uuid[] not null,
  versions integer[] not null,
  counts integer[] not null,
  made integer[] not null,
  refusals text[],
  expires_at timestamptz not null default now() + interval '24 hours',
  primary key (tenant_id, key_hash)
);
comment on table idempotency_keys is 'What requests with an Idempotency-Key did, so that their answers can be made again';
comment on column idempotency_keys.key_hash is 'Keyed hash of the principal, the route and the key';
comment on column idempotency_keys.request_hash is 'Keyed hash of the request, by which another one under the same key is known';
comment on column idempotency_keys.subject_id is 'The subject that the request was about; null for several';
comment on column idempotency_keys.resource_ids is 'What it made or reinforced, item by item, with version, seen_count and whether it was made; nothing of it holds where refusals says why not';
create index idempotency_keys_expiry on idempotency_keys (expires_at);

alter table idempotency_keys enable row level security;
alter table idempotency_keys force row level security;
create policy tenant on idempotency_keys using (tenant_id = (select memoric.tenant_id()));
create policy of_the_system on idempotency_keys
  using ((select memoric.is_system())) with check ((select memoric.is_system()));

grant select, insert, update, delete on tenant_quotas, idempotency_keys to :app_role;
