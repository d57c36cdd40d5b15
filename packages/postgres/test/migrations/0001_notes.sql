create table notes (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  subject_id text not null,
  namespace text not null default 'default',
  body text not null,
  size bigint not null default 0,
  details jsonb,
  written_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
alter table notes enable row level security;
alter table notes force row level security;
create policy notes_of_tenant on notes to :app_role
  using (
    tenant_id = (select memoric.tenant_id())
    and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
    and ((select memoric.all_namespaces()) or namespace = any ((select memoric.namespaces())::text[])));
grant select, insert, update, delete on notes to :app_role;
