-- Exports: what is stored of a subject or a tenant, made in the background and kept for a limited time.

create table exports (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text,
  age_recipient text,
  state text not null default 'waiting' check (state in ('waiting', 'running', 'made', 'failed', 'expired')),
  total bigint,
  done bigint not null default 0,
  place text,
  attempts integer not null default 0,
  claim uuid,
  claimed_until timestamptz,
  is_cleared boolean not null default false,
  requested_by text not null,
  created_at timestamptz not null default now(),
  made_at timestamptz,
  expires_at timestamptz,
  primary key (tenant_id, id)
);
comment on table exports is 'Exports of a tenant, or of a subject when one is named, and how far each has come';
comment on column exports.place is 'The last subject that is finished: where the work goes on after a crash';
comment on column exports.claim is 'The process that works on it until claimed_until; whoever comes then takes another';
comment on column exports.attempts is 'Times that it was begun since a subject was last finished';
comment on column exports.is_cleared is 'Nothing of it is stored any more but this row';
create index exports_open on exports (created_at) where state in ('waiting', 'running');
create index exports_kept on exports (expires_at) where not is_cleared and state in ('made', 'failed', 'expired');

create table export_subjects (
  tenant_id uuid not null,
  subject_id text not null,
  export_id uuid not null,
  chunks integer,
  counts jsonb not null default '{}',
  primary key (tenant_id, subject_id, export_id)
);
comment on table export_subjects is 'Subjects of an export; chunks is null until all of them are written';
create index export_subjects_export on export_subjects (tenant_id, export_id, subject_id);

create table export_chunks (
  tenant_id uuid not null,
  subject_id text not null,
  export_id uuid not null,
  number integer not null,
  sealed bytea not null,
  primary key (tenant_id, subject_id, export_id, number)
);
comment on table export_chunks is 'Lines of one subject, sealed under its key: without the key they are unreadable, whatever export they are in';

-- Ciphertext does not compress.
alter table export_chunks alter column sealed set storage external;

alter table exports enable row level security;
alter table exports force row level security;
create policy subject on exports using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);
create policy of_the_system on exports for select using ((select memoric.is_system()));

alter table export_subjects enable row level security;
alter table export_subjects force row level security;
create policy subject on export_subjects using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

alter table export_chunks enable row level security;
alter table export_chunks force row level security;
create policy subject on export_chunks using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);

grant select, insert, update, delete on exports, export_subjects, export_chunks to :app_role;
