-- Members, second factors, mail, throttling, identity providers, policies of tenants, and what may end a credential.

alter table tenants
  add column settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
  add column ip_allow_sealed bytea,
  add column suspended_at timestamptz(3);
comment on column tenants.settings is 'What the tenant chose for itself, without addresses; what is left out is the rule of the installation';
comment on column tenants.ip_allow_sealed is 'Networks from which its credentials work; null is from anywhere';
create policy tenants_change on tenants for update to :app_role
  using (id = (select memoric.tenant_id()) or (select memoric.is_system()))
  with check (id = (select memoric.tenant_id()) or (select memoric.is_system()));
grant update (name_sealed, settings, ip_allow_sealed, suspended_at) on tenants to :app_role;

alter table users
  alter column password_hash drop not null,
  add column password_stands_alone boolean not null default true,
  add column email_verified_at timestamptz(3),
  add column last_sign_in_at timestamptz(3),
  add column totp_sealed bytea,
  add column totp_confirmed_at timestamptz(3),
  add column totp_last_step bigint,
  add column recovery_code_hashes bytea[] not null default '{}',
  add check (totp_confirmed_at is null or totp_sealed is not null);
comment on column users.password_hash is 'Null while the user has none: a new member, or one who signs in through a provider';
comment on column users.password_stands_alone is 'Whether the password is long enough without a second factor';
comment on column users.totp_last_step is 'Time step of the last code that was used: no code works twice';
create policy users_remove on users for delete to :app_role using (tenant_id = (select memoric.tenant_id()));
grant delete on users to :app_role;
grant update (password_stands_alone, email_verified_at, last_sign_in_at, totp_sealed, totp_confirmed_at, totp_last_step, recovery_code_hashes)
  on users to :app_role;

alter table sessions
  drop constraint sessions_revoked_reason_check,
  drop constraint sessions_tenant_id_user_id_fkey,
  add check (revoked_reason in ('logout', 'token_reused', 'revoked', 'revoked_by_admin', 'password_changed',
    'password_reset', 'deactivated', 'totp_enabled', 'totp_reset', 'too_many', 'provider_removed', 'promoted', 'contained')),
  add foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade,
  add column method text collate "C" not null default 'password'
    check (method in ('password', 'sso', 'registration', 'invitation')),
  add column provider_id uuid,
  add column second_factor boolean not null default false,
  add column client_sealed bytea,
  add column last_used_at timestamptz(3) not null default now();
comment on column sessions.client_sealed is 'Address and user agent of the sign-in';
create policy sessions_clean on sessions for delete to :app_role using ((select memoric.is_system()));
-- Lets the system lock rows that it is about to delete, and change none; so below.
create policy sessions_hold on sessions for update to :app_role
  using ((select memoric.is_system())) with check (false);
grant delete on sessions to :app_role;
grant update (last_used_at) on sessions to :app_role;
create index sessions_live on sessions (tenant_id, user_id) where revoked_at is null;
create index sessions_ended on sessions (least(expires_at, idle_expires_at, revoked_at));

alter table refresh_tokens
  drop constraint refresh_tokens_tenant_id_session_id_fkey,
  add foreign key (tenant_id, session_id) references sessions (tenant_id, id) on delete cascade;
create policy refresh_tokens_clean on refresh_tokens for delete to :app_role using ((select memoric.is_system()));
create policy refresh_tokens_hold on refresh_tokens for update to :app_role
  using ((select memoric.is_system())) with check (false);
grant delete on refresh_tokens to :app_role;

alter table api_keys
  drop constraint api_keys_tenant_id_created_by_fkey,
  add foreign key (tenant_id, created_by) references users (tenant_id, id) on delete set null (created_by),
  add column ip_allow_sealed bytea,
  add column rate_limit integer check (rate_limit > 0),
  add column successor_id uuid,
  add column revoked_reason text collate "C"
    check (revoked_reason in ('revoked', 'rotated', 'leaked', 'creator_removed', 'contained'));
comment on column api_keys.successor_id is 'The key that took its place; this one works until it expires';
create index api_keys_creator on api_keys (tenant_id, created_by);
create index api_keys_id on api_keys (id);
grant update (expires_at, successor_id, revoked_reason) on api_keys to :app_role;

