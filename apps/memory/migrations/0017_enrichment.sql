-- Enrichment: what callers leave out of memories is derived from their content, where the policy of the tenant says so. Its results are
-- in the memories themselves, under their seal.

create table enrichment_tenants (
  tenant_id uuid primary key,
  since timestamptz not null default now(),
  consent_required boolean not null,
  questions_on date not null default current_date,
  questions integer not null default 0
);
comment on table enrichment_tenants is 'Tenants whose policy turns enrichment on';
comment on column enrichment_tenants.since is 'Memories that were made before have nothing that waits';
comment on column enrichment_tenants.consent_required is 'Whether the tenant required consent when the policy was stored';
comment on column enrichment_tenants.questions is 'Memories that a model was asked about on the day questions_on';

create table enrichment_progress (
  tenant_id uuid not null,
  subject_id text not null,
  change bigint not null default 0,
  lease uuid,
  leased_until timestamptz not null default '-infinity',
  primary key (tenant_id, subject_id)
);
comment on table enrichment_progress is 'How far the memories of a subject were looked at, and which process is at it';
comment on column enrichment_progress.change is 'Every memory whose last change is not after this one was looked at';

alter table enrichment_tenants enable row level security;
alter table enrichment_tenants force row level security;
create policy tenant on enrichment_tenants using (tenant_id = (select memoric.tenant_id()));
create policy of_the_system on enrichment_tenants for select using ((select memoric.is_system()));

alter table enrichment_progress enable row level security;
alter table enrichment_progress force row level security;
create policy subject on enrichment_progress using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);
create policy of_the_system on enrichment_progress for select using ((select memoric.is_system()));

grant select, insert, update, delete on enrichment_tenants, enrichment_progress to :app_role;
