-- Tenants, their users, sessions and API keys, and the keys of auth itself.
-- A credential arrives before its tenant is known, so what credentials are found by (e-mail index, key id, token hash, session id)
-- has an index without the tenant, and may be read in the system scope. Everything else stays within the tenant.

create table tenants (
  id uuid primary key,
  name_sealed bytea not null,
  created_at timestamptz(3) not null default now()
);
comment on table tenants is 'A customer: the boundary that no row crosses';
alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenants_read on tenants for select to :app_role
  using (id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy tenants_found on tenants for insert to :app_role with check ((select memoric.is_system()));
grant select, insert on tenants to :app_role;

create table users (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  email_index bytea not null check (octet_length(email_index) = 32),
  email_sealed bytea not null,
  display_name_sealed bytea,
  role text collate "C" not null check (role in ('owner', 'admin', 'user', 'read_only')),
  password_hash text collate "C" not null,
  created_at timestamptz(3) not null default now(),
  deactivated_at timestamptz(3),
  primary key (tenant_id, id),
  unique (tenant_id, email_index)
);
comment on table users is 'A person of a tenant; e-mail and name are sealed, and found by a keyed hash of the e-mail';
create index users_email on users (email_index);
alter table users enable row level security;
alter table users force row level security;
create policy users_read on users for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy users_add on users for insert to :app_role
  with check (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy users_change on users for update to :app_role
  using (tenant_id = (select memoric.tenant_id())) with check (tenant_id = (select memoric.tenant_id()));
grant select, insert on users to :app_role;
grant update (email_index, email_sealed, display_name_sealed, role, password_hash, deactivated_at) on users to :app_role;

create table sessions (
  tenant_id uuid not null,
  id uuid not null,
  user_id uuid not null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  idle_expires_at timestamptz(3) not null,
  revoked_at timestamptz(3),
  revoked_reason text collate "C" check (revoked_reason in ('logout', 'token_reused')),
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references users (tenant_id, id),
  check ((revoked_at is null) = (revoked_reason is null))
);
comment on table sessions is 'A sign-in and the family of refresh tokens that continue it; ends at a fixed time, when idle, or revoked';
create index sessions_user on sessions (tenant_id, user_id);
create index sessions_id on sessions (id);
alter table sessions enable row level security;
alter table sessions force row level security;
create policy sessions_read on sessions for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy sessions_start on sessions for insert to :app_role
  with check (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy sessions_change on sessions for update to :app_role
  using (tenant_id = (select memoric.tenant_id())) with check (tenant_id = (select memoric.tenant_id()));
grant select, insert on sessions to :app_role;
grant update (idle_expires_at, revoked_at, revoked_reason) on sessions to :app_role;

create table refresh_tokens (
  tenant_id uuid not null,
  hash bytea not null check (octet_length(hash) = 32),
  session_id uuid not null,
  created_at timestamptz(3) not null default now(),
  used_at timestamptz(3),
  successor_sealed bytea,
  primary key (tenant_id, hash),
  foreign key (tenant_id, session_id) references sessions (tenant_id, id),
  check ((used_at is null) = (successor_sealed is null))
);
comment on table refresh_tokens is 'Hashes of refresh tokens; each works once, and for some seconds more gives the successor that it gave';
create index refresh_tokens_hash on refresh_tokens (hash);
create index refresh_tokens_session on refresh_tokens (tenant_id, session_id);
alter table refresh_tokens enable row level security;
alter table refresh_tokens force row level security;
create policy refresh_tokens_read on refresh_tokens for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy refresh_tokens_add on refresh_tokens for insert to :app_role
  with check (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy refresh_tokens_use on refresh_tokens for update to :app_role
  using (tenant_id = (select memoric.tenant_id())) with check (tenant_id = (select memoric.tenant_id()));
grant select, insert on refresh_tokens to :app_role;
grant update (used_at, successor_sealed) on refresh_tokens to :app_role;

create table api_keys (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  key_id text collate "C" not null unique,
  secret_hash bytea not null check (octet_length(secret_hash) = 32),
  name_sealed bytea not null,
  scopes text[] collate "C" not null check (cardinality(scopes) > 0),
  namespaces text[] collate "C" check (cardinality(namespaces) > 0),
  subjects text[] collate "C" check (cardinality(subjects) > 0),
  created_by uuid,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  last_used_at timestamptz(3),
  revoked_at timestamptz(3),
  primary key (tenant_id, id),
  foreign key (tenant_id, created_by) references users (tenant_id, id)
);
comment on table api_keys is 'Keys of a tenant by their public id; the secret is a peppered hash, null lists mean no limit';
alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy api_keys_read on api_keys for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy api_keys_add on api_keys for insert to :app_role with check (tenant_id = (select memoric.tenant_id()));
create policy api_keys_change on api_keys for update to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()))
  with check (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
grant select, insert on api_keys to :app_role;
grant update (last_used_at, revoked_at) on api_keys to :app_role;

create table signing_keys (
  kid text collate "C" primary key,
  state text collate "C" not null check (state in ('standby', 'current', 'previous')),
  public_jwk jsonb not null,
  private_sealed bytea not null,
  created_at timestamptz(3) not null default now()
);
comment on table signing_keys is 'Ed25519 keys of access tokens; one is current, the private halves are sealed';
create unique index signing_keys_one_current on signing_keys (state) where state = 'current';
alter table signing_keys enable row level security;
alter table signing_keys force row level security;
create policy signing_keys_of_the_system on signing_keys for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert, delete on signing_keys to :app_role;
grant update (state) on signing_keys to :app_role;

create table root_keys (
  version smallint primary key check (version > 0),
  kek_id text collate "C" not null,
  wrapped bytea not null,
  created_at timestamptz(3) not null default now()
);
comment on table root_keys is 'Root key of auth, wrapped by the key encryption key outside the database';
alter table root_keys enable row level security;
alter table root_keys force row level security;
create policy root_keys_of_the_system on root_keys for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert on root_keys to :app_role;