create table one_time_tokens (
  tenant_id uuid not null,
  hash bytea not null check (octet_length(hash) = 32),
  user_id uuid not null,
  purpose text collate "C" not null check (purpose in ('password_reset', 'email_verification')),
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  primary key (tenant_id, hash),
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
comment on table one_time_tokens is 'Hashes of tokens that were mailed; the row goes when the token is used';
create index one_time_tokens_hash on one_time_tokens (hash);
create index one_time_tokens_user on one_time_tokens (tenant_id, user_id);
create index one_time_tokens_old on one_time_tokens (expires_at);
alter table one_time_tokens enable row level security;
alter table one_time_tokens force row level security;
create policy one_time_tokens_all on one_time_tokens for all to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()))
  with check (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
grant select, insert, delete on one_time_tokens to :app_role;
-- To lock rows.
grant update (expires_at) on one_time_tokens to :app_role;

create table invitations (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  token_hash bytea not null check (octet_length(token_hash) = 32),
  mailed_token_hash bytea not null check (octet_length(mailed_token_hash) = 32),
  email_index bytea not null check (octet_length(email_index) = 32),
  email_sealed bytea not null,
  role text collate "C" not null check (role in ('owner', 'admin', 'user', 'read_only')),
  invited_by uuid,
  api_key_id uuid,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  accepted_at timestamptz(3),
  revoked_at timestamptz(3),
  primary key (tenant_id, id),
  foreign key (tenant_id, invited_by) references users (tenant_id, id) on delete set null (invited_by)
);
comment on table invitations is 'Persons who were asked to become members; only the hashes of the tokens are kept';
comment on column invitations.token_hash is 'Of the token that the inviter is shown';
comment on column invitations.mailed_token_hash is 'Of the token in the mail: whoever has it receives mail at the address';
comment on column invitations.invited_by is 'Whose authority it rests on: the user who invites, or who made the API key that does';
comment on column invitations.api_key_id is 'The API key that invites; null for a user';
create index invitations_token on invitations (token_hash);
create index invitations_mailed_token on invitations (mailed_token_hash);
create unique index invitations_open on invitations (tenant_id, email_index) where accepted_at is null and revoked_at is null;
create index invitations_inviter on invitations (tenant_id, invited_by);
create index invitations_ended on invitations (least(expires_at, accepted_at, revoked_at));
alter table invitations enable row level security;
alter table invitations force row level security;
create policy invitations_read on invitations for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy invitations_add on invitations for insert to :app_role with check (tenant_id = (select memoric.tenant_id()));
create policy invitations_change on invitations for update to :app_role
  using (tenant_id = (select memoric.tenant_id())) with check (tenant_id = (select memoric.tenant_id()));
create policy invitations_clean on invitations for delete to :app_role using ((select memoric.is_system()));
create policy invitations_hold on invitations for update to :app_role
  using ((select memoric.is_system())) with check (false);
grant select, insert, delete on invitations to :app_role;
grant update (accepted_at, revoked_at) on invitations to :app_role;

create table mail_queue (
  id uuid primary key,
  request_sealed bytea not null,
  attempts integer not null default 0,
  created_at timestamptz(3) not null default now(),
  next_attempt_at timestamptz(3) not null default now()
);
comment on table mail_queue is 'Mails that were asked for: whether there is an account is found out when they are sent, away from the request';
create index mail_queue_due on mail_queue (next_attempt_at, id);
alter table mail_queue enable row level security;
alter table mail_queue force row level security;
create policy mail_queue_insert on mail_queue for insert to :app_role
  with check ((select memoric.tenant_id()) is not null or (select memoric.is_system()));
create policy mail_queue_of_the_system on mail_queue for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert, delete on mail_queue to :app_role;
grant update (request_sealed, attempts, next_attempt_at) on mail_queue to :app_role;

create table mail_counts (
  key bytea primary key check (octet_length(key) = 32),
  mails integer not null,
  since timestamptz(3) not null
);
comment on table mail_counts is 'How many mails of a kind were asked for in an hour, by keyed hash of the address; there need be no such account';
create index mail_counts_old on mail_counts (since);
alter table mail_counts enable row level security;
alter table mail_counts force row level security;
create policy mail_counts_all on mail_counts for all to :app_role
  using ((select memoric.tenant_id()) is not null or (select memoric.is_system()))
  with check ((select memoric.tenant_id()) is not null or (select memoric.is_system()));
grant select, insert, update, delete on mail_counts to :app_role;

create table sign_in_attempts (
  key bytea primary key check (octet_length(key) = 32),
  failures integer not null default 0,
  last_failed_at timestamptz(3),
  blocked_until timestamptz(3),
  last_success_at timestamptz(3),
  refused integer not null default 0,
  refused_told_at timestamptz(3)
);
comment on table sign_in_attempts is 'Failed sign-ins by keyed hash of an account, and of an account from a network; there need be no such account';
comment on column sign_in_attempts.refused is 'Attempts that were not even looked at since the last event told of such';
create index sign_in_attempts_old on sign_in_attempts (greatest(last_failed_at, last_success_at));
alter table sign_in_attempts enable row level security;
alter table sign_in_attempts force row level security;
create policy sign_in_attempts_all on sign_in_attempts for all to :app_role
  using ((select memoric.tenant_id()) is not null or (select memoric.is_system()))
  with check ((select memoric.tenant_id()) is not null or (select memoric.is_system()));
grant select, insert, update, delete on sign_in_attempts to :app_role;

create table sso_providers (
  tenant_id uuid not null references tenants (id),
  id uuid not null,
  settings_sealed bytea not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (tenant_id, id)
);
comment on table sso_providers is 'Identity providers of a tenant: issuer, client and mapping of roles, sealed';
create index sso_providers_id on sso_providers (id);
alter table sso_providers enable row level security;
alter table sso_providers force row level security;
create policy sso_providers_read on sso_providers for select to :app_role
  using (tenant_id = (select memoric.tenant_id()) or (select memoric.is_system()));
create policy sso_providers_add on sso_providers for insert to :app_role with check (tenant_id = (select memoric.tenant_id()));
create policy sso_providers_change on sso_providers for update to :app_role
  using (tenant_id = (select memoric.tenant_id())) with check (tenant_id = (select memoric.tenant_id()));
create policy sso_providers_remove on sso_providers for delete to :app_role using (tenant_id = (select memoric.tenant_id()));
grant select, insert, delete on sso_providers to :app_role;
grant update (settings_sealed, updated_at) on sso_providers to :app_role;

create table sso_identities (
  tenant_id uuid not null,
  provider_id uuid not null,
  subject_index bytea not null check (octet_length(subject_index) = 32),
  user_id uuid not null,
  created_at timestamptz(3) not null default now(),
  primary key (tenant_id, provider_id, subject_index),
  foreign key (tenant_id, provider_id) references sso_providers (tenant_id, id) on delete cascade,
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
comment on table sso_identities is 'Which user a subject of an identity provider is, by keyed hash of the subject';
create index sso_identities_user on sso_identities (tenant_id, user_id);
alter table sso_identities enable row level security;
alter table sso_identities force row level security;
create policy sso_identities_all on sso_identities for all to :app_role
  using (tenant_id = (select memoric.tenant_id())) with check (tenant_id = (select memoric.tenant_id()));
grant select, insert, delete on sso_identities to :app_role;

create table sso_attempts (
  state_hash bytea primary key check (octet_length(state_hash) = 32),
  provider_id uuid not null,
  attempt_sealed bytea not null,
  expires_at timestamptz(3) not null
);
comment on table sso_attempts is 'Browsers on their way to an identity provider and back; the row goes when one returns';
comment on column sso_attempts.state_hash is 'Hash of the state and of the cookie of the browser: without both the row cannot be found';
create index sso_attempts_expiry on sso_attempts (expires_at);
create index sso_attempts_provider on sso_attempts (provider_id, expires_at);
alter table sso_attempts enable row level security;
alter table sso_attempts force row level security;
create policy sso_attempts_of_the_system on sso_attempts for all to :app_role
  using ((select memoric.is_system())) with check ((select memoric.is_system()));
grant select, insert, delete on sso_attempts to :app_role;
-- To lock rows.
grant update (expires_at) on sso_attempts to :app_role;

alter table signing_keys add column state_since timestamptz(3) not null default now();
grant update (state_since) on signing_keys to :app_role;

grant update (kek_id, wrapped) on root_keys to :app_role;
