-- The search index of a subject, sealed in segments. A cache: it can be dropped and is built anew from memories.

create table search_segments (
  tenant_id uuid not null,
  subject_id text not null,
  from_change bigint not null,
  to_change bigint not null,
  segment_id uuid not null,
  first_seq bigint not null,
  last_seq bigint not null,
  memories integer not null,
  format integer not null,
  created_at timestamptz not null default now(),
  sealed bytea not null,
  primary key (tenant_id, subject_id, from_change),
  check (from_change < to_change)
);
comment on table search_segments is 'Parts of the search index of a subject, sealed under its index key; together they cover the changes up to the last to_change';
comment on column search_segments.from_change is 'It holds the memories whose last change is after this one and not after to_change, as they were when it was written';
comment on column search_segments.first_seq is 'No memory in it has a lower seq, none a higher one than last_seq: where a memory that is deleted has to be looked for';
comment on column search_segments.format is 'Layout of the sealed bytes; another one than the program''s is built anew';

-- Ciphertext does not compress.
alter table search_segments alter column sealed set storage external;

alter table search_segments enable row level security;
alter table search_segments force row level security;
create policy subject on search_segments using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

grant select, insert, update, delete on search_segments to :app_role;
