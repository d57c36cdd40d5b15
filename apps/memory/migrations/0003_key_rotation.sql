-- Keys of tenants and subjects get new versions while the service runs.

alter table subjects add column key_version integer not null default 1;
comment on column subjects.key_version is 'Version of the subject''s key that writes must be sealed with';

alter table subject_keys
  add column fingerprint_wrapped bytea,
  add foreign key (tenant_id, tenant_key_version) references tenant_keys (tenant_id, version);
comment on column subject_keys.fingerprint_wrapped is
  'Key of fingerprints, carried from version to version so that duplicates stay known; null where it is derived from this key';
create index subject_keys_wrapping on subject_keys (tenant_id, tenant_key_version, subject_id, version);

create function memoric.require_key_version(present integer, expected integer) returns void
language plpgsql immutable as $$
begin
  if expected <> present then
    raise exception 'the key of the subject has been rotated' using errcode = 'MK001';
  end if;
end $$;
comment on function memoric.require_key_version is 'Stops a write that was sealed with a version that is no longer current; null asks for nothing';

create table key_rotations (
  tenant_id uuid not null,
  id uuid not null,
  subject_id text,
  to_version integer not null,
  state text not null default 'running' check (state in ('running', 'done')),
  total bigint not null,
  done bigint not null default 0,
  place uuid,
  requested_by text not null,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (tenant_id, id)
);
comment on table key_rotations is 'Rotations of the key of a tenant, or of a subject when one is named, and how far each has come';
comment on column key_rotations.place is 'The last memory that was sealed anew: where the work goes on after a crash';
create unique index key_rotations_one on key_rotations (tenant_id, coalesce(subject_id, '')) where state = 'running';
create index key_rotations_running on key_rotations (created_at) where state = 'running';

alter table key_rotations enable row level security;
alter table key_rotations force row level security;
create policy tenant on key_rotations using (
  tenant_id = (select memoric.tenant_id())
  and ((select memoric.all_subjects()) or subject_id = any ((select memoric.subjects())::text[]))
);
create policy of_the_system on key_rotations for select using ((select memoric.is_system()));
grant select, insert, update on key_rotations to :app_role;

create policy of_the_system on tenant_keys using ((select memoric.is_system())) with check ((select memoric.is_system()));
create index tenant_keys_kek on tenant_keys (kek_id);
